import { MAX_SATOSHIS } from '@bitcoin-enterprise/core';
import { requireInteger, requireObject } from '../checks.ts';
import { invalidArgument } from '../errors.ts';
import { requireBigint, termsInvalid, tooLarge } from './checks.ts';
import { type Fraction, fraction } from './fraction.ts';
import { isDefined, monotonePiecesOf, nearestOfHyperbola } from './hyperbola.ts';
import {
  type NumericContract,
  type PayoutPiece,
  type PayoutPoint,
  requireContract,
  type RoundingInterval,
} from './payout.ts';
import { interpolate, monotonePieces, nearestValue } from './polynomial.ts';

/** Outcomes in a row with one payout; the rows are as long as can be. */
export interface PayoutInterval {
  readonly from: bigint;
  readonly to: bigint;
  /** Satoshis of the offering party. */
  readonly payout: bigint;
}

/** A payout function on one piece: exact, then rounded. */
interface PieceFunction {
  /** The nearest multiple of a modulus. */
  readonly at: (outcome: bigint, modulus: bigint) => bigint;
  /** Where it begins only to rise or only to fall. */
  readonly starts: readonly bigint[];
}

/**
 * The payouts of a numeric contract, rounded and held between nothing and all (dlcspecs, contract execution transaction
 * calculation). Payouts are searched for where they change, not computed at each outcome.
 *
 * @param options - `collateral`: all, in satoshis. `most`: intervals.
 * @throws BiscolError `BISCOL_DLC_TERMS_INVALID` for a curve without a value at some outcome, `BISCOL_DLC_TOO_LARGE`.
 */
export function intervalsOf(
  contract: NumericContract,
  options: { readonly collateral: bigint; readonly most: number },
): readonly PayoutInterval[] {
  const { collateral, most } = options;
  const { pieces, end, rounding } = contract;
  const intervals: PayoutInterval[] = [];
  const add = (from: bigint, to: bigint, payout: bigint): void => {
    const last = intervals.at(-1);
    if (last?.payout === payout) intervals[intervals.length - 1] = { ...last, to };
    else if (intervals.length === most) throw tooLarge('intervals of payouts', most);
    else intervals.push({ from, to, payout });
  };
  for (const [index, piece] of pieces.entries()) {
    const next = pieces[index + 1]?.from ?? end;
    const { at, starts } = functionOf(piece, next, index);
    const last = next.outcome - (index === pieces.length - 1 ? 0n : 1n);
    const marks = rounding.map(({ from }) => from);
    const cuts = [...new Set([...starts, piece.from.outcome + 1n, next.outcome, ...marks])]
      .filter((cut) => cut > piece.from.outcome && cut <= last)
      .toSorted((x, y) => (x < y ? -1 : 1));
    let from = piece.from.outcome;
    for (const cut of [...cuts, last + 1n]) {
      const modulus = modulusAt(rounding, from);
      const payoutAt = (outcome: bigint): bigint => {
        const payout = at(outcome, modulus);
        return payout < 0n ? 0n : payout > collateral ? collateral : payout;
      };
      addMonotone(payoutAt, [from, cut - 1n], add);
      from = cut;
    }
  }
  return intervals;
}

/** What a payout is rounded to at an outcome. */
export function modulusAt(rounding: readonly RoundingInterval[], outcome: bigint): bigint {
  return rounding.findLast(({ from }) => from <= outcome)?.modulus ?? 1n;
}

/** Adds the rows of one payout of a function that only rises or only falls. */
function addMonotone(
  payoutAt: (outcome: bigint) => bigint,
  [first, last]: readonly [bigint, bigint],
  add: (from: bigint, to: bigint, payout: bigint) => void,
): void {
  const final = payoutAt(last);
  for (let from = first; from <= last;) {
    const payout = payoutAt(from);
    if (payout === final) {
      add(from, last, payout);
      return;
    }
    // The payout at `low` is this one, at `high` it is not.
    let [low, high] = [from, last];
    for (let stride = 1n; low + stride < high; stride *= 2n)
      if (payoutAt(low + stride) === payout) low += stride;
      else high = low + stride;
    while (high - low > 1n) {
      const middle = (low + high) >> 1n;
      if (payoutAt(middle) === payout) low = middle;
      else high = middle;
    }
    add(from, low, payout);
    from = high;
  }
}

function functionOf({ from, curve }: PayoutPiece, next: PayoutPoint, index: number): PieceFunction {
  const inside = (at: PieceFunction['at']): PieceFunction['at'] => {
    // At an end the payout is what the end says, whatever the curve does there.
    const ends = new Map([from, next].map((point) => [point.outcome, interpolate([{ x: 0n, y: payoutOf(point) }])]));
    return (outcome, modulus) => {
      const end = ends.get(outcome);
      return end === undefined ? at(outcome, modulus) : nearestValue(end, 0n, modulus);
    };
  };
  if (curve.kind === 'polynomial') {
    const points = [from, ...curve.points, next].map((point) => ({ x: point.outcome, y: payoutOf(point) }));
    const polynomial = interpolate(points);
    return {
      at: (outcome, modulus) => nearestValue(polynomial, outcome, modulus),
      starts: monotonePieces(polynomial, from.outcome, next.outcome),
    };
  }
  const [first, last] = [from.outcome + 1n, next.outcome - 1n];
  if (first > last) return { at: inside((outcome) => outcome), starts: [from.outcome] };
  if (!isDefined(curve, first, last))
    throw termsInvalid(`contract.pieces[${index}].curve`, 'a curve with a value at every outcome');
  return {
    at: inside((outcome, modulus) => nearestOfHyperbola(curve, outcome, modulus)),
    starts: monotonePiecesOf(curve, first, last),
  };
}

/** The payout of a point, with what was rounded away of it. */
function payoutOf({ payout, extraPrecision = 0 }: PayoutPoint): Fraction {
  return fraction(payout * 65_536n + BigInt(extraPrecision), 65_536n);
}

/**
 * The payouts of a numeric contract over all its outcomes, rounded: what a party looks at before it agrees.
 *
 * @param options - `collateral`: satoshis of both. `most`: intervals, 1 to 10,000,000; 100,000 when absent.
 * @throws BiscolError `BISCOL_DLC_TERMS_INVALID`, `BISCOL_DLC_TOO_LARGE`, `BISCOL_INVALID_ARGUMENT`.
 *
 * @example All to the one below 500, to the other from 504 on, and a line between
 * ```ts
 * import { payoutIntervals } from '@bitcoin-enterprise/biscol/dlc';
 *
 * const line = { kind: 'polynomial', points: [] } as const;
 * payoutIntervals({
 *   kind: 'numeric',
 *   pieces: [
 *     { from: { outcome: 0n, payout: 1_000n }, curve: line },
 *     { from: { outcome: 500n, payout: 1_000n }, curve: line },
 *     { from: { outcome: 504n, payout: 0n }, curve: line },
 *   ],
 *   end: { outcome: 1_023n, payout: 0n },
 *   rounding: [{ from: 0n, modulus: 500n }],
 * }, { collateral: 1_000n }).map(({ from, payout }) => [from, payout]); // => [[0n, 1_000n], [502n, 500n], [504n, 0n]]
 * ```
 */
export function payoutIntervals(
  contract: NumericContract,
  options: { readonly collateral: bigint; readonly most?: number },
): readonly PayoutInterval[] {
  const checked = requireContract('contract', contract);
  if (checked.kind !== 'numeric') throw invalidArgument('contract.kind', "'numeric'", checked.kind);
  const { collateral, most = 100_000 } = requireObject<{ collateral: bigint; most: number }>('options', options);
  return intervalsOf(checked, {
    collateral: requireBigint('options.collateral', collateral, 1n, MAX_SATOSHIS),
    most: requireInteger('options.most', most, 1, 10_000_000),
  });
}
