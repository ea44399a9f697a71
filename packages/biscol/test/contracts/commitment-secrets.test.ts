import { loadCrypto, parseHex, toHex } from '@bitcoin-enterprise/core';
import {
  commitmentSecret,
  keepCommitmentSecret,
  type KeptSecret,
  recallCommitmentSecret,
} from '@bitcoin-enterprise/biscol/contracts';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { codeOf } from '../support/code-of.ts';
import { secretOf } from '../support/people.ts';

beforeAll(async () => {
  await loadCrypto();
});

const SEED = Number(process.env['BE_SEED'] ?? 1);
const LAST = 2 ** 48 - 1;

/** BOLT 3, appendix D: seed, index, secret. */
const GENERATION = [
  ['00'.repeat(32), 281474976710655, '02a40c85b6f28da08dfdbe0926c53fab2de6d28c10301f8f7c4073d5e42e3148'],
  ['ff'.repeat(32), 281474976710655, '7cc854b54e3e0dcdb010d7a3fee464a9687be6e8db3be6854c475621e007a5dc'],
  ['ff'.repeat(32), 0xaaaaaaaaaaa, '56f4008fb007ca9acf0e15b054d5c9fd12ee06cea347914ddbaed70d1c13a528'],
  ['ff'.repeat(32), 0x555555555555, '9015daaeb06dba4ccc05b91b2f73bd54405f2be9f217fbacd3c5ac2e62327d31'],
  ['01'.repeat(32), 1, '915c75942a26bb3a433a8ce2cb0427c29ec6c1775cfc78328b57f6ba7bfeaa9c'],
] as const;

describe('secrets of commitments', () => {
  it.for(GENERATION)('are those of BOLT 3: seed %s at %i', ([seed, index, secret]) => {
    expect(toHex(commitmentSecret(parseHex(seed), LAST - index))).toBe(secret);
  });

  it('are kept in few places, and all earlier ones recalled from them', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.integer({ min: 1, max: 200 }), (seed, count) => {
        let kept: readonly KeptSecret[] = [];
        for (let number = 0; number < count; number++)
          kept = keepCommitmentSecret(kept, number, commitmentSecret(seed, number));
        expect(kept.length).toBeLessThanOrEqual(Math.floor(Math.log2(count)) + 1);
        for (let number = 0; number < count; number++)
          expect(recallCommitmentSecret(kept, number)).toEqual(commitmentSecret(seed, number));
        expect(recallCommitmentSecret(kept, count)).toBeUndefined();
      }),
      { seed: SEED, numRuns: process.env['BE_LONG'] === '1' ? 200 : 10 },
    );
  });

  it('do not let a party pass off a wrong one, once there are some that come from it', () => {
    const seed = secretOf(1);
    for (const wrong of [0, 1, 2, 3, 4, 5, 6]) {
      let kept: readonly KeptSecret[] = [];
      let found: unknown = 'nothing';
      for (let number = 0; number < 8; number++) {
        const secret = commitmentSecret(number === wrong ? secretOf(2) : seed, number);
        const code = codeOf(() => (kept = keepCommitmentSecret(kept, number, secret)));
        if (code !== 'no error') {
          found = code;
          break;
        }
      }
      expect(found, `secret ${wrong}`).toBe('BISCOL_VALUE_INVALID');
    }
  });

  it('answer arguments that are none with a code', () => {
    for (const call of [
      () => commitmentSecret(null as never, 0),
      () => commitmentSecret(secretOf(1), -1),
      () => commitmentSecret(secretOf(1), 2 ** 48),
      () => keepCommitmentSecret(null as never, 0, secretOf(1)),
      () => keepCommitmentSecret([null] as never, 0, secretOf(1)),
      () => keepCommitmentSecret([], 0, new Uint8Array(31)),
      () => recallCommitmentSecret([{ index: 'x', secret: secretOf(1) }] as never, 0),
    ])
      expect(codeOf(call)).toBe('BISCOL_INVALID_ARGUMENT');
    expect(codeOf(() => keepCommitmentSecret([], 1, secretOf(1)))).toBe('BISCOL_VALUE_INVALID');
  });
});
