import { floorDivide, type Fraction, fraction, minus, over, plus, times } from './fraction.ts';

/** A polynomial with whole coefficients, that of the constant first, over one denominator. */
export interface Polynomial {
  /** What the variable counts from. */
  readonly origin: bigint;
  readonly coefficients: readonly bigint[];
  readonly denominator: bigint;
}

/** The polynomial of the lowest degree through points of different x (dlcspecs, polynomial evaluation). */
export function interpolate(points: ReadonlyArray<{ readonly x: bigint; readonly y: Fraction }>): Polynomial {
  const origin = points[0]?.x ?? 0n;
  const places = points.map(({ x }) => fraction(x - origin));
  // Newton's divided differences, and the product of all (x - places) so far.
  let differences = points.map(({ y }) => y);
  let product: Fraction[] = [fraction(1n)];
  let sum: Fraction[] = [];
  for (let at = 0; at < points.length; at++) {
    const lead = differences[0] as Fraction;
    sum = product.map((coefficient, power) => plus(times(coefficient, lead), sum[power] ?? fraction(0n)));
    const place = places[at] as Fraction;
    const shifted = [fraction(0n), ...product];
    product = shifted.map((coefficient, power) => minus(coefficient, times(product[power] ?? fraction(0n), place)));
    differences = differences.slice(1).map((next, index) => {
      const span = minus(places[index + at + 1] as Fraction, places[index] as Fraction);
      return over(minus(next, differences[index] as Fraction), span);
    });
  }
  const denominator = sum.reduce((all, { denominator: one }) => fraction(all, one).numerator * one, 1n);
  return {
    origin,
    denominator,
    coefficients: sum.map(({ numerator, denominator: one }) => (numerator * denominator) / one),
  };
}

/** Its value times its denominator. */
export function evaluate({ origin, coefficients }: Polynomial, x: bigint): bigint {
  const variable = x - origin;
  let value = 0n;
  for (let power = coefficients.length - 1; power >= 0; power--) value = value * variable + (coefficients[power] ?? 0n);
  return value;
}

/** The multiple of a modulus that is nearest to its value; of two the greater one. */
export function nearestValue(polynomial: Polynomial, x: bigint, modulus: bigint): bigint {
  const { denominator } = polynomial;
  const doubled = 2n * evaluate(polynomial, x) + modulus * denominator;
  return floorDivide(doubled, 2n * modulus * denominator) * modulus;
}

/**
 * Where pieces begin on which a polynomial only rises or only falls, over whole numbers.
 *
 * @returns Ascending, `from` first.
 */
export function monotonePieces(polynomial: Polynomial, from: bigint, to: bigint): readonly bigint[] {
  if (from >= to || polynomial.coefficients.length <= 2) return [from];
  const difference = differenceOf(polynomial);
  const rises = (x: bigint): boolean => evaluate(difference, x) >= 0n;
  const starts = [from];
  const pieces = monotonePieces(difference, from, to - 1n);
  for (const [index, start] of pieces.entries()) {
    const end = (pieces[index + 1] ?? to) - 1n;
    if (index > 0 && rises(start - 1n) !== rises(start)) starts.push(start);
    if (rises(start) === rises(end)) continue;
    // The difference rises or falls all along, so that it changes its sign once.
    let [low, high] = [start, end];
    while (high - low > 1n) {
      const middle = (low + high) >> 1n;
      if (rises(middle) === rises(start)) low = middle;
      else high = middle;
    }
    starts.push(high);
  }
  return starts;
}

/** `p(x + 1) - p(x)`. */
function differenceOf({ origin, coefficients, denominator }: Polynomial): Polynomial {
  const difference = Array.from({ length: coefficients.length - 1 }, () => 0n);
  let row = [1n];
  for (const coefficient of coefficients) {
    for (let power = 0; power < row.length - 1; power++)
      difference[power] = (difference[power] ?? 0n) + coefficient * (row[power] ?? 0n);
    row = [...row, 0n].map((binomial, power) => binomial + (row[power - 1] ?? 0n));
  }
  return { origin, coefficients: difference, denominator };
}
