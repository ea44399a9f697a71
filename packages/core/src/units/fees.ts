import { CoreError, invalidArgument } from '../errors.ts';
import { MAX_SATOSHIS, satoshis, type Satoshis } from './amounts.ts';
import { assertWhole, type unit } from './brand.ts';

/** Satoshis per 1,000 virtual bytes: the unit bitcoind compares fees in. */
export type FeeRate = bigint & { readonly [unit]: 'sat/kvB' };

/** Weight of BIP141: four for each stripped byte, one for each witness byte. */
export type WeightUnits = number & { readonly [unit]: 'WU' };

/** Virtual bytes: a quarter of the weight, rounded up. */
export type VirtualBytes = number & { readonly [unit]: 'vB' };

/**
 * Checks a fee rate and brands it.
 *
 * @param value - Satoshis per 1,000 virtual bytes, 0 to 21 million BTC; 1 sat/vB is `1_000n`.
 * @throws {@link CoreError} `CORE_UNIT_OUT_OF_RANGE` outside that range.
 *
 * @example Two satoshis per virtual byte
 * ```ts
 * import { feeRate } from '@bitcoin-enterprise/core';
 *
 * feeRate(2_000n); // => 2_000n
 * ```
 */
export function feeRate(value: bigint): FeeRate {
  if (typeof value !== 'bigint') throw invalidArgument('value', 'a bigint of sat/kvB', value);
  if (value < 0n || value > MAX_SATOSHIS)
    throw new CoreError('CORE_UNIT_OUT_OF_RANGE', `expected a fee rate 0..${MAX_SATOSHIS} sat/kvB, got ${value}`, {
      details: { unit: 'sat/kvB', value, minimum: 0n, maximum: MAX_SATOSHIS },
    });
  return value as FeeRate;
}

/**
 * Checks a weight and brands it.
 *
 * @throws {@link CoreError} `CORE_UNIT_OUT_OF_RANGE` for a negative or broken number.
 *
 * @example
 * ```ts
 * import { weightUnits } from '@bitcoin-enterprise/core';
 *
 * weightUnits(444); // => 444
 * ```
 */
export function weightUnits(value: number): WeightUnits {
  assertWhole('weight', value, 0, Number.MAX_SAFE_INTEGER);
  return value as WeightUnits;
}

/**
 * Checks a virtual size and brands it.
 *
 * @throws {@link CoreError} `CORE_UNIT_OUT_OF_RANGE` for a negative or broken number.
 *
 * @example
 * ```ts
 * import { virtualBytes } from '@bitcoin-enterprise/core';
 *
 * virtualBytes(111); // => 111
 * ```
 */
export function virtualBytes(value: number): VirtualBytes {
  assertWhole('virtual size', value, 0, Number.MAX_SAFE_INTEGER);
  return value as VirtualBytes;
}

/**
 * Virtual size of a weight: a quarter, rounded up (BIP141).
 *
 * @example
 * ```ts
 * import { virtualSize, weightUnits } from '@bitcoin-enterprise/core';
 *
 * virtualSize(weightUnits(445)); // => 112
 * ```
 */
export function virtualSize(weight: WeightUnits): VirtualBytes {
  return Math.ceil(weightUnits(weight) / 4) as VirtualBytes;
}

/**
 * The fee a transaction owes at a rate, rounded up, so that the rate is reached and never missed by a fraction.
 *
 * @param rate - sat/kvB.
 * @param size - Virtual bytes.
 *
 * @example
 * ```ts
 * import { feeFor, feeRate, virtualBytes } from '@bitcoin-enterprise/core';
 *
 * feeFor(feeRate(1_001n), virtualBytes(111)); // => 112n
 * ```
 */
export function feeFor(rate: FeeRate, size: VirtualBytes): Satoshis {
  return satoshis((feeRate(rate) * BigInt(virtualBytes(size)) + 999n) / 1_000n);
}

/**
 * The rate a fee pays, rounded down: what a node reads from it.
 *
 * @param fee - Satoshis.
 * @param size - Virtual bytes, above zero.
 * @throws {@link CoreError} `CORE_UNIT_OUT_OF_RANGE` for a size of zero.
 *
 * @example
 * ```ts
 * import { rateOf, satoshis, virtualBytes } from '@bitcoin-enterprise/core';
 *
 * rateOf(satoshis(112n), virtualBytes(111)); // => 1_009n
 * ```
 */
export function rateOf(fee: Satoshis, size: VirtualBytes): FeeRate {
  assertWhole('virtual size', size, 1, Number.MAX_SAFE_INTEGER);
  return feeRate((satoshis(fee) * 1_000n) / BigInt(size));
}
