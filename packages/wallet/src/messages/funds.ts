import type { ChainSource } from '@bitcoin-enterprise/chain';
import { equalBytes } from '@bitcoin-enterprise/core';
import { requireBytes, requireFunction, requireList, requireObject } from '../checks.ts';
import { invalidArgument } from '../errors.ts';
import type { ProvenCoin } from './verify.ts';

/** A coin of a proof of funds, and whether it is there. */
export interface CheckedCoin extends ProvenCoin {
  /** Whether the chain has it, unspent, with the same amount and script. */
  readonly isUnspent: boolean;
}

/**
 * Looks up the coins of a proof of funds: the signature shows who controls them, the chain alone whether they exist
 * (BIP322). That there are no others, nothing shows.
 *
 * @param coins - Of a `valid` verdict.
 * @param options - `includeMempool`: whether unconfirmed coins count, and spends of the mempool; `false` when absent.
 * @returns The coins in their order, and the sum of those that are there, in satoshis.
 * @throws WalletError `WALLET_INVALID_ARGUMENT`; ChainError as the source.
 */
export async function checkFunds(
  coins: readonly ProvenCoin[],
  chain: Pick<ChainSource, 'unspentOutput'>,
  options: { readonly includeMempool?: boolean; readonly signal?: AbortSignal } = {},
): Promise<{ readonly coins: readonly CheckedCoin[]; readonly total: bigint }> {
  for (const [place, coin] of requireList('coins', coins).entries()) {
    const { previousTxid, scriptPubKey, value } = requireObject<ProvenCoin>(`coins[${place}]`, coin);
    if (typeof value !== 'bigint') throw invalidArgument(`coins[${place}].value`, 'satoshis as a bigint', value);
    requireBytes(`coins[${place}].previousTxid`, previousTxid, 32);
    requireBytes(`coins[${place}].scriptPubKey`, scriptPubKey);
  }
  requireFunction('chain.unspentOutput', requireObject<ChainSource>('chain', chain).unspentOutput);
  const checked: CheckedCoin[] = [];
  let total = 0n;
  for (const coin of coins) {
    const { previousTxid: txid, previousIndex: index, value, scriptPubKey } = coin;
    const found = await chain.unspentOutput({ txid, index }, options);
    const isUnspent = found?.value === value && equalBytes(found.scriptPubKey, scriptPubKey);
    if (isUnspent) total += value;
    checked.push({ ...coin, isUnspent });
  }
  return { coins: checked, total };
}
