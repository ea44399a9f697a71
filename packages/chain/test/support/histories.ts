import { satoshis, parseHex, toHex } from '@bitcoin-enterprise/core';
import type { EmbeddedChain, UnspentOutput } from '@bitcoin-enterprise/chain';
import { serializeTransaction } from '@bitcoin-enterprise/script';
import fc from 'fast-check';
import { expect } from 'vitest';
import { inputOf, spend } from './block-workshop.ts';

/** What the histories pay to: OP_TRUE, long enough for every mempool. */
export const script: Uint8Array = parseHex(`51${'61'.repeat(10)}`);

/** One thing that can happen to a chain. */
export type Step =
  | { readonly do: 'mine'; readonly count: number }
  | { readonly do: 'fund'; readonly amount: bigint }
  | { readonly do: 'spend'; readonly pick: number; readonly fee: bigint; readonly outputs: number }
  | { readonly do: 'reorg'; readonly depth: number }
  | { readonly do: 'snapshot' }
  | { readonly do: 'revert'; readonly pick: number };

/** Any one thing, with spends the most likely. */
export const step: fc.Arbitrary<Step> = fc.oneof(
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

/** A snapshot and what the chain was then. */
export interface Kept {
  readonly id: number;
  readonly dump: Uint8Array;
}

/** Does one thing; a revert must give back exactly what was. */
export function apply(chain: EmbeddedChain, next: Step, kept: Kept[]): void {
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
