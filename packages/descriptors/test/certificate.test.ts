import { loadCrypto } from '@bitcoin-enterprise/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { compilePolicy, parsePolicy } from '../src/index.ts';
import { conditionsOf, normalise } from '../src/policy/normal.ts';
import { type Dice, dice } from './support/dice.ts';
import { expectedWeightOf, outputOf, waysOf } from './support/expected-weight.ts';

const RUNS = process.env['BE_LONG'] === '1' ? 5_000 : 60;
const SEED = Number(process.env['BE_SEED'] ?? 1);

beforeAll(async () => {
  await loadCrypto();
});

const HASH = `sha256(${'11'.repeat(32)})`;

/** A random policy in which the same locks and hashes come again and again, with odds far apart. */
function repetitivePolicy(roll: Dice): string {
  let keys = 0;
  const pk = (): string => `pk(K${keys++})`;
  const loose = (): string => {
    const what = roll.below(5);
    if (what === 0) return `older(${1 + roll.below(3)})`;
    if (what === 1) return `after(${100 + roll.below(2)})`;
    if (what === 2) return HASH;
    return what === 3 ? `hash160(${String(roll.below(2)).repeat(40)})` : pk();
  };
  const odds = (): number => [1, 2, 99, 1_000_000][roll.below(4)] as number;
  const safe = (levels: number): string => {
    if (levels <= 0) return roll.oneIn(2) ? pk() : `and(${pk()},${loose()})`;
    const parts = Array.from({ length: 2 + roll.below(2) }, () => safe(levels - 1 - roll.below(2)));
    switch (roll.below(4)) {
      case 0:
        return `and(${safe(levels - 1)},or(${loose()},${safe(levels - 2)}))`;
      case 1:
        return `or(${parts.map((part) => `${odds()}@${part}`).join()})`;
      case 2:
        return `thresh(${1 + roll.below(parts.length)},${parts.join()})`;
      default:
        return `thresh(${parts.length},${parts.join()},${loose()})`;
    }
  };
  return safe(1 + roll.below(3));
}

describe('the certificate', () => {
  it.for([
    ['and(pk(A),and(older(3),older(2)))', 'and(pk(A),older(3))'],
    ['and(pk(A),and(older(3),older(3)))', 'and(pk(A),older(3))'],
    ['and(pk(A),and(after(300),after(200)))', 'and(pk(A),after(300))'],
    ['and(pk(A),or(older(2),and(older(2),pk(B))))', 'and(pk(A),older(2))'],
    ['and(pk(A),thresh(2,pk(B),older(5),older(5)))', 'and(pk(A),older(5))'],
    [`and(pk(A),and(${HASH},${HASH}))`, `and(pk(A),${HASH})`],
    [`and(pk(A),or(${HASH},and(${HASH},pk(B))))`, `and(pk(A),${HASH})`],
    ['and(or(pk(A),pk(B)),or(older(5),older(9)))', 'and(or(pk(A),pk(B)),older(5))'],
  ] as const)('of %s holds for the same policy in fewer words, %s', ([text, short]) => {
    for (const context of ['tr', 'wsh'] as const) {
      const { expectedWeight } = compilePolicy(short, { context });
      let bound: number;
      try {
        bound = compilePolicy(text, { context }).lowerBound;
      } catch {
        // No P2WSH script for it.
        continue;
      }
      expect(bound).toBeLessThanOrEqual(expectedWeight + 1e-9);
    }
  });

  it(`is not above what its own output weighs, where locks and hashes come again: ${RUNS} random policies`, () => {
    let done = 0;
    for (let seed = SEED; done < RUNS; seed++) {
      const text = repetitivePolicy(dice(seed));
      const policy = normalise(parsePolicy(text));
      if (conditionsOf(policy) > 10 || waysOf(policy).length > 300) continue;
      for (const musig of ['none', 'internal'] as const) {
        const { template, lowerBound } = compilePolicy(text, { context: 'tr', musig });
        const actual = expectedWeightOf(outputOf(template), policy);
        if (actual < lowerBound - 1e-6)
          expect.fail(`seed ${seed}, musig ${musig}: ${text}: ${actual} below ${lowerBound}`);
      }
      done += 1;
    }
  });
});
