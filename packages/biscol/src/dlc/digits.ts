import { requireInteger, requireObject } from '../checks.ts';
import { requireBigint, requireList } from './checks.ts';

/** Outcomes whose first digits are these, most significant first; fewer digits than the oracle attests stand for more. */
export type DigitPrefix = readonly number[];

/** The digits of a number, most significant first. */
export function digitsOf(value: bigint, base: number, count: number): number[] {
  const digits: number[] = [];
  for (let rest = value, left = count; left > 0; left--, rest /= BigInt(base)) digits.push(Number(rest % BigInt(base)));
  return digits.toReversed();
}

/** The first and the last outcome that a prefix stands for. */
export function intervalOf(prefix: DigitPrefix, base: number, count: number): readonly [bigint, bigint] {
  const size = BigInt(base) ** BigInt(count - prefix.length);
  const first = prefix.reduce((value, digit) => value * BigInt(base) + BigInt(digit), 0n) * size;
  return [first, first + size - 1n];
}

/**
 * The fewest prefixes that stand for all outcomes of an interval and for no other ones (dlcspecs, CET compression).
 *
 * @returns Ascending; the whole domain is split by its first digit, for something must be attested.
 */
export function coverInterval(
  interval: readonly [bigint, bigint],
  { base, digits }: { readonly base: number; readonly digits: number },
): DigitPrefix[] {
  const [first, last] = interval;
  const radix = BigInt(base);
  const prefixes: DigitPrefix[] = [];
  for (let at = first; at <= last;) {
    let size = 1n;
    let left = digits;
    while (left > 1 && at % (size * radix) === 0n && at + size * radix - 1n <= last) {
      size *= radix;
      left--;
    }
    prefixes.push(digitsOf(at / size, base, left));
    at += size;
  }
  return prefixes;
}

/**
 * `coverInterval` of arguments from anywhere.
 *
 * @param interval - First and last outcome.
 * @param options - `base`: 2 to 65,535. `digits`: of an outcome, 1 to 1,000.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 *
 * @example Four prefixes for eleven outcomes
 * ```ts
 * import { coverDigits } from '@bitcoin-enterprise/biscol/dlc';
 *
 * coverDigits([2n, 12n], { base: 2, digits: 4 }).map((prefix) => prefix.join('')); // => ['001', '01', '10', '1100']
 * ```
 */
export function coverDigits(
  interval: readonly [bigint, bigint],
  options: { readonly base: number; readonly digits: number },
): readonly DigitPrefix[] {
  const given = requireObject<{ base: number; digits: number }>('options', options);
  const base = requireInteger('options.base', given.base, 2, 65_535);
  const digits = requireInteger('options.digits', given.digits, 1, 1_000);
  const [first, last] = requireList('interval', interval);
  const most = BigInt(base) ** BigInt(digits) - 1n;
  const from = requireBigint('interval[0]', first, 0n, most);
  return coverInterval([from, requireBigint('interval[1]', last, from, most)], { base, digits });
}
