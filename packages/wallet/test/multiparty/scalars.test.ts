import { parseHex, toHex } from '@bitcoin-enterprise/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addPoints, multiplyBase, multiplyPoint, negatePoint } from '../../src/multiparty/math/points.ts';
import {
  addSecret,
  GROUP_ORDER,
  inverseOf,
  isScalar,
  isZero,
  modOrder,
  multiplySecret,
  negateSecret,
  numberOf,
  parseScalar,
  reduceSecret,
  reduceWideSecret,
  scalarBytes,
} from '../../src/multiparty/math/scalars.ts';

const seed = Number(process.env['BE_SEED'] ?? 20_261_127);
const bytes = (value: bigint, length = 32): Uint8Array => parseHex(value.toString(16).padStart(2 * length, '0'));
/** Small, near the order, near its half, and anywhere. */
const scalar = fc.oneof(
  fc.bigInt(0n, 3n),
  fc.bigInt(GROUP_ORDER - 3n, GROUP_ORDER - 1n),
  fc.bigInt(GROUP_ORDER / 2n - 2n, GROUP_ORDER / 2n + 2n),
  fc.bigInt(0n, GROUP_ORDER - 1n),
);
const wild = fc.oneof(
  scalar,
  fc.bigInt(GROUP_ORDER - 2n, (1n << 256n) - 1n),
  fc.constantFrom(GROUP_ORDER, (1n << 256n) - 1n),
);

describe('secret scalars', () => {
  it('are added, multiplied and negated as numbers are, zero among them', () => {
    fc.assert(
      fc.property(scalar, scalar, (left, right) => {
        expect(numberOf(addSecret(bytes(left), bytes(right)))).toBe(modOrder(left + right));
        expect(numberOf(multiplySecret(bytes(left), right))).toBe(modOrder(left * right));
        expect(numberOf(negateSecret(bytes(left)))).toBe(modOrder(-left));
        expect(numberOf(addSecret(bytes(left), bytes(modOrder(-left))))).toBe(0n);
      }),
      { seed },
    );
  });

  it('are reduced from 32 and from 48 bytes', () => {
    fc.assert(
      fc.property(wild, fc.bigInt(0n, (1n << 384n) - 1n), (narrow, wide) => {
        expect(numberOf(reduceSecret(bytes(narrow)))).toBe(modOrder(narrow));
        expect(numberOf(reduceWideSecret(bytes(wide, 48)))).toBe(modOrder(wide));
      }),
      { seed },
    );
    for (const edge of [0n, GROUP_ORDER, GROUP_ORDER << 128n, (1n << 384n) - 1n, 1n << 256n])
      expect(numberOf(reduceWideSecret(bytes(edge, 48)))).toBe(modOrder(edge));
  });

  it('are told from what is none', () => {
    fc.assert(
      fc.property(wild, (value) => {
        expect(isScalar(bytes(value))).toBe(value < GROUP_ORDER);
        expect(isZero(bytes(value))).toBe(value === 0n);
        expect(parseScalar(bytes(value))).toBe(value < GROUP_ORDER ? value : undefined);
      }),
      { seed },
    );
  });

  it('are fresh bytes: a sum with zero is a copy', () => {
    const one = scalarBytes(1n);
    const sum = addSecret(one, new Uint8Array(32));
    const same = addSecret(new Uint8Array(32), one);
    sum.fill(0);
    same.fill(0);

    expect(toHex(one)).toBe('01'.padStart(64, '0'));
  });
});

describe('public scalars and points', () => {
  it('have inverses', () => {
    fc.assert(
      fc.property(scalar, (value) => {
        fc.pre(value !== 0n);
        expect(modOrder(value * inverseOf(value))).toBe(1n);
        expect(modOrder(-value * inverseOf(-value))).toBe(1n);
      }),
      { seed },
    );
  });

  it('know infinity', () => {
    fc.assert(
      fc.property(scalar, scalar, (left, right) => {
        const [one, two] = [multiplyBase(bytes(left)), multiplyBase(bytes(right))];
        expect(addPoints(one, two)).toEqual(multiplyBase(bytes(modOrder(left + right))));
        expect(multiplyPoint(one, right)).toEqual(multiplyBase(bytes(modOrder(left * right))));
        expect(addPoints(one, negatePoint(one))).toBeUndefined();
      }),
      { seed, numRuns: 60 },
    );
    expect(addPoints()).toBeUndefined();
  });
});
