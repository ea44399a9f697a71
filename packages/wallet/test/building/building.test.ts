import { createEmbeddedChain, mempoolProfile } from '@bitcoin-enterprise/chain';
import { type FeeRate, feeRate, loadCrypto, parseHex, satoshis, toHex } from '@bitcoin-enterprise/core';
import { type DerivedOutput, parseDescriptor, planSpend, type SpendPlan } from '@bitcoin-enterprise/descriptors';
import {
  serializeTransaction,
  transactionId,
  transactionVirtualSize,
  transactionWeight,
} from '@bitcoin-enterprise/script';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { findCore, startCore } from '../../../chain/test/support/core-node.ts';
import type { Bitcoind } from '../../../../scripts/nodes/bitcoind.ts';
import {
  ANCHOR_SCRIPT,
  buildChild,
  buildPayment,
  buildReplacement,
  buildSweep,
  type BuiltTransaction,
  createKeyRing,
  createPsbt,
  describeInput,
  extractTransaction,
  finalizePsbt,
  type KeyRing,
  signPsbt,
  type WalletCoin,
} from '../../src/index.ts';

const RUNS = Number(process.env['BE_RUNS'] ?? (process.env['BE_LONG'] === '1' ? 5_000 : 150));

let ring: KeyRing;
const own = (n: number): DerivedOutput => {
  const key = ring.publicKeys[n % ring.publicKeys.length] as Uint8Array;
  const hex = Buffer.from(key).toString('hex');
  return parseDescriptor(n % 3 === 2 ? `wpkh(${hex})` : `tr(${hex.slice(2)})`).derive();
};
const planOf = (output: DerivedOutput): SpendPlan => {
  const plan = planSpend(output, { canSign: () => true, lowR: true });
  if (!plan.ok) throw new Error('no plan');
  return plan;
};
const coin = (n: number, value: bigint): WalletCoin => {
  const output = own(n);
  const txid = new Uint8Array(32).fill(1);
  return { txid, index: n, value, output, plan: planOf(output), height: 1 };
};
const somebody = Uint8Array.of(0, 20, ...new Uint8Array(20).fill(5));
const finished = ({ psbt }: BuiltTransaction) => extractTransaction(finalizePsbt(signPsbt(psbt, ring)));
const paid = (rate: FeeRate, weight: number): bigint => (BigInt(Math.ceil(weight / 4)) * rate + 999n) / 1000n;

beforeAll(async () => {
  await loadCrypto();
  ring = createKeyRing({ secretKeys: Array.from({ length: 30 }, (_, n) => new Uint8Array(32).fill(n + 1)) });
});

describe('transactions that are built', () => {
  const amounts = fc.array(fc.bigInt(1_000n, 10_000_000n), { minLength: 1, maxLength: 25 });
  const rates = fc.bigInt(100n, 50_000n).map((rate) => feeRate(rate));

  it(`pay what was asked and what the rate asks for, when they are signed: ${RUNS} random wallets`, () => {
    fc.assert(
      fc.property(
        amounts,
        fc.array(fc.bigInt(1_000n, 3_000_000n), { minLength: 1, maxLength: 4 }),
        rates,
        (values, wanted, rate) => {
          const coins = values.map((value, n) => coin(n, value));
          const change = own(0);
          const build = (): BuiltTransaction =>
            buildPayment({
              coins,
              payments: wanted.map((value) => ({ value, scriptPubKey: somebody })),
              change: { output: change, spendWeight: 230 },
              feeRate: rate,
            });
          let built: BuiltTransaction;
          try {
            built = build();
          } catch (error) {
            expect((error as { readonly code: string }).code).toMatch(/^WALLET_(FUNDS_INSUFFICIENT|BUILD_IMPOSSIBLE)$/);
            return;
          }
          const tx = finished(built);
          const spent = built.coins.reduce((sum, one) => sum + one.value, 0n);
          const sent = tx.outputs.reduce((sum, { value }) => sum + value, 0n);
          expect(spent - sent).toBe(built.fee);
          expect(built.fee).toBeGreaterThanOrEqual(paid(rate, transactionWeight(tx)));
          expect(transactionWeight(tx)).toBeLessThanOrEqual(built.weight);
          const changeValue = built.changeIndex === undefined ? undefined : tx.outputs[built.changeIndex]?.value;
          expect(changeValue ?? 1_000n).toBeGreaterThan(330n);
        },
      ),
      { numRuns: RUNS, seed: Number(process.env['BE_SEED'] ?? 1) },
    );
  });

  it('sweep all, or what is worth it', () => {
    const coins = [coin(0, 100_000n), coin(1, 50_000n), coin(2, 50n)];
    const built = buildSweep({ coins, scriptPubKey: somebody, feeRate: feeRate(10_000n) });
    expect(built.coins.length).toBe(2);
    expect(finished(built).outputs.length).toBe(1);
    expect(
      buildSweep({ coins, scriptPubKey: somebody, feeRate: feeRate(10_000n), includeUneconomical: true }).coins.length,
    ).toBe(3);
  });

  it('replace others for more than nodes ask, and spend all of their coins', () => {
    fc.assert(
      fc.property(fc.bigInt(1_000n, 20_000n), fc.bigInt(0n, 30_000n), (rate, replacedFee) => {
        const replacedCoins = [coin(0, 200_000n), coin(1, 30_000n)];
        const built = buildReplacement({
          replacedCoins,
          replacedFee,
          coins: [coin(3, 500_000n), coin(4, 500_000n)],
          payments: [{ value: 150_000n, scriptPubKey: somebody }],
          change: { output: own(0), spendWeight: 230 },
          feeRate: feeRate(rate),
        });
        const size = BigInt(transactionVirtualSize(finished(built)));
        expect(built.fee).toBeGreaterThanOrEqual(replacedFee + size);
        for (const replaced of replacedCoins) expect(built.coins).toContain(replaced);
      }),
      { numRuns: RUNS },
    );
  });
});

/** A chain that takes packages. */
interface PackageChain {
  fund(
    scriptPubKey: Uint8Array,
  ): Promise<{ readonly txid: Uint8Array; readonly index: number; readonly value: bigint }>;
  /** Whether all of the package was taken. */
  submit(transactions: readonly Uint8Array[]): Promise<boolean>;
  /** Confirmations, one block later. */
  mined(txid: Uint8Array): Promise<number | undefined>;
  stop(): Promise<void>;
}

async function embedded(): Promise<PackageChain> {
  const chain = createEmbeddedChain({ policy: mempoolProfile('core-31') });
  return {
    fund: async (scriptPubKey) => ({ ...chain.fund(scriptPubKey, satoshis(100_000n)), value: 100_000n }),
    submit: async (transactions) => chain.submitPackage(transactions).accepted,
    mined: async (txid) => {
      chain.mine(1);
      return chain.transaction(txid)?.confirmations;
    },
    stop: async () => {},
  };
}

async function bitcoind(): Promise<PackageChain> {
  const node = await startCore(core as string);
  const mine = async (scriptPubKey: Uint8Array, blocks: number): Promise<string> => {
    const hashes = await node.rpc<string[]>('generatetodescriptor', [blocks, await checked(node, scriptPubKey)]);
    return hashes[0] as string;
  };
  return {
    fund: async (scriptPubKey) => {
      const hash = await mine(scriptPubKey, 1);
      await mine(somebody, 100);
      const block = await node.rpc<{ tx: { txid: string; vout: { value: number }[] }[] }>('getblock', [hash, 2]);
      const coinbase = block.tx[0] as (typeof block.tx)[number];
      const value = BigInt(Math.round((coinbase.vout[0]?.value ?? 0) * 1e8));
      return { txid: parseHex(coinbase.txid).reverse(), index: 0, value };
    },
    submit: async (transactions) => {
      const answer = await node.rpc<{ package_msg: string }>('submitpackage', [transactions.map((tx) => toHex(tx))]);
      return answer.package_msg === 'success';
    },
    mined: async (txid) => {
      const hash = await mine(somebody, 1);
      const id = toHex(txid.toReversed());
      return (await node.rpc<{ tx: string[] }>('getblock', [hash])).tx.includes(id) ? 1 : undefined;
    },
    stop: () => node.stop(),
  };
}

/** A raw script as a descriptor with its checksum. */
async function checked(node: Bitcoind, scriptPubKey: Uint8Array): Promise<string> {
  const text = `raw(${toHex(scriptPubKey)})`;
  return (await node.rpc<{ descriptor: string }>('getdescriptorinfo', [text])).descriptor;
}

const core = findCore('core-31');

describe.for([
  { name: 'the embedded chain, by the rules of Core 31', start: embedded },
  { name: 'Bitcoin Core 31', start: bitcoind },
])('packages on $name', ({ start }) => {
  it.skipIf(start === bitcoind && core === undefined)(
    'an ephemeral anchor of TRUC is paid for by a child',
    async () => {
      const chain = await start();
      try {
        const [a, b] = [own(0), own(1)];
        const [first, second] = [await chain.fund(a.scriptPubKey), await chain.fund(b.scriptPubKey)];
        const { value } = first;
        const parentPsbt = createPsbt({
          transactionVersion: 3,
          inputs: [
            {
              ...describeInput(a),
              previousTxid: first.txid,
              previousIndex: first.index,
              witnessUtxo: { value, scriptPubKey: a.scriptPubKey },
            },
          ],
          outputs: [
            { value, scriptPubKey: somebody },
            { value: 0n, scriptPubKey: ANCHOR_SCRIPT },
          ],
        });
        const parent = extractTransaction(finalizePsbt(signPsbt(parentPsbt, ring)));
        const child = buildChild({
          parents: [{ virtualSize: transactionVirtualSize(parent), fee: 0n }],
          outputs: [],
          anchors: [{ txid: transactionId(parent), index: 1, value: 0n }],
          coins: [{ ...second, output: b, plan: planOf(b), height: 1 }],
          change: own(3),
          feeRate: feeRate(3_000n),
          transactionVersion: 3,
        });
        const signed = finished(child);
        expect(signed.inputs.length).toBe(2);
        expect(transactionWeight(signed)).toBe(child.weight);
        const together = BigInt(transactionVirtualSize(parent) + transactionVirtualSize(signed));
        expect(child.fee).toBe((together * 3_000n + 999n) / 1000n);
        expect(await chain.submit([serializeTransaction(parent)])).toBe(false);
        expect(await chain.submit([serializeTransaction(parent), serializeTransaction(signed)])).toBe(true);
        expect(await chain.mined(transactionId(signed))).toBe(1);
      } finally {
        await chain.stop();
      }
    },
  );
});

describe('a child', () => {
  it('says what it lacks', () => {
    const poor = {
      parents: [{ virtualSize: 100_000, fee: 0n }],
      outputs: [coin(0, 5_000n)],
      change: own(1),
      feeRate: feeRate(1_000n),
    };
    expect(() => buildChild(poor)).toThrow(expect.objectContaining({ code: 'WALLET_FUNDS_INSUFFICIENT' }));
    expect(() => buildChild({ ...poor, outputs: [] })).toThrow(
      expect.objectContaining({ code: 'WALLET_BUILD_IMPOSSIBLE' }),
    );
    const heavy = {
      ...poor,
      outputs: Array.from({ length: 30 }, (_, n) => coin(n, 50_000n)),
      transactionVersion: 3 as const,
    };
    expect(() => buildChild(heavy)).toThrow(expect.objectContaining({ code: 'WALLET_BUILD_IMPOSSIBLE' }));
  });
});
