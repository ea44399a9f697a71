import { type Clock, concatBytes, currentCrypto, systemClock, toHex } from '@bitcoin-enterprise/core';
import { invalidArgument, ReceiptsError } from '../errors.ts';
import type { ReceiptSigner } from '../ports/signer.ts';
import { type Ed25519Check, ed25519Check } from './ed25519-check.ts';
import { decodeBase64, encodeBase64 } from '../model/base64.ts';
import { requireMethods, requireObject, requireText } from '../model/checks.ts';
import { isKeyName, type NoteSigner, type NoteVerdict, type NoteVerifier } from '../model/note.ts';

/** Signature types of C2SP signed-note. */
const types = { note: 0x01, cosignature: 0x04 } as const;

/** What a key for notes is made of. */
export interface NoteKeyParts {
  /** Name of the key: a URL without its scheme; a log's is its origin. */
  readonly name: string;
  /** An Ed25519 signer; its key may live in an HSM. */
  readonly signer: ReceiptSigner;
}

/**
 * A signer of notes, and of checkpoints: a log's key.
 *
 * @throws {@link ReceiptsError} `RECEIPTS_NOTE_KEY_INVALID` for a name that no key can have, `RECEIPTS_INVALID_ARGUMENT`
 * for a signer of another algorithm than Ed25519.
 */
export function noteSigner(parts: NoteKeyParts): NoteSigner {
  const { name, signer } = requireParts(parts);
  return {
    ...keyOf(name, 'note', signer.publicKey),
    sign: async (text, options) => signer.sign(utf8(text), options),
  };
}

/**
 * A signer of cosignatures (C2SP tlog-cosignature v1): a witness's key. Its Ed25519 key must have no other use.
 *
 * @throws {@link ReceiptsError} as {@link noteSigner}.
 */
export function cosigner(parts: NoteKeyParts & { readonly clock?: Clock }): NoteSigner {
  const { name, signer } = requireParts(parts);
  const { clock = systemClock() } = parts;
  requireMethods('clock', clock, ['now']);
  return {
    ...keyOf(name, 'cosignature', signer.publicKey),
    sign: async (text, options) => {
      const time = clock.now();
      const stamp = new Uint8Array(8);
      new DataView(stamp.buffer).setBigUint64(0, BigInt(time));
      return concatBytes(stamp, await signer.sign(cosigned(text, time), options));
    },
  };
}

/**
 * A verifier from its text `name+hash+key`: an Ed25519 key of notes or of cosignatures.
 *
 * @throws {@link ReceiptsError} `RECEIPTS_NOTE_KEY_INVALID`.
 *
 * @example
 * ```ts
 * import { noteVerifier } from '@bitcoin-enterprise/receipts';
 *
 * noteVerifier('PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW').name; // => 'PeterNeumann'
 * noteVerifier('PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'); // => throws RECEIPTS_NOTE_KEY_INVALID
 * ```
 */
export function noteVerifier(verifierKey: string): NoteVerifier {
  requireText('verifierKey', verifierKey);
  const [name = '', hash = '', ...rest] = verifierKey.split('+');
  // Base64 has plus signs of its own.
  const { kind, bytes: publicKey } = readKey({ name, hash, base64: rest.join('+') });
  const key = keyOf(name, kind, publicKey);
  if (key.keyHash !== hash) throw keyInvalid('key-id');
  const check = ed25519Check(publicKey);
  return { ...key, verify: (text, signature) => judge(kind, { text, signature, check }) };
}

/**
 * The parts of a signer's text `PRIVATE+KEY+name+hash+key`, as Go's sumdb tools write it.
 *
 * @throws {@link ReceiptsError} `RECEIPTS_NOTE_KEY_INVALID`; the text is never repeated.
 */
export function parseSignerKey(signerKey: string): {
  readonly name: string;
  /** 8 hexadecimal digits. */
  readonly keyHash: string;
  /** The 32-byte seed. */
  readonly secretKey: Uint8Array;
} {
  requireText('signerKey', signerKey);
  const [head, second, name = '', keyHash = '', ...rest] = signerKey.split('+');
  if (head !== 'PRIVATE' || second !== 'KEY') throw keyInvalid('format');
  const { kind, bytes } = readKey({ name, hash: keyHash, base64: rest.join('+') });
  if (kind !== 'note') throw keyInvalid('algorithm');
  return { name, keyHash, secretKey: bytes };
}

/** The key id of a name and key: the first four bytes of SHA-256 over name, newline, type and key. */
export function noteKeyHash(name: string, kind: 'note' | 'cosignature', publicKey: Uint8Array): string {
  const bytes = concatBytes(utf8(`${name}\n`), Uint8Array.of(types[kind]), publicKey);
  return toHex(currentCrypto().sha256(bytes).subarray(0, 4));
}

async function judge(
  kind: 'note' | 'cosignature',
  parts: { readonly text: string; readonly signature: Uint8Array; readonly check: Ed25519Check },
): Promise<NoteVerdict> {
  const { text, signature, check } = parts;
  if (kind === 'note') return { valid: await check(utf8(text), signature) };
  if (signature.length !== 72) return { valid: false };
  const stamp = new DataView(signature.buffer, signature.byteOffset, 8).getBigUint64(0);
  // The specification allows times to 2^63 - 1; one beyond the exact numbers is millions of years away.
  if (stamp > BigInt(Number.MAX_SAFE_INTEGER)) return { valid: false };
  const timestamp = Number(stamp);
  const isValid = await check(cosigned(text, timestamp), signature.subarray(8));
  return isValid ? { valid: true, timestamp } : { valid: false };
}

function cosigned(text: string, time: number): Uint8Array {
  return utf8(`cosignature/v1\ntime ${time}\n${text}`);
}

function keyOf(name: string, kind: 'note' | 'cosignature', publicKey: Uint8Array): Omit<NoteVerifier, 'verify'> {
  const keyHash = noteKeyHash(name, kind, publicKey);
  const base64 = encodeBase64(concatBytes(Uint8Array.of(types[kind]), publicKey));
  return { name, kind, keyHash, verifierKey: `${name}+${keyHash}+${base64}` };
}

function readKey(parts: { readonly name: string; readonly hash: string; readonly base64: string }): {
  readonly kind: 'note' | 'cosignature';
  readonly bytes: Uint8Array;
} {
  const { name, hash, base64 } = parts;
  if (!isKeyName(name)) throw keyInvalid('name');
  if (!/^[0-9a-f]{8}$/.test(hash)) throw keyInvalid('key-id');
  const bytes = decodeBase64(base64);
  if (bytes === undefined || bytes.length === 0) throw keyInvalid('format');
  const kind = bytes[0] === types.note ? 'note' : bytes[0] === types.cosignature ? 'cosignature' : undefined;
  if (kind === undefined) throw keyInvalid('algorithm');
  if (bytes.length !== 33) throw keyInvalid('length');
  return { kind, bytes: bytes.slice(1) };
}

function requireParts(parts: NoteKeyParts): NoteKeyParts {
  requireObject('parts', parts);
  const { name, signer } = parts;
  requireText('name', name);
  if (!isKeyName(name)) throw keyInvalid('name');
  requireMethods('signer', signer, ['sign']);
  if (signer.algorithm !== 'ed25519') throw invalidArgument('signer', 'an Ed25519 signer', signer);
  return parts;
}

function keyInvalid(
  reason: 'format' | 'name' | 'key-id' | 'algorithm' | 'length',
): ReceiptsError<'RECEIPTS_NOTE_KEY_INVALID'> {
  return new ReceiptsError('RECEIPTS_NOTE_KEY_INVALID', `expected a key of signed notes, got a wrong ${reason}`, {
    details: { reason },
    hint: 'a verifier key is written name+hash+base64, with 0x01 (note) or 0x04 (cosignature) before the 32 bytes',
  });
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
