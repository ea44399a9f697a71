import { assertBytes } from '../errors.ts';

/**
 * Joins byte arrays into a fresh one.
 *
 * @throws {@link CoreError} `CORE_INVALID_ARGUMENT` for anything but byte arrays.
 *
 * @example
 * ```ts
 * import { concatBytes, toHex } from '@bitcoin-enterprise/core';
 *
 * toHex(concatBytes(Uint8Array.of(1), Uint8Array.of(2, 3))); // => '010203'
 * ```
 */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) {
    assertBytes('part', part);
    length += part.length;
  }
  const joined = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/**
 * Whether two byte arrays hold the same bytes; its time depends on their length alone, not on where they differ.
 *
 * @example
 * ```ts
 * import { equalBytes } from '@bitcoin-enterprise/core';
 *
 * equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2)); // => true
 * ```
 */
export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  assertBytes('left', left);
  assertBytes('right', right);
  if (left.length !== right.length) return false;
  let difference = 0;
  for (let i = 0; i < left.length; i++) difference |= (left[i] as number) ^ (right[i] as number);
  return difference === 0;
}

/**
 * Orders byte arrays as BIP67 and BIP69 do: byte by byte, a prefix before the longer one.
 *
 * @returns Below zero, zero or above zero.
 *
 * @example
 * ```ts
 * import { compareBytes } from '@bitcoin-enterprise/core';
 *
 * compareBytes(Uint8Array.of(1), Uint8Array.of(1, 0)) < 0; // => true
 * ```
 */
export function compareBytes(left: Uint8Array, right: Uint8Array): number {
  assertBytes('left', left);
  assertBytes('right', right);
  const shared = Math.min(left.length, right.length);
  for (let i = 0; i < shared; i++) {
    const difference = (left[i] as number) - (right[i] as number);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

/**
 * The bytes in reverse, as a fresh array.
 *
 * @example
 * ```ts
 * import { reverseBytes, toHex } from '@bitcoin-enterprise/core';
 *
 * toHex(reverseBytes(Uint8Array.of(1, 2))); // => '0201'
 * ```
 */
export function reverseBytes(bytes: Uint8Array): Uint8Array {
  assertBytes('bytes', bytes);
  return new Uint8Array(bytes).reverse();
}
