import { sha256 } from '@noble/hashes/sha2.js';

import { assertBytes, CoreError, invalidArgument } from '../errors.ts';
import { concatBytes, equalBytes } from './bytes.ts';

const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

const VALUES: Uint8Array = /* @__PURE__ */ (() => {
  const values = new Uint8Array(128).fill(255);
  for (let i = 0; i < 58; i++) values[ALPHABET.charCodeAt(i)] = i;
  return values;
})();

/** Conversion costs the square of the length, so length is bounded; extended keys take 82 bytes. */
const MAX_BYTES = 1_024;
/** 1,024 bytes of 0xff take 1,399 characters. */
const MAX_CHARACTERS = 1_399;

/** Digits are worked on four at a time (58^4 < 2^24), so that a limb times the other base stays below 2^53. */
const FOUR_DIGITS = 58 ** 4;

/**
 * Writes bytes in Base58, without checksum.
 *
 * @param bytes - At most 1,024.
 * @throws {@link CoreError} `CORE_BASE58_INVALID` above that length.
 *
 * @example
 * ```ts
 * import { encodeBase58 } from '@bitcoin-enterprise/core';
 *
 * encodeBase58(Uint8Array.of(0, 97)); // => '12g'
 * ```
 */
export function encodeBase58(bytes: Uint8Array): string {
  assertBytes('bytes', bytes);
  if (bytes.length > MAX_BYTES) throw invalid('too-long', bytes.length);
  let zeros = 0;
  while (bytes[zeros] === 0) zeros++;
  const limbs: number[] = [];
  for (let i = zeros; i < bytes.length; i++) {
    let carry = bytes[i] as number;
    for (let j = 0; j < limbs.length; j++) {
      carry += (limbs[j] as number) * 256;
      limbs[j] = carry % FOUR_DIGITS;
      carry = Math.floor(carry / FOUR_DIGITS);
    }
    if (carry > 0) limbs.push(carry);
  }
  let text = '';
  for (let j = 0; j < limbs.length; j++) {
    let limb = limbs[j] as number;
    for (let digit = 0; digit < 4 && (j < limbs.length - 1 || limb > 0); digit++) {
      text = `${ALPHABET[limb % 58]}${text}`;
      limb = Math.floor(limb / 58);
    }
  }
  return '1'.repeat(zeros) + text;
}

/**
 * Reads Base58 without checksum.
 *
 * @param text - At most 1,399 characters.
 * @throws {@link CoreError} `CORE_BASE58_INVALID` for a character outside the alphabet or an absurd length.
 *
 * @example
 * ```ts
 * import { decodeBase58, toHex } from '@bitcoin-enterprise/core';
 *
 * toHex(decodeBase58('12g')); // => '0061'
 * ```
 */
export function decodeBase58(text: string): Uint8Array {
  if (typeof text !== 'string') throw invalidArgument('text', 'a string', text);
  if (text.length > MAX_CHARACTERS) throw invalid('too-long', text.length);
  let zeros = 0;
  while (text[zeros] === '1') zeros++;
  const limbs: number[] = [];
  for (let i = zeros; i < text.length; i++) {
    let carry = VALUES[text.charCodeAt(i)] ?? 255;
    if (carry === 255) throw invalid('character', i);
    for (let j = 0; j < limbs.length; j++) {
      carry += (limbs[j] as number) * 58;
      limbs[j] = carry & 0xff_ffff;
      carry = Math.floor(carry / 0x100_0000);
    }
    if (carry > 0) limbs.push(carry);
  }
  const wide = new Uint8Array(limbs.length * 3);
  limbs.forEach((limb, j) => {
    const end = wide.length - 3 * j;
    wide[end - 1] = limb & 0xff;
    wide[end - 2] = (limb >> 8) & 0xff;
    wide[end - 3] = limb >> 16;
  });
  let start = 0;
  while (wide[start] === 0) start++;
  const bytes = new Uint8Array(zeros + wide.length - start);
  bytes.set(wide.subarray(start), zeros);
  return bytes;
}

/**
 * Writes bytes in Base58Check: with the first four bytes of their double SHA-256 behind them.
 *
 * @throws {@link CoreError} `CORE_BASE58_INVALID` above 1,020 bytes.
 *
 * @example
 * ```ts
 * import { encodeBase58Check } from '@bitcoin-enterprise/core';
 *
 * encodeBase58Check(new Uint8Array(21)); // => '1111111111111111111114oLvT2'
 * ```
 */
export function encodeBase58Check(payload: Uint8Array): string {
  assertBytes('payload', payload);
  if (payload.length > MAX_BYTES - 4) throw invalid('too-long', payload.length);
  return encodeBase58(concatBytes(payload, checksum(payload)));
}

/**
 * Reads Base58Check and returns the payload without its checksum.
 *
 * @throws {@link CoreError} `CORE_BASE58_INVALID` for a bad character, length or checksum.
 *
 * @example
 * ```ts
 * import { decodeBase58Check } from '@bitcoin-enterprise/core';
 *
 * decodeBase58Check('1111111111111111111114oLvT2').length; // => 21
 * ```
 */
export function decodeBase58Check(text: string): Uint8Array {
  const bytes = decodeBase58(text);
  if (bytes.length < 4) throw invalid('too-short', text.length);
  const payload = bytes.slice(0, -4);
  if (!equalBytes(checksum(payload), bytes.subarray(-4))) throw invalid('checksum', text.length);
  return payload;
}

function checksum(payload: Uint8Array): Uint8Array {
  return sha256(sha256(payload)).subarray(0, 4);
}

function invalid(
  reason: 'character' | 'checksum' | 'too-short' | 'too-long',
  position: number,
): CoreError<'CORE_BASE58_INVALID'> {
  return new CoreError('CORE_BASE58_INVALID', `expected Base58, got a problem of ${reason} at ${position}`, {
    details: { reason, position },
  });
}
