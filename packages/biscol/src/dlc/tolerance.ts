import { requireInteger, requireObject } from '../checks.ts';
import { requireBoolean, termsInvalid } from './checks.ts';
import { type DigitPrefix, digitsOf, intervalOf } from './digits.ts';

/** How far the numbers of oracles may be apart (dlcspecs, MultiOracle.md); base 2 alone. */
export interface OracleTolerance {
  /** 2 to this: no two outcomes of different payouts that are further apart go together. */
  readonly maxErrorExponent: number;
  /** 2 to this, which is less: all outcomes that are at most so far apart go together. */
  readonly minSupportExponent: number;
  /** Whether differences between the two go together as often as possible, or as rarely; the number is the same. */
  readonly maximizeCoverage: boolean;
}

/** What the other oracles may attest when the first one attests a prefix. */
export interface SecondaryCover {
  /** Of the first oracle: the prefix, or a part of it. */
  readonly primary: DigitPrefix;
  /** Each of the other oracles attests one of them. */
  readonly choices: readonly DigitPrefix[];
  /** The choice that not all of them may make: it is covered elsewhere. */
  readonly notAll?: DigitPrefix;
}

/** Throws unless a value is a tolerance for so many digits. */
export function requireTolerance(argument: string, value: unknown, digits: number): OracleTolerance {
  const given = requireObject<OracleTolerance>(argument, value);
  const maxErrorExponent = requireInteger(`${argument}.maxErrorExponent`, given.maxErrorExponent, 1, digits);
  if (maxErrorExponent === digits) throw termsInvalid(`${argument}.maxErrorExponent`, 'below the number of digits');
  return {
    maxErrorExponent,
    minSupportExponent: requireInteger(
      `${argument}.minSupportExponent`,
      given.minSupportExponent,
      0,
      maxErrorExponent - 1,
    ),
    maximizeCoverage: requireBoolean(`${argument}.maximizeCoverage`, given.maximizeCoverage),
  };
}

/**
 * What goes together with a prefix of the first oracle (dlcspecs, 2-of-2 oracles with bounded error, and n-of-n).
 *
 * @param digits - Binary digits of the outcome.
 */
export function coversOf(prefix: DigitPrefix, digits: number, tolerance: OracleTolerance): readonly SecondaryCover[] {
  const [start, end] = intervalOf(prefix, 2, digits);
  return end - start + 1n < 2n ** BigInt(tolerance.maxErrorExponent)
    ? [{ primary: prefix, choices: choicesOfSmall([start, end], digits, tolerance) }]
    : coversOfLarge(prefix, digits, tolerance);
}

function choicesOfSmall(
  [start, end]: readonly [bigint, bigint],
  digits: number,
  { maxErrorExponent, minSupportExponent, maximizeCoverage }: OracleTolerance,
): readonly DigitPrefix[] {
  const [maxError, minSupport] = [2n ** BigInt(maxErrorExponent), 2n ** BigInt(minSupportExponent)];
  const left = start - (start % maxError);
  const right = left + maxError - 1n;
  const block = (from: bigint, exponent: number): DigitPrefix =>
    digitsOf(from >> BigInt(exponent), 2, digits - exponent);
  const upTo = (outcome: bigint): DigitPrefix => shrink(outcome, digits, { maxErrorExponent, digit: 0 });
  const downTo = (outcome: bigint): DigitPrefix => shrink(outcome, digits, { maxErrorExponent, digit: 1 });
  const whole = block(left, maxErrorExponent);
  const half = maxErrorExponent - 1;

  if (start < left + minSupport) {
    const inside = maximizeCoverage ? whole : upTo(end + minSupport);
    if (left === 0n) return [inside];
    return [maximizeCoverage ? block(left - (maxError >> 1n), half) : downTo(start - minSupport), inside];
  }
  if (end > right - minSupport) {
    const inside = maximizeCoverage ? whole : downTo(start - minSupport);
    if (right === 2n ** BigInt(digits) - 1n) return [inside];
    return [inside, maximizeCoverage ? block(right + 1n, half) : upTo(end + minSupport)];
  }
  if (maximizeCoverage) return [whole];
  const [low, high] = [digitsOf(start - minSupport, 2, digits), digitsOf(end + minSupport, 2, digits)];
  const common = low.findIndex((digit, at) => digit !== high[at]);
  return [low.slice(0, common)];
}

/** The smallest prefix within a block of the greatest error that reaches from the block's one end to an outcome. */
function shrink(
  outcome: bigint,
  digits: number,
  { maxErrorExponent, digit }: { readonly maxErrorExponent: number; readonly digit: 0 | 1 },
): DigitPrefix {
  const all = digitsOf(outcome, 2, digits);
  let length = digits - maxErrorExponent;
  while (length < digits && all[length] === digit) length++;
  return all.slice(0, length);
}

function coversOfLarge(prefix: DigitPrefix, digits: number, tolerance: OracleTolerance): readonly SecondaryCover[] {
  const { maxErrorExponent, minSupportExponent, maximizeCoverage } = tolerance;
  const [start, end] = intervalOf(prefix, 2, digits);
  const exponent = maximizeCoverage ? maxErrorExponent - 1 : minSupportExponent;
  const size = 2n ** BigInt(exponent);
  const block = (from: bigint): DigitPrefix => digitsOf(from >> BigInt(exponent), 2, digits - exponent);
  const covers: SecondaryCover[] = [];
  if (start > 0n) covers.push({ primary: block(start), choices: [block(start - size), prefix], notAll: prefix });
  covers.push({ primary: prefix, choices: [prefix] });
  if (end < 2n ** BigInt(digits) - 1n)
    covers.push({ primary: block(end - size + 1n), choices: [prefix, block(end + 1n)], notAll: prefix });
  return covers;
}
