import type { TransactionView } from '@bitcoin-enterprise/script';
import { MAX_SCRIPT_SIZE } from './limits.ts';
import type { MapDraft, PersistentMap } from './persistent-map.ts';

/** An unspent output as consensus sees it. */
export interface Coin {
  /** Satoshis. */
  readonly value: bigint;
  readonly scriptPubKey: Uint8Array;
  /** Height of its block. */
  readonly height: number;
  readonly coinbase: boolean;
}

/** All unspent outputs at a block, by outpoint. */
export type Coins = PersistentMap<Coin>;

const OP_RETURN = 0x6a;

/** Whether a script can never be satisfied, so that Core keeps no coin for it. */
export function isUnspendable(scriptPubKey: Uint8Array): boolean {
  return scriptPubKey[0] === OP_RETURN || scriptPubKey.length > MAX_SCRIPT_SIZE;
}

/** Adds the outputs of a transaction. */
export function addCoins(draft: MapDraft<Coin>, tx: TransactionView, height: number, coinbase: boolean): void {
  const txid = tx.id();
  for (let i = 0; i < tx.outputCount; i++) {
    const scriptPubKey = tx.scriptPubKey(i);
    if (!isUnspendable(scriptPubKey)) draft.set(txid, i, { value: tx.value(i), scriptPubKey, height, coinbase });
  }
}
