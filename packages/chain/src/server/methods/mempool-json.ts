import { toHex } from '@bitcoin-enterprise/core';
import { clusterChunks, clusterOf, clustersOf } from '../../model/clusters.ts';
import type { Chunk } from '../../model/linearization.ts';
import {
  ancestorsOf,
  childrenOf,
  type Mempool,
  type MempoolEntry,
  parentsOf,
  withDescendants,
} from '../../model/mempool.ts';
import { hashJson } from '../arguments.ts';
import { amountJson } from '../json.ts';
import type { RegtestNode } from '../node.ts';

const MAX_REPLACEABLE_SEQUENCE = 0xffff_fffd;

/** What waits, and which of it peers have. */
type Pool = Pick<RegtestNode, 'state' | 'shared'>;

/** The chunk of each transaction of a pool, found once for a whole cluster. */
class ChunkFinder {
  readonly #pool: Mempool;
  readonly #found = new Map<MempoolEntry, Chunk>();

  constructor(pool: Mempool) {
    this.#pool = pool;
  }

  chunkOf(entry: MempoolEntry): Chunk | undefined {
    if (!this.#found.has(entry)) {
      const cluster = clusterOf(this.#pool, entry);
      for (const chunk of clusterChunks(cluster))
        for (const member of chunk.members) this.#found.set(cluster[member] as MempoolEntry, chunk);
    }
    return this.#found.get(entry);
  }
}

/** A waiting transaction as `getmempoolentry` shows it. */
export function entryJson(node: Pool, entry: MempoolEntry): object {
  return shownEntry(node, entry, new ChunkFinder(node.state.mempool));
}

function shownEntry({ state, shared }: Pool, entry: MempoolEntry, chunks: ChunkFinder): object {
  const pool = state.mempool;
  const ancestors = [entry, ...ancestorsOf(pool, entry.tx)];
  const descendants = [...withDescendants(pool, [entry])];
  const chunk = chunks.chunkOf(entry);
  return {
    vsize: entry.size,
    weight: entry.tx.weight,
    time: entry.time,
    height: entry.height,
    descendantcount: descendants.length,
    descendantsize: sizeOf(descendants),
    ancestorcount: ancestors.length,
    ancestorsize: sizeOf(ancestors),
    wtxid: hashJson(entry.tx.witnessId()),
    chunkweight: Number(chunk?.size ?? 0n),
    fees: {
      base: amountJson(entry.fee),
      modified: amountJson(entry.modifiedFee),
      ancestor: amountJson(feesOf(ancestors)),
      descendant: amountJson(feesOf(descendants)),
      chunk: amountJson(chunk?.fee ?? 0n),
    },
    depends: namesOf(parentsOf(pool, entry.tx)),
    spentby: namesOf(childrenOf(pool, entry)),
    'bip125-replaceable': ancestors.some(({ tx }) => signalsReplacement(tx)),
    unbroadcast: !shared.has(toHex(entry.tx.id())),
  };
}

/** Whether a transaction says itself that it may be replaced (BIP125). */
export function signalsReplacement(tx: MempoolEntry['tx']): boolean {
  for (let i = 0; i < tx.inputCount; i++) if (tx.sequence(i) <= MAX_REPLACEABLE_SEQUENCE) return true;
  return false;
}

/** Ids in display form, in their order. */
export function namesOf(entries: Iterable<MempoolEntry>): readonly string[] {
  return Array.from(entries, ({ tx }) => hashJson(tx.id())).sort();
}

/** Entries by id, or the ids alone. */
export function entriesJson(node: Pool, entries: Iterable<MempoolEntry>, verbose: boolean): unknown {
  if (!verbose) return Array.from(entries, ({ tx }) => hashJson(tx.id()));
  const chunks = new ChunkFinder(node.state.mempool);
  return Object.fromEntries(Array.from(entries, (entry) => [hashJson(entry.tx.id()), shownEntry(node, entry, chunks)]));
}

/** A cluster as `getmempoolcluster` shows it. */
export function clusterJson(pool: Mempool, entry: MempoolEntry): object {
  const cluster = clusterOf(pool, entry);
  return {
    clusterweight: cluster.reduce((sum, { adjustedWeight }) => sum + adjustedWeight, 0),
    txcount: cluster.length,
    chunks: clusterChunks(cluster).map(({ fee, size, members }) => ({
      chunkfee: amountJson(fee),
      chunkweight: Number(size),
      txs: members
        .map((i) => cluster[i] as MempoolEntry)
        .toSorted((a, b) => a.sequence - b.sequence)
        .map(({ tx }) => hashJson(tx.id())),
    })),
  };
}

/** The fee rate diagram of a whole pool, as `getmempoolfeeratediagram` shows it: what each more chunk adds up to. */
export function diagramJson(pool: Mempool): readonly object[] {
  const chunks = clustersOf(pool, pool.entries.values()).flatMap((cluster) => clusterChunks(cluster));
  let [weight, fee] = [0n, 0n];
  const points = [{ weight: 0, fee: amountJson(0n) }];
  // Best rate first; within a cluster that is the order of its chunks already.
  for (const chunk of chunks.toSorted((a, b) => Number(b.fee * a.size - a.fee * b.size))) {
    weight += chunk.size;
    fee += chunk.fee;
    points.push({ weight: Number(weight), fee: amountJson(fee) });
  }
  return points;
}

/** A fee rate as `effective-feerate`, BTC/kvB. */
export function rateJson(fee: bigint, size: number): unknown {
  const rate = (fee * 1_000n) / BigInt(size);
  return amountJson(rate * BigInt(size) > fee * 1_000n ? rate - 1n : rate);
}

/** Witness ids, each once. */
export function witnessNames(txs: readonly MempoolEntry['tx'][]): readonly string[] {
  return txs.map((tx) => hashJson(tx.witnessId()));
}

/** Hex of a witness id, as results are keyed. */
export function memberKey(tx: MempoolEntry['tx']): string {
  return toHex(tx.witnessId());
}

function sizeOf(entries: readonly MempoolEntry[]): number {
  return entries.reduce((sum, { size }) => sum + size, 0);
}

function feesOf(entries: readonly MempoolEntry[]): bigint {
  return entries.reduce((sum, { modifiedFee }) => sum + modifiedFee, 0n);
}
