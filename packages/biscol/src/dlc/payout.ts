import { MAX_SATOSHIS } from '@bitcoin-enterprise/core';
import { requireInteger, requireObject } from '../checks.ts';
import { kindOf, requireBigint, requireBoolean, requireList, requireString, termsInvalid } from './checks.ts';
import { type Fraction, fraction } from './fraction.ts';
import type { HyperbolaNumbers } from './hyperbola.ts';

/** A point of a payout curve. */
export interface PayoutPoint {
  /** What the oracle may attest, 0 to 2^53-1. */
  readonly outcome: bigint;
  /** Satoshis of the offering party there; more than all, or less than nothing, counts as all or nothing. */
  readonly payout: bigint;
  /** What was rounded away of the payout, in 1/65,536 satoshi: 0 to 65,535, 0 when absent. */
  readonly extraPrecision?: number;
}

/** The shape between two points: through further points by a polynomial, or a hyperbola. */
export type PayoutCurve =
  | {
      readonly kind: 'polynomial';
      /** Between the two ends; none makes a line. At most 30. */
      readonly points: readonly PayoutPoint[];
    }
  | ({ readonly kind: 'hyperbola' } & HyperbolaNumbers);

/** A piece of a payout function: from its first point to the one of the next piece. */
export interface PayoutPiece {
  readonly from: PayoutPoint;
  readonly curve: PayoutCurve;
}

/** From an outcome on, payouts are multiples of a number of satoshis. */
export interface RoundingInterval {
  readonly from: bigint;
  /** Satoshis, 1 or more. */
  readonly modulus: bigint;
}

/** A contract over a number: what the offering party gets, as a function of the outcome (dlcspecs, PayoutCurve.md). */
export interface NumericContract {
  readonly kind: 'numeric';
  /** The first one begins at outcome 0. */
  readonly pieces: readonly PayoutPiece[];
  /** The last outcome that can be attested, and the payout there. */
  readonly end: PayoutPoint;
  /** Ascending; before the first one, and when there is none, a payout is rounded to the satoshi. */
  readonly rounding: readonly RoundingInterval[];
}

/** A contract over named outcomes. */
export interface EnumeratedContract {
  readonly kind: 'enumerated';
  /** Each outcome once, and satoshis of the offering party then. */
  readonly payouts: ReadonlyArray<{ readonly outcome: string; readonly payout: bigint }>;
}

/** Who gets what, by outcome. */
export type DlcContract = EnumeratedContract | NumericContract;

const MOST_OUTCOME = 2n ** 53n - 1n;
const MOST_NUMBER = 2n ** 64n;
/** Above it, a polynomial is no shape that anybody drew. */
const MOST_POINTS = 30;
const MOST_PIECES = 10_000;
/** Characters of the name of an outcome. */
export const MOST_TEXT = 10_000;
/** Named outcomes of an event. */
export const MOST_NAMES = 65_535;

/** Throws unless a value is a contract; the answer is a copy. */
export function requireContract(argument: string, value: unknown): DlcContract {
  return kindOf(argument, value, ['enumerated', 'numeric']) === 'enumerated'
    ? requireEnumerated(argument, value)
    : requireNumeric(argument, value);
}

function requireEnumerated(argument: string, value: unknown): EnumeratedContract {
  const { payouts } = requireObject<EnumeratedContract>(argument, value);
  const list = requireList(`${argument}.payouts`, payouts);
  if (list.length === 0 || list.length > MOST_NAMES)
    throw termsInvalid(`${argument}.payouts`, `a list of 1 to ${MOST_NAMES}`);
  const rows = list.map((row, index) => {
    const path = `${argument}.payouts[${index}]`;
    const { outcome, payout } = requireObject<{ outcome: string; payout: bigint }>(path, row);
    return {
      outcome: requireString(`${path}.outcome`, outcome, MOST_TEXT).normalize('NFC'),
      payout: requireBigint(`${path}.payout`, payout, 0n, MAX_SATOSHIS),
    };
  });
  if (new Set(rows.map(({ outcome }) => outcome)).size !== rows.length)
    throw termsInvalid(`${argument}.payouts`, 'a list of different outcomes');
  return { kind: 'enumerated', payouts: rows };
}

function requireNumeric(argument: string, value: unknown): NumericContract {
  const given = requireObject<NumericContract>(argument, value);
  const list = requireList(`${argument}.pieces`, given.pieces);
  if (list.length === 0 || list.length > MOST_PIECES)
    throw termsInvalid(`${argument}.pieces`, `a list of 1 to ${MOST_PIECES}`);
  const pieces = list.map((piece, index) => {
    const path = `${argument}.pieces[${index}]`;
    const { from, curve } = requireObject<PayoutPiece>(path, piece);
    return { from: requirePoint(`${path}.from`, from), curve: requireCurve(`${path}.curve`, curve) };
  });
  const end = requirePoint(`${argument}.end`, given.end);
  if (pieces[0]?.from.outcome !== 0n) throw termsInvalid(`${argument}.pieces[0].from.outcome`, '0');
  let last = -1n;
  for (const [index, { from, curve }] of pieces.entries())
    for (const point of [from, ...(curve.kind === 'polynomial' ? curve.points : [])]) {
      if (point.outcome <= last) throw termsInvalid(`${argument}.pieces[${index}]`, 'points of rising outcomes');
      last = point.outcome;
    }
  if (end.outcome <= last) throw termsInvalid(`${argument}.end`, 'after all pieces');
  return { kind: 'numeric', pieces, end, rounding: requireRounding(`${argument}.rounding`, given.rounding) };
}

function requireRounding(argument: string, value: unknown): readonly RoundingInterval[] {
  const list = requireList(argument, value);
  if (list.length > MOST_PIECES) throw termsInvalid(argument, `a list of at most ${MOST_PIECES}`);
  let last = -1n;
  return list.map((interval, index) => {
    const path = `${argument}[${index}]`;
    const given = requireObject<RoundingInterval>(path, interval);
    const from = requireBigint(`${path}.from`, given.from, 0n, MOST_OUTCOME);
    if (from <= last) throw termsInvalid(argument, 'intervals that begin at rising outcomes');
    last = from;
    return { from, modulus: requireBigint(`${path}.modulus`, given.modulus, 1n, MAX_SATOSHIS) };
  });
}

function requirePoint(argument: string, value: unknown): PayoutPoint {
  const { outcome, payout, extraPrecision = 0 } = requireObject<PayoutPoint>(argument, value);
  return {
    outcome: requireBigint(`${argument}.outcome`, outcome, 0n, MOST_OUTCOME),
    payout: requireBigint(`${argument}.payout`, payout, -MOST_NUMBER, MOST_NUMBER),
    extraPrecision: requireInteger(`${argument}.extraPrecision`, extraPrecision, 0, 65_535),
  };
}

function requireCurve(argument: string, value: unknown): PayoutCurve {
  if (kindOf(argument, value, ['polynomial', 'hyperbola']) === 'polynomial') {
    const { points } = requireObject<{ points: readonly PayoutPoint[] }>(argument, value);
    const list = requireList(`${argument}.points`, points);
    if (list.length > MOST_POINTS) throw termsInvalid(`${argument}.points`, `a list of at most ${MOST_POINTS}`);
    return {
      kind: 'polynomial',
      points: list.map((point, index) => requirePoint(`${argument}.points[${index}]`, point)),
    };
  }
  const given = requireObject<HyperbolaNumbers>(argument, value);
  const number = (name: 'translateOutcome' | 'translatePayout' | 'a' | 'b' | 'c' | 'd'): Fraction =>
    requireFraction(`${argument}.${name}`, given[name]);
  const [a, b, c, d] = [number('a'), number('b'), number('c'), number('d')];
  // A curve that is no hyperbola: a line, or one that does not say which outcome its numbers belong to.
  if (a.numerator === 0n) throw termsInvalid(`${argument}.a`, 'another number than 0');
  const [left, right] = [
    a.numerator * d.numerator * b.denominator * c.denominator,
    b.numerator * c.numerator * a.denominator * d.denominator,
  ];
  if (left === right) throw termsInvalid(argument, 'a hyperbola, whose a*d is not b*c');
  return {
    kind: 'hyperbola',
    usePositivePiece: requireBoolean(`${argument}.usePositivePiece`, given.usePositivePiece),
    translateOutcome: number('translateOutcome'),
    translatePayout: number('translatePayout'),
    a,
    b,
    c,
    d,
  };
}

function requireFraction(argument: string, value: unknown): Fraction {
  const { numerator, denominator } = requireObject<Fraction>(argument, value);
  return fraction(
    requireBigint(`${argument}.numerator`, numerator, -(MOST_NUMBER ** 2n), MOST_NUMBER ** 2n),
    requireBigint(`${argument}.denominator`, denominator, 1n, MOST_NUMBER),
  );
}
