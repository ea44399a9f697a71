import { assertBytes, CoreError, invalidArgument } from '../errors.ts';

const DIGITS = '0123456789abcdef';
const PAIRS: readonly string[] = /* @__PURE__ */ Array.from(
  { length: 256 },
  (_, byte) => `${DIGITS[byte >> 4]}${DIGITS[byte & 15]}`,
);

/** Value of an ASCII hex digit by character code; 255 for any other character. */
const VALUES: Uint8Array = /* @__PURE__ */ (() => {
  const values = new Uint8Array(128).fill(255);
  for (let i = 0; i < 16; i++) {
    values[DIGITS.charCodeAt(i)] = i;
    values[DIGITS.toUpperCase().charCodeAt(i)] = i;
  }
  return values;
})();

/**
 * Writes bytes as lower-case hexadecimal.
 *
 * @throws {@link CoreError} `CORE_INVALID_ARGUMENT` for anything but bytes.
 *
 * @example
 * ```ts
 * import { toHex } from '@bitcoin-enterprise/core';
 *
 * toHex(Uint8Array.of(0, 255)); // => '00ff'
 * ```
 */
export function toHex(bytes: Uint8Array): string {
  assertBytes('bytes', bytes);
  let text = '';
  for (let i = 0; i < bytes.length; i++) text += PAIRS[bytes[i] as number] as string;
  return text;
}

/**
 * Reads hexadecimal of either case, strictly: an even number of digits and nothing else.
 *
 * @throws {@link CoreError} `CORE_HEX_INVALID` with the position of the first bad character.
 *
 * @example
 * ```ts
 * import { parseHex } from '@bitcoin-enterprise/core';
 *
 * parseHex('00ff').length; // => 2
 * ```
 */
export function parseHex(text: string): Uint8Array {
  if (typeof text !== 'string') throw invalidArgument('text', 'a string', text);
  if (text.length % 2 !== 0)
    throw hexInvalid('odd-length', text.length, `an even number of digits, got ${text.length}`);
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    const high = VALUES[text.charCodeAt(2 * i)] ?? 255;
    const low = VALUES[text.charCodeAt(2 * i + 1)] ?? 255;
    if ((high | low) > 15) {
      const position = high > 15 ? 2 * i : 2 * i + 1;
      throw hexInvalid('digit', position, `hexadecimal digits, got another character at ${position}`);
    }
    bytes[i] = (high << 4) | low;
  }
  return bytes;
}

/**
 * Writes a 32-byte hash as people read it: reversed hexadecimal.
 *
 * @param hash - A transaction or block id in internal order.
 * @throws {@link CoreError} `CORE_INVALID_ARGUMENT` for anything but 32 bytes.
 *
 * @example
 * ```ts
 * import { displayHash } from '@bitcoin-enterprise/core';
 *
 * displayHash(new Uint8Array(32).fill(1, 0, 1)).endsWith('01'); // => true
 * ```
 */
export function displayHash(hash: Uint8Array): string {
  assertBytes('hash', hash, 32);
  let text = '';
  for (let i = 31; i >= 0; i--) text += PAIRS[hash[i] as number] as string;
  return text;
}

/**
 * Reads a hash as people write it, 64 hexadecimal digits, into internal order.
 *
 * @throws {@link CoreError} `CORE_HEX_INVALID` for another length or another character.
 *
 * @example
 * ```ts
 * import { displayHash, parseDisplayHash } from '@bitcoin-enterprise/core';
 *
 * displayHash(parseDisplayHash('00'.repeat(31) + 'ff')).slice(-2); // => 'ff'
 * ```
 */
export function parseDisplayHash(text: string): Uint8Array {
  if (typeof text !== 'string') throw invalidArgument('text', 'a string', text);
  if (text.length !== 64) throw hexInvalid('length', text.length, `64 digits, got ${text.length}`);
  return parseHex(text).reverse();
}

function hexInvalid(
  reason: 'odd-length' | 'digit' | 'length',
  position: number,
  expectation: string,
): CoreError<'CORE_HEX_INVALID'> {
  return new CoreError('CORE_HEX_INVALID', `expected ${expectation}`, { details: { reason, position } });
}
