import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  contractToJson,
  type NumericContract,
  parseContract,
  type PayoutCurve,
  type PayoutInterval,
  payoutIntervals,
} from '../../src/dlc/index.ts';
import { fraction, nearestMultiple, squareRoot } from '../../src/dlc/fraction.ts';
import { type HyperbolaNumbers, hyperbolaAt, isDefined, monotonePiecesOf } from '../../src/dlc/hyperbola.ts';
import { evaluate, interpolate, monotonePieces } from '../../src/dlc/polynomial.ts';
import { codeOf } from '../support/code-of.ts';

const long = process.env['BE_LONG'] === '1';
const COLLATERAL = 1_000_000n;
const line: PayoutCurve = { kind: 'polynomial', points: [] };

/** The payout at an outcome by the formula of PayoutCurve.md and nothing else: Lagrange, then rounding, then the bounds. */
function payoutAt({ pieces, end, rounding }: NumericContract, x: bigint): bigint {
  const index = pieces.findLastIndex(({ from }) => from.outcome <= x);
  const piece = pieces[index];
  if (piece?.curve.kind !== 'polynomial') throw new Error('not a polynomial');
  const points = [piece.from, ...piece.curve.points, pieces[index + 1]?.from ?? end];
  // Over one denominator: 2^16 times all differences.
  let [numerator, denominator] = [0n, 1n];
  for (const [i, point] of points.entries()) {
    let [top, bottom] = [point.payout * 65_536n + BigInt(point.extraPrecision ?? 0), 65_536n];
    for (const [j, other] of points.entries())
      if (i !== j) [top, bottom] = [top * (x - other.outcome), bottom * (point.outcome - other.outcome)];
    [numerator, denominator] = [numerator * bottom + top * denominator, denominator * bottom];
  }
  if (denominator < 0n) [numerator, denominator] = [-numerator, -denominator];
  let modulus = 1n;
  for (const interval of rounding) if (interval.from <= x) ({ modulus } = interval);
  // value - (value % R), or R more, whichever is nearer, and of two the greater one.
  if (numerator < 0n) return 0n;
  const whole = numerator / denominator;
  const low = whole - (whole % modulus);
  const isUp = 2n * (numerator - low * denominator) >= modulus * denominator;
  const rounded = isUp ? low + modulus : low;
  return rounded > COLLATERAL ? COLLATERAL : rounded;
}

const point = (most: number): fc.Arbitrary<{ payout: bigint; extraPrecision: number }> =>
  fc.record({
    payout: fc.bigInt(-200_000n, BigInt(most)),
    extraPrecision: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 65_535 })),
  });

/** Contracts over so many outcomes, with pieces through up to four points. */
function contracts(size: number): fc.Arbitrary<NumericContract> {
  const places = fc.uniqueArray(fc.integer({ min: 1, max: size - 2 }), { maxLength: 9 });
  return fc
    .tuple(
      places,
      fc.array(point(1_200_000), { minLength: 11, maxLength: 11 }),
      fc.array(fc.boolean()),
      fc.nat(),
      fc.nat(),
    )
    .map(([inner, payouts, ends, a, b]) => {
      const outcomes = [0, ...inner.toSorted((x, y) => x - y), size - 1].map(BigInt);
      const points = outcomes.map((outcome, at) => ({ outcome, ...(payouts[at] ?? { payout: 0n }) }));
      const pieces: { from: (typeof points)[number]; curve: { kind: 'polynomial'; points: typeof points } }[] = [];
      for (const [at, one] of points.slice(0, -1).entries())
        if (at === 0 || ends[at % (ends.length || 1)] !== false || (pieces.at(-1)?.curve.points.length ?? 0) >= 4)
          pieces.push({ from: one, curve: { kind: 'polynomial', points: [] } });
        else pieces.at(-1)?.curve.points.push(one);
      return {
        kind: 'numeric',
        pieces,
        end: points.at(-1) ?? { outcome: 0n, payout: 0n },
        rounding: [
          { from: BigInt(a % size), modulus: BigInt(1 + (b % 5_000)) },
          { from: BigInt(size), modulus: 7n },
        ],
      } as const;
    });
}

function expand(intervals: readonly PayoutInterval[]): bigint[] {
  return intervals.flatMap(({ from, to, payout }) => Array.from({ length: Number(to - from) + 1 }, () => payout));
}

describe('payouts of polynomials', () => {
  it('are at every outcome those of the formula', () => {
    fc.assert(
      fc.property(contracts(200), (contract) => {
        const all = expand(payoutIntervals(contract, { collateral: COLLATERAL }));
        expect(all).toEqual(Array.from({ length: 200 }, (_, x) => payoutAt(contract, BigInt(x))));
      }),
      { numRuns: long ? 5_000 : 300 },
    );
  });

  it('are in rows as long as can be', () => {
    fc.assert(
      fc.property(contracts(500), (contract) => {
        const intervals = payoutIntervals(contract, { collateral: COLLATERAL });
        expect(intervals[0]?.from).toBe(0n);
        expect(intervals.at(-1)?.to).toBe(499n);
        for (const [at, { to, payout }] of intervals.slice(0, -1).entries()) {
          expect(intervals[at + 1]?.from).toBe(to + 1n);
          expect(intervals[at + 1]?.payout).not.toBe(payout);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('are found without looking at each outcome', () => {
    const contract: NumericContract = {
      kind: 'numeric',
      pieces: [
        { from: { outcome: 0n, payout: 0n }, curve: line },
        { from: { outcome: 2n ** 51n, payout: 0n }, curve: line },
        { from: { outcome: 2n ** 51n + 2n ** 40n, payout: COLLATERAL }, curve: line },
      ],
      end: { outcome: 2n ** 52n - 1n, payout: COLLATERAL },
      rounding: [{ from: 0n, modulus: 10_000n }],
    };
    const intervals = payoutIntervals(contract, { collateral: COLLATERAL });
    expect(intervals).toHaveLength(101);
    expect(codeOf(() => payoutIntervals(contract, { collateral: COLLATERAL, most: 100 }))).toBe('BISCOL_DLC_TOO_LARGE');
    const fine = { ...contract, rounding: [] };
    expect(codeOf(() => payoutIntervals(fine, { collateral: COLLATERAL }))).toBe('BISCOL_DLC_TOO_LARGE');
  });

  it('only rise or only fall between the places where a polynomial turns', () => {
    fc.assert(
      fc.property(fc.array(fc.bigInt(-1_000n, 1_000n), { minLength: 2, maxLength: 9 }), (values) => {
        const points = values.map((value, at) => ({ x: BigInt(at * 13), y: fraction(value, 3n) }));
        const polynomial = interpolate(points);
        const last = BigInt((values.length - 1) * 13);
        for (const { x, y } of points)
          expect(evaluate(polynomial, x) * y.denominator).toBe(y.numerator * polynomial.denominator);
        const starts = monotonePieces(polynomial, 0n, last);
        for (const [at, start] of starts.entries()) {
          const end = (starts[at + 1] ?? last + 1n) - 1n;
          const signs = new Set<bigint>();
          for (let x = start; x < end; x++) {
            const step = evaluate(polynomial, x + 1n) - evaluate(polynomial, x);
            if (step !== 0n) signs.add(step > 0n ? 1n : -1n);
          }
          expect(signs.size).toBeLessThanOrEqual(1);
        }
      }),
      { numRuns: 300 },
    );
  });
});

it('a polynomial that falls for one step only is split at both ends of it', () => {
  // Steps of 2(x - 5)^2 - 1: they are 1, -1, 1 around 5.
  const values = [0n];
  for (let x = 0n; x < 10n; x++) values.push((values.at(-1) ?? 0n) + 2n * (x - 5n) ** 2n - 1n);
  const points = [0, 3, 6, 9].map((x) => ({ x: BigInt(x), y: fraction(values[x] ?? 0n) }));
  expect(monotonePieces(interpolate(points), 0n, 10n)).toEqual([0n, 5n, 6n]);
});

describe('payouts of hyperbolas', () => {
  it('are rounded by the root itself, not by a number near to it', () => {
    const near = (rational: readonly [bigint, bigint], factor: bigint, radicand: bigint, modulus = 1n): bigint =>
      nearestMultiple(
        { rational: fraction(...rational), factor: fraction(factor), radicand: fraction(radicand) },
        modulus,
      );
    // 2.5 - 1.41, 2.5 - 2, 2.5 + 1.41, 2.5 - 1.73, -0.5 - 1.41
    expect(near([5n, 2n], -1n, 2n)).toBe(1n);
    expect(near([5n, 2n], -1n, 4n)).toBe(1n);
    expect(near([5n, 2n], 1n, 2n)).toBe(4n);
    expect(near([5n, 2n], -1n, 3n)).toBe(1n);
    expect(near([-1n, 2n], -1n, 2n)).toBe(-2n);
    // A square that is one less than the square of 10^30 has a root just below it: the tie is not reached.
    const large = 10n ** 30n;
    expect(near([1n, 2n], 1n, large * large)).toBe(large + 1n);
    expect(near([1n, 2n], 1n, large * large - 1n)).toBe(large);
    expect(near([1n, 2n], -1n, large * large - 1n)).toBe(1n - large);
    expect(near([1n, 2n], -1n, large * large + 1n)).toBe(-large);
  });

  const number = fc.tuple(fc.bigInt(-200n, 200n), fc.bigInt(1n, 8n)).map(([top, bottom]) => fraction(top, bottom));
  const numbers: fc.Arbitrary<HyperbolaNumbers> = fc
    .record({
      usePositivePiece: fc.boolean(),
      translateOutcome: number,
      translatePayout: number,
      a: number,
      b: fc.oneof(number, fc.constant(fraction(0n))),
      c: number,
      d: number,
    })
    .filter(
      ({ a, b, c, d }) =>
        a.numerator !== 0n &&
        a.numerator * d.numerator * b.denominator * c.denominator !==
          b.numerator * c.numerator * a.denominator * d.denominator,
    );

  /** The spec's formula with 60 digits, as a fraction of 10^60. */
  function approximate(
    { usePositivePiece, translateOutcome, translatePayout, a, b, c, d }: HyperbolaNumbers,
    x: bigint,
  ): bigint {
    const scale = 10n ** 60n;
    const value = ({ numerator, denominator }: { numerator: bigint; denominator: bigint }): bigint =>
      (numerator * scale) / denominator;
    const w = x * scale - value(translateOutcome);
    const inside = w * w - 4n * value(a) * value(b);
    const root = squareRoot(inside < 0n ? 0n : inside);
    const sum = usePositivePiece ? w + root : w - root;
    return (value(c) * sum) / (2n * value(a)) + (2n * value(a) * value(d)) / sum + value(translatePayout);
  }

  it('are exact: the formula of PayoutCurve.md, to forty digits and rounded from there', () => {
    const scale = 10n ** 60n;
    let seen = 0;
    fc.assert(
      fc.property(numbers, fc.bigInt(0n, 2_000n), fc.bigInt(1n, 50n), (curve, x, modulus) => {
        const surd = hyperbolaAt(curve, x);
        if (surd === undefined) return;
        const value = approximate(curve, x);
        const doubled = 2n * value + modulus * scale;
        const period = 2n * modulus * scale;
        const rest = ((doubled % period) + period) % period;
        // So near to the middle of two multiples that sixty digits do not tell.
        if (rest < 10n ** 25n || period - rest < 10n ** 25n) return;
        seen++;
        expect(nearestMultiple(surd, modulus)).toBe(((doubled - rest) / period) * modulus);
      }),
      { numRuns: long ? 20_000 : 2_000 },
    );
    expect(seen).toBeGreaterThan(500);
  });

  it('only rise or only fall between the places where they turn', () => {
    let turns = 0;
    fc.assert(
      fc.property(numbers, fc.bigInt(0n, 300n), (curve, from) => {
        const to = from + 300n;
        if (!isDefined(curve, from, to)) return;
        const starts = monotonePiecesOf(curve, from, to);
        const fine = (x: bigint): bigint => {
          const { rational, factor, radicand } = hyperbolaAt(curve, x) as NonNullable<ReturnType<typeof hyperbolaAt>>;
          const scale = 10n ** 30n;
          const big = (one: typeof rational): typeof rational => fraction(one.numerator * scale, one.denominator);
          return nearestMultiple({ rational: big(rational), factor: big(factor), radicand }, 1n);
        };
        for (const [at, start] of starts.entries()) {
          const end = (starts[at + 1] ?? to + 1n) - 1n;
          const signs = new Set<bigint>();
          for (let x = start; x < end; x++) {
            const step = fine(x + 1n) - fine(x);
            if (step !== 0n) signs.add(step > 0n ? 1n : -1n);
          }
          expect(signs.size).toBeLessThanOrEqual(1);
        }
        turns += starts.length - 1;
      }),
      { numRuns: long ? 3_000 : 300 },
    );
    expect(turns).toBeGreaterThan(50);
  });

  it('are those of a contract for difference: the collateral at a price, in satoshis', () => {
    const dollars = (value: bigint) => fraction(value * 100_000_000n);
    const zero = fraction(0n);
    const contract: NumericContract = {
      kind: 'numeric',
      pieces: [
        { from: { outcome: 0n, payout: COLLATERAL }, curve: line },
        {
          from: { outcome: 50_000n, payout: 1_000_000n },
          curve: {
            kind: 'hyperbola',
            usePositivePiece: true,
            translateOutcome: zero,
            translatePayout: zero,
            a: fraction(1n),
            b: zero,
            c: zero,
            d: dollars(500n),
          },
        },
      ],
      end: { outcome: 131_071n, payout: 0n },
      rounding: [{ from: 0n, modulus: 1_000n }],
    };
    const intervals = payoutIntervals(contract, { collateral: COLLATERAL });
    for (const { from, to, payout } of intervals.slice(1, -1))
      for (const x of [from, to]) {
        const exact = 500n * 100_000_000n;
        expect(payout).toBe(((2n * exact + 1_000n * x) / (2_000n * x)) * 1_000n);
      }
    expect(intervals.at(-1)).toEqual({ from: 131_071n, to: 131_071n, payout: 0n });
    expect(parseContract(JSON.parse(JSON.stringify(contractToJson(contract))))).toEqual(
      parseContract(contractToJson(contract)),
    );
  });

  it('are refused where a curve has no value at some outcome', () => {
    const zero = fraction(0n);
    const curve = (more: Partial<HyperbolaNumbers>): PayoutCurve => ({
      kind: 'hyperbola',
      usePositivePiece: true,
      translateOutcome: fraction(-1n),
      translatePayout: zero,
      a: fraction(1n),
      b: zero,
      c: zero,
      d: fraction(1n),
      ...more,
    });
    const refused = (one: PayoutCurve): unknown =>
      codeOf(() =>
        payoutIntervals(
          {
            kind: 'numeric',
            pieces: [{ from: { outcome: 0n, payout: 0n }, curve: one }],
            end: { outcome: 15n, payout: 0n },
            rounding: [],
          },
          { collateral: 10n },
        ),
      );
    expect(refused(curve({}))).toBe('no error');
    expect(refused(curve({ translateOutcome: fraction(7n) }))).toBe('BISCOL_DLC_TERMS_INVALID');
    expect(refused(curve({ translateOutcome: fraction(15n, 2n) }))).toBe('BISCOL_DLC_TERMS_INVALID');
    expect(refused(curve({ usePositivePiece: false }))).toBe('BISCOL_DLC_TERMS_INVALID');
    expect(refused(curve({ b: fraction(100n) }))).toBe('BISCOL_DLC_TERMS_INVALID');
    expect(refused(curve({ a: zero, b: fraction(1n), c: fraction(1n) }))).toBe('BISCOL_DLC_TERMS_INVALID');
    expect(refused(curve({ b: fraction(1n), c: fraction(1n) }))).toBe('BISCOL_DLC_TERMS_INVALID');
  });
});

describe('a contract as JSON', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(contracts(100), (contract) => {
        const json: unknown = JSON.parse(JSON.stringify(contractToJson(contract)));
        const read = parseContract(json);
        expect(contractToJson(read)).toEqual(json);
        const options = { collateral: COLLATERAL };
        expect(payoutIntervals(read as NumericContract, options)).toEqual(payoutIntervals(contract, options));
      }),
      { numRuns: 100 },
    );
  });
});
