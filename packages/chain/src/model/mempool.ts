import { compareBytes } from '@bitcoin-enterprise/core';
import type { TransactionView } from '@bitcoin-enterprise/script';
import type { Coin } from './coins.ts';
import { memoryUsage } from './memory-usage.ts';
import { PersistentMap } from './persistent-map.ts';

/** A transaction that waits for a block. */
export interface MempoolEntry {
  readonly tx: TransactionView;
  /** Satoshis. */
  readonly fee: bigint;
  /** Fee as the miner is told to see it (`prioritisetransaction`), satoshis. */
  readonly modifiedFee: bigint;
  /** Virtual bytes, by weight or by signature operations, whichever is more. */
  readonly size: number;
  readonly sigopsCost: number;
  /** What its inputs spend. */
  readonly spent: readonly Coin[];
  /** Inputs that an impersonation let pass. */
  readonly waived: ReadonlySet<number>;
  /** Order of arrival. */
  readonly sequence: number;
  /** When it came, Unix seconds. */
  readonly time: number;
  /** Height of the tip when it came. */
  readonly height: number;
  /** Weight units, by signature operations if those are more: what clusters and chunks are measured in. */
  readonly adjustedWeight: number;
}

/** The fee rate that what the pool had to drop leaves behind for a while, as Core's rolling minimum. */
export interface RollingFee {
  /** sat/kvB, with fractions. */
  readonly rate: number;
  /** When it began to fall, Unix seconds. */
  readonly since: number;
  /** Whether a block has come since it rose last: it only falls then. */
  readonly falls: boolean;
}

/** The transactions that wait, as a value: a changed pool is another one. */
export interface Mempool {
  /** By transaction id. */
  readonly entries: PersistentMap<MempoolEntry>;
  /** By outpoint: who spends it. */
  readonly spenders: PersistentMap<MempoolEntry>;
  /** Sum of the virtual sizes. */
  readonly totalSize: number;
  /** About what Core's pool would use of memory, bytes. */
  readonly usage: number;
  readonly rolling: RollingFee;
  readonly nextSequence: number;
}

const NO_ROLLING_FEE: RollingFee = { rate: 0, since: 0, falls: false };

/** A pool in which nothing waits. */
export function emptyMempool(): Mempool {
  return {
    entries: PersistentMap.empty(),
    spenders: PersistentMap.empty(),
    totalSize: 0,
    usage: 0,
    rolling: NO_ROLLING_FEE,
    nextSequence: 0,
  };
}

/** The pool with one more transaction. */
export function withEntry(pool: Mempool, entry: MempoolEntry): Mempool {
  const spenders = pool.spenders.draft();
  for (let i = 0; i < entry.tx.inputCount; i++)
    spenders.set(entry.tx.previousTxid(i), entry.tx.previousIndex(i), entry);
  return {
    ...pool,
    entries: pool.entries.with(entry.tx.id(), entry),
    spenders: spenders.freeze(),
    totalSize: pool.totalSize + entry.size,
    usage: pool.usage + memoryUsage(entry.tx),
    nextSequence: Math.max(pool.nextSequence, entry.sequence + 1),
  };
}

/** The pool without some of its transactions. */
export function withoutEntries(pool: Mempool, removed: Iterable<MempoolEntry>): Mempool {
  const entries = pool.entries.draft();
  const spenders = pool.spenders.draft();
  let { totalSize, usage } = pool;
  for (const entry of removed) {
    if (entries.delete(entry.tx.id()) === undefined) continue;
    totalSize -= entry.size;
    usage -= memoryUsage(entry.tx);
    for (let i = 0; i < entry.tx.inputCount; i++) spenders.delete(entry.tx.previousTxid(i), entry.tx.previousIndex(i));
  }
  return { ...pool, entries: entries.freeze(), spenders: spenders.freeze(), totalSize, usage };
}

/** The pool with another entry for a transaction that waits already. */
export function withChangedEntry(pool: Mempool, entry: MempoolEntry): Mempool {
  const spenders = pool.spenders.draft();
  for (let i = 0; i < entry.tx.inputCount; i++)
    spenders.set(entry.tx.previousTxid(i), entry.tx.previousIndex(i), entry);
  return { ...pool, entries: pool.entries.with(entry.tx.id(), entry), spenders: spenders.freeze() };
}

/** All that wait, in the order they came, which puts parents before children. */
export function inOrder(pool: Mempool): readonly MempoolEntry[] {
  return [...pool.entries.values()].sort((a, b) => a.sequence - b.sequence);
}

/** The waiting transactions whose outputs a transaction spends. */
export function parentsOf(pool: Mempool, tx: TransactionView): ReadonlySet<MempoolEntry> {
  const parents = new Set<MempoolEntry>();
  for (let i = 0; i < tx.inputCount; i++) {
    const parent = pool.entries.get(tx.previousTxid(i));
    if (parent !== undefined) parents.add(parent);
  }
  return parents;
}

/** The waiting transactions that spend outputs of one. */
export function childrenOf(pool: Mempool, entry: MempoolEntry): ReadonlySet<MempoolEntry> {
  const children = new Set<MempoolEntry>();
  const txid = entry.tx.id();
  for (let i = 0; i < entry.tx.outputCount; i++) {
    const child = pool.spenders.get(txid, i);
    if (child !== undefined) children.add(child);
  }
  return children;
}

/** All waiting transactions that a transaction stands on, without itself. */
export function ancestorsOf(pool: Mempool, tx: TransactionView): ReadonlySet<MempoolEntry> {
  return closure(parentsOf(pool, tx), (entry) => parentsOf(pool, entry.tx));
}

/** A transaction and all that stand on it. */
export function withDescendants(pool: Mempool, entries: Iterable<MempoolEntry>): ReadonlySet<MempoolEntry> {
  return closure(entries, (entry) => childrenOf(pool, entry));
}

/** Entries in the order of their ids as bytes, which is that of Core's sets. */
export function sortedById(entries: Iterable<MempoolEntry>): readonly MempoolEntry[] {
  return [...entries].sort((a, b) => compareBytes(a.tx.id(), b.tx.id()));
}

function closure(
  start: Iterable<MempoolEntry>,
  next: (entry: MempoolEntry) => Iterable<MempoolEntry>,
): ReadonlySet<MempoolEntry> {
  // A set is walked in order of insertion, also over what is added meanwhile.
  const found = new Set(start);
  for (const entry of found) for (const other of next(entry)) found.add(other);
  return found;
}
