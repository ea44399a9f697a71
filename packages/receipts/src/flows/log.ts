import { concatBytes, type CryptoEngine, currentCrypto } from '@bitcoin-enterprise/core';
import {
  requireCount,
  requireList,
  requireMethods,
  requireObject,
  requireText,
  throwIfAborted,
} from '../model/checks.ts';
import { emptyRoot, treeHasher } from '../model/merkle.ts';
import { consistencyPath, hashesOf, inclusionPath, outOfRange } from '../model/proof-paths.ts';
import { CHECKPOINT_PATH, encodeBundle, partialTiles, TILE_WIDTH, tilePath } from '../model/tiles.ts';
import type { LogHead, LogStorage } from '../ports/log-storage.ts';
import type { CallOptions } from '../ports/signer.ts';
import {
  type AppendedEntry,
  checkEntry,
  contended,
  createLogWriter,
  hashedKey,
  MAX_ATTEMPTS,
  type NewEntry,
} from './log-writer.ts';
import { type TileAccess, tileAccess } from './tile-access.ts';

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
   * Stores a checkpoint, a signed note for `size` entries, as the one to be served, unless a later one is there.
   */
  publish(checkpoint: { readonly note: string; readonly size: number }, options?: CallOptions): Promise<void>;
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
  const writer = createLogWriter(storage, hasher);

  const headOrEmpty = async (call: CallOptions): Promise<LogHead> =>
    (await storage.head(call)) ?? { size: 0, root: emptyRoot(), published: 0 };

  const access = (size: number, laterSize: number, call: CallOptions): TileAccess => {
    const sizeNow = async (): Promise<number> => (await headOrEmpty(call)).size;
    return tileAccess({ read: (path, how) => storage.read(path, how), hasher, size, laterSize, sizeNow, ...call });
  };

  /** The tiles at a size that the log has reached. */
  async function at(size: number, call: CallOptions): Promise<TileAccess> {
    requireCount('size', size);
    const head = await headOrEmpty(call);
    if (size > head.size) throw outOfRange(size, head.size);
    return access(size, head.size, call);
  }

  return {
    head: (call = {}) => headOrEmpty(call),
    async append(entries, call = {}) {
      requireList('entries', entries);
      requireObject('options', call);
      const checked = entries.map(checkEntry);
      throwIfAborted('append', call.signal);
      return writer.append(checked);
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
    async publish(checkpoint, call = {}) {
      requireObject('checkpoint', checkpoint);
      const { note, size } = checkpoint;
      requireText('note', note);
      requireCount('size', size);
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
          writer.moved(next);
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
    for (const place of partialTiles(size)) {
      const { level, index } = place;
      const bytes =
        level === 'entries'
          ? encodeBundle(await tiles.bundle(index))
          : concatBytes(...(await tiles.tile(level, index)));
      writes.set(tilePath(place), bytes);
    }
  }
}
