import { assertWhole, type unit } from './brand.ts';

/** Height of a block; the genesis block has zero. */
export type BlockHeight = number & { readonly [unit]: 'height' };

/** Seconds since 1970-01-01 UTC, as a block header carries them: 0 to 2^32 - 1. */
export type UnixSeconds = number & { readonly [unit]: 's' };

/** Milliseconds since 1970-01-01 UTC. */
export type UnixMilliseconds = number & { readonly [unit]: 'ms' };

/**
 * Checks a block height and brands it.
 *
 * @param value - 0 to 2^31 - 1.
 * @throws {@link CoreError} `CORE_UNIT_OUT_OF_RANGE` outside that range.
 *
 * @example
 * ```ts
 * import { blockHeight } from '@bitcoin-enterprise/core';
 *
 * blockHeight(840_000); // => 840_000
 * ```
 */
export function blockHeight(value: number): BlockHeight {
  assertWhole('block height', value, 0, 0x7fff_ffff);
  return value as BlockHeight;
}

/**
 * Checks a time in seconds and brands it.
 *
 * @param value - 0 to 2^32 - 1.
 * @throws {@link CoreError} `CORE_UNIT_OUT_OF_RANGE` outside that range, or not whole.
 *
 * @example
 * ```ts
 * import { unixSeconds } from '@bitcoin-enterprise/core';
 *
 * unixSeconds(1_231_006_505); // => 1_231_006_505
 * ```
 */
export function unixSeconds(value: number): UnixSeconds {
  assertWhole('Unix time in seconds', value, 0, 0xffff_ffff);
  return value as UnixSeconds;
}

/**
 * Checks a time in milliseconds and brands it.
 *
 * @param value - 0 to 2^53 - 1.
 * @throws {@link CoreError} `CORE_UNIT_OUT_OF_RANGE` outside that range, or not whole.
 *
 * @example
 * ```ts
 * import { unixMilliseconds } from '@bitcoin-enterprise/core';
 *
 * unixMilliseconds(1_231_006_505_000); // => 1_231_006_505_000
 * ```
 */
export function unixMilliseconds(value: number): UnixMilliseconds {
  assertWhole('Unix time in milliseconds', value, 0, Number.MAX_SAFE_INTEGER);
  return value as UnixMilliseconds;
}
