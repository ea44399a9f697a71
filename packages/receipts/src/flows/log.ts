import { type CryptoEngine, currentCrypto, equalBytes, toHex } from '@bitcoin-enterprise/core';
import { invalidArgument, ReceiptsError } from '../errors.ts';
import {
  requireBytes,
  requireCount,
  requireList,
  requireMethods,
  requireObject,
  requireText,
  throwIfAborted,
} from '../model/checks.ts';
import { CompactRange, subtreesOf } from '../model/compact-range.ts';
import { appendToEdge, emptyEdge, type LogEdge } from '../model/log-edge.ts';
import { emptyRoot, treeHasher } from '../model/merkle.ts';
import { consistencyPath, hashesOf, inclusionPath, outOfRange } from '../model/proof-paths.ts';
import {
  CHECKPOINT_PATH,
  damaged,
  decodeTile,
  decodeBundle,
  encodeBundle,
  MAX_ENTRY_LENGTH,
  partialTiles,
  TILE_WIDTH,
  tilePath,
} from '../model/tiles.ts';
import type { LogHead, LogStorage } from '../ports/log-storage.ts';
import type { CallOptions } from '../ports/signer.ts';
import { type TileAccess, tileAccess } from './tile-access.ts';
import { concatBytes } from '@bitcoin-enterprise/core';

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

/** Settings of {@link createLog}. */
export interface CreateLogOptions {
  readonly storage: LogStorage;
  /** The engine that hashes; the current one when absent. */
  readonly crypto?: CryptoEngine;
}

/** An append-only Merkle log (RFC 6962) over a storage. */
export interface MerkleLog {
  /** The committed head; a log without entries has the size 0. */
  head(options?: CallOptions): Promise<LogHead>;
  /**
   * Appends entries, all or none, durable when it answers. Calls that come while another one is being committed are
   * committed together.
   */
  append(entries: readonly NewEntry[], options?: CallOptions): Promise<readonly AppendedEntry[]>;
  /** The entry that a key was given to; `undefined` when there is none. */
  indexOf(key: string, options?: CallOptions): Promise<number | undefined>;
  /** An entry by its number. */
  entry(index: number, options?: CallOptions): Promise<Uint8Array>;
  /** Root of the tree of the first `size` entries. */
  root(size: number, options?: CallOptions): Promise<Uint8Array>;
  /** Proof that an entry is in the tree of `size` entries. */
  proveInclusion(index: number, size: number, options?: CallOptions): Promise<readonly Uint8Array[]>;
  /** Proof that the tree of `second` entries goes on from that of `first`. */
  proveConsistency(first: number, second: number, options?: CallOptions): Promise<readonly Uint8Array[]>;
  /** The checkpoint that was published last, a signed note; `undefined` when none was. */
  checkpoint(options?: CallOptions): Promise<string | undefined>;
  /**
   * Stores a checkpoint for `size` entries as the one to be served, unless a later one is there.
   *
   * @param note - The signed note.
   */
  publish(checkpoint: { readonly note: string; readonly size: number }, options?: CallOptions): Promise<void>;
}

const MAX_ATTEMPTS = 20;
const MAX_BATCH = 8_192;

interface Waiting {
  readonly entries: ReadonlyArray<{ readonly entry: Uint8Array; readonly key: string | undefined }>;
  readonly resolve: (appended: readonly AppendedEntry[]) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Opens a log on a storage. Several processes may append to one storage: its compare-and-set keeps the log one line.
 *
 * @example
 * ```ts
 * import { createLog, createMemoryLogStorage, leafHash, verifyInclusion } from '@bitcoin-enterprise/receipts';
 *
 * const log = createLog({ storage: createMemoryLogStorage() });
 * const entries = [Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3)];
 * await log.append(entries.map((entry) => ({ entry })));
 * const { size, root } = await log.head();
 * const proof = await log.proveInclusion(1, size);
 * verifyInclusion({ leaf: leafHash(Uint8Array.of(2)), index: 1, size, proof, root }); // => undefined
 * ```
 */
export function createLog(options: CreateLogOptions): MerkleLog {
  requireObject('options', options);
  const { storage, crypto = currentCrypto() } = options;
  requireMethods('options.storage', storage, ['head', 'read', 'indexOfKey', 'commit']);
  requireMethods('options.crypto', crypto, ['sha256']);
  const hasher = treeHasher(crypto);
  const waiting: Waiting[] = [];
  let draining = false;
  let known: { readonly head: LogHead | undefined; readonly edge: LogEdge } | undefined;

  const headOrEmpty = async (call: CallOptions): Promise<LogHead> =>
    (await storage.head(call)) ?? { size: 0, root: emptyRoot(), published: 0 };

  const access = (size: number, laterSize: number, call: CallOptions): TileAccess =>
    tileAccess({ read: (path, how) => storage.read(path, how), hasher, size, laterSize, ...call });

  /** The tiles at a size that the log has reached. */
  async function at(size: number, call: CallOptions): Promise<TileAccess> {
    requireCount('size', size);
    const head = await headOrEmpty(call);
    if (size > head.size) throw outOfRange(size, head.size);
    return access(size, head.size, call);
  }

  /** Reads head and edge, and checks that they belong together: nothing is appended to a log that is damaged. */
  async function load(): Promise<{ readonly head: LogHead | undefined; readonly edge: LogEdge }> {
    const head = await storage.head();
    if (head === undefined || head.size === 0) return { head, edge: emptyEdge(hasher) };
    const tiles = access(head.size, head.size, {});
    const subtrees = await Promise.all(
      subtreesOf(head.size).map(async ({ level, index }) => ({ level, hash: await tiles.subtree(level, index) })),
    );
    const range = new CompactRange(hasher, subtrees);
    if (!equalBytes(range.root(), head.root)) throw damaged('tile', 'hash');
    const growing = new Map<number | 'entries', { readonly index: number; readonly items: readonly Uint8Array[] }>();
    for (const level of levelsOf(head.size)) {
      const count = level === 'entries' ? head.size : Math.floor(head.size / TILE_WIDTH ** level);
      const index = Math.floor(count / TILE_WIDTH);
      const isPartial = count % TILE_WIDTH > 0;
      const items = !isPartial ? [] : await (level === 'entries' ? tiles.bundle(index) : tiles.tile(level, index));
      growing.set(level, { index, items });
    }
    return { head, edge: { range, growing } };
  }

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
          const answers = await commitBatch(batch);
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

  async function commitBatch(batch: readonly Waiting[]): Promise<ReadonlyArray<readonly AppendedEntry[]>> {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      known ??= await load();
      const { head, edge } = known;
      const size = head?.size ?? 0;
      const fresh: Uint8Array[] = [];
      const keys = new Map<string, number>();
      const answers: AppendedEntry[][] = [];
      for (const { entries } of batch) {
        const answer: AppendedEntry[] = [];
        for (const { entry, key } of entries) {
          const before = key === undefined ? undefined : (keys.get(key) ?? (await storage.indexOfKey(key)));
          if (before !== undefined) {
            answer.push({ index: before, appended: false });
            continue;
          }
          const index = size + fresh.length;
          fresh.push(entry);
          if (key !== undefined) keys.set(key, index);
          answer.push({ index, appended: true });
        }
        answers.push(answer);
      }
      if (fresh.length === 0) return answers;
      const change = appendToEdge(edge, fresh, hasher);
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
    head: (call = {}) => headOrEmpty(call),
    async append(entries, call = {}) {
      requireList('entries', entries);
      requireObject('options', call);
      const checked = entries.map(checkEntry);
      throwIfAborted('append', call.signal);
      return new Promise((resolve, reject) => {
        waiting.push({ entries: checked, resolve, reject });
        void drain();
      });
    },
    indexOf: async (key, call = {}) => storage.indexOfKey(hashedKey(key), call),
    async entry(index, call = {}) {
      requireCount('index', index);
      const { size } = await headOrEmpty(call);
      if (index >= size) throw outOfRange(index, size);
      const bundle = await access(size, size, call).bundle(Math.floor(index / TILE_WIDTH));
      return bundle[index % TILE_WIDTH] as Uint8Array;
    },
    async root(size, call = {}) {
      const tiles = await at(size, call);
      if (size === 0) return emptyRoot();
      const [root] = await hashesOf([{ start: 0, end: size }], tiles.subtree, hasher);
      return root as Uint8Array;
    },
    async proveInclusion(index, size, call = {}) {
      const tiles = await at(size, call);
      return hashesOf(inclusionPath(index, size), tiles.subtree, hasher);
    },
    async proveConsistency(first, second, call = {}) {
      const tiles = await at(second, call);
      return hashesOf(consistencyPath(first, second), tiles.subtree, hasher);
    },
    async checkpoint(call = {}) {
      const bytes = await storage.read(CHECKPOINT_PATH, call);
      return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
    },
    async publish({ note, size }, call = {}) {
      requireText('note', note);
      for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
        const current = await storage.head(call);
        const reached = current?.size ?? 0;
        if (size > reached) throw outOfRange(size, reached);
        if (current !== undefined && current.published > size) return;
        const head = current ?? { size: 0, root: emptyRoot(), published: 0 };
        const writes = new Map([[CHECKPOINT_PATH, new TextEncoder().encode(note)]]);
        if (size < reached) await restorePartials({ size, reached, writes, call });
        const next: LogHead = { ...head, published: size };
        const change = { expected: current, head: next, writes, deletes: [], keys: new Map<string, number>() };
        if (await storage.commit(change, call)) {
          // An append that was going on will find its head changed and look again.
          if (known?.head !== undefined && sameTree(known.head, next)) known = { ...known, head: next };
          else known = undefined;
          return;
        }
      }
      throw contended(MAX_ATTEMPTS);
    },
  };

  /** Partial tiles of a size that was passed before its checkpoint came: readers of the checkpoint need them. */
  async function restorePartials(options: {
    readonly size: number;
    readonly reached: number;
    readonly writes: Map<string, Uint8Array>;
    readonly call: CallOptions;
  }): Promise<void> {
    const { size, reached, writes, call } = options;
    const tiles = access(size, reached, call);
    for (const { level, index, width } of partialTiles(size)) {
      const path = tilePath({ level, index, width });
      if (level === 'entries') {
        const bytes = encodeBundle(await tiles.bundle(index));
        decodeBundle(bytes, width, path);
        writes.set(path, bytes);
      } else {
        const bytes = concatBytes(...(await tiles.tile(level, index)));
        decodeTile(bytes, width, path);
        writes.set(path, bytes);
      }
    }
  }
}

/** Partial tiles that no published checkpoint needs: those of an unpublished size, and all of tiles that are full. */
function uselessPartials(options: {
  readonly size: number;
  readonly published: number;
  readonly change: ReturnType<typeof appendToEdge>;
}): readonly string[] {
  const { size, published, change } = options;
  const needed = new Set([...partialTiles(published), ...partialTiles(change.size)].map(tilePath));
  const useless = new Set<string>();
  for (const place of partialTiles(size)) if (!needed.has(tilePath(place))) useless.add(tilePath(place));
  for (const { level, index } of change.filled)
    for (let width = 1; width < TILE_WIDTH; width++) useless.add(tilePath({ level, index, width }));
  return [...useless];
}

function levelsOf(size: number): ReadonlyArray<number | 'entries'> {
  const levels: Array<number | 'entries'> = ['entries'];
  for (let level = 0; size >= TILE_WIDTH ** level; level++) levels.push(level);
  return levels;
}

function sameTree(a: LogHead, b: LogHead): boolean {
  return a.size === b.size && equalBytes(a.root, b.root);
}

function checkEntry(item: NewEntry): { readonly entry: Uint8Array; readonly key: string | undefined } {
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
  return { entry: new Uint8Array(entry), key: key === undefined ? undefined : hashedKey(key) };
}

/** Keys may name people; what is stored and served is their hash. */
function hashedKey(key: string): string {
  if (typeof key !== 'string' || key === '') throw invalidArgument('key', 'a text that is not empty', key);
  return toHex(currentCrypto().sha256(new TextEncoder().encode(key)));
}

function contended(attempts: number): ReceiptsError<'RECEIPTS_LOG_CONTENDED'> {
  return new ReceiptsError('RECEIPTS_LOG_CONTENDED', `expected to change the log, lost ${attempts} times to others`, {
    details: { attempts },
    retryable: true,
  });
}
