import { decodeAddress, feeRate, loadCrypto, parseHex, satoshis, SuiteError, toHex } from '@bitcoin-enterprise/core';
import { ChainError, type ChainSource, type FeeEstimator, type TxBroadcaster } from '@bitcoin-enterprise/chain';
import { type ChainHarness, embeddedHarness } from '@bitcoin-enterprise/chain/testing';
import { createMemoryStore, type EventStore } from '@bitcoin-enterprise/events';
import { parseTransaction } from '@bitcoin-enterprise/script';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { dice } from '../../../descriptors/test/support/dice.ts';
import {
  type BitcoinAccount,
  type BitcoinAccountOptions,
  createBitcoinAccount,
  createKeyRing,
  createWallet,
  memorySigner,
} from '../../src/index.ts';
import { accountDescriptor, masterKey, SecretBytes } from '../../src/keys/index.ts';
import { codeOfPromise } from '../support/code-of.ts';

type Chain = ChainSource & TxBroadcaster & Partial<FeeEstimator>;

/** A chain that answers some calls in another way. */
function but(chain: Chain, other: Partial<Chain>): Chain {
  return new Proxy(chain, {
    get(target, name) {
      const value: unknown = Reflect.get(other, name) ?? Reflect.get(target, name);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

let harness: ChainHarness;

beforeAll(async () => {
  await loadCrypto();
});
beforeEach(async () => {
  harness = embeddedHarness();
});

function account(n: number, more: Partial<BitcoinAccountOptions> = {}): BitcoinAccount {
  const root = masterKey(new SecretBytes(new Uint8Array(32).fill(n)), { network: 'test' });
  return createBitcoinAccount({
    id: 'main',
    descriptor: accountDescriptor(root, { script: 'tr', network: 'regtest' }),
    network: 'regtest',
    chain: harness.chain,
    store: createMemoryStore(),
    signers: [memorySigner(createKeyRing({ extendedKeys: [root] }))],
    ...more,
  });
}

async function fund(to: BitcoinAccount, ...amounts: readonly bigint[]): Promise<void> {
  for (const amount of amounts)
    await harness.fund(decodeAddress(await to.receiveAddress(), 'regtest').scriptPubKey, satoshis(amount));
}

/** What a receiver has got in the end, all that waits mined. */
async function receivedBy(to: BitcoinAccount): Promise<bigint> {
  await harness.mine(1);
  return (await to.balances())[0]?.available ?? 0n;
}

const refusing = (reason: string): Partial<Chain> => ({
  broadcast: async () => {
    throw new ChainError('CHAIN_TX_REJECTED', reason, { details: { reason } as never });
  },
});

describe('a payment of a Bitcoin account', () => {
  it('is made once for its key when two processes make it at once, from different coins', async () => {
    for (let round = 0; round < 8; round++) {
      const store = createMemoryStore();
      const processes = [1, 2].map((which) => {
        const roll = dice(round * 2 + which);
        const entropy = { bytes: (length: number) => Uint8Array.from({ length }, () => roll.below(256)) };
        return account(10 + round, { store, entropy: entropy as never });
      }) as [BitcoinAccount, BitcoinAccount];
      await fund(processes[0], ...Array.from({ length: 8 }, () => 50_000n));
      const to = account(30 + round);
      const address = await to.receiveAddress();
      const sending = processes.map(async (one) => one.send({ key: 'rent', to: address, amount: 20_000n }));
      const ids = (await Promise.allSettled(sending)).flatMap((one) =>
        one.status === 'fulfilled' ? one.value.id : [],
      );
      expect(new Set(ids).size).toBe(1);
      expect(await receivedBy(to)).toBe(20_000n);
    }
  });

  it('is another one when the same key comes with another amount or receiver: that is refused', async () => {
    const [from, to] = [account(1), account(2)];
    await fund(from, 100_000n);
    const address = await to.receiveAddress();
    await from.send({ key: 'rent', to: address, amount: 20_000n });
    expect(await codeOfPromise(from.send({ key: 'rent', to: address, amount: 20_001n }))).toBe(
      'WALLET_INVALID_ARGUMENT',
    );
    const other = await to.receiveAddress();
    expect(await codeOfPromise(from.send({ key: 'rent', to: other, amount: 20_000n }))).toBe('WALLET_INVALID_ARGUMENT');
    expect(await codeOfPromise(from.send({ key: 'rent', to: address, amount: 20_000n }))).toBe('none');
  });

  it('is another one when the same key is finished with another draft: that is refused too', async () => {
    const [from, to] = [account(1), account(2)];
    await fund(from, 100_000n, 100_000n);
    const address = await to.receiveAddress();
    const finish = async (value: bigint): Promise<string> => {
      const draft = await from.draft({ payments: [{ value, ...script(address) }] });
      return (await from.finish('rent', draft, await from.sign(draft.psbt))).id;
    };
    const first = await finish(20_000n);
    expect(await codeOfPromise(finish(30_000n))).toBe('WALLET_INVALID_ARGUMENT');
    expect(await finish(20_000n)).toBe(first);
    expect(await receivedBy(to)).toBe(20_000n);
  });

  it('is not made again when its replacement came too late', async () => {
    const [from, to] = [account(1), account(2)];
    await fund(from, 100_000n, 100_000n);
    const request = { key: 'rent', to: await to.receiveAddress(), amount: 20_000n };
    const first = await from.send(request);
    const draft = await from.draftReplacement(first.id, feeRate(20_000n));
    const signed = await from.sign(draft.psbt);
    await harness.mine(1);
    expect(await codeOfPromise(from.finish('rent', draft, signed))).toBe('CHAIN_TX_REJECTED');
    expect(await from.status('rent')).toBe('confirmed');
    expect((await from.send(request)).id).toBe(first.id);
    await from.resume();
    expect((await from.send(request)).id).toBe(first.id);
    expect(await receivedBy(to)).toBe(20_000n);
  });

  it('is not made again when its replacement has another key', async () => {
    const [from, to] = [account(1), account(2)];
    await fund(from, 100_000n, 100_000n);
    const request = { key: 'rent', to: await to.receiveAddress(), amount: 20_000n };
    const first = await from.send(request);
    const draft = await from.draftReplacement(first.id, feeRate(20_000n));
    const second = await from.finish('bump', draft, await from.sign(draft.psbt));
    expect((await from.send(request)).id).toBe(second.id);
    expect(await receivedBy(to)).toBe(20_000n);
    expect(await from.status('rent')).toBe('confirmed');
  });

  it('is not made again when a node without an index has forgotten it', async () => {
    const chain = but(harness.chain, {
      transaction: async (txid) => {
        const found = await harness.chain.transaction(txid);
        return found?.block === undefined ? found : undefined;
      },
    });
    const [from, to] = [account(1, { chain }), account(2)];
    await fund(from, 100_000n, 100_000n);
    const request = { key: 'rent', to: await to.receiveAddress(), amount: 99_000n };
    const first = await from.send(request);
    await harness.mine(1);
    expect(await from.status('rent')).toBe('confirmed');
    expect((await from.send(request)).id).toBe(first.id);
    // Even when nothing is left of it.
    const draft = await from.draft({ payments: [{ value: 60_000n, ...script(await account(3).receiveAddress()) }] });
    await from.finish('other', draft, await from.sign(draft.psbt));
    await to.send({ key: 'on', to: await account(3).receiveAddress(), amount: 90_000n });
    await harness.mine(1);
    for (let tries = 0; tries < 3; tries++) await codeOfPromise(from.send(request));
    await from.resume();
    await codeOfPromise(from.send(request));
    await harness.mine(1);
    const [sum] = await from.balances();
    expect(sum?.available).toBeGreaterThan(30_000n);
  });

  it('that was refused once and taken later is sent', async () => {
    let isDown = true;
    const chain = but(harness.chain, {
      broadcast: async (bytes) => {
        if (isDown) throw new ChainError('CHAIN_TX_REJECTED', 'full', { details: { reason: 'mempool full' } as never });
        return harness.chain.broadcast(bytes);
      },
    });
    const [from, to] = [account(1, { chain }), account(2)];
    await fund(from, 100_000n, 100_000n);
    const request = { key: 'rent', to: await to.receiveAddress(), amount: 20_000n };
    const draft = await from.draft({ payments: [{ value: 20_000n, ...script(request.to) }] });
    const signed = await from.sign(draft.psbt);
    expect(await codeOfPromise(from.finish('rent', draft, signed))).toBe('CHAIN_TX_REJECTED');
    expect(await from.status('rent')).toBe('failed');
    isDown = false;
    const { id } = await from.finish('rent', draft, signed);
    expect(await from.status('rent')).toBe('pending');
    expect((await from.send(request)).id).toBe(id);
    expect(await receivedBy(to)).toBe(20_000n);
  });

  it('that was refused by one node and taken by another is never made from other coins', async () => {
    const kept: Uint8Array[] = [];
    const chain = but(harness.chain, {
      broadcast: async (bytes) => {
        if (kept.length > 0) return harness.chain.broadcast(bytes);
        kept.push(bytes);
        throw new ChainError('CHAIN_TX_REJECTED', 'full', { details: { reason: 'mempool full' } as never });
      },
    });
    const [from, to] = [account(1, { chain }), account(2)];
    await fund(from, ...Array.from({ length: 6 }, () => 50_000n));
    const request = { key: 'rent', to: await to.receiveAddress(), amount: 20_000n };
    expect(await codeOfPromise(from.send(request))).toBe('CHAIN_TX_REJECTED');
    await from.send(request);
    // Whoever had kept it sends it at last.
    for (const bytes of kept) await codeOfPromise(harness.chain.broadcast(bytes));
    expect(await receivedBy(to)).toBe(20_000n);
  });

  it('is the one that was drafted: what was signed is not taken for another', async () => {
    const from = account(1);
    await fund(from, 100_000n, 100_000n);
    const drafts = [];
    for (const value of [20_000n, 30_000n])
      drafts.push(await from.draft({ payments: [{ value, ...script(await account(2).receiveAddress()) }] }));
    const signed = await from.sign(drafts[1]?.psbt as never);
    expect(await codeOfPromise(from.finish('a', drafts[0] as never, signed))).toBe('WALLET_PSBT_MISMATCH');
  });

  it('is shown to no further signer once one has changed it', async () => {
    const seen: string[] = [];
    const root = masterKey(new SecretBytes(new Uint8Array(32).fill(1)), { network: 'test' });
    const honest = memorySigner(createKeyRing({ extendedKeys: [root] }));
    const evil = { ...(await account(9).receiveAddress().then(script)), value: 99_000n };
    const from = account(1, {
      signers: [
        {
          name: 'evil',
          sign: async (psbt) => ({ ...psbt, outputs: psbt.outputs.map((output) => ({ ...output, ...evil })) }),
        },
        { name: 'honest', sign: async (psbt, call) => (seen.push('honest'), honest.sign(psbt, call)) },
      ],
    });
    await fund(from, 100_000n);
    const request = { key: 'rent', to: await account(2).receiveAddress(), amount: 20_000n };
    expect(await codeOfPromise(from.send(request))).toBe('WALLET_SIGNER_ANSWER_INVALID');
    expect(seen).toEqual([]);
  });

  it('leaves its change where a restore finds it, however many drafts came to nothing', async () => {
    const from = account(1);
    await fund(from, 100_000n);
    const payments = [{ value: 10_000n, ...script(await account(2).receiveAddress()) }];
    for (let drafts = 0; drafts < 30; drafts++) await from.draft({ payments });
    for (const key of ['a', 'b', 'c']) {
      const draft = await from.draft({ payments });
      await from.finish(key, draft, await from.sign(draft.psbt));
      await harness.mine(1);
    }
    const scripts = (await from.sent()).flatMap(({ raw, changeIndex = 0 }) => [
      toHex(parseTransaction(parseHex(raw)).outputs[changeIndex]?.scriptPubKey as Uint8Array),
    ]);
    expect(new Set(scripts).size).toBe(3);
    expect(await account(1).balances()).toEqual(await from.balances());
  });

  it('does not spend rewards that are not ripe', async () => {
    const chain = but(harness.chain, {
      unspentOutputsOf: async (wanted) =>
        (await harness.chain.unspentOutputsOf(wanted)).map((coin) => ({ ...coin, coinbase: true })),
    });
    const from = account(1, { chain });
    await fund(from, 100_000n);
    expect(await from.coins()).toEqual([]);
    expect(await from.balances()).toMatchObject([{ available: 0n, pending: 100_000n }]);
    await harness.mine(99);
    expect((await from.coins()).length).toBe(1);
    expect(await from.balances()).toMatchObject([{ available: 100_000n, pending: 0n }]);
  });

  it('does not burn its coins on an estimate that nobody pays', async () => {
    const chain = but(harness.chain, { estimateFeeRate: async () => feeRate(100_000_000n) });
    const from = account(1, { chain });
    await fund(from, 100_000_000n);
    const request = { key: 'rent', to: await account(2).receiveAddress(), amount: 1_000n };
    expect(await codeOfPromise(from.send(request))).toBe('WALLET_BUILD_IMPOSSIBLE');
  });

  it('that the network refuses for good leaves others to be sent again', async () => {
    const store: EventStore = createMemoryStore();
    const from = account(1, { store });
    await fund(from, 100_000n, 100_000n);
    await from.send({ key: 'a', to: await account(2).receiveAddress(), amount: 90_000n });
    await from.send({ key: 'b', to: await account(2).receiveAddress(), amount: 90_000n });
    const again = account(1, {
      store,
      chain: but(harness.chain, { ...refusing('mempool full'), transaction: async () => undefined }),
    });
    expect(await codeOfPromise(again.resume())).toBe('none');
  });
});

describe('what is asked of an account', () => {
  it('is refused with a code, whatever it is', async () => {
    const from = account(1);
    await fund(from, 100_000n);
    const values = [
      undefined,
      null,
      0,
      -1,
      1n,
      '',
      'text',
      true,
      [],
      [null],
      {},
      { payments: 5 },
      { payments: [null] },
    ];
    const more = [
      { chains: 5 },
      { payments: [{}] },
      { payments: [{ value: 5n }] },
      { payments: [{ value: 1_000n, scriptPubKey: 'x' }] },
      { payments: [{ value: 1_000n, ...script(await from.receiveAddress()) }], feeRate: 'x' },
      { payments: [{ value: 1_000n, ...script(await from.receiveAddress()) }], requiredCoins: [null] },
      { key: 'k', to: 5, amount: 5n },
      { key: 'k', to: 'bcrt1q', amount: 5 },
      { key: 5, to: 'bcrt1q', amount: 5n },
    ];
    const wrong: string[] = [];
    for (const value of [...values, ...more] as never[])
      for (const call of [
        () => from.send(value),
        () => from.draft(value),
        () => from.draftReplacement(value, feeRate(1_000n)),
        () => from.draftReplacement('00'.repeat(32), value),
        () => from.draftChild(value, feeRate(1_000n)),
        () => from.draftChild('00'.repeat(32), value),
        () => from.sign(value),
        () => from.finish(value, value, value),
        () => from.finish('k', value, value),
        () => from.status(value),
        () => from.isOwn(value),
        () => Promise.resolve().then(() => createBitcoinAccount(value)),
        () => Promise.resolve().then(() => createWallet(value).add({ id: 'x', chain: 'y', send() {} } as never)),
      ])
        try {
          await call();
        } catch (error) {
          if (!(error instanceof SuiteError)) wrong.push(`${String(call)} ${String(error)}`);
        }
    expect([...new Set(wrong)]).toEqual([]);
  });
});

function script(address: string): { readonly scriptPubKey: Uint8Array } {
  return { scriptPubKey: decodeAddress(address, 'regtest').scriptPubKey };
}
