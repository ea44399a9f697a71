import { assertBytes, assertObject, CoreError, invalidArgument } from '../errors.ts';

const ALPHABET = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';

const VALUES: Uint8Array = /* @__PURE__ */ (() => {
  const values = new Uint8Array(128).fill(255);
  for (let i = 0; i < 32; i++) {
    values[ALPHABET.charCodeAt(i)] = i;
    values[ALPHABET.toUpperCase().charCodeAt(i)] = i;
  }
  return values;
})();

/** The final constant of the checksum: BIP173's and BIP350's. */
const CONSTANTS = { bech32: 1, bech32m: 0x2bc8_30a3 } as const;

/** Which checksum a text carries: BIP173 (witness version 0) or BIP350 (later versions). */
export type Bech32Variant = keyof typeof CONSTANTS;

/** A Bech32 text taken apart. */
export interface Bech32 {
  /** The human-readable part, lower case. */
  readonly prefix: string;
  /** Values of 0 to 31, without the checksum. */
  readonly words: Uint8Array;
  readonly variant: Bech32Variant;
}

/** Longest text of BIP173, within which the checksum finds any four errors. */
const MAX_CHARACTERS = 90;

/** How long a Bech32 text may be. */
export interface Bech32Options {
  /** Most characters, 90 when absent; Lightning invoices are longer. */
  readonly maxCharacters?: number;
}

/**
 * Writes words of five bits as Bech32 or Bech32m.
 *
 * @param parts - Prefix (1 to 83 characters, lower case), words and checksum variant.
 * @throws {@link CoreError} `CORE_BECH32_INVALID` for a bad prefix, a word above 31, or too long a result.
 *
 * @example
 * ```ts
 * import { encodeBech32 } from '@bitcoin-enterprise/core';
 *
 * encodeBech32({ prefix: 'a', words: new Uint8Array(0), variant: 'bech32m' }); // => 'a1lqfn3a'
 * ```
 */
export function encodeBech32(parts: Bech32, options: Bech32Options = {}): string {
  assertObject('parts', parts);
  const { prefix, words, variant } = parts;
  const maxCharacters = limitOf(options);
  if (variant !== 'bech32' && variant !== 'bech32m') throw invalidArgument('variant', 'bech32 or bech32m', variant);
  if (typeof prefix !== 'string') throw invalidArgument('prefix', 'a string', prefix);
  assertBytes('words', words);
  const length = prefix.length + 7 + words.length;
  if (prefix.length === 0 || length > maxCharacters) throw invalid('length', length);
  let sum = startChecksum(prefix);
  for (let i = 0; i < prefix.length; i++) {
    const code = prefix.charCodeAt(i);
    if (code < 33 || code > 126) throw invalid('character', i);
    if (code >= 65 && code <= 90) throw invalid('mixed-case', i);
  }
  let text = `${prefix}1`;
  words.forEach((word, i) => {
    if (word > 31) throw invalid('value', i);
    sum = step(sum) ^ word;
    text += ALPHABET[word];
  });
  for (let i = 0; i < 6; i++) sum = step(sum);
  sum ^= CONSTANTS[variant];
  for (let i = 5; i >= 0; i--) text += ALPHABET[(sum >>> (5 * i)) & 31];
  return text;
}

/**
 * Reads Bech32 or Bech32m and says which it was.
 *
 * @throws {@link CoreError} `CORE_BECH32_INVALID` with the reason and where.
 *
 * @example
 * ```ts
 * import { decodeBech32 } from '@bitcoin-enterprise/core';
 *
 * decodeBech32('A1LQFN3A').variant; // => 'bech32m'
 * ```
 */
export function decodeBech32(text: string, options: Bech32Options = {}): Bech32 {
  const maxCharacters = limitOf(options);
  if (typeof text !== 'string') throw invalidArgument('text', 'a string', text);
  if (text.length < 8 || text.length > maxCharacters) throw invalid('length', text.length);
  requireOneCase(text);
  const separator = text.lastIndexOf('1');
  if (separator < 1 || separator + 7 > text.length) throw invalid('separator', Math.max(separator, 0));
  const prefix = text.slice(0, separator).toLowerCase();
  const words = new Uint8Array(text.length - separator - 1);
  let sum = startChecksum(prefix);
  for (let i = 0; i < words.length; i++) {
    const position = separator + 1 + i;
    const word = VALUES[text.charCodeAt(position)] ?? 255;
    if (word === 255) throw invalid('character', position);
    sum = step(sum) ^ word;
    words[i] = word;
  }
  if (sum !== CONSTANTS.bech32 && sum !== CONSTANTS.bech32m) throw invalid('checksum', text.length);
  return { prefix, words: words.slice(0, -6), variant: sum === CONSTANTS.bech32 ? 'bech32' : 'bech32m' };
}

/**
 * Spreads bytes over words of five bits, the last one filled up with zeros.
 *
 * @example
 * ```ts
 * import { toWords } from '@bitcoin-enterprise/core';
 *
 * [...toWords(Uint8Array.of(255))]; // => [31, 28]
 * ```
 */
export function toWords(bytes: Uint8Array): Uint8Array {
  assertBytes('bytes', bytes);
  const words = new Uint8Array(Math.ceil((bytes.length * 8) / 5));
  let bits = 0;
  let held = 0;
  let next = 0;
  for (let i = 0; i < bytes.length; i++) {
    held = ((held << 8) | (bytes[i] as number)) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      words[next++] = (held >> bits) & 31;
    }
  }
  if (bits > 0) words[next] = (held << (5 - bits)) & 31;
  return words;
}

/**
 * Gathers words of five bits into bytes; the bits left over must be fewer than five, and zero (BIP173).
 *
 * @throws {@link CoreError} `CORE_BECH32_INVALID` for a word above 31 or bad padding.
 *
 * @example
 * ```ts
 * import { fromWords } from '@bitcoin-enterprise/core';
 *
 * [...fromWords(Uint8Array.of(31, 28))]; // => [255]
 * ```
 */
export function fromWords(words: Uint8Array): Uint8Array {
  assertBytes('words', words);
  const bytes = new Uint8Array(Math.floor((words.length * 5) / 8));
  let bits = 0;
  let held = 0;
  let next = 0;
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as number;
    if (word > 31) throw invalid('value', i);
    held = ((held << 5) | word) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[next++] = (held >> bits) & 0xff;
    }
  }
  if (bits >= 5 || (held & ((1 << bits) - 1)) !== 0) throw invalid('padding', words.length);
  return bytes;
}

function limitOf(options: Bech32Options): number {
  assertObject('options', options);
  const { maxCharacters = MAX_CHARACTERS } = options;
  if (typeof maxCharacters !== 'number') throw invalidArgument('options.maxCharacters', 'a number', maxCharacters);
  return maxCharacters;
}

function requireOneCase(text: string): void {
  let lower = false;
  let upper = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 33 || code > 126) throw invalid('character', i);
    lower ||= code >= 97 && code <= 122;
    upper ||= code >= 65 && code <= 90;
    if (lower && upper) throw invalid('mixed-case', i);
  }
}

function startChecksum(prefix: string): number {
  let sum = 1;
  for (let i = 0; i < prefix.length; i++) sum = step(sum) ^ (prefix.charCodeAt(i) >> 5);
  sum = step(sum);
  for (let i = 0; i < prefix.length; i++) sum = step(sum) ^ (prefix.charCodeAt(i) & 31);
  return sum;
}

/** One multiplication by x in the field of BIP173's checksum, modulo its generator. */
function step(sum: number): number {
  const top = sum >>> 25;
  let next = (sum & 0x1ff_ffff) << 5;
  if (top & 1) next ^= 0x3b6a_57b2;
  if (top & 2) next ^= 0x2650_8e6d;
  if (top & 4) next ^= 0x1ea1_19fa;
  if (top & 8) next ^= 0x3d42_33dd;
  if (top & 16) next ^= 0x2a14_62b3;
  return next;
}

function invalid(
  reason: 'character' | 'mixed-case' | 'separator' | 'length' | 'checksum' | 'padding' | 'value',
  position: number,
): CoreError<'CORE_BECH32_INVALID'> {
  return new CoreError('CORE_BECH32_INVALID', `expected Bech32, got a problem of ${reason} at ${position}`, {
    details: { reason, position },
  });
}
