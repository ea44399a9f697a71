/**
 * Coin selection against `@bitcoinerlab/coinselect` and `selectUTXO` of `@scure/btc-signer`, and among 100,000 coins
 * against a budget of 50 ms. Ours tries five ways and keeps the one with the least waste; the rivals accumulate.
 */
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { encodeAddress, type FeeRate, feeRate, loadCrypto } from '@bitcoin-enterprise/core';
import { createSeededEntropy } from '@bitcoin-enterprise/core/testing';
import { selectCoins } from '@bitcoin-enterprise/wallet/coins';
import { selectUTXO } from '@scure/btc-signer';
import { Random } from '../scripts/testing/random.ts';
import type { BenchResult, BenchSettings } from './harness.ts';
import { measured, runCase } from './harness.ts';

interface Coinselect {
  readonly coinselect: (options: {
    readonly utxos: readonly { readonly output: object; readonly value: number }[];
    readonly targets: readonly { readonly output: object; readonly value: number }[];
    readonly remainder: object;
    readonly feeRate: number;
  }) => unknown;
}

interface Descriptors {
  readonly Output: new (options: { readonly descriptor: string }) => object;
}

const RATE = feeRate(5_000n);

/** Runs all cases. */
export async function runBench(settings: BenchSettings): Promise<readonly BenchResult[]> {
  await loadCrypto();
  return [...againstRivals(1_000, settings), ...againstRivals(5_000, settings), ...amongMany(settings)];
}

interface Situation {
  readonly script: Uint8Array;
  readonly values: readonly bigint[];
  readonly paid: bigint;
}

function situation(count: number): Situation {
  const random = new Random(count);
  const values = Array.from({ length: count }, () => BigInt(10_000 + random.below(100_000_000)));
  return { script: Uint8Array.of(0, 20, ...random.bytes(20)), values, paid: 500_000_000n };
}

function ours({ script, values, paid }: Situation, rate: FeeRate = RATE): () => void {
  const coins = values.map((value, i) => ({ id: `${i}`, value, weight: 272 }));
  const entropy = createSeededEntropy('bench');
  const payments = [{ value: paid, scriptPubKey: script }];
  const change = { scriptPubKey: script, spendWeight: 272 };
  return () => void selectCoins({ coins, payments, change, feeRate: rate, entropy });
}

function againstRivals(count: number, settings: BenchSettings): readonly BenchResult[] {
  const facts = situation(count);
  const { script, values, paid } = facts;
  const require = createRequire(resolve(import.meta.dirname, 'thirdparty/package.json'));
  const { coinselect } = require('@bitcoinerlab/coinselect') as Coinselect;
  const { Output } = require('@bitcoinerlab/descriptors') as Descriptors;
  const address = encodeAddress(script, 'main');
  const output = new Output({ descriptor: `addr(${address})` });
  const utxos = values.map((value) => ({ output, value: Number(value) }));
  const inputs = values.map((amount, index) => ({
    txid: new Uint8Array(32).fill(7),
    index,
    witnessUtxo: { amount, script },
  }));
  return runCase(
    {
      name: `select among ${count} coins`,
      ours: measured(ours(facts), { operations: 1 }),
      rivals: {
        '@bitcoinerlab/coinselect': {
          measure: measured(
            () => void coinselect({ utxos, targets: [{ output, value: Number(paid) }], remainder: output, feeRate: 5 }),
            { operations: 1 },
          ),
          promised: 1,
        },
        '@scure/btc-signer': {
          measure: measured(
            () =>
              void selectUTXO(inputs, [{ address, amount: paid }], 'default', {
                changeAddress: address,
                feePerByte: 5n,
                bip69: false,
                createTx: false,
              }),
            { operations: 1 },
          ),
          promised: 1,
        },
      },
    },
    settings,
  );
}

function amongMany(settings: BenchSettings): readonly BenchResult[] {
  const facts = situation(100_000);
  return [facts, { ...facts, paid: 500_000n }, { ...facts, paid: 50_000_000_000n }].flatMap((situated) =>
    runCase(
      {
        name: `select among 100000 coins, ${situated.paid} satoshis`,
        ours: measured(ours(situated), { operations: 1 }),
        rivals: { 'a budget of 50 ms': { measure: () => 50_000, promised: 1 } },
      },
      settings,
    ),
  );
}
