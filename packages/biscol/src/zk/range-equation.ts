import { type Field, invertAll, powersOf } from './field.ts';

/** What is public of an aggregated range proof of Bulletproofs+ (eprint 2020/735), and its challenges. */
export interface RangeEquation {
  readonly field: Field;
  /** Bits of each value. */
  readonly bits: number;
  /** How many values. */
  readonly count: number;
  readonly y: bigint;
  readonly z: bigint;
  /** Challenges of the rounds, the first one first; `2^rounds` is {@link vectorLength}. */
  readonly rounds: readonly bigint[];
  /** The last challenge. */
  readonly last: bigint;
  /** r', s' and δ' of the proof. */
  readonly r: bigint;
  readonly s: bigint;
  readonly delta: bigint;
}

/** What each point counts in the one equation that a proof has to satisfy: their sum vanishes. */
export interface RangeCoefficients {
  /** Of g, which values are multiples of. */
  readonly value: bigint;
  /** Of h, which blindings are multiples of. */
  readonly blinding: bigint;
  /** Of the left and right generators. */
  readonly left: readonly bigint[];
  readonly right: readonly bigint[];
  /** Of the commitments. */
  readonly commitments: readonly bigint[];
  /** Of A, and of A and B of the last round (A1 and B here). */
  readonly a: bigint;
  readonly a1: bigint;
  readonly b: bigint;
  /** Of L and R of each round. */
  readonly roundsLeft: readonly bigint[];
  readonly roundsRight: readonly bigint[];
}

/** Generators a side that a proof needs: all bits, up to a power of two. */
export function vectorLength(bits: number, count: number): number {
  let length = 1;
  while (length < bits * count) length *= 2;
  return length;
}

/**
 * Weights of the bits, `z^(2j)*2^k` for bit k of value j (j from 1), and zero for those that only fill the vector up:
 * a filling bit may be anything, for it counts nothing.
 */
export function bitWeights(field: Field, options: { z: bigint; bits: number; count: number }): bigint[] {
  const { z, bits, count } = options;
  const squares = valueWeights(field, z, count);
  const weights = new Array<bigint>(vectorLength(bits, count)).fill(0n);
  for (const [j, square] of squares.entries())
    for (let k = 0, weight = square; k < bits; k++, weight = field.multiply(weight, 2n)) weights[j * bits + k] = weight;
  return weights;
}

/** `z^2`, `z^4`… */
export function valueWeights(field: Field, z: bigint, count: number): bigint[] {
  const square = field.multiply(z, z);
  return powersOf(field, square, { first: square, count });
}

/**
 * The whole verification as coefficients, times `weight` so that many proofs can be added up: Â of figure 3 put into
 * the last equation of figure 1, with the folded generators unrolled.
 */
export function rangeCoefficients(equation: RangeEquation, weight: bigint): RangeCoefficients {
  const { field, bits, count, y, z, rounds, last, r, s, delta } = equation;
  const { multiply, reduce, order } = field;
  const length = 1 << rounds.length;
  const inverses = invertAll(field, [y, ...rounds]);
  const [inverseY, ...inverseRounds] = inverses as [bigint, ...bigint[]];
  const square = multiply(weight, multiply(last, last));

  // Products of e or 1/e of every round, by the bits of the index: e where the half is the second one.
  let products = [1n];
  for (const [round, e] of rounds.entries()) {
    const inverse = inverseRounds[round] as bigint;
    products = products.flatMap((product) => [multiply(product, inverse), multiply(product, e)]);
  }

  const ys = powersOf(field, y, { first: y, count: length });
  const sumOfYs = reduce(ys.reduce((sum, power) => sum + power, 0n));
  const yLast = multiply(ys[length - 1] as bigint, y);
  const squares = valueWeights(field, z, count);
  const sumOfWeights = multiply(
    reduce(squares.reduce((sum, power) => sum + power, 0n)),
    reduce((1n << BigInt(bits)) - 1n),
  );

  const left: bigint[] = [];
  const right: bigint[] = [];
  const minusZ = reduce(-z * square);
  const plusZ = multiply(z, square);
  const scaledS = multiply(weight, multiply(s, last));
  const halfStep = multiply(2n, inverseY);
  let scaledR = multiply(weight, multiply(r, last));
  let weighted = 0n;
  for (let i = 0; i < length; i++) {
    // d_i*y^(length-i), of which each is the one before times 2/y, within a value.
    if (i % bits === 0)
      weighted =
        i < bits * count ? multiply(square, multiply(squares[i / bits] as bigint, ys[length - 1 - i] as bigint)) : 0n;
    else if (i < bits * count) weighted = multiply(weighted, halfStep);
    left.push(reduce(minusZ - scaledR * (products[i] as bigint)));
    right.push(reduce(plusZ + weighted - scaledS * (products[length - 1 - i] as bigint)));
    scaledR = multiply(scaledR, inverseY);
  }

  // ζ = (z - z²)*Σy^i - z*y^(N+1)*Σd_i
  const zeta = reduce((z - z * z) * sumOfYs - multiply(z, yLast) * sumOfWeights);
  return {
    value: reduce(square * zeta - multiply(weight, multiply(r, s)) * y),
    blinding: reduce(-weight * delta),
    left,
    right,
    commitments: squares.map((power) => multiply(square, multiply(power, yLast))),
    a: square,
    a1: multiply(weight, last),
    b: weight % order,
    roundsLeft: rounds.map((e) => multiply(square, multiply(e, e))),
    roundsRight: inverseRounds.map((inverse) => multiply(square, multiply(inverse, inverse))),
  };
}
