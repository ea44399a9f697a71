import { CoreError, invalidArgument } from '../errors.ts';
import type { unit } from './brand.ts';

/** Whole satoshis, 0 to 21 million BTC. 1 BTC = 100_000_000n. */
export type Satoshis = bigint & { readonly [unit]: 'sat' };

/** Thousandths of a satoshi, 0 to 21 million BTC: Lightning amounts. */
export type MilliSatoshis = bigint & { readonly [unit]: 'msat' };

/** One bitcoin in satoshis. */
export const SATOSHIS_PER_BITCOIN = 100_000_000n;

/** All the money there can be, in satoshis: Core's `MAX_MONEY`. */
export const MAX_SATOSHIS: Satoshis = 2_100_000_000_000_000n as Satoshis;

/**
 * Checks that a bigint is an amount of bitcoin and brands it.
 *
 * @param value - Amount in satoshis.
 * @returns The same value as {@link Satoshis}.
 * @throws {@link CoreError} `CORE_AMOUNT_OUT_OF_RANGE` below zero or above 21 million BTC.
 *
 * @example Half a bitcoin
 * ```ts
 * import { satoshis } from '@bitcoin-enterprise/core';
 *
 * satoshis(50_000_000n); // => 50_000_000n
 * ```
 */
export function satoshis(value: bigint): Satoshis {
  if (typeof value !== 'bigint') throw invalidArgument('value', 'a bigint of satoshis', value);
  if (value < 0n || value > MAX_SATOSHIS) throw outOfRange(value, 'sat', MAX_SATOSHIS);
  return value as Satoshis;
}

/**
 * Checks that a bigint is an amount of Lightning's unit and brands it.
 *
 * @param value - Amount in thousandths of a satoshi.
 * @throws {@link CoreError} `CORE_AMOUNT_OUT_OF_RANGE` below zero or above 21 million BTC.
 *
 * @example
 * ```ts
 * import { milliSatoshis } from '@bitcoin-enterprise/core';
 *
 * milliSatoshis(1_500n); // => 1_500n
 * ```
 */
export function milliSatoshis(value: bigint): MilliSatoshis {
  if (typeof value !== 'bigint') throw invalidArgument('value', 'a bigint of millisatoshis', value);
  if (value < 0n || value > MAX_SATOSHIS * 1_000n) throw outOfRange(value, 'msat', MAX_SATOSHIS * 1_000n);
  return value as MilliSatoshis;
}

/**
 * The same amount in thousandths of a satoshi.
 *
 * @example
 * ```ts
 * import { satoshis, toMilliSatoshis } from '@bitcoin-enterprise/core';
 *
 * toMilliSatoshis(satoshis(2n)); // => 2_000n
 * ```
 */
export function toMilliSatoshis(amount: Satoshis): MilliSatoshis {
  return milliSatoshis(satoshis(amount) * 1_000n);
}

/**
 * The amount in whole satoshis, rounded down as on-chain settlement does (BOLT 3).
 *
 * @example
 * ```ts
 * import { floorToSatoshis, milliSatoshis } from '@bitcoin-enterprise/core';
 *
 * floorToSatoshis(milliSatoshis(2_999n)); // => 2n
 * ```
 */
export function floorToSatoshis(amount: MilliSatoshis): Satoshis {
  return satoshis(milliSatoshis(amount) / 1_000n);
}

/**
 * Adds amounts and checks that the sum is still money.
 *
 * @param amounts - Any number of amounts; the sum of none is zero.
 * @throws {@link CoreError} `CORE_AMOUNT_OUT_OF_RANGE` above 21 million BTC.
 *
 * @example
 * ```ts
 * import { satoshis, sumSatoshis } from '@bitcoin-enterprise/core';
 *
 * sumSatoshis([satoshis(1n), satoshis(2n)]); // => 3n
 * ```
 */
export function sumSatoshis(amounts: Iterable<Satoshis>): Satoshis {
  const iterator = iteratorOf(amounts);
  if (iterator === undefined) throw invalidArgument('amounts', 'a list of amounts', amounts);
  let sum = 0n;
  for (const amount of { [Symbol.iterator]: () => iterator }) sum += satoshis(amount);
  return satoshis(sum);
}

/** Opens a list; `undefined` when it is none, or a proxy or look-alike that cannot be opened. */
function iteratorOf(list: Iterable<Satoshis>): Iterator<Satoshis> | undefined {
  if (typeof list !== 'object' || list === null) return undefined;
  try {
    return list[Symbol.iterator]();
  } catch {
    return undefined;
  }
}

/**
 * Subtracts an amount and checks that nothing is owed.
 *
 * @throws {@link CoreError} `CORE_AMOUNT_OUT_OF_RANGE` when `minus` is the larger one.
 *
 * @example
 * ```ts
 * import { satoshis, subtractSatoshis } from '@bitcoin-enterprise/core';
 *
 * subtractSatoshis(satoshis(5n), satoshis(2n)); // => 3n
 * ```
 */
export function subtractSatoshis(amount: Satoshis, minus: Satoshis): Satoshis {
  return satoshis(satoshis(amount) - satoshis(minus));
}

/**
 * Writes an amount in bitcoin with eight decimals, as bitcoind prints it.
 *
 * @example
 * ```ts
 * import { formatBitcoin, satoshis } from '@bitcoin-enterprise/core';
 *
 * formatBitcoin(satoshis(150_000_000n)); // => '1.50000000'
 * ```
 */
export function formatBitcoin(amount: Satoshis): string {
  const whole = satoshis(amount) / SATOSHIS_PER_BITCOIN;
  return `${whole}.${(amount % SATOSHIS_PER_BITCOIN).toString().padStart(8, '0')}`;
}

/**
 * Reads an amount in bitcoin: digits, and after a point at most eight more. No sign, exponent or space.
 *
 * @throws {@link CoreError} `CORE_AMOUNT_INVALID` for another text, `CORE_AMOUNT_OUT_OF_RANGE` above 21 million BTC.
 *
 * @example
 * ```ts
 * import { parseBitcoin } from '@bitcoin-enterprise/core';
 *
 * parseBitcoin('0.5'); // => 50_000_000n
 * ```
 */
export function parseBitcoin(text: string): Satoshis {
  const match = matchAmount(text, /^(\d{1,8})(?:\.(\d{1,8}))?$/, 'bitcoin such as 0.00012');
  return satoshis(BigInt(match[1] ?? '') * SATOSHIS_PER_BITCOIN + BigInt((match[2] ?? '').padEnd(8, '0')));
}

/**
 * Writes an amount as JSON carries it: decimal satoshis.
 *
 * @example
 * ```ts
 * import { formatSatoshis, satoshis } from '@bitcoin-enterprise/core';
 *
 * formatSatoshis(satoshis(330n)); // => '330'
 * ```
 */
export function formatSatoshis(amount: Satoshis): string {
  return satoshis(amount).toString();
}

/**
 * Reads an amount as JSON carries it: decimal satoshis without sign or leading zero.
 *
 * @throws {@link CoreError} `CORE_AMOUNT_INVALID` for another text, `CORE_AMOUNT_OUT_OF_RANGE` above 21 million BTC.
 *
 * @example
 * ```ts
 * import { parseSatoshis } from '@bitcoin-enterprise/core';
 *
 * parseSatoshis('330'); // => 330n
 * ```
 */
export function parseSatoshis(text: string): Satoshis {
  return satoshis(BigInt(matchAmount(text, /^(?:0|[1-9]\d{0,18})$/, 'decimal satoshis')[0]));
}

function matchAmount(text: string, pattern: RegExp, expected: string): RegExpExecArray {
  if (typeof text !== 'string') throw invalidArgument('text', 'a string', text);
  // The length is bounded before the pattern runs: an absurd text costs nothing.
  const match = text.length > 20 ? null : pattern.exec(text);
  if (match === null)
    throw new CoreError('CORE_AMOUNT_INVALID', `expected ${expected}, got another text of ${text.length} characters`, {
      details: { length: text.length },
    });
  return match;
}

function outOfRange(value: bigint, name: string, maximum: bigint): CoreError<'CORE_AMOUNT_OUT_OF_RANGE'> {
  return new CoreError('CORE_AMOUNT_OUT_OF_RANGE', `expected 0..${maximum} ${name}, got ${value}`, {
    details: { value },
  });
}
