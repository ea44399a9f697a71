import { toHex } from '@bitcoin-enterprise/core';
import { describe, expect, it } from 'vitest';
import { type MiniscriptContext, parseMiniscript, printFragment, satisfy, type SatisfyAssets } from '../src/index.ts';
import { everyWay, smallestSafe, TooMany } from './support/brute-force.ts';
import { dice } from './support/dice.ts';
import { randomMiniscript } from './support/random-miniscript.ts';

const RUNS = Number(process.env['BE_RUNS'] ?? (process.env['BE_LONG'] === '1' ? 60_000 : 5_000));
const SEED = Number(process.env['BE_SEED'] ?? 1);

/** Assets that a roll decides, the same each time they are asked for. */
function randomAssets(roll: ReturnType<typeof dice>, context: MiniscriptContext): SatisfyAssets<number> {
  const oneIn = 2 + roll.below(4);
  const known = new Map<string, boolean>();
  const decide = (name: string): boolean => {
    const before = known.get(name) ?? !roll.oneIn(oneIn);
    known.set(name, before);
    return before;
  };
  const older = roll.below(40);
  const after = roll.below(130);
  const size = context === 'wsh' ? 72 : 64;
  return {
    canSign: (key) => decide(`key ${key}`),
    hasPreimage: (_function, hash) => decide(`hash ${toHex(hash)}`),
    isOld: (value) => value <= older,
    isAfter: (value) => value <= after,
    signatureSize: () => ({ minimum: size, maximum: size }),
  };
}

describe('the satisfier', () => {
  it(`finds the smallest witness that nobody can change, as trying all of them does: ${2 * RUNS} random miniscripts`, () => {
    let found = 0;
    for (let seed = SEED; seed < SEED + RUNS; seed++)
      for (const context of ['wsh', 'tapscript'] as const) {
        const roll = dice(2 * seed + (context === 'wsh' ? 0 : 1));
        const fragment = randomMiniscript(roll, context);
        const assets = randomAssets(roll, context);
        let wanted: number | undefined;
        try {
          wanted = smallestSafe(everyWay(fragment, { context, assets }).satisfied)?.size;
        } catch (error) {
          if (error instanceof TooMany) continue;
          throw error;
        }
        const got = satisfy(fragment, { context, assets })?.size.maximum;
        if (got !== wanted)
          expect.fail(`seed ${seed}, ${context}: ${printFragment(fragment, String)}: ${got}, not ${wanted}`);
        if (got !== undefined) found += 1;
      }
    expect(found).toBeGreaterThan(RUNS);
  });

  it.for([
    ['multi_a(10,A,B,C,D,E,F,G,H,I,J,K,L,M,N,O)', 15, 10],
    ['thresh(5,pk(A),s:pk(B),s:pk(C),s:pk(D),s:pk(E),s:pk(F),s:pk(G),s:pk(H),s:pk(I),s:pk(J))', 10, 5],
  ] as const)('satisfies %s, which others give up on', ([text, elements, signatures]) => {
    const found = satisfy(parseMiniscript(text, { context: 'tapscript' }), {
      context: 'tapscript',
      assets: {
        canSign: () => true,
        hasPreimage: () => false,
        isOld: () => false,
        isAfter: () => false,
        signatureSize: () => ({ minimum: 64, maximum: 64 }),
      },
    });
    expect(found?.items).toHaveLength(elements);
    expect(found?.items.filter(({ kind }) => kind === 'signature')).toHaveLength(signatures);
  });
});
