import type { BlockHeight, Clock, CryptoEngine, Satoshis, UnixSeconds } from '@bitcoin-enterprise/core';
import type { Deployment } from '../model/deployments.ts';
import type { MempoolPolicy } from '../model/mempool-policy.ts';
import type { BlockReference, Outpoint } from '../ports/chain-source.ts';
import type { TestAcceptResult } from '../ports/tx-broadcaster.ts';

/** How an embedded chain is made. */
export interface EmbeddedChainOptions {
  /**
   * What time it is. Absent: chain time, in which each block comes `blockIntervalSeconds` after the one before and
   * nothing depends on when a test runs.
   */
  readonly clock?: Clock;
  /** Seconds between two blocks of chain time; 600 when absent. Without effect when there is a clock. */
  readonly blockIntervalSeconds?: number;
  /** What the mempool takes beyond consensus; fields left out are those of `defaultMempoolPolicy`. */
  readonly policy?: Partial<MempoolPolicy>;
  /**
   * Soft forks in force from the first block on that Bitcoin does not have; none when absent. Blocks and mempool keep
   * their rules, and policy no longer discourages what they define. Every block is good on Bitcoin as it is, too, which
   * knows fewer rules; the other way round it need not be.
   */
  readonly deployments?: readonly Deployment[];
  /**
   * Gets what a listener throws; no listener's error reaches a lever or another listener. Absent: the error is thrown
   * in a microtask of its own, where it is an uncaught one.
   */
  readonly onListenerError?: (error: unknown) => void;
  /** The crypto engine; `currentCrypto()` when absent. */
  readonly crypto?: CryptoEngine;
}

/** How blocks are mined. */
export interface MineOptions {
  /**
   * Time of the first block, Unix seconds; must be above the median time of the last eleven. Chain time or clock when
   * absent. No block comes before it afterwards: with 4,294,967,295, the last that a header can hold, the chain ends
   * five blocks later, when the median has reached it.
   */
  readonly time?: number;
  /** Where the reward goes; to the chain's own funder when absent. */
  readonly scriptPubKey?: Uint8Array;
  /** Exactly what goes into the first block, serialised, parents before children; what pays best in the mempool when absent. */
  readonly transactions?: readonly Uint8Array[];
}

/** How a reorganisation replaces blocks. */
export interface ReorgOptions {
  /** Transactions of the new blocks, lowest first, one list a block; blocks without a list are empty. */
  readonly replacement?: readonly (readonly Uint8Array[])[];
}

/** What became of a block that was submitted. */
export interface SubmittedBlock extends BlockReference {
  /** `tip`: it is the best block now; `branch`: it is on a branch with less work; `duplicate`: it was known. */
  readonly became: 'tip' | 'branch' | 'duplicate';
}

/** What became of a package that was submitted. */
export interface SubmittedPackage {
  /** Whether all of it waits now. */
  readonly accepted: boolean;
  /** Core's reason why it was not taken together; `transaction failed` where a transaction says why. */
  readonly reason?: string;
  /** What became of each, in their order: one may wait although the others were refused. */
  readonly transactions: readonly TestAcceptResult[];
}

/** An output that was made for the user. */
export interface FundedOutput extends Outpoint {
  readonly value: Satoshis;
  readonly scriptPubKey: Uint8Array;
  /** Height of its block. */
  readonly height: BlockHeight;
}

/** One departure from the rules by the user's wish. */
export interface Cheat {
  /** `inflated`: a coinbase that pays too much; `waived`: an input whose script was not asked. */
  readonly kind: 'inflated' | 'waived';
  /** Its transaction, 32 bytes in internal order. */
  readonly txid: Uint8Array;
  /** The input, of one waived. */
  readonly inputIndex?: number;
  /** Its block on the best branch; absent while it waits in the mempool. */
  readonly block?: BlockReference;
}

/** The best block. */
export interface EmbeddedTip extends BlockReference {
  readonly time: UnixSeconds;
  /** Median of the last eleven times: what lock times are compared with (BIP113). */
  readonly medianTime: UnixSeconds;
}
