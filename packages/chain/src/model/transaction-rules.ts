import { MAX_SATOSHIS } from '@bitcoin-enterprise/core';
import type { TransactionView } from '@bitcoin-enterprise/script';
import type { BlockNode } from './block-node.ts';
import type { Coin } from './coins.ts';
import { COINBASE_MATURITY, LOCK_TIME_THRESHOLD } from './limits.ts';
import { moneyText } from './money.ts';
import type { Rejection } from './rejection.ts';

const SEQUENCE_FINAL = 0xffff_ffff;
/** BIP68: a sequence with this bit carries no relative lock. */
const SEQUENCE_LOCK_DISABLED = 0x8000_0000;
/** BIP68: the lock counts units of 512 seconds, not blocks. */
const SEQUENCE_LOCK_SECONDS = 0x0040_0000;
const SEQUENCE_LOCK_MASK = 0xffff;
const SEQUENCE_LOCK_GRANULARITY = 9;

/**
 * The rules about the coins a transaction spends: Core's `CheckTxInputs`.
 *
 * @param coins - The coin of each input, `undefined` where there is none.
 * @param height - Height of the block it goes into.
 * @returns The fee in satoshis, or why it is refused.
 */
export function checkInputs(
  tx: TransactionView,
  coins: readonly (Coin | undefined)[],
  height: number,
): { readonly fee: bigint } | Rejection {
  const missing = coins.indexOf(undefined);
  if (missing >= 0) return { reason: 'bad-txns-inputs-missingorspent', inputIndex: missing };
  let spent = 0n;
  for (let i = 0; i < coins.length; i++) {
    const coin = coins[i] as Coin;
    if (coin.coinbase && height - coin.height < COINBASE_MATURITY)
      return {
        reason: 'bad-txns-premature-spend-of-coinbase',
        detail: `tried to spend coinbase at depth ${height - coin.height}`,
        inputIndex: i,
      };
    spent += coin.value;
    if (spent > MAX_SATOSHIS) return { reason: 'bad-txns-inputvalues-outofrange', inputIndex: i };
  }
  let created = 0n;
  for (let i = 0; i < tx.outputCount; i++) created += tx.value(i);
  return spent < created
    ? { reason: 'bad-txns-in-belowout', detail: `value in (${moneyText(spent)}) < value out (${moneyText(created)})` }
    : { fee: spent - created };
}

/**
 * Whether the lock time of a transaction has passed (BIP113).
 *
 * @param height - Height of the block it goes into.
 * @param medianTime - Median time of the block before, Unix seconds.
 */
export function isFinal(tx: TransactionView, height: number, medianTime: number): boolean {
  const { lockTime } = tx;
  if (lockTime === 0 || lockTime < (lockTime < LOCK_TIME_THRESHOLD ? height : medianTime)) return true;
  for (let i = 0; i < tx.inputCount; i++) if (tx.sequence(i) !== SEQUENCE_FINAL) return false;
  return true;
}

/**
 * Whether the relative locks of a transaction have passed (BIP68).
 *
 * @param coins - The coin of each input; one from the mempool has the height of the block it would go into.
 * @param previous - The block before the one it goes into.
 */
export function sequenceLocksPassed(tx: TransactionView, coins: readonly Coin[], previous: BlockNode): boolean {
  if (tx.version < 2) return true;
  for (let i = 0; i < coins.length; i++) {
    const sequence = tx.sequence(i);
    if ((sequence & SEQUENCE_LOCK_DISABLED) !== 0) continue;
    const { height } = coins[i] as Coin;
    const locked = sequence & SEQUENCE_LOCK_MASK;
    if ((sequence & SEQUENCE_LOCK_SECONDS) === 0) {
      if (height + locked - 1 >= previous.height + 1) return false;
      continue;
    }
    // The clock of the lock starts with the median time of the block before the coin's own.
    const start = previous.ancestor(Math.max(height - 1, 0)).medianTime;
    if (start + locked * 2 ** SEQUENCE_LOCK_GRANULARITY - 1 >= previous.medianTime) return false;
  }
  return true;
}
