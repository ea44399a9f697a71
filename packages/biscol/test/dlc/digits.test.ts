import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { coverDigits } from '../../src/dlc/index.ts';
import { digitsOf, intervalOf } from '../../src/dlc/digits.ts';

/** The algorithm of CETCompression.md, in its own words and order. */
function groupByIgnoringDigits(start: bigint, end: bigint, base: number, count: number): number[][] {
  const [from, to] = [digitsOf(start, base, count), digitsOf(end, base, count)];
  const common = from.findIndex((digit, at) => digit !== to[at]);
  if (common === -1) return [from];
  const prefix = from.slice(0, common);
  const [first, last] = [from.slice(common), to.slice(common)];
  const most = base - 1;
  if (first.every((digit) => digit === 0) && last.every((digit) => digit === most)) return [prefix];
  if (common === count - 1)
    return Array.from({ length: (last[0] ?? 0) - (first[0] ?? 0) + 1 }, (_, step) => [
      ...prefix,
      (first[0] ?? 0) + step,
    ]);
  const groups = [...front(first, base), ...middle(first[0] ?? 0, last[0] ?? 0), ...back(last, base)];
  return groups.map((group) => [...prefix, ...group]);
}

function front(digits: readonly number[], base: number): number[][] {
  const length = digits.findLastIndex((digit) => digit !== 0) + 1;
  if (length <= 1) return [digits.slice(0, Math.max(1, length))];
  const groups = [digits.slice(0, length)];
  for (let at = length - 1; at > 0; at--)
    for (let digit = (digits[at] ?? 0) + 1; digit < base; digit++) groups.push([...digits.slice(0, at), digit]);
  return groups;
}

function middle(first: number, last: number): number[][] {
  return Array.from({ length: Math.max(0, last - first - 1) }, (_, step) => [first + 1 + step]);
}

function back(digits: readonly number[], base: number): number[][] {
  const length = digits.findLastIndex((digit) => digit !== base - 1) + 1;
  if (length <= 1) return [digits.slice(0, Math.max(1, length))];
  const groups: number[][] = [];
  for (let at = 1; at < length; at++)
    for (let digit = 0; digit < (digits[at] ?? 0); digit++) groups.push([...digits.slice(0, at), digit]);
  return [...groups, digits.slice(0, length)];
}

const text = (prefixes: ReadonlyArray<readonly number[]>): string[] => prefixes.map((prefix) => prefix.join(''));

describe('prefixes of digits', () => {
  it('are those of the examples in CETCompression.md', () => {
    const binary = coverDigits([5_677n, 8_621n], { base: 2, digits: 14 });
    expect(text(binary)).toEqual([
      '01011000101101',
      '0101100010111',
      '0101100011',
      '01011001',
      '0101101',
      '010111',
      '011',
      '100000',
      '1000010',
      '100001100',
      '10000110100',
      '100001101010',
      // The document's list has two there, for it is of before the endpoint optimization that it then describes.
      '1000011010110',
    ]);
    const decimal = coverDigits([135_677n, 138_621n], { base: 10, digits: 6 });
    expect(text(decimal).join(' ')).toBe(
      '135677 135678 135679 13568 13569 1357 1358 1359 136 137 1380 1381 1382 1383 1384 1385 13860 13861 138620 138621',
    );
    expect(text(coverDigits([2_200n, 4_999n], { base: 10, digits: 4 })).join(' ')).toBe('22 23 24 25 26 27 28 29 3 4');
  });

  it('are those of the algorithm in CETCompression.md, in its order', () => {
    const domain = fc.record({ base: fc.integer({ min: 2, max: 11 }), digits: fc.integer({ min: 1, max: 7 }) });
    fc.assert(
      fc.property(domain, fc.nat(), fc.nat(), ({ base, digits }, x, y) => {
        const size = base ** digits;
        const [from, to] = [BigInt(Math.min(x % size, y % size)), BigInt(Math.max(x % size, y % size))];
        fc.pre(from > 0n || to < BigInt(size) - 1n);
        expect(coverDigits([from, to], { base, digits })).toEqual(groupByIgnoringDigits(from, to, base, digits));
      }),
      { numRuns: 3_000 },
    );
  });

  it('stand for each outcome of an interval once, and for no other one', () => {
    const [base, digits] = [3, 5];
    for (let from = 0n; from < 243n; from += 7n)
      for (let to = from; to < 243n; to += 5n) {
        let next = from;
        for (const prefix of coverDigits([from, to], { base, digits })) {
          const [first, last] = intervalOf(prefix, base, digits);
          expect(first).toBe(next);
          next = last + 1n;
        }
        expect(next).toBe(to + 1n);
      }
  });

  it('split the whole domain by the first digit, for something must be attested', () => {
    expect(coverDigits([0n, 255n], { base: 2, digits: 8 })).toEqual([[0], [1]]);
    expect(coverDigits([0n, 9n], { base: 10, digits: 1 })).toHaveLength(10);
  });
});
