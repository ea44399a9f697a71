import { hasCode, loadCrypto } from '@bitcoin-enterprise/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { compilePolicy, type CompilePolicyOptions, parsePolicy } from '../src/index.ts';
import { normalise } from '../src/policy/normal.ts';
import { dice } from './support/dice.ts';
import { exhaustiveTaproot, shapes } from './support/exhaustive.ts';
import { expectedWeightOf, outputOf, waysOf } from './support/expected-weight.ts';
import { randomPolicy, withOdds } from './support/random-policy.ts';

const isLong = process.env['BE_LONG'] === '1';
const SEED = Number(process.env['BE_SEED'] ?? 1);

beforeAll(async () => {
  await loadCrypto();
});

const LETTERS = 'ABCDEFGH';

/** A shape with letters for its keys. */
function lettered(shape: string): string {
  let used = 0;
  return shape.replaceAll('_', () => LETTERS.charAt(used++));
}

describe('the compiler', () => {
  it(`finds what exhaustive search finds, on every policy of up to ${isLong ? 5 : 4} keys`, () => {
    let compared = 0;
    for (let keys = 1; keys <= (isLong ? 5 : 4); keys++)
      for (const shape of shapes(keys))
        for (const text of new Set([lettered(shape), withOdds(lettered(shape), dice(SEED))]))
          for (const musig of ['none', 'internal'] as const) {
            const wanted = exhaustiveTaproot(normalise(parsePolicy(text)), {
              musig: musig === 'internal',
              most: 30_000,
            });
            if (wanted === undefined) expect.fail(`${text} has too many spreadings`);
            const { expectedWeight } = compilePolicy(text, { context: 'tr', musig });
            if (Math.abs(expectedWeight - wanted) > 1e-6)
              expect.fail(`${text}, musig ${musig}: ${expectedWeight}, not ${wanted}`);
            compared += 1;
          }
    expect(compared).toBeGreaterThan(100);
  }, 1_200_000);

  it(`weighs as it says, and never less than its certificate: ${isLong ? 2_000 : 150} random policies`, () => {
    const options: readonly CompilePolicyOptions[] = [
      { context: 'tr' },
      { context: 'tr', musig: 'none' },
      { context: 'tr', musig: 'everywhere' },
      { context: 'tr', ifFree: true },
    ];
    let done = 0;
    const gaps: number[] = [];
    for (let seed = SEED; done < (isLong ? 2_000 : 150); seed++) {
      const text = randomPolicy(dice(seed), 1 + dice(seed).below(4));
      const policy = normalise(parsePolicy(text));
      if (waysOf(policy).length > 300) continue;
      const asked = options[seed % options.length] as CompilePolicyOptions;
      const compiled = compilePolicy(text, asked);
      const actual = expectedWeightOf(outputOf(compiled.template), policy);
      // Each way is spent the cheapest way there is; the compiler may have counted it dearer, never cheaper.
      if (actual > compiled.expectedWeight + 1e-6)
        expect.fail(`seed ${seed}: ${text}: ${actual}, said ${compiled.expectedWeight}`);
      if (actual < compiled.lowerBound - 1e-6)
        expect.fail(`seed ${seed}: ${text}: ${actual} below ${compiled.lowerBound}`);
      if (asked.ifFree === true) expect(compiled.template).not.toMatch(/or_[cdi]|andor|and_n|[dlju][a-z]*:/);
      gaps.push(compiled.gap);
      done += 1;
    }
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    const optimal = gaps.filter((gap) => gap < 1e-9).length;
    const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
    process.stdout.write(
      `certificates of ${gaps.length} policies: ${optimal} prove the optimum, mean gap ${percent(mean)}, at most ${percent(Math.max(...gaps))}\n`,
    );
    expect(mean).toBeLessThan(0.1);
  }, 1_200_000);

  it('makes one key of those who all sign, where it may', () => {
    const template = (musig: 'none' | 'internal' | 'everywhere'): string =>
      compilePolicy('thresh(2,pk(A),pk(B),pk(C))', { context: 'tr', musig }).template;
    expect(template('none')).toMatch(/^tr\(50929b74.*,multi_a\(2,A,B,C\)\)$/);
    expect(template('internal')).toMatch(
      /^tr\(musig\(\w,\w\),\{and_v\(v:pk\(\w\),pk\(\w\)\),and_v\(v:pk\(\w\),pk\(\w\)\)\}\)$/,
    );
    expect(template('everywhere')).toMatch(/^tr\(musig\(\w,\w\),\{pk\(musig\(\w,\w\)\),pk\(musig\(\w,\w\)\)\}\)$/);
  });

  it('reads policies with spaces and lines', () => {
    const policy = `or(\n  9@pk(alice),\n  1 @ and( pk(bob) , older( 144 ) )\n)`;
    expect(compilePolicy(policy, { context: 'tr' }).template).toBe('tr(alice,and_v(v:pk(bob),older(144)))');
  });

  it('compiles to one script of P2WSH', () => {
    const { template, lowerBound, expectedWeight } = compilePolicy('and(pk(A),or(99@pk(B),older(12960)))', {
      context: 'wsh',
    });
    expect(template).toBe('wsh(and_v(v:pk(A),or_d(pk(B),older(12960))))');
    expect(expectedWeight).toBeGreaterThanOrEqual(lowerBound);
  });

  it.for([
    ['or(pk(A),older(5))', 'no signature'],
    ['and(pk(A),pk(A))', 'duplicate key'],
    ['and(pk(A),and(older(5),older(4194310)))', 'mixed time locks'],
    // BIP68 looks at the lower 16 bits: these lock nothing, and one block.
    ['and(pk(A),older(65536))', 'relative lock'],
    ['and(pk(A),older(65537))', 'relative lock'],
    ['and(pk(A),older(4194304))', 'relative lock'],
  ] as const)('refuses %s: %s', ([policy, reason]) => {
    try {
      compilePolicy(policy, { context: 'tr' });
      expect.unreachable();
    } catch (error) {
      if (!hasCode(error, 'DESCRIPTORS_POLICY_INVALID')) throw error;
      expect(error.details['reason']).toBe(reason);
    }
  });
});
