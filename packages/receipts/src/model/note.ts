import { equalBytes } from '@bitcoin-enterprise/core';
import { invalidArgument, ReceiptsError } from '../errors.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';
import { requireBytes, requireList, requireMethods, requireObject, requireText } from './checks.ts';

/** One signature line of a note, as it stands there. */
export interface NoteSignature {
  /** Name of the key. */
  readonly name: string;
  /** Id of the key: 8 hexadecimal digits. */
  readonly keyHash: string;
  /** The signature without the key id. */
  readonly signature: Uint8Array;
}

/** A note as parsed: nothing is verified yet. */
export interface Note {
  /** The signed text with its last newline. */
  readonly text: string;
  /** In order, repetitions of a key included. */
  readonly signatures: readonly NoteSignature[];
}

/** What a verifier says about one signature. */
export type NoteVerdict =
  | { readonly valid: false }
  | {
      readonly valid: true;
      /** When a witness signed, in Unix seconds; absent for signatures that carry no time. */
      readonly timestamp?: number;
    };

/** Verifies the signatures of one key over notes. */
export interface NoteVerifier {
  readonly name: string;
  /** 8 hexadecimal digits. */
  readonly keyHash: string;
  /** `name+hash+key`: how the key is written in configuration (C2SP signed-note). */
  readonly verifierKey: string;
  /** `note`: an ordinary signature; `cosignature`: the timestamped one of a witness. */
  readonly kind: 'note' | 'cosignature';
  /** Judges a signature over the text of a note; never throws for bad ones. */
  verify(text: string, signature: Uint8Array): Promise<NoteVerdict>;
}

/** Signs the text of notes with one key. */
export interface NoteSigner {
  readonly name: string;
  /** 8 hexadecimal digits. */
  readonly keyHash: string;
  /** The key that verifies what this one signs. */
  readonly verifierKey: string;
  /** The signature without the key id. */
  sign(text: string, options?: { readonly signal?: AbortSignal }): Promise<Uint8Array>;
}

/** A note with at least one valid signature of a trusted key, and none that is invalid. */
export interface OpenedNote {
  readonly text: string;
  /** The valid ones, one for each key, in order. */
  readonly verified: ReadonlyArray<NoteSignature & { readonly timestamp?: number }>;
  /** Those of keys that are not trusted: they say nothing. */
  readonly unknown: readonly NoteSignature[];
}

const MAX_LENGTH = 262_144;
const MAX_SIGNATURES = 100;
const MAX_SIGNATURE_LENGTH = 8_192;

/**
 * Parses a signed note (C2SP signed-note). Nothing of it may be believed before {@link openNote}.
 *
 * @throws {@link ReceiptsError} `RECEIPTS_NOTE_MALFORMED`.
 */
export function parseNote(note: string): Note {
  requireText('note', note);
  if (note.length > MAX_LENGTH) throw malformed('too-long');
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u0009\u000b-\u001f]|\p{Surrogate}/u.test(note)) throw malformed('characters');
  const split = note.lastIndexOf('\n\n');
  if (split < 0) throw malformed('text');
  const text = note.slice(0, split + 1);
  const tail = note.slice(split + 2);
  if (tail === '' || !tail.endsWith('\n')) throw malformed('signatures');
  const lines = tail.slice(0, -1).split('\n');
  if (lines.length > MAX_SIGNATURES) throw malformed('signatures');
  return { text, signatures: lines.map(parseLine) };
}

/** Parses signature lines alone, as a witness answers them. */
export function parseNoteLines(lines: string): readonly NoteSignature[] {
  return parseNote(`\n\n${lines}`).signatures;
}

/** A text and its signatures as one note. */
export function formatNote(note: Note): string {
  requireObject('note', note);
  requireText('note.text', note.text);
  requireList('note.signatures', note.signatures);
  return `${note.text}\n${note.signatures.map(formatNoteLine).join('')}`;
}

/** One signature line, with its newline. */
export function formatNoteLine(line: NoteSignature): string {
  requireObject('signature', line);
  const { name, keyHash, signature } = line;
  requireBytes('signature.signature', signature);
  const bytes = new Uint8Array(4 + signature.length);
  new DataView(bytes.buffer).setUint32(0, Number.parseInt(keyHash, 16));
  bytes.set(signature, 4);
  return `— ${name} ${encodeBase64(bytes)}\n`;
}

/**
 * Signs a text as a note.
 *
 * @param text - Ends with a newline, holds no other control characters.
 * @throws {@link ReceiptsError} `RECEIPTS_NOTE_MALFORMED` for a text that cannot be a note.
 *
 * @example
 * ```ts
 * import { ed25519Signer, noteSigner, noteVerifier, openNote, signNote } from '@bitcoin-enterprise/receipts';
 *
 * const signer = noteSigner({ name: 'example.com/log', signer: ed25519Signer(new Uint8Array(32).fill(1)) });
 * const note = await signNote('hello\n', [signer]);
 * (await openNote(note, [noteVerifier(signer.verifierKey)])).text; // => 'hello\n'
 * ```
 */
export async function signNote(
  text: string,
  signers: readonly NoteSigner[],
  options: { readonly signal?: AbortSignal } = {},
): Promise<string> {
  requireText('text', text);
  requireList('signers', signers);
  if (!text.endsWith('\n')) throw malformed('text');
  const signatures = await Promise.all(
    signers.map(async (signer) => {
      requireMethods('signers[]', signer, ['sign']);
      const { name, keyHash } = signer;
      return { name, keyHash, signature: await signer.sign(text, options) };
    }),
  );
  const note = formatNote({ text, signatures });
  // Whatever a signer is called, what leaves here must be readable.
  if (parseNote(note).text !== text) throw malformed('text');
  return note;
}

/**
 * Opens a note: every signature that claims a trusted key must be valid, and at least one must be there.
 *
 * @param verifiers - The trusted keys.
 * @throws {@link ReceiptsError} `RECEIPTS_NOTE_MALFORMED`, `RECEIPTS_NOTE_UNVERIFIED`; `RECEIPTS_INVALID_ARGUMENT` when
 * two trusted keys share name and id.
 */
export async function openNote(note: string, verifiers: readonly NoteVerifier[]): Promise<OpenedNote> {
  const trusted = indexVerifiers(verifiers);
  const { text, signatures } = parseNote(note);
  const verified = new Map<NoteVerifier, NoteSignature & { readonly timestamp?: number }>();
  const unknown: NoteSignature[] = [];
  for (const item of signatures) {
    const verifier = trusted.get(`${item.name}+${item.keyHash}`);
    if (verifier === undefined) {
      if (!unknown.some((other) => sameSignature(other, item))) unknown.push(item);
      continue;
    }
    if (verified.has(verifier)) continue;
    const verdict = await verifier.verify(text, item.signature);
    if (!verdict.valid) throw unverified('signature');
    verified.set(verifier, verdict.timestamp === undefined ? item : { ...item, timestamp: verdict.timestamp });
  }
  if (verified.size === 0) throw unverified('no-trusted-key');
  return { text, verified: [...verified.values()], unknown };
}

/** The error of a note that must not be believed. */
export function unverified(
  reason: 'no-trusted-key' | 'signature' | 'unknown-key',
): ReceiptsError<'RECEIPTS_NOTE_UNVERIFIED'> {
  return new ReceiptsError(
    'RECEIPTS_NOTE_UNVERIFIED',
    `expected a note signed by a trusted key, got ${words[reason]}`,
    {
      details: { reason },
    },
  );
}

const words = {
  'no-trusted-key': 'one that none has signed',
  signature: 'an invalid signature in the name of one',
  'unknown-key': 'one with signatures of keys that are not trusted',
} as const;

function indexVerifiers(verifiers: readonly NoteVerifier[]): ReadonlyMap<string, NoteVerifier> {
  requireList('verifiers', verifiers);
  const index = new Map<string, NoteVerifier>();
  for (const verifier of verifiers) {
    requireMethods('verifiers[]', verifier, ['verify']);
    const key = `${verifier.name}+${verifier.keyHash}`;
    if (index.has(key)) throw invalidArgument('verifiers', 'keys that differ in name or id', verifiers);
    index.set(key, verifier);
  }
  return index;
}

function parseLine(line: string): NoteSignature {
  const [dash, name, base64, ...rest] = line.split(' ');
  if (dash !== '—' || name === undefined || base64 === undefined || rest.length > 0) throw malformed('signature-line');
  if (!isKeyName(name)) throw malformed('key-name');
  const bytes = decodeBase64(base64);
  if (bytes === undefined || bytes.length < 5 || bytes.length > MAX_SIGNATURE_LENGTH) throw malformed('signature-line');
  const keyHash = new DataView(bytes.buffer).getUint32(0).toString(16).padStart(8, '0');
  return { name, keyHash, signature: bytes.slice(4) };
}

/** Whether a text can name a key: not empty, no spaces of Unicode, no plus, no control characters. */
export function isKeyName(name: string): boolean {
  // oxlint-disable-next-line no-control-regex
  return name !== '' && !/[\s\u0000-\u001f\u0085+]|\p{Surrogate}/u.test(name);
}

function sameSignature(a: NoteSignature, b: NoteSignature): boolean {
  return a.name === b.name && a.keyHash === b.keyHash && equalBytes(a.signature, b.signature);
}

function malformed(
  reason: 'too-long' | 'characters' | 'text' | 'signatures' | 'signature-line' | 'key-name',
): ReceiptsError<'RECEIPTS_NOTE_MALFORMED'> {
  return new ReceiptsError('RECEIPTS_NOTE_MALFORMED', `expected a signed note, got a wrong ${reason}`, {
    details: { reason },
    hint: 'see c2sp.org/signed-note',
  });
}
