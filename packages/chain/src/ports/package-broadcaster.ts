import type { CallOptions } from './chain-source.ts';

/** Hands transactions to the network that only stand together: a parent that pays too little, and the child that pays for it. */
export interface PackageBroadcaster {
  /**
   * Sends a child with its unconfirmed parents, judged together. What waits in the mempool already, or has its block, is
   * accepted again, so that a retry is harmless. A member that pays for itself is taken alone, whatever becomes of the
   * others.
   *
   * @param transactions - As serialised, with their witnesses; 1 to 25, parents first, the child last.
   * @returns Their ids in their order, 32 bytes each in internal order; all of them wait.
   * @throws ChainError `CHAIN_PACKAGE_REJECTED` with Core's reasons, one for each that does not wait now;
   * `CHAIN_TX_MALFORMED` for other bytes, `CHAIN_INVALID_ARGUMENT` for another number of them, `CHAIN_CALL_UNSUPPORTED`
   * where the protocol has no words for it.
   */
  broadcastPackage(transactions: readonly Uint8Array[], options?: CallOptions): Promise<readonly Uint8Array[]>;
}
