import { type Mempool, type MempoolEntry, withDescendants, withoutEntries } from './mempool.ts';

/** How long a transaction waits until Core lets go of it, seconds: two weeks (`-mempoolexpiry`). */
export const DEFAULT_EXPIRY_SECONDS: number = 336 * 3_600;

/**
 * A pool without what came before a time, Unix seconds, and what stands on it. What was added to fees stays.
 *
 * @returns The pool, and when the oldest of what is left came; `Infinity` when it is empty.
 */
export function expired(pool: Mempool, before: number): { readonly pool: Mempool; readonly oldest: number } {
  const old: MempoolEntry[] = [];
  let oldest = Infinity;
  for (const entry of pool.entries.values()) {
    if (entry.time < before) old.push(entry);
    else oldest = Math.min(oldest, entry.time);
  }
  return { pool: old.length === 0 ? pool : withoutEntries(pool, [...withDescendants(pool, old)]), oldest };
}
