import { parseHex } from '@bitcoin-enterprise/core';
import { serializeTransaction, viewTransaction } from '@bitcoin-enterprise/script';
import { describe, expect, it } from 'vitest';
import { chooseTransactions } from '../src/model/block-assembly.ts';
import { emptyMempool, type Mempool, withEntry } from '../src/model/mempool.ts';
import { inputOf, spend } from './support/block-workshop.ts';

const script = parseHex('51');

/** A pool with one chain of transactions, each paying what `feeOf` says. */
function chainOf(length: number, feeOf: (i: number) => bigint): Mempool {
  let pool = emptyMempool();
  let txid: Uint8Array = new Uint8Array(32).fill(7);
  for (let sequence = 0; sequence < length; sequence++) {
    const tx = viewTransaction(
      serializeTransaction(
        spend([inputOf({ txid, index: 0 })], { outputs: [{ value: 1_000n, scriptPubKey: script }] }),
      ),
    );
    pool = withEntry(pool, {
      tx,
      fee: feeOf(sequence),
      modifiedFee: feeOf(sequence),
      time: 0,
      height: 0,
      adjustedWeight: tx.weight,
      size: Math.ceil(tx.weight / 4),
      sigopsCost: 0,
      spent: [],
      waived: new Set(),
      sequence,
    });
    txid = tx.id();
  }
  return pool;
}

function fastestMs(call: () => unknown): number {
  let best = Infinity;
  for (let i = 0; i < 3; i++) {
    const start = performance.now();
    call();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

describe('choosing from a chain of waiting transactions', () => {
  const shapes: readonly (readonly [string, (i: number) => bigint])[] = [
    ['that pay less and less', (i) => 1_000_000n - BigInt(i)],
    ['that pay more and more', (i) => 1_000n + BigInt(i)],
    ['that all pay the same', () => 1_000n],
    ['that pay by turns', (i) => (i % 7 === 0 ? 90_000n : 1_000n)],
  ];

  it.for(shapes)('takes 2,000 %s, parents first, in time', ([, feeOf]) => {
    const [small, large] = [chainOf(250, feeOf), chainOf(2_000, feeOf)];

    expect(chooseTransactions(large).map(({ sequence }) => sequence)).toEqual(
      Array.from({ length: 2_000 }, (_, i) => i),
    );
    // Eight times as many: 64 if the work grows by the square, 512 by the cube.
    const ratio =
      fastestMs(() => chooseTransactions(large)) /
      Math.max(
        1,
        fastestMs(() => chooseTransactions(small)),
      );
    expect(ratio).toBeLessThan(200);
  });
});
