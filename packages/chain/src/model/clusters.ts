import { toHex } from '@bitcoin-enterprise/core';
import type { TransactionView } from '@bitcoin-enterprise/script';
import { type Chunk, chunksOf, coarseChunksOf, type LinearNode } from './linearization.ts';
import { childrenOf, type Mempool, type MempoolEntry, parentsOf } from './mempool.ts';

/** Transactions that hang together by what they spend. */
export type Cluster = readonly MempoolEntry[];

/** The cluster of a waiting transaction. */
export function clusterOf(pool: Mempool, entry: MempoolEntry): Cluster {
  const found = new Set([entry]);
  for (const at of found) {
    for (const parent of parentsOf(pool, at.tx)) found.add(parent);
    for (const child of childrenOf(pool, at)) found.add(child);
  }
  return [...found];
}

/** The clusters that some waiting transactions are in, each once. */
export function clustersOf(pool: Mempool, entries: Iterable<MempoolEntry>): readonly Cluster[] {
  const seen = new Set<MempoolEntry>();
  const clusters: Cluster[] = [];
  for (const entry of entries) {
    if (seen.has(entry)) continue;
    const cluster = clusterOf(pool, entry);
    for (const member of cluster) seen.add(member);
    clusters.push(cluster);
  }
  return clusters;
}

/** A pool as it would be with some transactions gone and others come, as far as clusters are touched by it. */
export interface ClusterChange {
  /** The clusters that are there now. */
  readonly before: readonly Cluster[];
  /** What they would become. */
  readonly after: readonly Cluster[];
}

/** What removing and adding transactions does to clusters. */
export function clusterChange(
  pool: Mempool,
  removed: ReadonlySet<MempoolEntry>,
  added: readonly MempoolEntry[],
): ClusterChange {
  const touched = new Set(removed);
  for (const { tx } of added) for (const parent of parentsOf(pool, tx)) touched.add(parent);
  const before = clustersOf(pool, touched);
  const remaining = [...before.flat().filter((entry) => !removed.has(entry)), ...added];
  return { before, after: componentsOf(remaining) };
}

function componentsOf(entries: readonly MempoolEntry[]): readonly Cluster[] {
  const links = linksOf(entries);
  const seen = new Set<number>();
  const components: Cluster[] = [];
  for (const start of entries.keys()) {
    if (seen.has(start)) continue;
    const found = new Set([start]);
    for (const at of found) for (const other of links[at] ?? []) found.add(other);
    for (const member of found) seen.add(member);
    components.push(Array.from(found, (i) => entries[i] as MempoolEntry));
  }
  return components;
}

/** Neighbours of each entry, both ways. */
function linksOf(entries: readonly MempoolEntry[]): readonly (readonly number[])[] {
  const links: number[][] = entries.map(() => []);
  for (const [child, parents] of parentPositions(entries.map(({ tx }) => tx)).entries())
    for (const parent of parents) {
      links[child]?.push(parent);
      links[parent]?.push(child);
    }
  return links;
}

function parentPositions(txs: readonly TransactionView[]): readonly (readonly number[])[] {
  const positions = new Map(txs.map((tx, i) => [toHex(tx.id()), i]));
  return txs.map((tx) => {
    const parents = new Set<number>();
    for (let i = 0; i < tx.inputCount; i++) {
      const at = positions.get(toHex(tx.previousTxid(i)));
      if (at !== undefined) parents.add(at);
    }
    return [...parents];
  });
}

/** The chunks of a cluster; positions are those in the cluster. */
export function clusterChunks(cluster: Cluster): readonly Chunk[] {
  return chunksOf(linearNodes(cluster));
}

/** The chunks of a cluster as far as its diagram needs them. */
export function diagramChunks(cluster: Cluster): readonly Chunk[] {
  return coarseChunksOf(linearNodes(cluster));
}

function linearNodes(cluster: Cluster): readonly LinearNode[] {
  const parents = parentPositions(cluster.map(({ tx }) => tx));
  return cluster.map(({ modifiedFee, adjustedWeight }, i) => ({
    fee: modifiedFee,
    size: BigInt(adjustedWeight),
    parents: parents[i] ?? [],
  }));
}

/** Whether every cluster keeps the limits. */
export function clustersFit(
  clusters: readonly Cluster[],
  limits: { readonly maxCount: number; readonly maxSizeVb: number },
): boolean {
  return clusters.every(
    (cluster) =>
      cluster.length <= limits.maxCount &&
      cluster.reduce((sum, { adjustedWeight }) => sum + adjustedWeight, 0) <= limits.maxSizeVb * 4,
  );
}
