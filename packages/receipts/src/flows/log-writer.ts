import { currentCrypto, equalBytes, toHex } from '@bitcoin-enterprise/core';
import { invalidArgument, ReceiptsError } from '../errors.ts';
import { requireBytes, requireObject } from '../model/checks.ts';
import { CompactRange, subtreesOf } from '../model/compact-range.ts';
import { appendToEdge, emptyEdge, type EdgeChange, type LogEdge } from '../model/log-edge.ts';
import { prefixed, type TreeHasher } from '../model/merkle.ts';
import { damaged, MAX_ENTRY_LENGTH, partialTiles, TILE_WIDTH, tilePath } from '../model/tiles.ts';
import type { LogHead, LogStorage } from '../ports/log-storage.ts';
import { tileAccess } from './tile-access.ts';

/** What to append. */
export interface NewEntry {
  /** 0 to 65,535 bytes. */
  readonly entry: Uint8Array;
  /** Names the entry for good: a second append under the same key changes nothing. Its hash alone is stored. */
  readonly key?: string;
}

/** Where an entry went. */
export interface AppendedEntry {
  /** Its number, from 0. */
  readonly index: number;
  /** Whether this call appended it; `false` when its key was there before. */
  readonly appended: boolean;
}

/** How often a change is tried again when other writers were faster. */
export const MAX_ATTEMPTS = 20;
const MAX_BATCH = 8_192;

/** An entry as the writer holds it. */
interface CheckedEntry {
  /** The entry behind the zero byte of leaves. */
  readonly leaf: Uint8Array;
  readonly key: string | undefined;
}

interface Waiting {
  readonly entries: readonly CheckedEntry[];
  readonly resolve: (appended: readonly AppendedEntry[]) => void;
  readonly reject: (reason: unknown) => void;
}

/** Head and edge that belong together. */
interface Position {
  readonly head: LogHead | undefined;
  readonly edge: LogEdge;
}

/** Appends to a log, one commit at a time: what comes while one is going on is committed together after it. */
export interface LogWriter {
  /** Appends entries, checked by {@link checkEntry}. */
  append(entries: readonly CheckedEntry[]): Promise<readonly AppendedEntry[]>;
  /** Told a head that somebody else of this process has committed. */
  moved(head: LogHead): void;
}

/** Makes the writer of a storage. */
export function createLogWriter(storage: LogStorage, hasher: TreeHasher): LogWriter {
  const waiting: Waiting[] = [];
  let draining = false;
  let known: Position | undefined;

  async function drain(): Promise<void> {
    if (draining) return;
    draining = true;
    try {
      while (waiting.length > 0) {
        const batch: Waiting[] = [];
        for (let count = 0; waiting.length > 0 && count < MAX_BATCH;) {
          const next = waiting.shift() as Waiting;
          batch.push(next);
          count += next.entries.length;
        }
        try {
          const answers = await commit(batch);
          batch.forEach(({ resolve }, i) => resolve(answers[i] ?? []));
        } catch (error) {
          // What the storage holds now is uncertain: look again before the next one.
          known = undefined;
          for (const { reject } of batch) reject(error);
        }
      }
    } finally {
      draining = false;
    }
  }

  async function commit(batch: readonly Waiting[]): Promise<ReadonlyArray<readonly AppendedEntry[]>> {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      known ??= await load(storage, hasher);
      const { head, edge } = known;
      const size = head?.size ?? 0;
      const { answers, leaves, keys } = await place(storage, { batch, size });
      if (leaves.length === 0) return answers;
      const change = appendToEdge(edge, leaves, hasher);
      const next: LogHead = { size: change.size, root: change.root, published: head?.published ?? 0 };
      const deletes = uselessPartials({ size, published: next.published, change });
      if (await storage.commit({ expected: head, head: next, writes: change.writes, deletes, keys })) {
        known = { head: next, edge: change.edge };
        return answers;
      }
      known = undefined;
    }
    throw contended(MAX_ATTEMPTS);
  }

  return {
    append: (entries) =>
      new Promise((resolve, reject) => {
        waiting.push({ entries, resolve, reject });
        void drain();
      }),
    moved(head) {
      const isSameTree =
        known?.head !== undefined && known.head.size === head.size && equalBytes(known.head.root, head.root);
      known = known !== undefined && isSameTree ? { ...known, head } : undefined;
    },
  };
}

/** Checks an entry and copies it: the caller may change its bytes before they are committed. */
export function checkEntry(item: NewEntry): CheckedEntry {
  requireObject('entries[]', item);
  const { entry, key } = item;
  requireBytes('entries[].entry', entry);
  if (entry.length > MAX_ENTRY_LENGTH) {
    const details = { length: entry.length, maximum: MAX_ENTRY_LENGTH };
    const text = `expected an entry of at most ${MAX_ENTRY_LENGTH} bytes, got ${entry.length}`;
    throw new ReceiptsError('RECEIPTS_ENTRY_TOO_LARGE', text, {
      details,
      hint: 'keep what is large elsewhere and state its digest as the subject',
    });
  }
  return { leaf: prefixed(entry), key: key === undefined ? undefined : hashedKey(key) };
}

/** Keys may name people; what is stored and served is their hash. */
export function hashedKey(key: string): string {
  // Two lone surrogates would be the same bytes, and two keys one.
  if (typeof key !== 'string' || key === '' || /\p{Surrogate}/u.test(key))
    throw invalidArgument('key', 'a text that is not empty', key);
  return toHex(currentCrypto().sha256(new TextEncoder().encode(key)));
}

/** The error of a writer to whom others are always one change ahead. */
export function contended(attempts: number): ReceiptsError<'RECEIPTS_LOG_CONTENDED'> {
  return new ReceiptsError('RECEIPTS_LOG_CONTENDED', `expected to change the log, lost ${attempts} times to others`, {
    details: { attempts },
    retryable: true,
  });
}

/** Gives each entry of a batch its number: that of its key when it was there before, else the next one. */
async function place(
  storage: LogStorage,
  options: { readonly batch: readonly Waiting[]; readonly size: number },
): Promise<{
  readonly answers: ReadonlyArray<readonly AppendedEntry[]>;
  readonly leaves: readonly Uint8Array[];
  readonly keys: ReadonlyMap<string, number>;
}> {
  const { batch, size } = options;
  const leaves: Uint8Array[] = [];
  const keys = new Map<string, number>();
  const answers: AppendedEntry[][] = [];
  for (const { entries } of batch) {
    const answer: AppendedEntry[] = [];
    for (const { leaf, key } of entries) {
      const before = key === undefined ? undefined : (keys.get(key) ?? (await storage.indexOfKey(key)));
      if (before !== undefined) {
        answer.push({ index: before, appended: false });
        continue;
      }
      const index = size + leaves.length;
      leaves.push(leaf);
      if (key !== undefined) keys.set(key, index);
      answer.push({ index, appended: true });
    }
    answers.push(answer);
  }
  return { answers, leaves, keys };
}

/** Reads head and edge, and checks that they belong together: nothing is appended to a log that is damaged. */
async function load(storage: LogStorage, hasher: TreeHasher): Promise<Position> {
  const head = await storage.head();
  if (head === undefined || head.size === 0) return { head, edge: emptyEdge(hasher) };
  const { size } = head;
  const sizeNow = async (): Promise<number> => (await storage.head())?.size ?? 0;
  const tiles = tileAccess({ read: (path) => storage.read(path), hasher, size, sizeNow });
  const subtrees = await Promise.all(
    subtreesOf(size).map(async ({ level, index }) => ({ level, hash: await tiles.subtree(level, index) })),
  );
  const range = new CompactRange(hasher, subtrees);
  if (!equalBytes(range.root(), head.root)) throw damaged('tile', 'hash');
  const growing = new Map<number | 'entries', { readonly index: number; readonly items: readonly Uint8Array[] }>();
  for (const level of levelsOf(size)) {
    const count = level === 'entries' ? size : Math.floor(size / TILE_WIDTH ** level);
    const index = Math.floor(count / TILE_WIDTH);
    const isPartial = count % TILE_WIDTH > 0;
    const items = !isPartial ? [] : await (level === 'entries' ? tiles.bundle(index) : tiles.tile(level, index));
    growing.set(level, { index, items });
  }
  return { head, edge: { range, growing } };
}

/** Partial tiles that no published checkpoint needs: those of an unpublished size, and all of tiles that are full. */
function uselessPartials(options: {
  readonly size: number;
  readonly published: number;
  readonly change: EdgeChange;
}): readonly string[] {
  const { size, published, change } = options;
  const needed = new Set([...partialTiles(published), ...partialTiles(change.size)].map(tilePath));
  const useless = new Set<string>();
  for (const partial of partialTiles(size)) if (!needed.has(tilePath(partial))) useless.add(tilePath(partial));
  const before = new Map(partialTiles(size).map(({ level, index }) => [level, index]));
  for (const { level, index } of change.filled)
    // A tile that was begun and filled by this change alone never had a partial form.
    if (before.get(level) === index)
      for (let width = 1; width < TILE_WIDTH; width++) useless.add(tilePath({ level, index, width }));
  return [...useless];
}

function levelsOf(size: number): ReadonlyArray<number | 'entries'> {
  const levels: Array<number | 'entries'> = ['entries'];
  for (let level = 0; size >= TILE_WIDTH ** level; level++) levels.push(level);
  return levels;
}
