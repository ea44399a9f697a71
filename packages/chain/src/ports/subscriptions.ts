import type { BlockReference } from './chain-source.ts';

/** A change of the best branch. A reorganisation is disconnections from the old tip down, then connections upwards. */
export interface BlockEvent extends BlockReference {
  readonly type: 'connected' | 'disconnected';
}

/** A change of the mempool. */
export interface MempoolEvent {
  readonly type: 'added' | 'removed';
  /** 32 bytes in internal order. */
  readonly txid: Uint8Array;
}

/** Tells of blocks as they come and go. */
export interface BlockSubscription {
  /**
   * Follows the best branch without a gap.
   *
   * @param options - `after`: the block the caller knows last; everything since then is told first, and if that block
   * has left the best branch, its disconnection too. The tip of the moment the iteration starts when absent.
   * `signal` ends the iteration without an error.
   * @throws ChainError `CHAIN_BLOCK_UNKNOWN`, at the first step, when the chain never saw the block.
   */
  blockEvents(options?: {
    /** Hash of the block the caller knows last, internal order. */
    readonly after?: Uint8Array;
    readonly signal?: AbortSignal;
  }): AsyncIterable<BlockEvent>;
}

/** Tells of transactions as they enter and leave the mempool. */
export interface MempoolSubscription {
  /**
   * Follows the mempool from the moment the iteration starts; what waits in it already is told first, as added.
   *
   * @param options - `signal` ends the iteration without an error.
   */
  mempoolEvents(options?: { readonly signal?: AbortSignal }): AsyncIterable<MempoolEvent>;
}
