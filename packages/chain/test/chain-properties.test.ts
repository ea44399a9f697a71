import { parseHex, satoshis, toHex } from '@bitcoin-enterprise/core';
import { createEmbeddedChain, type EmbeddedChain, FUNDER_SCRIPT, type UnspentOutput } from '@bitcoin-enterprise/chain';
import { parseBlock, serializeTransaction, transactionId } from '@bitcoin-enterprise/script';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { inputOf, spend } from './support/block-workshop.ts';

const script = parseHex(`51${'61'.repeat(10)}`);
const runs = process.env['BE_LONG'] === '1' ? 2_000 : 60;

/** One thing that can happen to a chain. */
type Step =
  | { readonly do: 'mine'; readonly count: number }
  | { readonly do: 'fund'; readonly amount: bigint }
  | { readonly do: 'spend'; readonly pick: number; readonly fee: bigint; readonly outputs: number }
  | { readonly do: 'reorg'; readonly depth: number }
  | { readonly do: 'snapshot' }
  | { readonly do: 'revert'; readonly pick: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('mine' as const), count: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('fund' as const), amount: fc.bigInt(10_000n, 1_000_000n) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('spend' as const),
      pick: fc.nat(1_000),
      fee: fc.bigInt(200n, 3_000n),
      outputs: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('reorg' as const), depth: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('snapshot' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('revert' as const), pick: fc.nat(10) }) },
);

interface Kept {
  readonly id: number;
  readonly dump: Uint8Array;
}

function apply(chain: EmbeddedChain, next: Step, kept: Kept[]): void {
  switch (next.do) {
    case 'mine':
      chain.mine(next.count);
      return;
    case 'fund':
      chain.fund(script, satoshis(next.amount));
      return;
    case 'spend':
      trySpend(chain, next);
      return;
    case 'reorg':
      if (chain.height > 0) chain.reorg(Math.min(next.depth, chain.height));
      return;
    case 'snapshot':
      kept.push({ id: chain.snapshot(), dump: chain.dump() });
      return;
    case 'revert': {
      const index = kept.length === 0 ? -1 : next.pick % kept.length;
      const target = kept[index];
      if (target === undefined) return;
      chain.revert(target.id);
      kept.length = index + 1;
      expect(toHex(chain.dump())).toBe(toHex(target.dump));
    }
  }
}

function trySpend(chain: EmbeddedChain, { pick, fee, outputs }: Step & { readonly do: 'spend' }): void {
  const coins = chain.utxos(script).toSorted((a, b) => (toHex(a.txid) < toHex(b.txid) ? -1 : 1) || a.index - b.index);
  const coin: UnspentOutput | undefined = coins[pick % Math.max(coins.length, 1)];
  if (coin === undefined || coin.value < fee + 100n) return;
  const each = (coin.value - fee) / BigInt(outputs);
  const tx = spend([inputOf(coin, { sequence: 0xffff_fffd })], {
    outputs: Array.from({ length: outputs }, () => ({ value: each, scriptPubKey: script })),
  });
  const bytes = serializeTransaction(tx);
  if (chain.testAccept(bytes).accepted) chain.broadcast(bytes);
}

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
