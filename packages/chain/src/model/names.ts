import { displayHash } from '@bitcoin-enterprise/core';
import type { TransactionView } from '@bitcoin-enterprise/script';

/** A hash as Core's messages write it. */
export function hashText(hash: Uint8Array): string {
  return displayHash(hash);
}

/** A transaction as Core's messages write it: `<txid> (wtxid=<wtxid>)`. */
export function txText(tx: TransactionView): string {
  return `${displayHash(tx.id())} (wtxid=${displayHash(tx.witnessId())})`;
}
