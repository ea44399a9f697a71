import { describeValue, SuiteError } from '@bitcoin-enterprise/core';

/** The errors of this package: code → the facts that come with it. This comment becomes docs/errors.md. */
export interface ReceiptsErrors {
  /** An argument of the wrong type or shape: a bug of the caller. `got` describes the value without repeating it. */
  readonly RECEIPTS_INVALID_ARGUMENT: { readonly argument: string; readonly expected: string; readonly got: string };
  /** A call that was ended by its AbortSignal. */
  readonly RECEIPTS_ABORTED: { readonly call: string };
  /** A text that is no JSON, or JSON that two parsers could read differently, or beyond the limits. */
  readonly RECEIPTS_JSON_INVALID: {
    readonly reason: 'syntax' | 'too-long' | 'too-deep' | 'duplicate-key' | 'number' | 'string';
    /** Index of the character where it stops being valid. */
    readonly position: number;
  };
  /** A value that JSON cannot carry faithfully: `undefined`, a bigint, a number that is not finite, a cycle. */
  readonly RECEIPTS_JSON_UNSUPPORTED: { readonly path: string; readonly got: string };
  /** What should be an in-toto Statement v1 and is none. */
  readonly RECEIPTS_STATEMENT_INVALID: { readonly path: string; readonly expected: string };
  /** What should be a DSSE envelope and is none. */
  readonly RECEIPTS_ENVELOPE_INVALID: { readonly path: string; readonly expected: string };
  /** An envelope whose payload type is not one of those expected. */
  readonly RECEIPTS_PAYLOAD_TYPE_UNSUPPORTED: { readonly expected: readonly string[] };
  /** An envelope with valid signatures of fewer trusted keys than needed. */
  readonly RECEIPTS_ENVELOPE_UNVERIFIED: { readonly valid: number; readonly needed: number };
  /** A signer that gave no signature for a key and algorithm. */
  readonly RECEIPTS_SIGNING_FAILED: { readonly keyId: string; readonly algorithm: string };
  /** A Merkle proof that does not lead to the root. */
  readonly RECEIPTS_PROOF_INVALID: {
    readonly kind: 'inclusion' | 'consistency';
    readonly reason: 'length' | 'root' | 'range';
  };
  /** An entry that the log does not have, or a range of tree sizes that makes no sense. */
  readonly RECEIPTS_INDEX_OUT_OF_RANGE: { readonly index: number; readonly size: number };
  /** A text that is no signed note (C2SP signed-note). */
  readonly RECEIPTS_NOTE_MALFORMED: {
    readonly reason: 'too-long' | 'characters' | 'text' | 'signatures' | 'signature-line' | 'key-name';
  };
  /** A text that is no verifier or signer key of signed notes, or one of an unsupported algorithm. */
  readonly RECEIPTS_NOTE_KEY_INVALID: { readonly reason: 'format' | 'name' | 'key-id' | 'algorithm' | 'length' };
  /** A note without a valid signature of a trusted key, or with an invalid one that claims a trusted key. */
  readonly RECEIPTS_NOTE_UNVERIFIED: { readonly reason: 'no-trusted-key' | 'signature' | 'unknown-key' };
  /** A note that is no checkpoint of a log (C2SP tlog-checkpoint). */
  readonly RECEIPTS_CHECKPOINT_MALFORMED: { readonly reason: 'origin' | 'size' | 'root' | 'extension' };
  /** A checkpoint of another log than the one asked for. */
  readonly RECEIPTS_CHECKPOINT_WRONG_ORIGIN: { readonly expected: string };
  /** A checkpoint that fewer witnesses have co-signed than needed. */
  readonly RECEIPTS_WITNESS_QUORUM_MISSED: { readonly valid: number; readonly needed: number };
  /** A witness was asked about a log that it does not follow. */
  readonly RECEIPTS_WITNESS_LOG_UNKNOWN: { readonly origin: string };
  /** A witness was asked to go on from another size than the one it holds; it holds `size`. */
  readonly RECEIPTS_WITNESS_STALE: { readonly origin: string; readonly size: number };
  /** A witness that answered what its protocol does not allow. */
  readonly RECEIPTS_WITNESS_ANSWER_INVALID: { readonly witness: string; readonly reason: string };
  /** Two signed views of one log that cannot both be true: evidence against the log. */
  readonly RECEIPTS_LOG_FORKED: { readonly origin: string; readonly knownSize: number; readonly size: number };
  /** A log that shows fewer entries than it has shown before. */
  readonly RECEIPTS_LOG_ROLLED_BACK: { readonly origin: string; readonly knownSize: number; readonly size: number };
  /** A log resource that is missing, of the wrong length, or does not hash to what the checkpoint says. */
  readonly RECEIPTS_LOG_DAMAGED: { readonly path: string; readonly reason: 'missing' | 'length' | 'format' | 'hash' };
  /** Other writers kept changing the log while this one tried to append. */
  readonly RECEIPTS_LOG_CONTENDED: { readonly attempts: number };
  /** Another process is writing in the folder of a log or witness, and has been for as long as a change waits. */
  readonly RECEIPTS_FOLDER_IN_USE: { readonly lockWaitMs: number };
  /** An entry above the 65,535 bytes that an entry bundle can carry. */
  readonly RECEIPTS_ENTRY_TOO_LARGE: { readonly length: number; readonly maximum: number };
  /** A key under which something else was appended before. */
  readonly RECEIPTS_KEY_CONFLICT: { readonly index: number };
  /** An anchor whose transaction, Merkle branch or header does not hold together, or commits to something else. */
  readonly RECEIPTS_ANCHOR_INVALID: {
    readonly reason:
      | 'transaction'
      | 'transaction-size'
      | 'commitment'
      | 'branch'
      | 'coinbase'
      | 'header'
      | 'proof-of-work'
      | 'checkpoint'
      | 'consistency';
  };
  /** A receipt without the anchor that the policy asks for. */
  readonly RECEIPTS_ANCHOR_MISSING: { readonly presence: 'required' };
  /** An anchor whose block is not on the best chain, or not deep enough. */
  readonly RECEIPTS_ANCHOR_UNCONFIRMED: { readonly confirmations: number; readonly needed: number };
  /** A text or value that is no receipt. */
  readonly RECEIPTS_RECEIPT_MALFORMED: { readonly path: string; readonly expected: string };
  /** What should be a sealed field and is none, or does not open in this place. */
  readonly RECEIPTS_SEALED_INVALID: { readonly reason: 'format' | 'decryption' | 'digest' };
  /** The key of a sealed field was destroyed, while it was sealed or since, or this store never had it. */
  readonly RECEIPTS_SEAL_KEY_UNAVAILABLE: { readonly keyId: string };
  /** A file of keys that cannot be read or written; `errcode` is SQLite's number, 0 when it has none. */
  readonly RECEIPTS_KEY_STORE_UNAVAILABLE: { readonly errcode: number };
}

/** An error of this package. */
export class ReceiptsError<Code extends keyof ReceiptsErrors = keyof ReceiptsErrors> extends SuiteError<
  Code,
  ReceiptsErrors[Code]
> {
  override readonly name: string = 'ReceiptsError';
}

/** Makes the error for an argument of the wrong type; the value is described, never repeated. */
export function invalidArgument(
  argument: string,
  expected: string,
  value: unknown,
): ReceiptsError<'RECEIPTS_INVALID_ARGUMENT'> {
  const got = describeValue(value);
  return new ReceiptsError('RECEIPTS_INVALID_ARGUMENT', `expected ${argument} to be ${expected}, got ${got}`, {
    details: { argument, expected, got },
  });
}

/** Makes the error for a key that is not there, or not there any more. */
export function sealKeyUnavailable(keyId: string): ReceiptsError<'RECEIPTS_SEAL_KEY_UNAVAILABLE'> {
  return new ReceiptsError('RECEIPTS_SEAL_KEY_UNAVAILABLE', 'expected the key of a sealed field, got none', {
    details: { keyId },
    hint: 'it was destroyed, or is kept in another store',
  });
}

declare module '@bitcoin-enterprise/core' {
  // oxlint-disable-next-line typescript/no-empty-object-type
  interface ErrorDetails extends ReceiptsErrors {}
}
