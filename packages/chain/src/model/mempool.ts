import type { TransactionView } from '@bitcoin-enterprise/script';
import type { Coin } from './coins.ts';
import { PersistentMap } from './persistent-map.ts';

/** A transaction that waits for a block. */
export interface MempoolEntry {
  readonly tx: TransactionView;
  /** Satoshis. */
  readonly fee: bigint;
  /** Virtual bytes, by weight or by signature operations, whichever is more. */
  readonly size: number;
  readonly sigopsCost: number;
  /** What its inputs spend. */
  readonly spent: readonly Coin[];
  /** Inputs that an impersonation let pass. */
  readonly waived: ReadonlySet<number>;
  /** Order of arrival. */
  readonly sequence: number;
}

/** The transactions that wait, as a value: a changed pool is another one. */
export interface Mempool {
  /** By transaction id. */
  readonly entries: PersistentMap<MempoolEntry>;
  /** By outpoint: who spends it. */
  readonly spenders: PersistentMap<MempoolEntry>;
  /** Sum of the virtual sizes. */
  readonly totalSize: number;
  readonly nextSequence: number;
}

/** A pool in which nothing waits. */
export function emptyMempool(): Mempool {
  return { entries: PersistentMap.empty(), spenders: PersistentMap.empty(), totalSize: 0, nextSequence: 0 };
}

/** The pool with one more transaction. */
export function withEntry(pool: Mempool, entry: MempoolEntry): Mempool {
  const spenders = pool.spenders.draft();
  for (let i = 0; i < entry.tx.inputCount; i++)
    spenders.set(entry.tx.previousTxid(i), entry.tx.previousIndex(i), entry);
  return {
    entries: pool.entries.with(entry.tx.id(), entry),
    spenders: spenders.freeze(),
    totalSize: pool.totalSize + entry.size,
    nextSequence: Math.max(pool.nextSequence, entry.sequence + 1),
  };
}

/** The pool without some of its transactions. */
export function withoutEntries(pool: Mempool, removed: Iterable<MempoolEntry>): Mempool {
  const entries = pool.entries.draft();
  const spenders = pool.spenders.draft();
  let { totalSize } = pool;
  for (const entry of removed) {
    if (entries.delete(entry.tx.id()) === undefined) continue;
    totalSize -= entry.size;
    for (let i = 0; i < entry.tx.inputCount; i++) spenders.delete(entry.tx.previousTxid(i), entry.tx.previousIndex(i));
  }
  return { ...pool, entries: entries.freeze(), spenders: spenders.freeze(), totalSize };
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

function closure(
  start: Iterable<MempoolEntry>,
  next: (entry: MempoolEntry) => Iterable<MempoolEntry>,
): ReadonlySet<MempoolEntry> {
  // A set is walked in order of insertion, also over what is added meanwhile.
  const found = new Set(start);
  for (const entry of found) for (const other of next(entry)) found.add(other);
  return found;
}
