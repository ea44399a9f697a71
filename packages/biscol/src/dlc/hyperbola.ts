import {
  floorOf,
  type Fraction,
  fraction,
  isZero,
  minus,
  nearestMultiple,
  over,
  plus,
  squareRoot,
  type Surd,
  times,
} from './fraction.ts';

/** The numbers of a hyperbola (dlcspecs, hyperbola curve piece): `(f1, f2) + ((a, b), (c, d)) * (x, 1/x)`. */
export interface HyperbolaNumbers {
  readonly usePositivePiece: boolean;
  readonly translateOutcome: Fraction;
  readonly translatePayout: Fraction;
  readonly a: Fraction;
  readonly b: Fraction;
  readonly c: Fraction;
  readonly d: Fraction;
}

const ZERO = /* @__PURE__ */ fraction(0n);
const TWO = /* @__PURE__ */ fraction(2n);
const FOUR = /* @__PURE__ */ fraction(4n);

/**
 * The value at an outcome; `undefined` where there is none.
 *
 * With `w = x - f1` and `u` a root of `a*u^2 - w*u + b`, it is `c*u + d/u + f2`: a rational number, and another one times
 * the square root of `w^2 - 4*a*b`.
 */
export function hyperbolaAt(numbers: HyperbolaNumbers, outcome: bigint): Surd | undefined {
  const { usePositivePiece, translateOutcome, translatePayout, a, b, c, d } = numbers;
  const w = minus(fraction(outcome), translateOutcome);
  if (isZero(b)) {
    // One root is zero, which has no inverse: the other one is rational.
    if (usePositivePiece !== w.numerator > 0n || isZero(w)) return undefined;
    const u = over(w, a);
    return { rational: plus(plus(times(c, u), over(d, u)), translatePayout), factor: ZERO, radicand: ZERO };
  }
  const radicand = minus(times(w, w), times(FOUR, times(a, b)));
  if (radicand.numerator < 0n) return undefined;
  const [first, second] = halves(numbers);
  const factor = minus(first, second);
  return {
    rational: plus(times(w, plus(first, second)), translatePayout),
    factor: usePositivePiece ? factor : minus(ZERO, factor),
    radicand,
  };
}

/** The multiple of a modulus that is nearest to the value at an outcome, where there is one. */
export function nearestOfHyperbola(numbers: HyperbolaNumbers, outcome: bigint, modulus: bigint): bigint {
  return nearestMultiple(hyperbolaAt(numbers, outcome) as Surd, modulus);
}

/** Whether there is a value at every outcome of an interval. */
export function isDefined(numbers: HyperbolaNumbers, from: bigint, to: bigint): boolean {
  const center = floorOf(numbers.translateOutcome);
  // The radicand is least next to the centre; without a b, only one side has values at all.
  return [from, to, center, center + 1n]
    .filter((outcome) => outcome >= from && outcome <= to)
    .every((outcome) => hyperbolaAt(numbers, outcome) !== undefined);
}

/**
 * Where pieces begin on which the curve only rises or only falls.
 *
 * @returns Ascending, `from` first; it may split more often than it must.
 */
export function monotonePiecesOf(numbers: HyperbolaNumbers, from: bigint, to: bigint): readonly bigint[] {
  const { translateOutcome, a, b, c, d } = numbers;
  const turns: bigint[] = [];
  // Where the slope is zero: w^2 = a^2*d/c without a b, else 4*a*b*s^2/(s^2 - t^2), s and t the factors of w and the root.
  const [first, second] = isZero(b) ? [ZERO, ZERO] : halves(numbers);
  const [s, t] = [plus(first, second), minus(first, second)];
  const [top, bottom] = isZero(b)
    ? [times(times(a, a), d), c]
    : [times(times(FOUR, times(a, b)), times(s, s)), minus(times(s, s), times(t, t))];
  const square = isZero(bottom) ? ZERO : over(top, bottom);
  if (square.numerator > 0n) {
    const root = fraction(squareRoot(square.numerator * square.denominator), square.denominator);
    // The root is rounded down by less than 1, in either direction.
    for (const turn of [plus(translateOutcome, root), minus(translateOutcome, root)])
      for (const around of [-1n, 0n, 1n]) turns.push(floorOf(turn) + around);
  }
  const starts = turns.flatMap((turn) => [turn, turn + 1n]).filter((start) => start > from && start <= to);
  return [...new Set([from, ...starts])].toSorted((x, y) => (x < y ? -1 : 1));
}

/** `c / 2a` and `d / 2b`. */
function halves({ a, b, c, d }: HyperbolaNumbers): readonly [Fraction, Fraction] {
  return [over(c, times(TWO, a)), over(d, times(TWO, b))];
}
