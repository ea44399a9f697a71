import { clusterChunks, clustersOf } from './clusters.ts';
import { inOrder, type Mempool, type MempoolEntry, withoutEntries } from './mempool.ts';
import { MempoolGraph, type PackageSum } from './mempool-graph.ts';
import { type MempoolPolicy, rulesOf } from './mempool-policy.ts';
import { raised } from './rolling-fee.ts';

/** Removes the worst-paying transactions, with what stands on them, until the pool has its size. */
export function trimToPolicy(pool: Mempool, policy: MempoolPolicy): Mempool {
  const byChunks = rulesOf(policy).limits === 'clusters';
  const { maxPoolUsageBytes } = policy;
  let left = trimToSize(pool, policy.maxPoolSizeVb);
  while (maxPoolUsageBytes !== undefined && left.usage > maxPoolUsageBytes && left.entries.size > 0) {
    const { evicted, rate } = byChunks ? worstChunk(left) : worstPackage(left);
    left = raised(withoutEntries(left, evicted), rate + Number(policy.incrementalRelayFeeRate));
  }
  return left;
}

interface Worst {
  readonly evicted: readonly MempoolEntry[];
  /** What they paid, sat/kvB. */
  readonly rate: number;
}

/** The chunk that pays worst of all by its weight, as Core since clusters are known; its rate goes by whole bytes. */
function worstChunk(pool: Mempool): Worst {
  let worst: Worst = { evicted: [], rate: 0 };
  let least: { readonly fee: bigint; readonly size: bigint } | undefined;
  for (const cluster of clustersOf(pool, inOrder(pool))) {
    const chunk = clusterChunks(cluster).at(-1);
    if (chunk === undefined) continue;
    const { fee, size } = chunk;
    if (least !== undefined && fee * least.size >= least.fee * size) continue;
    least = { fee, size };
    const rate = Number((fee * 1_000n) / ((size + 3n) / 4n));
    worst = { evicted: chunk.members.map((i) => cluster[i] as MempoolEntry), rate };
  }
  return worst;
}

/** The transaction with the worst score, and all that stand on it, as Core before. */
function worstPackage(pool: Mempool): Worst {
  const graph = new MempoolGraph(pool);
  const { entries } = graph;
  let worst = -1;
  let score = Infinity;
  let rate = 0;
  for (let i = entries.length - 1; i >= 0; i--) {
    const own = entries[i] as MempoolEntry;
    const { fee, size } = graph.sumOf(graph.descendantsOf(i));
    const better = Math.max(Number(own.modifiedFee) / own.size, fee / size);
    if (worst >= 0 && better >= score) continue;
    [worst, score, rate] = [i, better, Math.floor((fee * 1_000) / size)];
  }
  return { evicted: graph.descendantsOf(worst).map((i) => entries[i] as MempoolEntry), rate };
}

/**
 * Removes the worst-paying transactions, with what stands on them, until the pool has its size.
 *
 * @returns The smaller pool.
 */
export function trimToSize(pool: Mempool, maxSizeVb: number): Mempool {
  if (pool.totalSize <= maxSizeVb) return pool;
  const graph = new MempoolGraph(pool);
  const { entries } = graph;
  const score = entries.map((_, i) => graph.sumOf(graph.descendantsOf(i)));
  const gone = new Set<number>();
  let size = pool.totalSize;
  while (size > maxSizeVb && gone.size < entries.length) {
    let worst = -1;
    let worstRate = Infinity;
    for (let i = entries.length - 1; i >= 0; i--) {
      if (gone.has(i)) continue;
      const own = entries[i] as MempoolEntry;
      const package_ = score[i] as PackageSum;
      // A child that pays well protects its parent, one that pays badly does not harm it (Core's descendant score).
      const rate = Math.max(Number(own.fee) / own.size, package_.fee / package_.size);
      if (worst < 0 || rate < worstRate) {
        worst = i;
        worstRate = rate;
      }
    }
    const evicted = graph.descendantsOf(worst).filter((i) => !gone.has(i));
    for (const i of evicted) {
      const { fee, size: entrySize } = entries[i] as MempoolEntry;
      size -= entrySize;
      gone.add(i);
      for (const ancestor of graph.ancestorsOf(i)) {
        const left = score[ancestor] as PackageSum;
        left.fee -= Number(fee);
        left.size -= entrySize;
      }
    }
  }
  return withoutEntries(
    pool,
    Array.from(gone, (i) => entries[i] as MempoolEntry),
  );
}
