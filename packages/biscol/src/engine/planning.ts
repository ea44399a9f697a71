import { displayHash, feeRate as asFeeRate, type FeeRate, rateOf, toHex, virtualBytes } from '@bitcoin-enterprise/core';
import { type ContractInstance, transitionOf } from '../contract/model.ts';
import { planTransition, type TransitionPlan } from '../contract/transition.ts';
import { nextCells, outpointOf } from '../covenant/presign.ts';
import { requireObject } from '../checks.ts';
import { BiscolError, invalidArgument } from '../errors.ts';
import type { ExecutionRecord, InstanceState } from './model.ts';
import type { GasLimits } from './ports.ts';
import type { Engine } from './settings.ts';
import { cellOfRecord, seedOf } from './shelf.ts';

/** How a transition is executed. */
export interface ExecuteOptions {
  /** Names the execution: again with this name, nothing new happens. Of what is spent and the transition when absent. */
  readonly key?: string;
  /** `txid:index` of the outputs that are spent; the only one there is when absent, or all where many are taken. */
  readonly cells?: readonly string[];
  /** sat/kvB; what the chain says for `targetBlocks` when absent. */
  readonly feeRate?: FeeRate;
  /** Blocks within which it should be confirmed; 3 when absent. */
  readonly targetBlocks?: number;
  /** Names of those who sign, of those who could; all when absent. */
  readonly signers?: readonly string[];
  /** Keeps it back once it is signed, until `release`. `false` when absent. */
  readonly hold?: boolean;
  /** Tighter limits than those of the engine. */
  readonly limits?: GasLimits;
}

/** An execution that is planned, and what it is made of. */
export interface Planned {
  readonly id: string;
  readonly instance: ContractInstance;
  readonly plan: TransitionPlan;
  readonly record: ExecutionRecord;
}

/**
 * Plans an execution on the outputs that are on record.
 *
 * @throws BiscolError those of `planTransition`, `BISCOL_GAS_LIMIT`.
 */
export function planExecution(
  engine: Engine,
  of: {
    readonly instance: ContractInstance;
    readonly state: InstanceState;
    readonly transition: string;
    readonly args: Readonly<Record<string, unknown>>;
    readonly options: ExecuteOptions;
    readonly height: number;
    readonly feeRate: FeeRate;
    readonly assumeSecrets?: boolean;
    readonly replaces?: string;
  },
): Planned {
  const { instance, state, transition, args, options, height, feeRate, replaces } = of;
  const { cells: wanted } = options;
  if (wanted !== undefined && !(Array.isArray(wanted) && wanted.every((one) => typeof one === 'string')))
    throw invalidArgument('options.cells', 'a list of txid:index', wanted);
  const outpoints = wanted ?? liveCells(state, transitionOf(instance, transition), transition);
  const cells = outpoints.map((outpoint) => {
    const record = Object.hasOwn(state.cells, outpoint) ? state.cells[outpoint] : undefined;
    if (record === undefined) throw impossible(transition, `${outpoint.slice(0, 80)} is not of the contract`);
    return cellOfRecord(instance, outpoint, record);
  });
  const plan = planTransition(instance, transition, {
    cells,
    args,
    feeRate,
    profile: engine.profile,
    ...(options.signers === undefined ? {} : { signers: options.signers }),
    ...(of.assumeSecrets === true ? { assumeSecrets: true } : {}),
  });
  checkLimits(plan, engine.limits);
  if (options.limits !== undefined) checkLimits(plan, requireLimits(options.limits));
  const id =
    options.key ??
    ownKey(state, defaultKey(outpoints, transition), ({ status }) => status !== 'abandoned' && status !== 'refused');
  return {
    id,
    instance,
    plan,
    record: {
      transition,
      cells: outpoints,
      args: writtenArgs(instance, transition, args),
      feeRate: String(feeRate),
      ...(options.signers === undefined ? {} : { signers: options.signers }),
      status: 'signing',
      txid: displayHash(plan.txid),
      since: height,
      hold: options.hold === true,
      verdicts: [],
      approvals: [],
      signatures: {},
      next: nextCells(plan).map((cell) => seedOf(instance, outpointOf(cell), cell)),
      attempt: 0,
      rounds: 0,
      ...(replaces === undefined ? {} : { replaces }),
    },
  };
}

/** The plan of an execution on record, as it was. */
export function planOfRecord(
  engine: Engine,
  instance: ContractInstance,
  of: {
    readonly state: InstanceState;
    readonly record: ExecutionRecord;
  },
): TransitionPlan {
  const { record, state } = of;
  const { transition, cells, args, feeRate, signers } = record;
  return planTransition(instance, transition, {
    cells: cells.map((outpoint) => {
      const cell = state.cells[outpoint];
      if (cell === undefined) throw impossible(transition, `${outpoint} is not on record any more`);
      return cellOfRecord(instance, outpoint, cell);
    }),
    args,
    feeRate: asFeeRate(BigInt(feeRate)),
    profile: engine.profile,
    ...(signers === undefined ? {} : { signers }),
    assumeSecrets: true,
  });
}

function impossible(transition: string, reason: string): BiscolError {
  return new BiscolError('BISCOL_TRANSITION_IMPOSSIBLE', `expected ${transition} to be possible: ${reason}`, {
    details: { transition, reason },
  });
}

/** Whether a text may name an execution: no name that every object has. */
export function isExecutionId(text: unknown): text is string {
  return typeof text === 'string' && /^[\w~.-]{1,100}$/.test(text) && !(text in {});
}

/** The execution of a name, if there is one. */
export function executionNamed({ executions }: InstanceState, id: string): ExecutionRecord | undefined {
  return Object.hasOwn(executions, id) ? executions[id] : undefined;
}

/** A name, or with a number behind it the first that nobody has, or that is of what is asked for. */
export function ownKey(state: InstanceState, base: string, isIt: (record: ExecutionRecord) => boolean): string {
  for (let n = 1; ; n++) {
    const key = n === 1 ? base : `${base}.${n}`;
    const record = executionNamed(state, key);
    if (record === undefined || (record.proposer === undefined && isIt(record))) return key;
  }
}

/** Arguments as they are kept. */
export function writtenArgs(
  instance: ContractInstance,
  transition: string,
  args: Readonly<Record<string, unknown>>,
): ExecutionRecord['args'] {
  const kinds = transitionOf(instance, transition).args ?? {};
  return Object.fromEntries(
    Object.entries(kinds)
      .filter(([name]) => args[name] !== undefined)
      .map(([name, kind]) => [
        name,
        kind.write(kind.read(args[name], { network: instance.network, path: `args.${name}` })),
      ]),
  );
}

/** What is spent says which execution it is, so that the same call twice is one. */
export function defaultKey(outpoints: readonly string[], transition: string): string {
  const [first = ''] = outpoints;
  const [txid = '', index = ''] = first.split(':');
  return `${transition}-${txid.slice(0, 16)}-${index}`;
}

/** The outputs in a transition's state that nothing on the chain has spent. */
function liveCells(
  state: InstanceState,
  template: { readonly from: string; readonly takes?: 'one' | 'many' },
  transition: string,
): readonly string[] {
  const live = Object.keys(state.cells).filter((outpoint) => {
    const cell = state.cells[outpoint];
    return cell !== undefined && cell.state === template.from && cell.spent === undefined;
  });
  if (live.length === 0) throw impossible(transition, `nothing is in the state ${template.from}`);
  if (live.length > 1 && template.takes !== 'many')
    throw invalidArgument('options.cells', `one of ${live.join(', ')}`, undefined);
  return live;
}

/** Reads limits: what is no limit must not pass for none. Throws `BISCOL_INVALID_ARGUMENT`. */
export function requireLimits(limits: unknown): GasLimits {
  const { maxWeight, maxFee, maxFeeRate } = requireObject<GasLimits>('limits', limits);
  if (maxWeight !== undefined && !(Number.isSafeInteger(maxWeight) && maxWeight >= 0))
    throw invalidArgument('limits.maxWeight', 'a number of weight units', maxWeight);
  for (const [name, amount] of Object.entries({ maxFee, maxFeeRate }))
    if (amount !== undefined && !(typeof amount === 'bigint' && amount >= 0n))
      throw invalidArgument(`limits.${name}`, 'a bigint that is not negative', amount);
  return {
    ...(maxWeight === undefined ? {} : { maxWeight }),
    ...(maxFee === undefined ? {} : { maxFee }),
    ...(maxFeeRate === undefined ? {} : { maxFeeRate }),
  };
}

/** Throws `BISCOL_GAS_LIMIT` beyond a limit. */
export function checkLimits(plan: TransitionPlan, { maxWeight, maxFee, maxFeeRate }: GasLimits): void {
  const { weight, fee } = plan;
  const rate = rateOf(fee, virtualBytes(Math.ceil(weight / 4)));
  const over = (limit: string, maximum: unknown, got: unknown): BiscolError =>
    new BiscolError('BISCOL_GAS_LIMIT', `expected at most ${String(maximum)} of ${limit}, got ${String(got)}`, {
      details: { limit, maximum: String(maximum), got: String(got) },
      hint: 'Nothing was signed.',
    });
  if (maxWeight !== undefined && weight > maxWeight) throw over('maxWeight', maxWeight, weight);
  if (maxFee !== undefined && fee > maxFee) throw over('maxFee', maxFee, fee);
  if (maxFeeRate !== undefined && rate > maxFeeRate) throw over('maxFeeRate', maxFeeRate, rate);
}

/** Signatures on record, as they go into a transaction. */
export function hexSignatures(signatures: ReadonlyMap<string, Uint8Array>): Readonly<Record<string, string>> {
  return Object.fromEntries([...signatures].map(([name, signature]) => [name, toHex(signature)]));
}
