import {
  concatBytes,
  currentCrypto,
  type Entropy,
  equalBytes,
  parseHex,
  toHex,
  webEntropy,
} from '@bitcoin-enterprise/core';
import { ReceiptsError, sealKeyUnavailable } from '../errors.ts';
import { isObject, requireMethods, requireObject, requireText } from '../model/checks.ts';
import { decodeBase64, encodeBase64 } from '../model/base64.ts';
import { canonicalJson, type Json, parseJson } from '../model/json.ts';
import { decodeUtf8 } from '../model/statement.ts';
import type { KeyStore } from '../ports/key-store.ts';
import type { CallOptions } from '../ports/signer.ts';

/**
 * A field of a predicate whose value can be forgotten: the receipt binds ciphertext and digest, and both mean nothing
 * once the key is destroyed.
 */
export interface SealedField {
  readonly sealed: 'A256GCM';
  /** Random name of the key. */
  readonly keyId: string;
  /** Base64, 12 bytes. */
  readonly iv: string;
  /** Base64: salt, value and padding, encrypted. */
  readonly ciphertext: string;
  /** HMAC-SHA256 of place and value under the salt, hexadecimal: what a disclosed value is checked against. */
  readonly digest: string;
  /** So that a sealed field is a JSON object to others. */
  readonly [other: string]: string;
}

/** A value shown to a third party, who can check it against the receipt without any key. */
export interface Disclosure {
  readonly value: Json;
  /** 32 bytes, hexadecimal. Whoever has it can prove the value. */
  readonly salt: string;
}

/** Settings of {@link sealField}. */
export interface SealFieldOptions extends CallOptions {
  /** Whom the value is about: the key store's name, which does not appear in the result. */
  readonly subject: string;
  /** Where it belongs, for example predicate type and field name; it opens nowhere else. */
  readonly place: string;
  /** Source of the salt; the runtime's when absent. */
  readonly entropy?: Entropy;
}

const SALT_LENGTH = 32;
// Of two values, the longer one must not be told by its ciphertext.
const BLOCK = 64;

/**
 * Seals a value for a predicate. The digest is salted with 32 secret bytes, so that a name or a birthday cannot be
 * guessed from it; the salt is sealed with the value and dies with it.
 *
 * Sealing the same value twice gives two different fields: build a statement once, and keep it until it is issued.
 *
 * @throws {@link ReceiptsError} `RECEIPTS_JSON_UNSUPPORTED` for a value that is no JSON, without repeating it;
 * `RECEIPTS_SEAL_KEY_UNAVAILABLE` when the subject's key is destroyed meanwhile.
 *
 * @example
 * ```ts
 * import { createMemoryKeyStore, openField, sealField, verifyDisclosure } from '@bitcoin-enterprise/receipts';
 *
 * const keys = createMemoryKeyStore();
 * const place = 'https://example.com/payment/v1#payer';
 * const field = await sealField(keys, 'Jane Doe', { subject: 'customer-7', place });
 * const shown = await openField(keys, field, { place });
 * shown.value; // => 'Jane Doe'
 * verifyDisclosure(field, shown, { place }); // => true
 * await keys.destroy('customer-7');
 * await openField(keys, field, { place }); // => throws RECEIPTS_SEAL_KEY_UNAVAILABLE
 * ```
 */
export async function sealField(keys: KeyStore, value: Json, options: SealFieldOptions): Promise<SealedField> {
  requireMethods('keys', keys, ['seal']);
  requireObject('options', options);
  const { subject, place, entropy = webEntropy(), signal } = options;
  requireText('options.subject', subject);
  requireText('options.place', place);
  requireMethods('options.entropy', entropy, ['bytes']);
  const json = secretJson(value);
  const salt = entropy.bytes(SALT_LENGTH);
  const used = SALT_LENGTH + 4 + json.length;
  const plaintext = new Uint8Array(Math.ceil(used / BLOCK) * BLOCK);
  plaintext.set(salt);
  new DataView(plaintext.buffer).setUint32(SALT_LENGTH, json.length);
  plaintext.set(json, SALT_LENGTH + 4);
  const digest = toHex(digestOf({ salt, json, place }));
  const content = { plaintext, associatedData: binding(place, digest) };
  const { keyId, iv, ciphertext } = await keys.seal(subject, content, signal === undefined ? {} : { signal });
  plaintext.fill(0);
  return { sealed: 'A256GCM', keyId, iv: encodeBase64(iv), ciphertext: encodeBase64(ciphertext), digest };
}

/**
 * Opens a sealed field.
 *
 * @returns The value with its salt: hand both to whom you want to prove it.
 * @throws {@link ReceiptsError} `RECEIPTS_SEAL_KEY_UNAVAILABLE` once the key is destroyed, `RECEIPTS_SEALED_INVALID`.
 */
export async function openField(
  keys: KeyStore,
  field: SealedField,
  options: CallOptions & { readonly place: string },
): Promise<Disclosure> {
  requireMethods('keys', keys, ['open']);
  requireObject('options', options);
  const { place, signal } = options;
  requireText('options.place', place);
  const { keyId, iv, ciphertext, digest } = readField(field);
  const call = signal === undefined ? {} : { signal };
  const plaintext = await keys.open({ keyId, iv, ciphertext }, binding(place, digest), call);
  if (plaintext === undefined) throw sealKeyUnavailable(keyId);
  if (plaintext.length < SALT_LENGTH + 4) throw sealedInvalid('format');
  const length = new DataView(plaintext.buffer, plaintext.byteOffset).getUint32(SALT_LENGTH);
  if (length > plaintext.length - SALT_LENGTH - 4) throw sealedInvalid('format');
  const salt = plaintext.slice(0, SALT_LENGTH);
  const json = plaintext.subarray(SALT_LENGTH + 4, SALT_LENGTH + 4 + length);
  if (toHex(digestOf({ salt, json, place })) !== digest) throw sealedInvalid('digest');
  return { value: valueOf(json), salt: toHex(salt) };
}

/**
 * Whether a disclosed value is the one that was sealed; needs no key, and works after the key is destroyed for whoever
 * kept the salt.
 *
 * @throws {@link ReceiptsError} `RECEIPTS_SEALED_INVALID` for what is no sealed field.
 */
export function verifyDisclosure(
  field: SealedField,
  disclosure: Disclosure,
  options: { readonly place: string },
): boolean {
  requireObject('disclosure', disclosure);
  requireObject('options', options);
  const { place } = options;
  requireText('options.place', place);
  const { digest } = readField(field);
  const { value, salt } = disclosure;
  if (typeof salt !== 'string' || !/^[0-9a-f]{64}$/.test(salt)) return false;
  const json = secretJson(value);
  return equalBytes(digestOf({ salt: parseHex(salt), json, place }), parseHex(digest));
}

/** Whether a value of a predicate is a sealed field. */
export function isSealedField(value: unknown): value is SealedField {
  try {
    readField(value);
    return true;
  } catch {
    return false;
  }
}

function readField(value: unknown): {
  readonly keyId: string;
  readonly iv: Uint8Array;
  readonly ciphertext: Uint8Array;
  readonly digest: string;
} {
  if (!isObject(value) || value['sealed'] !== 'A256GCM') throw sealedInvalid('format');
  const { keyId, iv, ciphertext, digest } = value;
  const bytes = [iv, ciphertext].map((text) => (typeof text === 'string' ? decodeBase64(text) : undefined));
  const [ivBytes, cipherBytes] = bytes;
  const isHex = typeof digest === 'string' && /^[0-9a-f]{64}$/.test(digest);
  if (typeof keyId !== 'string' || ivBytes?.length !== 12 || cipherBytes === undefined || !isHex)
    throw sealedInvalid('format');
  return { keyId, iv: ivBytes, ciphertext: cipherBytes, digest };
}

function valueOf(json: Uint8Array): Json {
  const text = decodeUtf8(json);
  if (text === undefined) throw sealedInvalid('format');
  try {
    return parseJson(text);
  } catch {
    // The lower error would tell where in the secret it is wrong.
    throw sealedInvalid('format');
  }
}

function digestOf(parts: { readonly salt: Uint8Array; readonly json: Uint8Array; readonly place: string }): Uint8Array {
  const { salt, json, place } = parts;
  const where = utf8(place);
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, where.length);
  return currentCrypto().hmacSha256(salt, concatBytes(length, where, json));
}

/** JSON of a value whose very field names are secret: where in it something is wrong is not told. */
function secretJson(value: Json): Uint8Array {
  try {
    return utf8(canonicalJson(value));
  } catch {
    throw new ReceiptsError('RECEIPTS_JSON_UNSUPPORTED', 'expected a JSON value to seal', {
      details: { path: 'value', got: 'something in it that JSON cannot carry' },
      hint: 'write bigints as decimal strings and leave absent fields out',
    });
  }
}

/** The ciphertext belongs to one place and one digest. */
function binding(place: string, digest: string): Uint8Array {
  return utf8(canonicalJson({ digest, place, sealed: 'A256GCM' }));
}

function sealedInvalid(reason: 'format' | 'decryption' | 'digest'): ReceiptsError<'RECEIPTS_SEALED_INVALID'> {
  return new ReceiptsError('RECEIPTS_SEALED_INVALID', `expected a sealed field, got a wrong ${reason}`, {
    details: { reason },
  });
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
