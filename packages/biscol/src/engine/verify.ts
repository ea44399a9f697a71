import { currentCrypto } from '@bitcoin-enterprise/core';
import {
  checkStandardness,
  consensusFlags,
  ScriptReader,
  SignatureBatch,
  standardFlags,
  TransactionView,
  verifyTransaction,
} from '@bitcoin-enterprise/script';
import type { PolicyProfile, ScriptFlag } from '@bitcoin-enterprise/script';
import type { PathPlan } from '../contract/state-output.ts';
import type { ContractInstance } from '../contract/model.ts';
import type { TransitionPlan } from '../contract/transition.ts';
import { BiscolError } from '../errors.ts';
import { type Gas, type InputGas, meterTransaction } from '../gas/meter.ts';

/** A signed transaction that is to be checked. */
export interface Candidate {
  readonly instance: ContractInstance;
  readonly plan: TransitionPlan;
  readonly bytes: Uint8Array;
}

/** What a check found: the costs, or the error that says why not. */
export type Checked = { readonly ok: true; readonly gas: Gas } | { readonly ok: false; readonly error: BiscolError };

/**
 * Checks signed transactions under consensus and relay rules, all signatures together, and meters them.
 *
 * What scripts do is counted once for each shape of input: without IF, opcodes and stack depend on nothing else.
 */
export class Verifier {
  readonly #profile: PolicyProfile;
  readonly #shapes = new Map<string, InputGas>();

  constructor(profile: PolicyProfile) {
    this.#profile = profile;
  }

  /** One answer for each candidate, in their order. */
  check(candidates: readonly Candidate[]): readonly Checked[] {
    const batch = new SignatureBatch(currentCrypto());
    const results = candidates.map((candidate, owner) => this.#checkOne(candidate, { batch, owner }));
    for (const owner of batch.verify()) {
      // Once more by itself, for the reason.
      const candidate = candidates[owner];
      if (candidate !== undefined && results[owner]?.ok === true) results[owner] = this.#checkOne(candidate, undefined);
    }
    return results;
  }

  #checkOne(
    candidate: Candidate,
    together: { readonly batch: SignatureBatch; readonly owner: number } | undefined,
  ): Checked {
    const { plan, bytes, instance } = candidate;
    const { spentOutputs, transition } = plan;
    const tx = TransactionView.of(bytes);
    const flags = flagsOf(instance);
    const verdict = verifyTransaction({
      tx,
      spentOutputs,
      flags,
      ...(together === undefined ? {} : { batch: together.batch, batchOwner: together.owner }),
    });
    if (!verdict.ok) return failed(transition, verdict.error, 'inputIndex' in verdict ? verdict.inputIndex : undefined);
    const fault = checkStandardness({ tx, spentOutputs, profile: this.#profile });
    // Under CHECKTEMPLATEVERIFY the flags above are what its own mempool asks.
    if (fault !== undefined) return failed(transition, fault, undefined);
    return { ok: true, gas: this.#meter(tx, { plan, flags, bytes }) };
  }

  #meter(
    tx: TransactionView,
    of: { readonly plan: TransitionPlan; readonly flags: readonly ScriptFlag[]; readonly bytes: Uint8Array },
  ): Gas {
    const { plan, flags, bytes } = of;
    const shapes = plan.inputs.map((input) => shapeOf(input.plan, plan.hashType));
    const isKnown = tx.inputCount === shapes.length && shapes.every((shape) => this.#shapes.has(shape));
    if (isKnown)
      return {
        weight: tx.weight,
        size: tx.virtualSize,
        fee: plan.fee,
        sigopsCost: 0,
        inputs: shapes.map((shape) => this.#shapes.get(shape) as InputGas),
      };
    const metered = meterTransaction(bytes, { spentOutputs: plan.spentOutputs, flags });
    // It was verified a moment ago; what a batch has still to say is said by the batch.
    if (!metered.ok) return { weight: tx.weight, size: tx.virtualSize, fee: plan.fee, sigopsCost: 0, inputs: [] };
    if (this.#shapes.size > MOST_SHAPES) this.#shapes.clear();
    for (const [place, shape] of shapes.entries()) this.#shapes.set(shape, metered.gas.inputs[place] as InputGas);
    return metered.gas;
  }
}

const MOST_SHAPES = 10_000;

function flagsOf({ covenants }: ContractInstance): readonly ScriptFlag[] {
  return covenants?.kind === 'ctv' ? templateFlags : standardFlags;
}

const templateFlags: readonly ScriptFlag[] = [
  ...consensusFlags,
  ...standardFlags.filter((flag) => flag !== 'DISCOURAGE_UPGRADABLE_NOPS'),
  'CHECKTEMPLATEVERIFY',
];

/** What decides about costs: the opcodes of the leaf, its size, the kinds of items. */
function shapeOf({ way, items, witnessSize }: PathPlan, hashType: number): string {
  const kinds = items.map((item) => (item.kind === 'bytes' ? `b${item.bytes.length}` : item.kind[0])).join('');
  if (way.leaf === undefined) return `key ${kinds} ${hashType}`;
  let opcodes = '';
  const reader = new ScriptReader(way.leaf.script);
  while (reader.position < way.leaf.script.length && reader.next()) opcodes += String.fromCharCode(reader.opcode);
  return `${opcodes} ${kinds} ${witnessSize} ${hashType}`;
}

function failed(transition: string, reason: string, input: number | undefined): Checked {
  const at = input === undefined ? '' : ` in input ${input}`;
  return {
    ok: false,
    error: new BiscolError('BISCOL_SPEND_INVALID', `expected ${transition} to be valid, got ${reason}${at}`, {
      details: { transition, reason, ...(input === undefined ? {} : { input }) },
      hint: 'Nothing was sent. The debugger says which clause failed.',
    }),
  };
}
