import { currentCrypto, equalBytes, isBytes, toHex } from '@bitcoin-enterprise/core';
import {
  consensusFlags,
  outputTypeOf,
  parseTransaction,
  type PolicyProfile,
  type ScriptFlag,
  type ScriptPhase,
  type SpentOutput,
  type TaprootOutput,
  type Transaction,
  traceInput,
} from '@bitcoin-enterprise/script';
import { guarded, requireBytes, requireInteger, requireList, requireObject, requireText } from '../checks.ts';
import { printClause } from '../contract/clauses.ts';
import type { ContractInstance } from '../contract/model.ts';
import { fundingOutputs } from '../contract/instance.ts';
import type { StateOutput, Way } from '../contract/state-output.ts';
import type { Cell, TransitionPlan } from '../contract/transition.ts';
import { invalidArgument } from '../errors.ts';
import { type ChainView, requireChainView } from './chain-view.ts';
import { diagnose } from './diagnose.ts';
import { mapScript, mapWay } from './fragment-map.ts';
import { areBytes, gatherKnown, type Known, takeApart, wayTaken } from './known.ts';
import type { DebugSession, FragmentMap, SpendKind } from './model.ts';
import type { Scene } from './scene.ts';
import { stepsOf } from './steps.ts';

/** A key that somebody could have signed with, for {@link DebugSpendOptions.keys}. */
export interface NamedPublicKey {
  readonly name: string;
  /** 32 bytes, or 33. */
  readonly key: Uint8Array;
}

/** A spend that is to be looked into; the more is known of what was meant, the more can be named. */
export interface DebugSpendOptions {
  /** The transaction, or its bytes. */
  readonly tx: Transaction | Uint8Array;
  readonly inputIndex: number;
  /** The outputs that the inputs spend, in order. */
  readonly spentOutputs: readonly SpentOutput[];
  /** The contract whose output is spent. */
  readonly instance?: ContractInstance;
  /** The output of the contract; the one of its funding with the same script when absent. */
  readonly cell?: Cell;
  /** The transaction as it was meant: what signatures and covenants should be of. Its outputs stand for `cell`. */
  readonly plan?: TransitionPlan;
  /** The output as it was made, of a contract that is no instance. */
  readonly taproot?: TaprootOutput;
  /** Keys beside those of the contract with which somebody could have signed. */
  readonly keys?: readonly NamedPublicKey[];
  /** Secrets that are known; none of them is shown. */
  readonly preimages?: readonly Uint8Array[];
  /** The chain, for locks; without it locks of the transaction are taken as ended. */
  readonly chain?: ChainView;
  /** Script rules; those of consensus when absent, with CHECKTEMPLATEVERIFY where the instance has such covenants. */
  readonly flags?: readonly ScriptFlag[];
  /** Rules of relay that a valid spend is held against; none when absent. */
  readonly profile?: PolicyProfile;
  /** Steps that are kept, 0 to 1,000,000; 10,000 when absent. */
  readonly maximumSteps?: number;
}

/**
 * Looks into a spend: runs it opcode by opcode, maps each to its fragment, clause and line, and names the root cause where
 * it fails.
 *
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`; ScriptError as `verifyInput`, for transactions that cannot be read.
 *
 * @example A hash lock with the wrong secret
 * ```ts
 * import { defineContract, and, hash, instantiate, party, pay, pk, planTransition, rest, sha256, to } from '@bitcoin-enterprise/biscol';
 * import { debugSpend } from '@bitcoin-enterprise/biscol/debugger';
 * import { currentCrypto, feeRate, loadCrypto, satoshis, toHex } from '@bitcoin-enterprise/core';
 *
 * await loadCrypto();
 * const key = toHex(currentCrypto().publicKey(new Uint8Array(32).fill(1)) as Uint8Array);
 * const riddle = defineContract({
 *   name: 'riddle',
 *   params: { solver: party(), digest: hash() },
 *   states: { open: { paths: ({ solver, digest }) => ({ solve: and(pk(solver), sha256(digest)) }) } },
 *   transitions: { solve: { from: 'open', by: 'solve', outputs: ({ solver }) => [pay(solver, rest)] } },
 *   funding: () => [to('open', { amount: satoshis(50_000n) })],
 * });
 * const digest = toHex(currentCrypto().sha256(new Uint8Array(32).fill(7)));
 * const params = { solver: { key, payTo: `5120${key.slice(2)}` }, digest };
 * const instance = instantiate(riddle, { network: 'regtest', params });
 * const cell = { state: 'open', data: {}, value: satoshis(50_000n), txid: new Uint8Array(32), index: 0 };
 * const plan = planTransition(instance, 'solve', { cells: [cell], feeRate: feeRate(1_000n), assumeSecrets: true });
 * const { leaf } = plan.inputs[0]?.plan.way ?? {};
 * const witness = [new Uint8Array(0), new Uint8Array(0), leaf?.script, leaf?.controlBlock] as Uint8Array[];
 * const tx = { ...plan.tx, inputs: plan.tx.inputs.map((input) => ({ ...input, witness })) };
 * const { diagnosis } = debugSpend({ tx, inputIndex: 0, spentOutputs: plan.spentOutputs, instance, cell });
 * [diagnosis?.cause, diagnosis?.missing.keys]; // => ['missing-signature', ['solver']]
 * ```
 */
export function debugSpend(options: DebugSpendOptions): DebugSession {
  return guarded('options', 'a spend with the contract that it is of', () => lookInto(options));
}

const MOST_STEPS = 1_000_000;

function lookInto(options: DebugSpendOptions): DebugSession {
  const given = requireObject<DebugSpendOptions>('options', options);
  const { instance, plan, flags, profile, maximumSteps = 10_000, preimages = [], keys = [], chain } = given;
  requireInteger('options.maximumSteps', maximumSteps, 0, MOST_STEPS);
  const spentOutputs = requireList('options.spentOutputs', given.spentOutputs) as readonly SpentOutput[];
  const tx = readTx(given.tx);
  const inputIndex = requireInteger('options.inputIndex', given.inputIndex, 0, Math.max(0, tx.inputs.length - 1));
  if (!areBytes(preimages)) throw invalidArgument('options.preimages', 'a list of bytes', preimages);
  if (flags !== undefined) requireList('options.flags', flags);
  if (profile !== undefined) requireObject('options.profile', profile);
  const checkedChain = chain === undefined ? undefined : requireChainView('options.chain', chain);
  const checkedKeys = requireList('options.keys', keys).map(readKey);
  const rules = flags ?? flagsOf(instance);
  const crypto = currentCrypto();
  const trace = traceInput({ tx, inputIndex, spentOutputs, flags: rules, maximumSteps });
  const meant = meantOutput(given, { tx, inputIndex, spentOutputs });
  const known = gatherKnown({
    instance,
    cell: meant.cell,
    output: meant.output,
    taproot: given.taproot,
    plan,
    keys: checkedKeys,
    preimages,
  });
  const spent = spentOutputs[inputIndex] as SpentOutput;
  const { witness } = tx.inputs[inputIndex] as Transaction['inputs'][number];
  const kind = kindOf(spent.scriptPubKey, witness);
  const isTaproot = kind === 'key-path' || kind === 'script-path';
  const way = isTaproot ? wayTaken(known, witness) : undefined;
  const map = mapOf(kind, { way, witness, known });
  const steps = stepsOf(trace.steps, {
    verdict: trace.verdict,
    isWhole: trace.stepCount === trace.steps.length,
    map,
  });
  const scene: Scene = {
    tx,
    inputIndex,
    spentOutputs,
    flags: rules,
    crypto,
    known,
    kind,
    way,
    map,
    steps,
    stepCount: trace.stepCount,
    scripts: new Map<ScriptPhase, Uint8Array>(trace.steps.map(({ phase, script }) => [phase, script])),
    verdict: trace.verdict,
    chain: checkedChain,
  };
  const diagnosis = diagnose(scene, profile);
  return {
    inputIndex,
    kind,
    verdict: trace.verdict,
    ...(way === undefined ? {} : { path: way.path, clause: printClause(way.clause) }),
    ...(map === undefined ? {} : { map }),
    steps,
    stepCount: trace.stepCount,
    ...(diagnosis === undefined ? {} : { diagnosis }),
  };
}

function readTx(tx: unknown): Transaction {
  if (isBytes(tx)) return parseTransaction(tx);
  const { inputs, outputs } = requireObject<Transaction>('options.tx', tx);
  requireList('options.tx.inputs', inputs);
  requireList('options.tx.outputs', outputs);
  return tx as Transaction;
}

function readKey(value: unknown, place: number): NamedPublicKey {
  const { name, key } = requireObject<NamedPublicKey>(`options.keys[${place}]`, value);
  const bytes = requireBytes(`options.keys[${place}].key`, key);
  if (bytes.length !== 32 && bytes.length !== 33)
    throw invalidArgument(`options.keys[${place}].key`, '32 or 33 bytes', key);
  return { name: requireText(`options.keys[${place}].name`, name), key: bytes };
}

function flagsOf(instance: ContractInstance | undefined): readonly ScriptFlag[] {
  return instance?.covenants?.kind === 'ctv' ? [...consensusFlags, 'CHECKTEMPLATEVERIFY'] : consensusFlags;
}

/** The output of the contract that is spent. */
function meantOutput(
  { instance, cell, plan }: Partial<DebugSpendOptions>,
  of: { readonly tx: Transaction; readonly inputIndex: number; readonly spentOutputs: readonly SpentOutput[] },
): { readonly cell: Cell | undefined; readonly output: StateOutput | undefined } {
  const { tx, inputIndex, spentOutputs } = of;
  const input = tx.inputs[inputIndex];
  const planned =
    plan?.inputs.find(
      ({ cell: one }) =>
        input !== undefined && one.index === input.previousIndex && equalBytes(one.txid, input.previousTxid),
    ) ?? plan?.inputs[inputIndex];
  if (planned !== undefined && cell === undefined) return { cell: planned.cell, output: planned.output };
  if (instance === undefined) return { cell, output: undefined };
  if (cell !== undefined) return { cell, output: instance.output(cell.state, cell.data, cell.value) };
  const spent = spentOutputs[inputIndex] as SpentOutput;
  const funded = fundingOutputs(instance).find(({ output }) => equalBytes(output.scriptPubKey, spent.scriptPubKey));
  if (funded === undefined || input === undefined) return { cell: undefined, output: undefined };
  const { state, data, value, output } = funded;
  return { cell: { state, data, value, txid: input.previousTxid, index: input.previousIndex }, output };
}

function kindOf(scriptPubKey: Uint8Array, witness: readonly Uint8Array[]): SpendKind {
  switch (outputTypeOf(scriptPubKey)) {
    case 'witness_v1_taproot':
      return takeApart(witness).isKeyPath ? 'key-path' : 'script-path';
    case 'witness_v0_keyhash':
    case 'witness_v0_scripthash':
      return 'witness-v0';
    case 'scripthash':
      return witness.length > 0 ? 'witness-v0' : 'legacy';
    case 'witness_unknown':
    case 'anchor':
      return 'other';
    default:
      return 'legacy';
  }
}

function mapOf(
  kind: SpendKind,
  of: { readonly way: Way | undefined; readonly witness: readonly Uint8Array[]; readonly known: Known },
): FragmentMap | undefined {
  const { way, witness, known } = of;
  if (way?.leaf !== undefined) return mapWay(way);
  const keys = Object.fromEntries(known.keys.map(({ name, xOnly }) => [toHex(xOnly), name]));
  if (kind === 'script-path') {
    const { script } = takeApart(witness);
    return script === undefined ? undefined : mapScript(script, { context: 'tapscript', keys });
  }
  const script = kind === 'witness-v0' ? witness.at(-1) : undefined;
  return script === undefined ? undefined : mapScript(script, { context: 'wsh', keys });
}
