import type { CallOptions } from './signer.ts';

/** Tells which blocks are on the best chain of Bitcoin: a node, or headers that the app has verified itself. */
export interface BestChain {
  /**
   * How deep a block is: 1 for the tip.
   *
   * @param blockHash - 32 bytes in internal order.
   * @returns `undefined` when it is not on the best chain.
   */
  confirmations(blockHash: Uint8Array, options?: CallOptions): Promise<number | undefined>;
}
