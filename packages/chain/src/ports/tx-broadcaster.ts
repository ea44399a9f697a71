import type { Satoshis, VirtualBytes } from '@bitcoin-enterprise/core';
import type { TransactionRejection } from '../errors.ts';
import type { CallOptions } from './chain-source.ts';

/** Whether a node would take a transaction, and why not. */
export type TestAcceptResult =
  | {
      readonly accepted: true;
      /** 32 bytes in internal order. */
      readonly txid: Uint8Array;
      readonly fee: Satoshis;
      readonly size: VirtualBytes;
    }
  | { readonly accepted: false; readonly rejection: TransactionRejection };

/** Hands transactions to the network. */
export interface TxBroadcaster {
  /**
   * Sends a transaction. One that waits in the mempool already is accepted again, so that a retry is harmless.
   *
   * @param bytes - The transaction as serialised, with its witness.
   * @returns Its id, 32 bytes in internal order.
   * @throws ChainError `CHAIN_TX_REJECTED` with Core's reason, `CHAIN_TX_MALFORMED` for other bytes.
   */
  broadcast(bytes: Uint8Array, options?: CallOptions): Promise<Uint8Array>;
  /**
   * Asks whether a transaction would be taken, and changes nothing.
   *
   * @throws ChainError `CHAIN_TX_MALFORMED` for bytes that are no transaction.
   */
  testAccept(bytes: Uint8Array, options?: CallOptions): Promise<TestAcceptResult>;
}
