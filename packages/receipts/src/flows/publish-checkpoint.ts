import { hasCode } from '@bitcoin-enterprise/core';
import { invalidArgument, ReceiptsError } from '../errors.ts';
import {
  requireCount,
  requireList,
  requireMethods,
  requireObject,
  requireText,
  throwIfAborted,
  unlessAborted,
} from '../model/checks.ts';
import { formatCheckpoint } from '../model/checkpoint.ts';
import {
  formatNoteLine,
  type NoteSignature,
  type NoteSigner,
  parseNote,
  parseNoteLines,
  signNote,
} from '../model/note.ts';
import type { CallOptions } from '../ports/signer.ts';
import type { Witness } from '../ports/witness.ts';
import type { MerkleLog } from './log.ts';
import { quorumMissed } from './verify-checkpoint.ts';

/** Settings of {@link publishCheckpoint}. */
export interface PublishCheckpointOptions extends CallOptions {
  /** First line of the checkpoint. */
  readonly origin: string;
  /** Keys of the log, made by `noteSigner`. */
  readonly signers: readonly NoteSigner[];
  /** Whom to ask for cosignatures; nobody when absent. */
  readonly witnesses?: readonly Witness[];
  /** How many must give one; all of them when absent. */
  readonly quorum?: number;
  /** How long each witness is waited for, in milliseconds, 1 or more; 10,000 when absent. */
  readonly witnessTimeoutMs?: number;
}

/** A checkpoint that was published. */
export interface PublishedCheckpoint {
  /** The signed note with its cosignatures. */
  readonly note: string;
  readonly size: number;
  readonly root: Uint8Array;
  /** Witnesses that gave no cosignature, and why: a fork that one reports is here even when the quorum was met. */
  readonly refusals: ReadonlyArray<{ readonly witness: string; readonly error: unknown }>;
}

const WITNESS_TIMEOUT_MS = 10_000;
// What timers know; more would ring at once.
const LONGEST_MS = 2_147_483_647;
// What a witness holds can change only while others publish too.
const MAX_ROUNDS = 4;

/**
 * Signs the committed tree of a log, has it witnessed, and stores it as the checkpoint to be served. Only what is
 * durable is ever signed, so that a crash cannot make a log sign two histories.
 *
 * @throws {@link ReceiptsError} `RECEIPTS_WITNESS_QUORUM_MISSED` when too few witnesses co-signed: nothing is published,
 * and the same call may succeed later; `RECEIPTS_ABORTED`.
 *
 * @example
 * ```ts
 * import {
 *   createLog,
 *   createMemoryLogStorage,
 *   ed25519Signer,
 *   noteSigner,
 *   publishCheckpoint,
 * } from '@bitcoin-enterprise/receipts';
 *
 * const log = createLog({ storage: createMemoryLogStorage() });
 * await log.append([{ entry: Uint8Array.of(1) }]);
 * const key = noteSigner({ name: 'example.com/log', signer: ed25519Signer(new Uint8Array(32).fill(1)) });
 * const { note } = await publishCheckpoint(log, { origin: 'example.com/log', signers: [key] });
 * note.startsWith('example.com/log\n1\n'); // => true
 * (await log.checkpoint()) === note; // => true
 * ```
 */
export async function publishCheckpoint(
  log: MerkleLog,
  options: PublishCheckpointOptions,
): Promise<PublishedCheckpoint> {
  requireMethods('log', log, ['head', 'proveConsistency', 'publish']);
  requireObject('options', options);
  const { origin, signers, witnesses = [], signal } = options;
  requireText('options.origin', origin);
  requireList('options.signers', signers);
  requireList('options.witnesses', witnesses);
  if (signers.length === 0) throw invalidArgument('options.signers', 'at least one signer', signers);
  const { quorum = witnesses.length, witnessTimeoutMs = WITNESS_TIMEOUT_MS } = options;
  requireCount('options.quorum', quorum);
  requireWitnessTimeout(witnessTimeoutMs);
  if (quorum > witnesses.length) throw invalidArgument('options.quorum', 'at most the number of witnesses', quorum);
  const call = signal === undefined ? {} : { signal };

  const { size, root, published } = await log.head(call);
  const signed = await signNote(formatCheckpoint({ origin, size, root }), signers, call);
  const answers = await Promise.all(
    witnesses.map(async (witness) => {
      try {
        const lines = await inTime(witness, witnessTimeoutMs, call, (limited) =>
          askWitness(witness, { signed, published, size, log, call: limited }),
        );
        return { witness, lines };
      } catch (error) {
        return { witness, error };
      }
    }),
  );
  throwIfAborted('publishCheckpoint', signal);
  const lines = answers.flatMap((answer) => answer.lines ?? []);
  const refusals = answers.flatMap(({ witness, lines, error }) =>
    lines === undefined ? [{ witness: witness.key.name, error }] : [],
  );
  if (answers.length - refusals.length < quorum)
    throw quorumMissed(answers.length - refusals.length, quorum, refusals[0]?.error);
  const note = signed + lines.map(formatNoteLine).join('');
  await log.publish({ note, size }, call);
  return { note, size, root, refusals };
}

/** Requires a time that a witness may take; `RECEIPTS_INVALID_ARGUMENT` otherwise. */
export function requireWitnessTimeout(witnessTimeoutMs: unknown): void {
  requireCount('options.witnessTimeoutMs', witnessTimeoutMs, 1);
  if (witnessTimeoutMs > LONGEST_MS)
    throw invalidArgument('options.witnessTimeoutMs', `at most ${LONGEST_MS}`, witnessTimeoutMs);
}

/** Waits for one witness no longer than it may take: one that is silent must not hold up those that are not. */
async function inTime<Value>(
  witness: Witness,
  timeoutMs: number,
  { signal }: CallOptions,
  ask: (call: CallOptions) => Promise<Value>,
): Promise<Value> {
  const patience = AbortSignal.timeout(timeoutMs);
  const either = { signal: signal === undefined ? patience : AbortSignal.any([signal, patience]) };
  try {
    return await unlessAborted('cosign', ask(either), either);
  } catch (error) {
    if (!patience.aborted || signal?.aborted === true) throw error;
    const reason = `no answer within ${timeoutMs} ms`;
    throw new ReceiptsError('RECEIPTS_WITNESS_ANSWER_INVALID', `expected a cosignature, got ${reason}`, {
      details: { witness: witness.key.name, reason },
      retryable: true,
    });
  }
}

/** The valid cosignatures of one witness; asks again from the size that it says it holds. */
async function askWitness(
  witness: Witness,
  options: {
    readonly signed: string;
    readonly published: number;
    readonly size: number;
    readonly log: MerkleLog;
    readonly call: CallOptions;
  },
): Promise<readonly NoteSignature[]> {
  const { signed, published, size, log, call } = options;
  // What was published last is what most witnesses hold.
  let oldSize = Math.min(published, size);
  for (let round = 1; ; round++) {
    try {
      const proof = await log.proveConsistency(oldSize, size, call);
      const answer = await witness.cosign({ oldSize, proof, checkpoint: signed }, call);
      return await checkAnswer(witness, { signed, answer });
    } catch (error) {
      if (round === MAX_ROUNDS || !hasCode(error, 'RECEIPTS_WITNESS_STALE')) throw error;
      const held: unknown = error.details.size;
      if (typeof held !== 'number' || held > size) throw error;
      oldSize = held;
    }
  }
}

async function checkAnswer(
  witness: Witness,
  { signed, answer }: { readonly signed: string; readonly answer: string },
): Promise<readonly NoteSignature[]> {
  const { key } = witness;
  const ours = parseNoteLines(answer).filter(({ name, keyHash }) => name === key.name && keyHash === key.keyHash);
  const { text } = parseNote(signed);
  for (const line of ours) if ((await key.verify(text, line.signature)).valid) return [line];
  throw new ReceiptsError('RECEIPTS_WITNESS_ANSWER_INVALID', 'expected a valid cosignature of the witness', {
    details: { witness: key.name, reason: 'no valid cosignature' },
  });
}
