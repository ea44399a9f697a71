import { equalBytes } from '@bitcoin-enterprise/core';
import { invalidArgument, ReceiptsError } from '../errors.ts';
import {
  fieldOf,
  requireCount,
  requireList,
  requireMethods,
  requireObject,
  requireText,
  throwIfAborted,
} from '../model/checks.ts';
import { parseCheckpoint } from '../model/checkpoint.ts';
import { emptyRoot } from '../model/merkle.ts';
import { formatNoteLine, type NoteSigner, type NoteVerifier, parseNote } from '../model/note.ts';
import { noteVerifier } from '../adapters/note-keys.ts';
import { verifyConsistency } from '../model/proofs.ts';
import { outOfRange } from '../model/proof-paths.ts';
import type { Witness, WitnessedCheckpoint, WitnessStorage } from '../ports/witness.ts';
import { verifyCheckpoint } from './verify-checkpoint.ts';

/** A log that a witness follows. */
export interface FollowedLog {
  readonly origin: string;
  /** Keys that may sign its checkpoints. */
  readonly keys: readonly NoteVerifier[];
}

/** Settings of {@link createWitness}. */
export interface CreateWitnessOptions {
  /** Its key, made by `cosigner`. */
  readonly signer: NoteSigner;
  readonly logs: readonly FollowedLog[];
  /** What it remembers, durable before it signs. */
  readonly storage: WitnessStorage;
}

/**
 * A witness (C2SP tlog-witness): it co-signs a checkpoint only when that goes on from the last one it has co-signed.
 *
 * It stores first and signs afterwards. Killed between the two, it holds a checkpoint that nobody has a cosignature of:
 * the log is told that size, asks again from it, and gets one.
 *
 * @example
 * ```ts
 * import {
 *   cosigner,
 *   createMemoryWitnessStorage,
 *   createWitness,
 *   ed25519Signer,
 *   formatCheckpoint,
 *   leafHash,
 *   noteSigner,
 *   noteVerifier,
 *   signNote,
 * } from '@bitcoin-enterprise/receipts';
 *
 * const logKey = noteSigner({ name: 'example.com/log', signer: ed25519Signer(new Uint8Array(32).fill(1)) });
 * const witness = createWitness({
 *   signer: cosigner({ name: 'witness.example/w1', signer: ed25519Signer(new Uint8Array(32).fill(2)) }),
 *   logs: [{ origin: 'example.com/log', keys: [noteVerifier(logKey.verifierKey)] }],
 *   storage: createMemoryWitnessStorage(),
 * });
 * const checkpointOf = (entry: number) =>
 *   signNote(formatCheckpoint({ origin: 'example.com/log', size: 1, root: leafHash(Uint8Array.of(entry)) }), [logKey]);
 * const line = await witness.cosign({ oldSize: 0, proof: [], checkpoint: await checkpointOf(1) });
 * line.startsWith('— witness.example/w1 '); // => true
 * await witness.cosign({ oldSize: 1, proof: [], checkpoint: await checkpointOf(2) }); // => throws RECEIPTS_LOG_FORKED
 * ```
 */
export function createWitness(options: CreateWitnessOptions): Witness {
  requireObject('options', options);
  const { signer, logs, storage } = options;
  requireMethods('options.signer', signer, ['sign']);
  requireMethods('options.storage', storage, ['read', 'compareAndSet']);
  requireList('options.logs', logs);
  for (const log of logs) {
    requireObject('options.logs[]', log);
    requireText('options.logs[].origin', log.origin);
  }
  const followed = new Map(logs.map((log) => [log.origin, log.keys]));
  const key = noteVerifier(signer.verifierKey);
  if (key.kind !== 'cosignature') throw invalidArgument('options.signer', 'a signer made by cosigner()', signer);

  return {
    key,
    async cosign(request, call = {}) {
      requireObject('request', request);
      const { oldSize, proof, checkpoint: note } = request;
      requireCount('request.oldSize', oldSize);
      requireList('request.proof', proof);
      requireText('request.checkpoint', note);
      throwIfAborted('cosign', fieldOf(call, 'signal') as AbortSignal | undefined);
      const { origin } = parseCheckpoint(parseNote(note).text);
      const keys = followed.get(origin);
      if (keys === undefined)
        throw new ReceiptsError('RECEIPTS_WITNESS_LOG_UNKNOWN', 'expected a checkpoint of a log that is followed', {
          details: { origin },
        });
      const { size, root, text } = await verifyCheckpoint(note, { origin, logKeys: keys });
      if (oldSize > size) throw outOfRange(oldSize, size);

      const held = await storage.read(origin, call);
      const heldSize = held?.size ?? 0;
      if (size < heldSize) throw rolledBack(origin, heldSize, size);
      if (oldSize !== heldSize) throw stale(origin, heldSize);
      if (size === heldSize && held !== undefined && !equalBytes(root, held.root)) throw forked(origin, heldSize, size);
      verifyConsistency({
        first: heldSize,
        firstRoot: held?.root ?? emptyRoot(),
        second: size,
        secondRoot: root,
        proof,
      });

      const next: WitnessedCheckpoint = { size, root, note };
      // Signing the same tree again needs no memory; anything else is remembered before it is signed.
      const isNew = held === undefined || size > heldSize;
      if (isNew && !(await storage.compareAndSet(origin, { expected: held, next }, call))) {
        const now = await storage.read(origin, call);
        throw stale(origin, now?.size ?? 0);
      }
      return formatNoteLine({ name: key.name, keyHash: key.keyHash, signature: await signer.sign(text, call) });
    },
  };
}

function stale(origin: string, size: number): ReceiptsError<'RECEIPTS_WITNESS_STALE'> {
  return new ReceiptsError('RECEIPTS_WITNESS_STALE', `expected a proof from size ${size}, which is held`, {
    details: { origin, size },
    retryable: true,
    hint: 'prove consistency from details.size and ask again',
  });
}

/** The error for two signed trees of one log that exclude each other. */
export function forked(origin: string, knownSize: number, size: number): ReceiptsError<'RECEIPTS_LOG_FORKED'> {
  const text = `expected the log to go on from size ${knownSize}, got another tree at size ${size}`;
  return new ReceiptsError('RECEIPTS_LOG_FORKED', text, {
    details: { origin, knownSize, size },
    hint: 'keep both signed checkpoints: together they prove it',
  });
}

/** The error for a log that shows less than it has shown. */
export function rolledBack(origin: string, knownSize: number, size: number): ReceiptsError<'RECEIPTS_LOG_ROLLED_BACK'> {
  const text = `expected at least the ${knownSize} entries seen before, got ${size}`;
  return new ReceiptsError('RECEIPTS_LOG_ROLLED_BACK', text, { details: { origin, knownSize, size } });
}
