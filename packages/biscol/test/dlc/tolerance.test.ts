import { describe, expect, it } from 'vitest';
import { digitsOf, intervalOf } from '../../src/dlc/digits.ts';
import { coversOf, type OracleTolerance } from '../../src/dlc/tolerance.ts';

const long = process.env['BE_LONG'] === '1';
const text = (prefix: readonly number[] | undefined): string => (prefix ?? []).join('');

/** All prefixes of so many binary digits. */
function prefixesOf(digits: number): number[][] {
  return Array.from({ length: digits }, (_, at) => at + 1).flatMap((length) =>
    Array.from({ length: 2 ** length }, (_, value) => digitsOf(BigInt(value), 2, length)),
  );
}

/** All tolerances for so many digits. */
function tolerancesOf(digits: number): OracleTolerance[] {
  return Array.from({ length: digits - 1 }, (_, at) => at + 1).flatMap((maxErrorExponent) =>
    Array.from({ length: maxErrorExponent }, (_, minSupportExponent) =>
      [true, false].map((maximizeCoverage) => ({ maxErrorExponent, minSupportExponent, maximizeCoverage })),
    ).flat(),
  );
}

describe('what goes together with a prefix of the first of two oracles', () => {
  const digits = long ? 7 : 5;
  const size = 2 ** digits;

  it.for(tolerancesOf(digits))('keeps what it promises: %o', (tolerance) => {
    const [maxError, minSupport] = [2 ** tolerance.maxErrorExponent, 2 ** tolerance.minSupportExponent];
    const broken: string[] = [];
    for (const prefix of prefixesOf(digits)) {
      const bounds = (one: readonly number[]): readonly number[] => intervalOf(one, 2, digits).map(Number);
      const [start = 0, end = 0] = bounds(prefix);
      // How many covers have both outcomes, for each pair of outcomes.
      const together = new Uint8Array(size * size);
      for (const { primary, choices, notAll } of coversOf(prefix, digits, tolerance)) {
        const [from = 0, to = 0] = bounds(primary);
        for (const [low = 0, high = 0] of choices.filter((choice) => choice !== notAll).map(bounds))
          for (let first = from; first <= to; first++)
            for (let second = low; second <= high; second++) (together[first * size + second] as number)++;
      }
      for (let first = 0; first < size; first++)
        for (let second = 0; second < size; second++) {
          const count = together[first * size + second] as number;
          const apart = Math.abs(first - second);
          const isOurs = first >= start && first <= end;
          // Inside of one prefix of the first oracle everything pays the same, however far apart it is.
          const isInside = isOurs && second >= start && second <= end;
          const isRight =
            count <= 1 &&
            (isOurs || count === 0) &&
            (!isOurs || apart > minSupport || count === 1) &&
            (apart < maxError || isInside || count === 0);
          if (!isRight) broken.push(`${text(prefix)} ${first} ${second} ${count}`);
        }
    }
    expect(broken).toEqual([]);
  });

  it('covers as much as can be, or as little', () => {
    const facts = { maxErrorExponent: 3, minSupportExponent: 1 };
    for (const prefix of prefixesOf(digits)) {
      const [most, least] = [true, false].map((maximizeCoverage) =>
        coversOf(prefix, digits, { ...facts, maximizeCoverage }),
      ) as [ReturnType<typeof coversOf>, ReturnType<typeof coversOf>];
      expect(most.map(({ choices }) => choices.length)).toEqual(least.map(({ choices }) => choices.length));
      for (const [at, { choices, primary }] of least.entries()) {
        expect(text(primary).startsWith(text(most[at]?.primary))).toBe(true);
        for (const [index, choice] of choices.entries())
          expect(text(choice).startsWith(text(most[at]?.choices[index]))).toBe(true);
      }
    }
  });
});
