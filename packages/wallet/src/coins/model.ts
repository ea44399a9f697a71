import type { Entropy, FeeRate, WeightUnits } from '@bitcoin-enterprise/core';

/** A coin that may be spent. What else a caller keeps with it comes back with the selection. */
export interface Coin {
  /** Names it, for example `txid:index`; two coins of the same name are never spent together. */
  readonly id: string;
  /** Satoshis, 1 to 21 million bitcoin. */
  readonly value: bigint;
  /** Weight units of the signed input, 1 to 4,000,000: `planSpend(…).weight.maximum`. */
  readonly weight: number;
  /** Whether the input has a witness; `true` when absent. Without one it weighs one unit more beside others that do. */
  readonly hasWitness?: boolean;
  /** Coins of one group are spent together or not at all, for example all of one address. */
  readonly group?: string;
  /** Whether it must be spent, whatever it costs. */
  readonly isRequired?: boolean;
}

/** Something that is paid. */
export interface Payment {
  /** Satoshis. */
  readonly value: bigint;
  readonly scriptPubKey: Uint8Array;
}

/** Where change goes. */
export interface ChangeOptions {
  readonly scriptPubKey: Uint8Array;
  /** Weight units of the input that will spend it: `planSpend(…).weight.maximum`. */
  readonly spendWeight: number;
  /** Less than that is not worth an output of its own, satoshis; never less than dust, or than what spending it costs. */
  readonly minimum?: bigint;
  /** What random and largest-first selections leave for change if they can, satoshis; 50,000 when absent (as Core). */
  readonly target?: bigint;
}

/** The ways to select. */
export type SelectionAlgorithm =
  | 'branch-and-bound'
  | 'coin-grinder'
  | 'knapsack'
  | 'single-random-draw'
  | 'largest-first';

/** What is paid, from what, and at which price. */
export interface SelectCoinsOptions<AnyCoin extends Coin = Coin> {
  readonly coins: readonly AnyCoin[];
  /** At least one. */
  readonly payments: readonly Payment[];
  readonly change: ChangeOptions;
  /** Satoshis per 1,000 virtual bytes, at most 10⁹. */
  readonly feeRate: FeeRate;
  /** What spending a coin will cost some day; 10,000 (10 sat/vB) when absent, as in Core. */
  readonly longTermFeeRate?: FeeRate;
  /** At which dust is measured; 3,000 when absent. */
  readonly dustRelayFee?: FeeRate;
  /** Of the transaction, 400,000 when absent (standard); 40,000 for version 3 (TRUC, BIP431), 4,000 for its child. */
  readonly maximumWeight?: number;
  /** Payments that the fee is taken from, in equal parts; none when absent. */
  readonly feeFrom?: readonly number[];
  /** Makes the random choices; that of the platform when absent. The same one chooses the same. */
  readonly entropy?: Entropy;
  /** Those that are tried; all when absent. The one with the least waste wins. */
  readonly algorithms?: readonly SelectionAlgorithm[];
}

/** What was selected. `coins` pay exactly `payments`, `change` and `fee`. */
export interface CoinSelection<AnyCoin extends Coin = Coin> {
  readonly algorithm: SelectionAlgorithm | 'required' | 'sweep';
  readonly coins: readonly AnyCoin[];
  /** As asked for, less the fee for those that it is taken from. */
  readonly payments: readonly Payment[];
  /** Satoshis; absent when there is none. */
  readonly change?: bigint;
  /** Satoshis. */
  readonly fee: bigint;
  /** Of the signed transaction, at most. */
  readonly weight: WeightUnits;
  /**
   * What the selection costs beside the payments, satoshis (Core's waste metric): its inputs now and not later, and
   * the change with its later input, or what is given away without change. Below zero when it saves.
   */
  readonly waste: number;
}
