import { equalBytes, toHex } from '@bitcoin-enterprise/core';
import { createEmbeddedChain, type EmbeddedChain, FUNDER_SCRIPT } from '@bitcoin-enterprise/chain';
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

/** What the blocks of the chain leave unspent of a script, by height, id and index. */
function leftBy(chain: EmbeddedChain, scriptPubKey: Uint8Array): readonly string[] {
  const coins = new Map<string, { readonly height: number; readonly txid: string; readonly index: number }>();
  for (const [at, bytes] of [...chain.blocks()].entries())
    for (const tx of parseBlock(bytes).transactions) {
      const txid = toHex(transactionId(tx));
      for (const { previousTxid, previousIndex } of tx.inputs) coins.delete(`${toHex(previousTxid)}:${previousIndex}`);
      for (const [index, output] of tx.outputs.entries())
        if (equalBytes(output.scriptPubKey, scriptPubKey))
          coins.set(`${txid}:${index}`, { height: at + 1, txid, index });
    }
  return [...coins.values()]
    .sort((a, b) => a.height - b.height || (a.txid < b.txid ? -1 : a.txid > b.txid ? 1 : a.index - b.index))
    .map(({ height, txid, index }) => `${height} ${txid} ${index}`);
}

it('at any moment the coins of a script are what the blocks leave, in order', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 20 }), fc.nat(3), (steps, rhythm) => {
      const chain = createEmbeddedChain();
      const kept: Kept[] = [];
      for (const [at, next] of steps.entries()) {
        apply(chain, next, kept);
        // Asked at every step or rarely: what happened in between must not matter.
        if (at % (rhythm + 1) !== 0 && at < steps.length - 1) continue;
        for (const owner of [script, FUNDER_SCRIPT])
          expect(chain.utxos(owner).map(({ height, txid, index }) => `${height} ${toHex(txid)} ${index}`)).toEqual(
            leftBy(chain, owner),
          );
      }
    }),
    { numRuns: Math.ceil(runs / 2) },
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
