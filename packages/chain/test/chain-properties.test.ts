import { toHex } from '@bitcoin-enterprise/core';
import { createEmbeddedChain, FUNDER_SCRIPT } from '@bitcoin-enterprise/chain';
import { parseBlock, transactionId } from '@bitcoin-enterprise/script';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { apply, type Kept, script, step } from './support/histories.ts';

const runs = process.env['BE_LONG'] === '1' ? 2_000 : 60;

/** All new coins that the blocks of the chain were allowed to make and did make, less what they burnt: nothing. */
function issued(height: number): bigint {
  let sum = 0n;
  for (let at = 1; at <= height; at++) sum += 5_000_000_000n >> BigInt(Math.floor(at / 150));
  return sum;
}

it('whatever happens, the coins are what the blocks issued, and no block holds what another one spent', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 25 }), (steps) => {
      const chain = createEmbeddedChain();
      const kept: Kept[] = [];
      for (const next of steps) apply(chain, next, kept);

      // Fees go to the miner, every output pays one of two scripts: nothing may be lost or made.
      const held = chain.balance(script) + chain.balance(FUNDER_SCRIPT);
      expect(held).toBe(issued(chain.height));
      const spent = [...chain.blocks()].flatMap((bytes) =>
        parseBlock(bytes)
          .transactions.slice(1)
          .flatMap(({ inputs }) =>
            inputs.map(({ previousTxid, previousIndex }) => `${toHex(previousTxid)}:${previousIndex}`),
          ),
      );
      expect(new Set(spent).size).toBe(spent.length);
    }),
    { numRuns: runs },
  );
}, 120_000);

it('whatever happened, a dump loads to the same chain, and its blocks replay on a fresh one', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 20 }), (steps) => {
      const chain = createEmbeddedChain();
      for (const next of steps) apply(chain, next, []);
      const dump = chain.dump();
      const loaded = createEmbeddedChain();
      loaded.load(dump);
      const replayed = createEmbeddedChain();
      for (const block of chain.blocks()) expect(replayed.submitBlock(block).became).toBe('tip');

      expect(toHex(loaded.dump())).toBe(toHex(dump));
      expect(replayed.tip).toEqual(chain.tip);
      expect(replayed.balance(script)).toBe(chain.balance(script));
    }),
    { numRuns: Math.ceil(runs / 2) },
  );
}, 120_000);

it('what waits after anything can be mined at once', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 10, maxLength: 25 }), (steps) => {
      const chain = createEmbeddedChain();
      for (const next of steps) apply(chain, next, []);
      const waiting = chain.mempool().map(toHex);
      chain.mine(1);
      const block = parseBlock([...chain.blocks()].at(-1) as Uint8Array);

      expect(
        block.transactions
          .slice(1)
          .map((tx) => toHex(transactionId(tx)))
          .toSorted(),
      ).toEqual(waiting.toSorted());
    }),
    { numRuns: runs },
  );
}, 120_000);
