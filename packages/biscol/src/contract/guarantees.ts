import { requireFunction, requireObject } from '../checks.ts';
import type { Contract, ValuesOf } from './define.ts';
import type { AnyContract } from './model.ts';
import type { ValueKinds, Values } from './values.ts';

/** The parameters of a contract. */
export type ParamsOf<Of extends AnyContract> = Values<Of['params'] & ValueKinds>;
/** The data of a contract's outputs. */
export type DataOf<Of extends AnyContract> = Values<Of['data'] & ValueKinds>;
/** The arguments of each transition of a contract, by name. */
export type ArgsOf<Of extends AnyContract> =
  Of extends Contract<infer _Params, infer _Data, infer _States, infer Transitions>
    ? { readonly [Name in keyof Transitions & string]: ValuesOf<Transitions[Name]> }
    : never;

/** An output of a contract on the chain. */
export interface HistoryCell<Data> {
  readonly state: string;
  readonly data: Data;
  /** Satoshis. */
  readonly value: bigint;
  /** Height of its block. */
  readonly height: number;
}

/** What is known of every transaction that spent outputs of a contract. */
export interface HistorySpend<Data> {
  /** Name of the path that it took. */
  readonly by: string;
  /** Height of its block. */
  readonly height: number;
  /** What it spent. */
  readonly cells: readonly HistoryCell<Data>[];
  /** Satoshis that it paid, by name of the party. */
  readonly payouts: ReadonlyMap<string, bigint>;
  /** Names of the parties and keys that signed it. */
  readonly signers: readonly string[];
  /** Satoshis. */
  readonly fee: bigint;
}

/**
 * What was confirmed: a transition, and which one it is says what its arguments are; or something that is no transition,
 * because whoever had the keys of a path sent the money where he liked.
 */
export type HistoryStep<Of extends AnyContract> = HistorySpend<DataOf<Of>> &
  (
    | {
        readonly [Name in keyof ArgsOf<Of>]: { readonly transition: Name; readonly args: ArgsOf<Of>[Name] };
      }[keyof ArgsOf<Of>]
    | { readonly transition: undefined; readonly args: Readonly<Record<string, never>> }
  );

/** A transition that was signed by all whom it needs, and kept back by somebody who may send it. */
export type HeldStep<Of extends AnyContract> = {
  readonly [Name in keyof ArgsOf<Of>]: {
    readonly transition: Name;
    readonly args: ArgsOf<Of>[Name];
    /** Name of the party that holds it. */
    readonly party: string;
    /** Height of the best block when it came to hold it. */
    readonly since: number;
  };
}[keyof ArgsOf<Of>];

/** A secret of a hash lock that a party knows. */
export interface KnownSecret {
  readonly party: string;
  /** 32 bytes. */
  readonly secret: Uint8Array;
  /** Height of the best block when it came to know it. */
  readonly since: number;
}

/** What has happened to an instance: all that its guarantees depend on. */
export interface ContractHistory<Of extends AnyContract> {
  /** Height of the block with the outputs that began the contract. */
  readonly startHeight: number;
  /** Height of the best block. */
  readonly height: number;
  /** What was confirmed, in the order of the chain. */
  readonly steps: readonly HistoryStep<Of>[];
  /** Outputs of the contract that nothing has spent. */
  readonly live: readonly HistoryCell<DataOf<Of>>[];
  readonly held: readonly HeldStep<Of>[];
  readonly secrets: readonly KnownSecret[];
}

/** Parties that trust each other and nobody else. */
export interface Side<Of extends AnyContract> {
  /** Names the promise in reports. */
  readonly name: string;
  /** Names of the parties that belong to it: they do their duties, everybody else does what he likes. */
  readonly members: readonly string[];
  /**
   * Satoshis that the members have been paid together at least: by the height of `paidBy`, and once nothing of the contract
   * is live any more. Fees aside: what the contract's own transactions paid in fees may be missing.
   */
  readonly least: (history: ContractHistory<Of>) => bigint;
  /**
   * Height of the block by which they have been paid, whatever everybody else does; `undefined` where that is not theirs
   * to decide. A reorganisation puts it off by its depth and the time to react.
   */
  readonly paidBy: (history: ContractHistory<Of>) => number | undefined;
}

/** What a contract promises; a model checker tries to break it. */
export interface Guarantees<Of extends AnyContract = AnyContract> {
  readonly contract: Of;
  /**
   * Blocks that an honest party has at most for each of its transactions: one that the next block could hold is in one of
   * the next so many blocks. With more than this the promises need not hold.
   */
  readonly reaction: (params: ParamsOf<Of>) => number;
  /** Those who are promised something. */
  readonly sides: (params: ParamsOf<Of>) => readonly Side<Of>[];
  /**
   * Height of the block by which nothing of the contract is live any more, as long as everybody does his duties in time;
   * `undefined` while it rests for as long as somebody likes. A reorganisation puts it off by its depth and the time to
   * react.
   */
  readonly endsBy: (params: ParamsOf<Of>, history: ContractHistory<Of>) => number | undefined;
}

/**
 * States what a contract promises, checked for its form.
 *
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 *
 * @example A contract that always pays back
 * ```ts
 * import { amount, defineContract, defineGuarantees, party, pay, rest, to } from '@bitcoin-enterprise/biscol';
 *
 * const purse = defineContract({
 *   name: 'purse',
 *   params: { owner: party(), sum: amount() },
 *   states: { full: { amount: ({ sum }) => sum, key: ({ owner }) => owner } },
 *   transitions: { empty: { from: 'full', by: 'key', outputs: ({ owner }) => [pay(owner, rest)] } },
 *   funding: () => [to('full')],
 *   duties: [{ party: ({ owner }) => owner, state: 'full', transition: 'empty' }],
 * });
 * const promises = defineGuarantees(purse, {
 *   reaction: () => 6,
 *   sides: ({ sum }) => [
 *     { name: 'owner', members: ['owner'], least: () => sum, paidBy: ({ startHeight }) => startHeight + 6 },
 *   ],
 *   endsBy: (_, { startHeight }) => startHeight + 6,
 * });
 * promises.contract.name; // => 'purse'
 * ```
 */
export function defineGuarantees<Of extends AnyContract>(
  contract: Of,
  promises: Omit<Guarantees<Of>, 'contract'>,
): Guarantees<Of> {
  requireObject('contract', contract);
  const { reaction, sides, endsBy } = requireObject<Guarantees<Of>>('promises', promises);
  requireFunction('promises.reaction', reaction);
  requireFunction('promises.endsBy', endsBy);
  requireFunction('promises.sides', sides);
  return { contract, ...promises };
}
