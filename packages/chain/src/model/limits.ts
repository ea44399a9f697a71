/** Most weight a block may have (BIP141). */
export const MAX_BLOCK_WEIGHT = 4_000_000;

/** A byte outside the witness weighs four units (BIP141). */
export const WITNESS_SCALE = 4;

/** Most signature operations of a block, at cost: four each, one in a witness (BIP141). */
export const MAX_BLOCK_SIGOPS_COST = 80_000;

/** Blocks on top of a block reward before it can be spent. */
export const COINBASE_MATURITY = 100;

/** Lock times below are heights, others Unix seconds. */
export const LOCK_TIME_THRESHOLD = 500_000_000;

/** Longest script that is kept as spendable: Core's `MAX_SCRIPT_SIZE`. */
export const MAX_SCRIPT_SIZE = 10_000;

/** How far ahead of the clock a block may be, in seconds. */
export const MAX_FUTURE_SECONDS = 7_200;

/** Blocks that the median time is taken over (BIP113). */
export const MEDIAN_TIME_SPAN = 11;
