import type { TransactionView } from '@bitcoin-enterprise/script';
import type { BlockNode } from './block-node.ts';
import { allocated, transactionBytes } from './memory-usage.ts';

/** Most memory that Core keeps of what disconnected blocks held, bytes. */
const MAX_BYTES = 20_000_000;

/**
 * What a node still has of the transactions of disconnected blocks once all are disconnected, as Core keeps them: where
 * they take too much memory, those that were confirmed last are let go first, and what stands on them goes with them.
 *
 * @param blocks - Lowest first.
 * @param maxBytes - Core's limit when absent.
 * @returns Transactions that may wait again, parents before children, without coinbases.
 */
export function keptOfDisconnected(
  blocks: readonly Pick<BlockNode, 'transactions'>[],
  maxBytes: number = MAX_BYTES,
): TransactionView[] {
  const all = blocks.flatMap(({ transactions }) => transactions);
  const coinbases = new Set(blocks.map(({ transactions }) => transactions[0]));
  let bytes = 0;
  // From the lowest block on, since what is on top goes first: the longest beginning that fits is what is left.
  let count = 0;
  for (const tx of all) {
    bytes += queuedBytes(tx);
    if (bytes > maxBytes) break;
    count++;
  }
  return all.slice(0, count).filter((tx) => !coinbases.has(tx));
}

/** A transaction in the queue of Core: itself, its place in a list, and the entry by which its id finds it. */
function queuedBytes(tx: TransactionView): number {
  const [listNode, mapNode, bucket] = [allocated(32), allocated(48), 8];
  return transactionBytes(tx) + listNode + mapNode + bucket;
}
