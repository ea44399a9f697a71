/** An exact number. */
export interface Fraction {
  readonly numerator: bigint;
  /** Above zero. */
  readonly denominator: bigint;
}

/** A fraction in lowest terms. */
export function fraction(numerator: bigint, denominator = 1n): Fraction {
  let [a, b] = [numerator < 0n ? -numerator : numerator, denominator < 0n ? -denominator : denominator];
  while (b !== 0n) [a, b] = [b, a % b];
  const divisor = denominator < 0n ? -a : a;
  return { numerator: numerator / divisor, denominator: denominator / divisor };
}

/** The sum. */
export function plus(left: Fraction, right: Fraction): Fraction {
  return fraction(
    left.numerator * right.denominator + right.numerator * left.denominator,
    left.denominator * right.denominator,
  );
}

/** The difference. */
export function minus(left: Fraction, right: Fraction): Fraction {
  return plus(left, { numerator: -right.numerator, denominator: right.denominator });
}

/** The product. */
export function times(left: Fraction, right: Fraction): Fraction {
  return fraction(left.numerator * right.numerator, left.denominator * right.denominator);
}

/** The quotient; the divisor is not zero. */
export function over(left: Fraction, right: Fraction): Fraction {
  return fraction(left.numerator * right.denominator, left.denominator * right.numerator);
}

/** Whether it is zero. */
export function isZero(value: Fraction): boolean {
  return value.numerator === 0n;
}

/** The quotient, rounded down; the divisor is above zero. */
export function floorDivide(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  return dividend % divisor < 0n ? quotient - 1n : quotient;
}

/** The greatest whole number that is not above. */
export function floorOf({ numerator, denominator }: Fraction): bigint {
  return floorDivide(numerator, denominator);
}

/** The greatest whole number whose square is not above a number of zero or more. */
export function squareRoot(value: bigint): bigint {
  if (value < 2n) return value;
  let root = 1n << BigInt((value.toString(2).length + 1) >> 1);
  for (;;) {
    const next = (root + value / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

/** `rational + factor * sqrt(radicand)`, the radicand zero or more: exact, as a hyperbola needs it. */
export interface Surd {
  readonly rational: Fraction;
  readonly factor: Fraction;
  readonly radicand: Fraction;
}

/** The multiple of a modulus that is nearest to a number; of two the greater one. */
export function nearestMultiple({ rational, factor, radicand }: Surd, modulus: bigint): bigint {
  const half = plus(rational, fraction(modulus, 2n));
  const denominator = half.denominator * factor.denominator * radicand.denominator;
  const whole = half.numerator * factor.denominator * radicand.denominator;
  // factor * sqrt(n / d) is factor * sqrt(n * d) / d.
  const outside = factor.numerator * half.denominator;
  const inside = outside * outside * radicand.numerator * radicand.denominator;
  const root = squareRoot(inside);
  const signed = outside < 0n ? -(root * root === inside ? root : root + 1n) : root;
  return floorDivide(whole + signed, denominator * modulus) * modulus;
}
