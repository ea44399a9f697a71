import { loadCrypto } from '@bitcoin-enterprise/core';
import type { TransactionView } from '@bitcoin-enterprise/script';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { keptOfDisconnected } from '../src/model/disconnected.ts';
import { genesisBlock } from '../src/model/regtest.ts';
import { viewBlock } from '@bitcoin-enterprise/script';

const seed = Number(process.env['BE_SEED'] ?? 20_261_127);

/** Copies of one transaction, of which each stands for another. */
function blocksOf(sizes: readonly number[]): readonly { readonly transactions: readonly TransactionView[] }[] {
  const bytes = genesisBlock();
  return sizes.map((size) => ({
    transactions: Array.from({ length: size }, () => viewBlock(bytes).transactions[0] as TransactionView),
  }));
}

describe('what is left of disconnected blocks', () => {
  beforeAll(() => loadCrypto());

  it('is all but the coinbases, parents first, where memory is enough', () => {
    const blocks = blocksOf([1, 3, 2]);
    expect(keptOfDisconnected(blocks)).toEqual([
      ...(blocks[1]?.transactions ?? []).slice(1),
      ...(blocks[2]?.transactions ?? []).slice(1),
    ]);
  });

  it('is nothing where there is no memory', () => {
    expect(keptOfDisconnected(blocksOf([1, 3, 2]), 0)).toEqual([]);
  });

  it(`is the earliest part whatever the limit, and more with more memory (seed ${seed})`, () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 6 });
    const limit = fc.integer({ min: 0, max: 20_000 });
    fc.assert(
      fc.property(sizes, limit, limit, (counts, one, other) => {
        const blocks = blocksOf(counts);
        const all = keptOfDisconnected(blocks);
        const [less, more] = [Math.min(one, other), Math.max(one, other)].map((most) =>
          keptOfDisconnected(blocks, most),
        );
        expect(less?.length).toBeLessThanOrEqual(more?.length ?? 0);
        for (const kept of [less, more]) expect(kept?.every((tx, i) => tx === all[i])).toBe(true);
      }),
      { seed },
    );
  });
});
