import { feeRate, parseHex } from '@bitcoin-enterprise/core';
import type { AnyDuty } from '../contract/define.ts';
import { type ContractInstance, transitionOf } from '../contract/model.ts';
import { type Cell, planTransition, type TransitionPlan } from '../contract/transition.ts';
import type { ExecutionRecord, InstanceState } from './model.ts';
import { cellOfRecord } from './shelf.ts';

/** What a duty comes to at a moment. */
export type DutyCall =
  | {
      readonly kind: 'act';
      readonly transition: string;
      readonly args: Readonly<Record<string, unknown>>;
      /** Whether it is one that was signed by all and kept back. */
      readonly held: boolean;
    }
  /** Nothing can be done before this height of the best block. */
  | { readonly kind: 'wait'; readonly height: number };

/**
 * What a party has to do about an output now: the first of its duties that is possible. Pure: the engine and the model
 * checker ask the same.
 *
 * @returns `undefined` when it has no duty in this state.
 */
export function dutyOf(
  instance: ContractInstance,
  of: {
    readonly cell: Cell;
    readonly parties: ReadonlySet<string>;
    /** Height of the output's own block. */
    readonly cellHeight: number;
    /** Height of the best block, and its median time. */
    readonly tip: { readonly height: number; readonly medianTime: number };
    /** Secrets that are known, in hexadecimal. */
    readonly secrets: readonly string[];
    /** Arguments with which transitions were signed by all and kept back, the newest first. */
    readonly held?: readonly { readonly transition: string; readonly args: Readonly<Record<string, unknown>> }[];
  },
): DutyCall | undefined {
  const { cell, parties, cellHeight, tip, secrets, held = [] } = of;
  let soonest: number | undefined;
  for (const duty of instance.contract.duties) {
    if (duty.state !== cell.state || !parties.has(duty.party(instance.params).name)) continue;
    const found = possible(instance, { duty, cell, secrets, held });
    const view = {
      data: cell.data,
      height: tip.height,
      confirmations: tip.height - cellHeight + 1,
      knows: (argument: string): boolean => found?.args[argument] !== undefined,
    };
    const isWanted = duty.when?.(instance.params, view) ?? true;
    const from = found === undefined ? undefined : earliest(found.plan, { cellHeight, tip });
    if (isWanted && found !== undefined && from !== undefined && from <= tip.height)
      return { kind: 'act', transition: duty.transition, args: found.args, held: duty.held === true };
    // What it waits for may be a height, or something that nobody can foresee: look again with the next block.
    const next = isWanted && from !== undefined ? from : tip.height + 1;
    if (duty.secrets !== undefined && found === undefined) continue;
    soonest = Math.min(soonest ?? next, next);
  }
  return soonest === undefined ? undefined : { kind: 'wait', height: soonest };
}

/** A duty's transition with the arguments that it needs; `undefined` while they are missing. */
function possible(
  instance: ContractInstance,
  of: {
    readonly duty: AnyDuty;
    readonly cell: Cell;
    readonly secrets: readonly string[];
    readonly held: readonly { readonly transition: string; readonly args: Readonly<Record<string, unknown>> }[];
  },
): { readonly plan: TransitionPlan; readonly args: Readonly<Record<string, unknown>> } | undefined {
  const { duty, cell, secrets, held } = of;
  const kinds = transitionOf(instance, duty.transition).args ?? {};
  const names = Object.keys(kinds).filter((name) => kinds[name]?.kind === 'preimage');
  const kept = held.filter(({ transition }) => transition === duty.transition).map(({ args }) => args);
  for (const base of kept.length === 0 ? [{}] : kept)
    for (const args of withSecrets(base, names, secrets))
      try {
        const plan = planTransition(instance, duty.transition, { cells: [cell], args, feeRate: feeRate(0n) });
        return { plan, args };
      } catch {
        // Another secret than the one that is needed.
      }
  return undefined;
}

/** More ways to hand out secrets than anybody tries. */
const MOST_TRIES = 256;

/** All ways to give names secrets. */
function withSecrets(
  base: Readonly<Record<string, unknown>>,
  names: readonly string[],
  secrets: readonly string[],
): readonly Readonly<Record<string, unknown>>[] {
  let ways: readonly Readonly<Record<string, unknown>>[] = [base];
  for (const name of names.filter((one) => base[one] === undefined)) {
    if (ways.length * secrets.length > MOST_TRIES) return ways;
    ways = ways.flatMap((way) => secrets.map((secret) => ({ ...way, [name]: parseHex(secret) })));
  }
  return ways;
}

/** Executions of an output that were signed by all: those that are kept back, and those on their way. The newest first. */
export function heldExecutions(
  { executions }: Pick<InstanceState, 'executions'>,
  outpoint: string,
): readonly { readonly id: string; readonly record: ExecutionRecord }[] {
  return Object.entries(executions)
    .filter(([, { cells, status }]) => cells.includes(outpoint) && HELD.has(status))
    .map(([id, record]) => ({ id, record }))
    .toReversed();
}

const HELD: ReadonlySet<string> = new Set(['held', 'sending', 'sent']);

/** Height of the best block from which on a plan may be sent: locks as the next block sees them (BIP65, 68, 113). */
function earliest(
  plan: TransitionPlan,
  at: { readonly cellHeight: number; readonly tip: { readonly height: number; readonly medianTime: number } },
): number {
  const { cellHeight, tip } = at;
  let from = 0;
  const { lockTime, inputs } = plan.tx;
  if (lockTime !== 0 && lockTime < 500_000_000) from = Math.max(from, lockTime);
  if (lockTime >= 500_000_000 && tip.medianTime <= lockTime) from = Math.max(from, tip.height + 1);
  for (const { sequence } of inputs) {
    const isRelative = sequence < 0x8000_0000;
    if (!isRelative) continue;
    const isByTime = (sequence & (1 << 22)) !== 0;
    if (!isByTime) from = Math.max(from, cellHeight + (sequence & 0xffff) - 1);
  }
  return from;
}

/** The output of a record, and where it stands. */
export function cellAt(
  instance: ContractInstance,
  state: InstanceState,
  outpoint: string,
): { readonly cell: Cell; readonly height: number } | undefined {
  const record = state.cells[outpoint];
  if (record?.height === undefined || record.spent !== undefined) return undefined;
  return { cell: cellOfRecord(instance, outpoint, record), height: record.height };
}
