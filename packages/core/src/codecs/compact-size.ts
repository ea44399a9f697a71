import { assertBytes, assertObject, CoreError } from '../errors.ts';
import { assertWhole } from '../units/brand.ts';

/** The largest count bitcoind reads from the wire: Core's `MAX_SIZE`, 32 MiB. */
export const MAX_COMPACT_SIZE = 0x0200_0000;

/** A compact size as read: its value, and how many bytes it took. */
export interface CompactSize {
  readonly value: number;
  /** 1, 3, 5 or 9. */
  readonly size: number;
}

/**
 * How many bytes a compact size takes: 1, 3, 5 or 9.
 *
 * @param value - 0 to 2^53 - 1.
 *
 * @example
 * ```ts
 * import { compactSizeLength } from '@bitcoin-enterprise/core';
 *
 * compactSizeLength(253); // => 3
 * ```
 */
export function compactSizeLength(value: number): 1 | 3 | 5 | 9 {
  assertWhole('compact size', value, 0, Number.MAX_SAFE_INTEGER);
  return lengthOf(value);
}

function lengthOf(value: number): 1 | 3 | 5 | 9 {
  return value < 0xfd ? 1 : value <= 0xffff ? 3 : value <= 0xffff_ffff ? 5 : 9;
}

/**
 * Writes a compact size into a buffer.
 *
 * @param target - Where to write; the caller has made room.
 * @param offset - Index of the first byte.
 * @param value - 0 to 2^53 - 1.
 * @returns Index after the last byte written.
 *
 * @example
 * ```ts
 * import { writeCompactSize } from '@bitcoin-enterprise/core';
 *
 * writeCompactSize(new Uint8Array(9), 0, 300); // => 3
 * ```
 */
export function writeCompactSize(target: Uint8Array, offset: number, value: number): number {
  assertWhole('compact size', value, 0, Number.MAX_SAFE_INTEGER);
  assertBytes('target', target);
  const length = lengthOf(value);
  if (length === 1) {
    target[offset] = value;
    return offset + 1;
  }
  target[offset] = length === 3 ? 0xfd : length === 5 ? 0xfe : 0xff;
  let rest = value;
  for (let i = 1; i < length; i++) {
    target[offset + i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return offset + length;
}

/**
 * Writes a compact size into bytes of its own.
 *
 * @param value - 0 to 2^53 - 1.
 * @throws {@link CoreError} `CORE_UNIT_OUT_OF_RANGE` for a negative or broken number.
 *
 * @example
 * ```ts
 * import { encodeCompactSize, toHex } from '@bitcoin-enterprise/core';
 *
 * toHex(encodeCompactSize(515)); // => 'fd0302'
 * ```
 */
export function encodeCompactSize(value: number): Uint8Array {
  assertWhole('compact size', value, 0, Number.MAX_SAFE_INTEGER);
  const bytes = new Uint8Array(lengthOf(value));
  writeCompactSize(bytes, 0, value);
  return bytes;
}

/**
 * Reads a compact size as Core does: the shortest form only, and nothing above the limit.
 *
 * @param bytes - Where to read.
 * @param offset - Index of its first byte.
 * @param options - `maximum`: the largest value to accept, {@link MAX_COMPACT_SIZE} when absent.
 * @throws {@link CoreError} `CORE_COMPACT_SIZE_INVALID` when cut short, not the shortest form, or too large.
 *
 * @example
 * ```ts
 * import { parseHex, readCompactSize } from '@bitcoin-enterprise/core';
 *
 * readCompactSize(parseHex('fd0302'), 0).value; // => 515
 * ```
 */
export function readCompactSize(
  bytes: Uint8Array,
  offset: number,
  options: {
    /** The largest value to accept. */
    readonly maximum?: number;
  } = {},
): CompactSize {
  assertBytes('bytes', bytes);
  assertObject('options', options);
  const { maximum = MAX_COMPACT_SIZE } = options;
  assertWhole('maximum', maximum, 0, Number.MAX_SAFE_INTEGER);
  assertWhole('offset', offset, 0, Number.MAX_SAFE_INTEGER);
  const first = bytes[offset];
  if (first === undefined) throw invalid('truncated', offset);
  const size = first < 0xfd ? 1 : first === 0xfd ? 3 : first === 0xfe ? 5 : 9;
  if (offset + size > bytes.length) throw invalid('truncated', offset);
  let value = size === 1 ? first : 0;
  // Above 2^53 the sum rounds, but stays far above any limit that fits in a number.
  for (let i = size - 1; i >= 1; i--) value = value * 256 + (bytes[offset + i] as number);
  if (lengthOf(value) !== size) throw invalid('non-canonical', offset);
  if (value > maximum) throw invalid('too-large', offset);
  return { value, size };
}

function invalid(
  reason: 'truncated' | 'non-canonical' | 'too-large',
  offset: number,
): CoreError<'CORE_COMPACT_SIZE_INVALID'> {
  return new CoreError('CORE_COMPACT_SIZE_INVALID', `expected a compact size at ${offset}, got one that is ${reason}`, {
    details: { reason, offset },
  });
}
