import { equalBytes } from '@bitcoin-enterprise/core';
import { invalidArgument, ReceiptsError } from '../errors.ts';
import { requireCount, requireList, requireMethods, requireObject, requireText } from '../model/checks.ts';
import { type Checkpoint, parseCheckpoint } from '../model/checkpoint.ts';
import { emptyRoot } from '../model/merkle.ts';
import { type NoteVerifier, openNote, parseNote, unverified } from '../model/note.ts';
import { proofInvalid } from '../model/proofs.ts';

/** Which checkpoints are believed. */
export interface CheckpointPolicy {
  /** First line of the log's checkpoints. */
  readonly origin: string;
  /** Keys of the log; one of them must have signed. */
  readonly logKeys: readonly NoteVerifier[];
  /** Keys of the witnesses whose cosignatures count; none when absent. */
  readonly witnesses?: readonly NoteVerifier[];
  /** How many different witnesses must have co-signed; all of them when absent. */
  readonly quorum?: number;
  /**
   * What to do with signatures of keys that are in neither list. `ignore`, the default and the rule of signed notes,
   * lets logs rotate keys and gain witnesses; `refuse` wants each line to be the one valid signature of a key.
   */
  readonly unknownSignatures?: 'ignore' | 'refuse';
}

/** A checkpoint that its log has signed and enough witnesses have seen. */
export interface VerifiedCheckpoint extends Checkpoint {
  /** The signed text. */
  readonly text: string;
  /** Witnesses that co-signed, with the time of each in Unix seconds. */
  readonly cosignedBy: ReadonlyArray<{ readonly name: string; readonly timestamp: number }>;
}

/**
 * Verifies a signed checkpoint: its origin, a signature of the log, and a quorum of witnesses.
 *
 * @param note - The checkpoint as a signed note.
 * @throws {@link ReceiptsError} `RECEIPTS_NOTE_MALFORMED`, `RECEIPTS_NOTE_UNVERIFIED`, `RECEIPTS_CHECKPOINT_MALFORMED`,
 * `RECEIPTS_CHECKPOINT_WRONG_ORIGIN`, `RECEIPTS_WITNESS_QUORUM_MISSED`.
 */
export async function verifyCheckpoint(note: string, policy: CheckpointPolicy): Promise<VerifiedCheckpoint> {
  const { origin, logKeys, witnesses, quorum, unknownSignatures } = readCheckpointPolicy(policy);
  const opened = await openNote(note, [...logKeys, ...witnesses]);
  const checkpoint = parseCheckpoint(opened.text);
  if (checkpoint.origin !== origin)
    throw new ReceiptsError('RECEIPTS_CHECKPOINT_WRONG_ORIGIN', 'expected a checkpoint of the log asked for', {
      details: { expected: origin },
    });
  const signed = (keys: readonly NoteVerifier[]): ReadonlyArray<(typeof opened.verified)[number]> =>
    opened.verified.filter(({ name, keyHash }) => keys.some((key) => key.name === name && key.keyHash === keyHash));
  if (signed(logKeys).length === 0) throw unverified('no-trusted-key');
  if (unknownSignatures === 'refuse' && opened.unknown.length > 0) throw unverified('unknown-key');
  // A second line in the name of a key that has signed is not looked at, and could be anything.
  if (unknownSignatures === 'refuse' && parseNote(note).signatures.length > opened.verified.length)
    throw unverified('signature');
  const cosignedBy = signed(witnesses).map(({ name, timestamp = 0 }) => ({ name, timestamp }));
  if (cosignedBy.length < quorum) throw quorumMissed(cosignedBy.length, quorum);
  // The one root that needs no proof to be wrong.
  if (checkpoint.size === 0 && !equalBytes(checkpoint.root, emptyRoot())) throw proofInvalid('consistency', 'root');
  return { ...checkpoint, text: opened.text, cosignedBy };
}

/** The policy with its defaults; `RECEIPTS_INVALID_ARGUMENT` for one that makes no sense. */
export function readCheckpointPolicy(policy: CheckpointPolicy): Required<CheckpointPolicy> {
  requireObject('policy', policy);
  const { origin, logKeys, witnesses = [], unknownSignatures = 'ignore' } = policy;
  requireText('policy.origin', origin);
  requireList('policy.logKeys', logKeys);
  requireList('policy.witnesses', witnesses);
  const { quorum = witnesses.length } = policy;
  requireCount('policy.quorum', quorum);
  if (quorum > witnesses.length) throw invalidArgument('policy.quorum', 'at most the number of witnesses', quorum);
  for (const witness of witnesses) {
    requireMethods('policy.witnesses[]', witness, ['verify']);
    if (witness.kind !== 'cosignature') throw invalidArgument('policy.witnesses[]', 'a key of cosignatures', witness);
  }
  // A witness under two names would count twice.
  const keys = new Set(witnesses.map(({ name, verifierKey }) => verifierKey.slice(name.length + '+12345678+'.length)));
  if (keys.size !== witnesses.length) throw invalidArgument('policy.witnesses', 'keys that differ', witnesses);
  if (unknownSignatures !== 'ignore' && unknownSignatures !== 'refuse')
    throw invalidArgument('policy.unknownSignatures', "'ignore' or 'refuse'", unknownSignatures);
  return { origin, logKeys, witnesses, quorum, unknownSignatures };
}

/** The error of a checkpoint that too few have witnessed. */
export function quorumMissed(
  valid: number,
  needed: number,
  cause?: unknown,
): ReceiptsError<'RECEIPTS_WITNESS_QUORUM_MISSED'> {
  return new ReceiptsError('RECEIPTS_WITNESS_QUORUM_MISSED', `expected ${needed} witnesses, got ${valid}`, {
    details: { valid, needed },
    retryable: true,
    ...(cause === undefined ? {} : { cause }),
  });
}
