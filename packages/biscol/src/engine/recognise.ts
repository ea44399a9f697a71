import { currentCrypto, displayHash, equalBytes, feeRate, satoshis, toHex } from '@bitcoin-enterprise/core';
import { type Transaction, transactionId, type TransactionOutput } from '@bitcoin-enterprise/script';
import type { Clause } from '../contract/clauses.ts';
import type { AnyTransition } from '../contract/define.ts';
import type { ContractInstance } from '../contract/model.ts';
import type { Way } from '../contract/state-output.ts';
import { type Cell, planTransition, type TransitionPlan } from '../contract/transition.ts';
import type { CellSeed } from './model.ts';
import { seedOf } from './shelf.ts';

/** What a transaction that spends an output of the contract is. */
export interface Recognised {
  /** Absent for one that the contract does not know: a path that was taken in a way that no transition has. */
  readonly transition?: string;
  /** Outputs that the contract goes on in. */
  readonly next: readonly CellSeed[];
  /** Secrets that it reveals, in hexadecimal. */
  readonly secrets: readonly string[];
}

/** Finds out which transition a transaction is that somebody else made, by its path and its outputs. */
export function recognise(instance: ContractInstance, cell: Cell, tx: Transaction): Recognised {
  const input = tx.inputs.find(
    ({ previousTxid, previousIndex }) => previousIndex === cell.index && equalBytes(previousTxid, cell.txid),
  );
  const way = input === undefined ? undefined : wayOf(instance, cell, input.witness);
  if (input === undefined || way === undefined) return { next: [], secrets: [] };
  const revealed = way.leaf === undefined ? [] : secretsOf(way.clause, input.witness.slice(0, -2));
  const secrets = revealed.map(toHex);
  const transitions = instance.contract.transitions;
  for (const [transition, template] of Object.entries(transitions)) {
    if (template.from !== cell.state || template.by !== way.path) continue;
    const plan = planLike(instance, { transition, template, cell, revealed });
    if (plan === undefined || !hasOutputs(tx, plan)) continue;
    const txid = displayHash(transactionId(tx));
    const next = plan.next.map(({ index, state, data }) => {
      const { value } = tx.outputs[index] as TransactionOutput;
      return seedOf(instance, `${txid}:${index}`, { state, data, value: satoshis(value) });
    });
    return { transition, next, secrets };
  }
  return { next: [], secrets };
}

/** Which way a witness takes (BIP341): one element is the key path, else the script before the control block says. */
function wayOf(instance: ContractInstance, cell: Cell, witness: readonly Uint8Array[]): Way | undefined {
  const { ways } = instance.output(cell.state, cell.data, cell.value);
  if (witness.length === 1) return ways.find(({ leaf }) => leaf === undefined);
  const script = witness.at(-2);
  return ways.find(({ leaf }) => leaf !== undefined && script !== undefined && equalBytes(leaf.script, script));
}

function planLike(
  instance: ContractInstance,
  of: {
    readonly transition: string;
    readonly template: AnyTransition;
    readonly cell: Cell;
    readonly revealed: readonly Uint8Array[];
  },
): TransitionPlan | undefined {
  const { transition, template, cell, revealed } = of;
  const secretNames = Object.entries(template.args ?? {})
    .filter(([, { kind }]) => kind === 'preimage')
    .map(([name]) => name);
  const args = Object.fromEntries(
    secretNames.flatMap((name, place) => (revealed[place] === undefined ? [] : [[name, revealed[place]]])),
  );
  try {
    return planTransition(instance, transition, { cells: [cell], args, feeRate: feeRate(0n), assumeSecrets: true });
  } catch {
    // Arguments that nobody but its maker knows: it is known by its id, or not at all.
    return undefined;
  }
}

/** Whether the outputs are those of a plan; what is left may be less by any fee, and a sponsor's change may follow. */
function hasOutputs(tx: Transaction, plan: TransitionPlan): boolean {
  if (tx.outputs.length < plan.tx.outputs.length) return false;
  return plan.tx.outputs.every(({ value, scriptPubKey }, index) => {
    const paid = tx.outputs[index] as TransactionOutput;
    const isEnough = index === plan.restAt ? paid.value <= value : paid.value === value;
    return isEnough && equalBytes(paid.scriptPubKey, scriptPubKey);
  });
}

/** The elements of a witness that open hash locks of a clause. */
export function secretsOf(clause: Clause, items: readonly Uint8Array[]): readonly Uint8Array[] {
  const crypto = currentCrypto();
  const found: Uint8Array[] = [];
  const visit = (part: Clause): void => {
    if ('hash' in part) {
      const { name, hash } = part;
      const secret = items.find((item) => item.length === 32 && equalBytes(crypto[name](item), hash));
      if (secret !== undefined) found.push(secret);
    } else if ('subs' in part) for (const sub of part.subs) visit(sub);
  };
  visit(clause);
  return found;
}
