import { concatBytes } from '@bitcoin-enterprise/core';
import { requireBytes } from '../errors.ts';
import { Flag } from './flags.ts';
import type { ScriptErrorName } from './script-error-name.ts';

/** Half the order of the curve, big endian: the largest low S. */
const HALF_ORDER = Uint8Array.from([
  0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x5d, 0x57, 0x6e,
  0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0,
]);

/** Order of the curve, big endian. */
const ORDER = Uint8Array.from([
  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xba, 0xae, 0xdc,
  0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41,
]);

/**
 * Whether a signature with its sighash byte is strict DER (BIP66).
 *
 * @throws {@link ScriptError} `SCRIPT_INVALID_ARGUMENT` for what are no bytes.
 */
export function isStrictDer(signature: Uint8Array): boolean {
  requireBytes(signature, 'signature');
  const size = signature.length;
  if (size < 9 || size > 73) return false;
  if (signature[0] !== 0x30 || signature[1] !== size - 3) return false;
  const lengthR = signature[3] as number;
  if (5 + lengthR >= size) return false;
  const lengthS = signature[5 + lengthR] as number;
  if (lengthR + lengthS + 7 !== size) return false;
  return isDerInteger(signature, 2, lengthR) && isDerInteger(signature, 4 + lengthR, lengthS);
}

/** Whether a positive integer in its shortest form starts at `offset` (its tag). */
function isDerInteger(bytes: Uint8Array, offset: number, length: number): boolean {
  if (bytes[offset] !== 0x02 || length === 0) return false;
  const first = bytes[offset + 2] as number;
  if ((first & 0x80) !== 0) return false;
  return !(length > 1 && first === 0 && ((bytes[offset + 3] as number) & 0x80) === 0);
}

/** Whether the sighash byte of a strict-DER signature is one that the legacy and v0 rules define. */
function isDefinedHashType(signature: Uint8Array): boolean {
  const base = (signature[signature.length - 1] as number) & ~0x80;
  return base >= 1 && base <= 3;
}

/** Whether S of a strict-DER signature is at most half the order (BIP146). */
function isLowS(signature: Uint8Array): boolean {
  const compact = parseLaxDer(signature.subarray(0, -1));
  return compact !== undefined && compareBytes(compact.subarray(32), HALF_ORDER) <= 0;
}

/** Refuses what the flags forbid about an ECDSA signature's form; the empty signature is always well formed. */
export function checkSignatureEncoding(signature: Uint8Array, flags: number): ScriptErrorName | undefined {
  if (signature.length === 0) return undefined;
  if ((flags & (Flag.DERSIG | Flag.LOW_S | Flag.STRICTENC)) !== 0 && !isStrictDer(signature)) return 'SIG_DER';
  if ((flags & Flag.LOW_S) !== 0 && !isLowS(signature)) return 'SIG_HIGH_S';
  if ((flags & Flag.STRICTENC) !== 0 && !isDefinedHashType(signature)) return 'SIG_HASHTYPE';
  return undefined;
}

/** Refuses what the flags forbid about a public key's form. */
export function checkPublicKeyEncoding(
  key: Uint8Array,
  flags: number,
  witnessV0: boolean,
): ScriptErrorName | undefined {
  const compressed = key.length === 33 && (key[0] === 2 || key[0] === 3);
  if ((flags & Flag.STRICTENC) !== 0 && !compressed && !(key.length === 65 && key[0] === 4)) return 'PUBKEYTYPE';
  if ((flags & Flag.WITNESS_PUBKEYTYPE) !== 0 && witnessV0 && !compressed) return 'WITNESS_PUBKEYTYPE';
  return undefined;
}

/** Whether the first byte of a key announces the length that it has; no other key ever verifies (CPubKey::IsValid). */
export function hasPublicKeyLength(key: Uint8Array): boolean {
  const first = key[0];
  if (first === 2 || first === 3) return key.length === 33;
  return (first === 4 || first === 6 || first === 7) && key.length === 65;
}

/**
 * Reads a DER signature as leniently as the chain's first years demand (BIP66 forbids it since): long lengths, missing
 * or excess padding, trailing bytes. A number beyond the order becomes zero, which no signature verifies with.
 *
 * @returns 64 bytes `r || s`, or `undefined` when not even two integers are there.
 * @throws {@link ScriptError} `SCRIPT_INVALID_ARGUMENT` for what are no bytes.
 */
export function parseLaxDer(signature: Uint8Array): Uint8Array | undefined {
  requireBytes(signature, 'signature');
  if (signature[0] !== 0x30 || signature.length < 2) return undefined;
  const sequence = signature[1] as number;
  // The length of the sequence itself is skipped, never used: only its own size matters.
  const start = (sequence & 0x80) === 0 ? 2 : 2 + (sequence & 0x7f);
  if (start > signature.length) return undefined;
  const r = readLaxInteger(signature, start);
  if (r === undefined) return undefined;
  const s = readLaxInteger(signature, r.end);
  if (s === undefined) return undefined;
  const compact = new Uint8Array(64);
  const fits = placeScalar(compact, 32, signature, r) && placeScalar(compact, 64, signature, s);
  return fits ? compact : new Uint8Array(64);
}

/**
 * Writes a 64-byte ECDSA signature as strict DER (BIP66), without a sighash byte.
 *
 * @throws {@link ScriptError} `SCRIPT_INVALID_ARGUMENT` unless it has 64 bytes.
 */
export function encodeDerSignature(signature: Uint8Array): Uint8Array {
  requireBytes(signature, 'signature', 64);
  const r = derInteger(signature.subarray(0, 32));
  const s = derInteger(signature.subarray(32));
  return concatBytes(Uint8Array.of(0x30, r.length + s.length), r, s);
}

function derInteger(scalar: Uint8Array): Uint8Array {
  let start = 0;
  while (start < 31 && scalar[start] === 0) start++;
  const padding = (scalar[start] as number) >= 0x80 ? [0] : [];
  return concatBytes(Uint8Array.of(2, padding.length + 32 - start, ...padding), scalar.subarray(start));
}

interface Span {
  readonly start: number;
  readonly end: number;
}

function readLaxInteger(bytes: Uint8Array, offset: number): Span | undefined {
  if (bytes[offset] !== 0x02 || offset + 1 >= bytes.length) return undefined;
  let position = offset + 1;
  let length = bytes[position++] as number;
  if ((length & 0x80) !== 0) {
    let count = length & 0x7f;
    if (count > bytes.length - position) return undefined;
    while (count > 0 && bytes[position] === 0) {
      position++;
      count--;
    }
    // Four bytes of length exceed anything that fits into a script element.
    if (count >= 4) return undefined;
    length = 0;
    for (; count > 0; count--) length = length * 256 + (bytes[position++] as number);
  }
  return length > bytes.length - position ? undefined : { start: position, end: position + length };
}

/** Copies an integer so that it ends at `end`; answers whether it is below the order. */
function placeScalar(target: Uint8Array, end: number, bytes: Uint8Array, span: Span): boolean {
  let start = span.start;
  while (start < span.end && bytes[start] === 0) start++;
  if (span.end - start > 32) return false;
  target.set(bytes.subarray(start, span.end), end - (span.end - start));
  return compareBytes(target.subarray(end - 32, end), ORDER) < 0;
}

function compareBytes(left: Uint8Array, right: Uint8Array): number {
  for (let i = 0; i < left.length; i++) {
    const difference = (left[i] as number) - (right[i] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}
