/** What two sources have to say alike, as text. */
import { displayHash, toHex } from '@bitcoin-enterprise/core';
import type { ChainHeader, ChainTransaction, UnspentOutput } from '../ports/chain-source.ts';

/** A header and its place; confirmations grow from one answer to the next. */
export function headerKey(found: ChainHeader | undefined): string {
  if (found === undefined) return 'none';
  const { hash, height, medianTime, confirmations } = found;
  return `${displayHash(hash)} at ${height}, median ${medianTime}, ${confirmations > 0 ? 'best' : 'stale'}`;
}

/** A transaction with its witness, and its block. */
export function transactionKey(found: ChainTransaction | undefined): string {
  if (found === undefined) return 'none';
  const { bytes, block } = found;
  const place = block === undefined ? 'mempool' : `${displayHash(block.hash)} at ${block.height}`;
  return `${place} ${toHex(bytes)}`;
}

/** An output in all its parts. */
export function outputKey({ txid, index, value, scriptPubKey, height, coinbase }: UnspentOutput): string {
  return `${displayHash(txid)}:${index}=${value} ${toHex(scriptPubKey)} at ${height ?? 'mempool'}${coinbase ? ' coinbase' : ''}`;
}

/** The fewest confirmations that any source grants. */
export function leastOf(answers: ReadonlyArray<{ readonly confirmations: number } | undefined>): number {
  return Math.min(...answers.map((answer) => answer?.confirmations ?? 0));
}
