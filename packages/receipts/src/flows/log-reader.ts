import { type CryptoEngine, currentCrypto, equalBytes, hasCode } from '@bitcoin-enterprise/core';
import { invalidArgument } from '../errors.ts';
import {
  requireCount,
  requireMethods,
  requireObject,
  requireText,
  throwIfAborted,
  unlessAborted,
} from '../model/checks.ts';
import { emptyRoot, treeHasher } from '../model/merkle.ts';
import { consistencyPath, hashesOf, inclusionPath, outOfRange } from '../model/proof-paths.ts';
import { verifyConsistency, verifyInclusion } from '../model/proofs.ts';
import { decodeUtf8 } from '../model/statement.ts';
import { CHECKPOINT_PATH, damaged, TILE_WIDTH } from '../model/tiles.ts';
import type { CallOptions } from '../ports/signer.ts';
import { type ReadResource, type TileAccess, tileAccess } from './tile-access.ts';
import { type CheckpointPolicy, type VerifiedCheckpoint, verifyCheckpoint } from './verify-checkpoint.ts';
import { forked, rolledBack } from './witness.ts';
import { oneAtATime } from '../adapters/durable-files.ts';

/** Settings of {@link createLogReader}. */
export interface CreateLogReaderOptions {
  /** Reads a resource of the log by path, from a file server for example; nothing it gives is trusted. */
  readonly read: ReadResource;
  /** Whose checkpoints are believed. */
  readonly policy: CheckpointPolicy;
  /** A checkpoint note believed before: the log must go on from it. */
  readonly trusted?: string;
  /** The engine that hashes; the current one when absent. */
  readonly crypto?: CryptoEngine;
}

/** An entry that is proved to be in the log. */
export interface ProvedEntry {
  readonly index: number;
  readonly entry: Uint8Array;
  /** Inclusion proof in the checkpoint that the reader holds. */
  readonly proof: readonly Uint8Array[];
}

/** Reads a log from a server that may lie; what it answers is verified. */
export interface LogReader {
  /** The note of the checkpoint that is believed now; keep it, and hand it in as `trusted` the next time. */
  readonly trusted: string | undefined;
  /**
   * Fetches the latest checkpoint and proves that it goes on from the one held.
   *
   * @throws ReceiptsError `RECEIPTS_LOG_FORKED`, `RECEIPTS_LOG_ROLLED_BACK`, `RECEIPTS_LOG_DAMAGED`, and those of
   * `verifyCheckpoint`.
   */
  refresh(options?: CallOptions): Promise<VerifiedCheckpoint>;
  /** An entry with its proof; `RECEIPTS_LOG_DAMAGED` when the server gives another one. */
  entry(index: number, options?: CallOptions): Promise<ProvedEntry>;
  /** The entries from `start` up to, without, `end`, in order, each proved. */
  entries(range: { readonly start: number; readonly end: number }, options?: CallOptions): AsyncIterable<ProvedEntry>;
}

/**
 * Makes a reader of a log (C2SP tlog-tiles).
 *
 * @example Read a log from a file server
 * ```ts no-run
 * import { createLogReader, noteVerifier } from '@bitcoin-enterprise/receipts';
 *
 * const reader = createLogReader({
 *   read: async (path, options) => {
 *     const answer = await fetch(`https://log.example.com/${path}`, { signal: options?.signal ?? null });
 *     return answer.ok ? new Uint8Array(await answer.arrayBuffer()) : undefined;
 *   },
 *   policy: {
 *     origin: 'log.example.com',
 *     logKeys: [noteVerifier('log.example.com+4b1d4b21+AQ...')],
 *   },
 * });
 * const { size } = await reader.refresh();
 * for await (const { entry } of reader.entries({ start: 0, end: size })) console.log(entry.length);
 * ```
 */
export function createLogReader(options: CreateLogReaderOptions): LogReader {
  requireObject('options', options);
  const { read, policy, crypto = currentCrypto() } = options;
  if (typeof read !== 'function') throw invalidArgument('options.read', 'a function', read);
  requireMethods('options.crypto', crypto, ['sha256']);
  if (options.trusted !== undefined) requireText('options.trusted', options.trusted);
  const hasher = treeHasher(crypto);
  let held: { readonly note: string; readonly checkpoint: VerifiedCheckpoint } | undefined;
  let trusted = options.trusted;
  let tiles: { readonly size: number; readonly access: TileAccess } | undefined;
  // Each refresh goes on from the one before: two at once could believe two histories that exclude each other.
  const alone = oneAtATime();

  function tilesAt(size: number): TileAccess {
    if (tiles?.size === size) return tiles.access;
    const access = fresh(size);
    tiles = { size, access };
    return access;
  }

  async function checkpointHeld(call: CallOptions): Promise<VerifiedCheckpoint> {
    if (held === undefined && trusted !== undefined) {
      const first = { note: trusted, checkpoint: await verifyCheckpoint(trusted, policy) };
      // A refresh may have been faster: what it believes is newer.
      held ??= first;
    }
    return held?.checkpoint ?? refresh(call);
  }

  function refresh(call: CallOptions = {}): Promise<VerifiedCheckpoint> {
    return unlessAborted(
      'refresh',
      alone(() => refreshNow(call)),
      call,
    );
  }

  async function refreshNow(call: CallOptions): Promise<VerifiedCheckpoint> {
    throwIfAborted('refresh', call.signal);
    const bytes = await unlessAborted('refresh', read(CHECKPOINT_PATH, call), call);
    if (bytes === undefined) throw damaged(CHECKPOINT_PATH, 'missing');
    const note = decodeUtf8(bytes);
    if (note === undefined) throw damaged(CHECKPOINT_PATH, 'format');
    const checkpoint = await verifyCheckpoint(note, policy);
    const before = trusted === undefined ? undefined : await checkpointHeld(call);
    if (before !== undefined) await unlessAborted('refresh', goesOn(before, checkpoint), call);
    held = { note, checkpoint };
    trusted = note;
    return checkpoint;
  }

  async function goesOn(before: VerifiedCheckpoint, after: VerifiedCheckpoint): Promise<void> {
    const { origin } = after;
    if (after.size < before.size) throw rolledBack(origin, before.size, after.size);
    if (after.size === before.size) {
      if (!equalBytes(after.root, before.root)) throw forked(origin, before.size, after.size);
      return;
    }
    const access = fresh(after.size);
    const proof = await hashesOf(consistencyPath(before.size, after.size), access.subtree, hasher);
    try {
      verifyConsistency({
        first: before.size,
        firstRoot: before.root,
        second: after.size,
        secondRoot: after.root,
        proof,
      });
    } catch (error) {
      if (!hasCode(error, 'RECEIPTS_PROOF_INVALID')) throw error;
      // Tiles that lead to the signed root but not from the old one are the log's own doing, others the server's.
      if (equalBytes(await rootOf(access, after.size), after.root)) throw forked(origin, before.size, after.size);
      throw damaged('tile', 'hash');
    }
    tiles = { size: after.size, access };
  }

  // Without a signal: what one call reads serves the next ones, and an abort must not spoil it for them.
  function fresh(size: number): TileAccess {
    return tileAccess({ read: (path) => read(path), hasher, size });
  }

  async function rootOf(access: TileAccess, size: number): Promise<Uint8Array> {
    if (size === 0) return emptyRoot();
    const [root] = await hashesOf([{ start: 0, end: size }], access.subtree, hasher);
    return root as Uint8Array;
  }

  async function entryOf(index: number, call: CallOptions): Promise<ProvedEntry> {
    requireCount('index', index);
    throwIfAborted('entry', call.signal);
    const { size, root } = await checkpointHeld(call);
    if (index >= size) throw outOfRange(index, size);
    const access = tilesAt(size);
    try {
      const bundle = await access.bundle(Math.floor(index / TILE_WIDTH));
      const entry = bundle[index % TILE_WIDTH] as Uint8Array;
      const proof = await hashesOf(inclusionPath(index, size), access.subtree, hasher);
      verifyInclusion({ leaf: hasher.leaf(entry), index, size, proof, root });
      return { index, entry: new Uint8Array(entry), proof };
    } catch (error) {
      // What was read is spoilt: the server may do better the next time.
      tiles = undefined;
      if (hasCode(error, 'RECEIPTS_PROOF_INVALID')) throw damaged('tile', 'hash');
      throw error;
    }
  }

  return {
    get trusted() {
      return trusted;
    },
    refresh,
    entry: (index, call = {}) => unlessAborted('entry', entryOf(index, call), call),
    async *entries(range, call = {}) {
      requireObject('range', range);
      const { start, end } = range;
      requireCount('range.start', start);
      requireCount('range.end', end);
      for (let index = start; index < end; index++) yield await unlessAborted('entries', entryOf(index, call), call);
    },
  };
}
