import {
  blockHeight,
  feeFor,
  feeRate,
  floorToSatoshis,
  formatBitcoin,
  formatSatoshis,
  MAX_SATOSHIS,
  milliSatoshis,
  parseBitcoin,
  parseSatoshis,
  rateOf,
  type Satoshis,
  satoshis,
  subtractSatoshis,
  sumSatoshis,
  toMilliSatoshis,
  unixMilliseconds,
  unixSeconds,
  virtualBytes,
  virtualSize,
  weightUnits,
} from '@bitcoin-enterprise/core';
import fc from 'fast-check';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { codeOf } from './code-of.ts';

const amount = fc.bigInt(0n, MAX_SATOSHIS).map(satoshis);

describe('an amount', () => {
  it('lies between zero and 21 million bitcoin', () => {
    expect(satoshis(0n)).toBe(0n);
    expect(satoshis(MAX_SATOSHIS)).toBe(2_100_000_000_000_000n);
    expect(() => satoshis(-1n)).toThrowErrorMatchingInlineSnapshot(
      `[CoreError: CORE_AMOUNT_OUT_OF_RANGE: expected 0..2100000000000000 sat, got -1]`,
    );
    expect(codeOf(() => satoshis(MAX_SATOSHIS + 1n))).toBe('CORE_AMOUNT_OUT_OF_RANGE');
    expect(codeOf(() => satoshis(1 as unknown as bigint))).toBe('CORE_INVALID_ARGUMENT');
    expect(codeOf(() => milliSatoshis(MAX_SATOSHIS * 1_000n + 1n))).toBe('CORE_AMOUNT_OUT_OF_RANGE');
    expectTypeOf(satoshis(1n)).toEqualTypeOf<Satoshis>();
  });

  it('reads what it writes, in bitcoin and in satoshis', () => {
    fc.assert(
      fc.property(amount, (value) => {
        expect(parseBitcoin(formatBitcoin(value))).toBe(value);
        expect(parseSatoshis(formatSatoshis(value))).toBe(value);
        expect(floorToSatoshis(toMilliSatoshis(value))).toBe(value);
      }),
    );
  });

  it.for(['', '.', '1.', '.1', '-1', '+1', '1e3', ' 1', '1,0', '0.123456789', '١', '1'.repeat(1_000_000)])(
    '"%s" is no amount of bitcoin',
    (text) => {
      expect(codeOf(() => parseBitcoin(text))).toBe('CORE_AMOUNT_INVALID');
    },
  );

  it('above all the money there is is out of range', () => {
    expect(codeOf(() => parseBitcoin('21000000.00000001'))).toBe('CORE_AMOUNT_OUT_OF_RANGE');
    expect(codeOf(() => parseSatoshis('2100000000000001'))).toBe('CORE_AMOUNT_OUT_OF_RANGE');
    for (const text of ['', '01', '-1', '1.0', '0x1'])
      expect(codeOf(() => parseSatoshis(text))).toBe('CORE_AMOUNT_INVALID');
  });

  it('adds and subtracts within its range only', () => {
    expect(sumSatoshis([])).toBe(0n);
    expect(codeOf(() => sumSatoshis([MAX_SATOSHIS, satoshis(1n)]))).toBe('CORE_AMOUNT_OUT_OF_RANGE');
    expect(codeOf(() => subtractSatoshis(satoshis(1n), satoshis(2n)))).toBe('CORE_AMOUNT_OUT_OF_RANGE');
  });
});

describe('a fee', () => {
  it('reaches its rate and overpays by less than a satoshi', () => {
    fc.assert(
      fc.property(
        fc.bigInt(0n, 10_000_000n).map(feeRate),
        fc.integer({ min: 1, max: 100_000 }).map(virtualBytes),
        (rate, size) => {
          const fee = feeFor(rate, size);

          expect(rateOf(fee, size)).toBeGreaterThanOrEqual(rate);
          expect(fee * 1_000n - rate * BigInt(size)).toBeLessThan(1_000n);
        },
      ),
    );
  });

  it('has no rate for nothing', () => {
    expect(codeOf(() => rateOf(satoshis(1n), virtualBytes(0)))).toBe('CORE_UNIT_OUT_OF_RANGE');
    expect(codeOf(() => feeRate(-1n))).toBe('CORE_UNIT_OUT_OF_RANGE');
  });

  it('counts a started quarter of weight as a whole virtual byte', () => {
    expect([444, 445, 448].map((weight) => virtualSize(weightUnits(weight)))).toEqual([111, 112, 112]);
  });
});

it.for([
  ['blockHeight', blockHeight, 2 ** 31 - 1],
  ['unixSeconds', unixSeconds, 2 ** 32 - 1],
  ['unixMilliseconds', unixMilliseconds, 2 ** 53 - 1],
  ['weightUnits', weightUnits, 2 ** 53 - 1],
] as const)('%s takes whole numbers of its range only', ([, make, maximum]) => {
  expect(make(0)).toBe(0);
  expect(make(maximum)).toBe(maximum);
  for (const value of [-1, 0.5, maximum + 1, Number.NaN, Infinity])
    expect(codeOf(() => make(value))).toBe('CORE_UNIT_OUT_OF_RANGE');
  expect(codeOf(() => make('1' as unknown as number))).toBe('CORE_INVALID_ARGUMENT');
});
