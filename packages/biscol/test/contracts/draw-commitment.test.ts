import { currentCrypto, equalBytes, loadCrypto, toHex } from '@bitcoin-enterprise/core';
import { type CovenantsInput, instantiate } from '@bitcoin-enterprise/biscol';
import {
  drawCommitment,
  drawDigest,
  lottery,
  lotteryDeposit,
  lotteryGuarantees,
} from '@bitcoin-enterprise/biscol/contracts';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { codeOf } from '../support/code-of.ts';
import { secretOf } from '../support/people.ts';
import { checkWalk, COVENANTS, type Scenario, walk } from '../support/scenarios.ts';
import { embeddedTestChain } from '../support/test-chains.ts';
import { drawSecret, lotteryParams } from './scenarios/lottery.ts';

beforeAll(async () => {
  await loadCrypto();
});

const SEED = Number(process.env['BE_SEED'] ?? 1);
const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 });

describe('a commitment of a draw', () => {
  it('is opened by its secret as its value alone', () => {
    fc.assert(
      fc.property(bytes, fc.integer({ min: 0, max: 4 }), (secret, value) => {
        const commitment = drawCommitment({ secret, value });
        const opened = [0, 1, 2, 3, 4].filter((one) =>
          equalBytes(drawDigest(commitment, one), currentCrypto().sha256(secret)),
        );
        expect(opened).toEqual([value]);
      }),
      { seed: SEED },
    );
  });

  it('looks the same whatever the value: each bit is set half of the time', () => {
    const runs = 2_000;
    for (const value of [0, 1, 2, 3, 4]) {
      const ones = new Array<number>(256).fill(0);
      for (let n = 0; n < runs; n++) {
        const secret = currentCrypto().sha256(Uint8Array.of(value, n & 255, n >> 8));
        const commitment = drawCommitment({ secret, value });
        for (let bit = 0; bit < 256; bit++)
          ones[bit] = (ones[bit] ?? 0) + (((commitment[bit >> 3] as number) >> (bit & 7)) & 1);
      }
      // Six standard deviations of a fair coin.
      const most = Math.max(...ones.map((count) => Math.abs(count - runs / 2)));
      expect(most).toBeLessThan(6 * Math.sqrt(runs / 4));
    }
  });

  it('has masks all of whose differences are different, so that no commitment is two', () => {
    const masks = [0, 1, 2, 3, 4].map((value) => drawDigest(new Uint8Array(32), value));
    const differences = masks.flatMap((one, at) =>
      masks.slice(at + 1).map((other) => toHex(one.map((byte, place) => byte ^ (other[place] as number)))),
    );
    expect(new Set(differences).size).toBe(10);
  });

  it('answers arguments that are none with a code', () => {
    for (const call of [
      () => drawCommitment(null as never),
      () => drawCommitment({ secret: new Uint8Array(31), value: 0 }),
      () => drawCommitment({ secret: secretOf(1), value: 5 }),
      () => drawDigest(new Uint8Array(31), 0),
      () => drawDigest(secretOf(1), 0.5),
      () => lottery(1),
      () => lottery(6),
      () => lotteryDeposit('2' as never, 1n),
    ])
      expect(codeOf(call)).toBe('BISCOL_INVALID_ARGUMENT');
  });
});

it('a deposit makes up for a draw that is withheld, to the satoshi', () => {
  for (const players of [2, 3, 4, 5]) {
    const [count, stake] = [BigInt(players), 10_000n];
    const deposit = lotteryDeposit(players, stake);
    const pot = count * (stake + deposit);
    expect(pot % (count - 1n)).toBe(0n);
    expect(pot / (count - 1n)).toBe(count * stake + deposit);
  }
});

// The tree of five players with templates takes seconds.
const kinds = process.env['BE_LONG'] === '1' ? COVENANTS : COVENANTS.slice(0, 1);
it.for(kinds)('five players draw, the most there can be ($kind)', async (covenants) => {
  const values = [4, 1, 0, 3, 3];
  const contract = lottery(5);
  const scenario: Scenario = {
    title: 'five',
    instance: (_: number, given: CovenantsInput) =>
      instantiate(contract, { network: 'regtest', params: lotteryParams(values), covenants: given }),
    steps: values.map((value, place) => ({ transition: `open${value}`, args: { secret: drawSecret(place) } })),
  };
  const chain = embeddedTestChain({ ctv: covenants.kind === 'ctv' });

  const walked = await walk(chain, scenario, { covenants, way: 'mempool' });

  checkWalk({ guarantees: lotteryGuarantees(contract, 5), scenario }, walked);
  // 4 + 1 + 0 + 3 + 3 = 11, and 11 modulo 5 is 1.
  expect([...walked.paid].filter(([, paid]) => paid > 190_000n).map(([name]) => name)).toEqual(['players[1]']);
});
