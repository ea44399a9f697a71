import { loadCrypto } from '@bitcoin-enterprise/core';
import { createMemoryStore, type EventStore } from '@bitcoin-enterprise/events';
import { JsonRpcProvider, type JsonRpcApiProvider, Wallet } from 'ethers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Anvil, findAnvil, startAnvil } from '../../../../scripts/nodes/anvil.ts';
import { orSkip } from '../../../../scripts/nodes/find.ts';
import {
  controlledEvmSigner,
  createEvmAccount,
  createEvmSender,
  erc20,
  EvmSigner,
  paymentOfEvm,
  suggestEvmFees,
} from '../../src/evm/index.ts';
import { type ChainAccount, createKeyRing, memoryDigestSigner } from '../../src/index.ts';
import { approvePayment, type Payment } from '../../src/control/index.ts';
import { people, policyJson, scene } from '../control/support/scene.ts';

const BOB = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8';
const codeOf = async (action: () => unknown): Promise<string> => {
  try {
    await action();
    return 'none';
  } catch (error) {
    return (error as { readonly code?: string }).code ?? String(error);
  }
};
const secretOf = (n: number): Uint8Array<ArrayBuffer> => new Uint8Array(32).fill(n);
const signerOf = (n: number): EvmSigner => {
  const ring = createKeyRing({ secretKeys: [secretOf(n)] });
  return new EvmSigner({ holder: memoryDigestSigner(ring), key: { publicKey: ring.publicKeys[0] as Uint8Array } });
};
/** A provider that answers in another way. */
const answering = (answer: (method: string) => unknown): JsonRpcApiProvider =>
  ({ send: async (method: string) => answer(method) }) as unknown as JsonRpcApiProvider;

beforeAll(async () => {
  await loadCrypto();
});

describe('a transaction of an EVM chain under control', () => {
  const base = { chainId: 1n, nonce: 0, type: 2, gasLimit: 50_000n, maxFeePerGas: 10n, maxPriorityFeePerGas: 1n };

  it('was approved for one account, and not for another with the same nonce', async () => {
    const rules = [{ name: 'small', when: { amount: { to: '1000000' } }, effect: 'allow' }];
    const { control } = await scene(policyJson({ rules }));
    const [first, second] = [signerOf(8), signerOf(9)];
    const request = { ...base, to: BOB, value: 7n };
    await control.request({ payment: paymentOfEvm({ ...request, from: first.address }), initiator: 'ann' });
    expect(await codeOf(() => controlledEvmSigner(second, { control }).signTransaction(request))).toBe(
      'WALLET_NOT_APPROVED',
    );
    expect(await codeOf(() => controlledEvmSigner(first, { control }).signTransaction(request))).toBe('none');
    const pretending = { ...request, from: first.address };
    expect(await codeOf(() => controlledEvmSigner(second, { control }).signTransaction(pretending))).toBe(
      'WALLET_FORBIDDEN',
    );
  });

  it('is the same one when it is sent again after its approval, whatever fees are by then', async () => {
    const rules = [
      {
        name: 'all',
        when: { fee: { to: '9'.repeat(30) } },
        effect: { approvals: [{ roles: ['director'], count: 1 }] },
      },
    ];
    const { control } = await scene(policyJson({ rules }));
    let base = 1n;
    const answers: Readonly<Record<string, () => unknown>> = {
      eth_chainId: () => '0x1',
      eth_feeHistory: () => ({ baseFeePerGas: [`0x${(base++ * 10n ** 9n).toString(16)}`], reward: [] }),
      eth_getBalance: () => '0xde0b6b3a7640000',
      eth_estimateGas: () => '0x5208',
      eth_getTransactionCount: () => '0x0',
    };
    const sender = await createEvmSender({
      provider: answering((method) => answers[method]?.() ?? null),
      signer: controlledEvmSigner(signerOf(8), { control, initiator: 'ann' }),
      store: createMemoryStore(),
    });
    const payment = { to: BOB, value: 1n };
    for (let tries = 0; tries < 3; tries++)
      expect(await codeOf(() => sender.send('rent', payment))).toBe('WALLET_NOT_APPROVED');
    const asked = await control.payments();
    expect(asked.length).toBe(1);
    const one = asked[0]?.payment as Payment;
    await control.approve(one.id, await approvePayment(one, 'bob', people.bob));
    expect((await sender.send('rent', payment)).nonce).toBe(0);
  });

  it('is refused with a code when it is none', async () => {
    const from = signerOf(8).address;
    for (const request of [
      undefined,
      null,
      'text',
      { ...base, from, to: 'vitalik.eth' },
      { ...base, from, to: BOB.toLowerCase().replace('c', 'C') },
      { ...base, from, to: BOB, value: -1n },
      { ...base, from, to: BOB, data: 'zz' },
      { ...base, to: BOB },
    ])
      expect(await codeOf(() => paymentOfEvm(request as never))).toMatch(/^WALLET_(INVALID_ARGUMENT|NOT_APPROVED)$/);
  });
});

describe('a node that answers nonsense', () => {
  it.for(['0x', '', null, 5, {}, '0xzz'])('is found out: %j', async (nonsense) => {
    const signer = signerOf(8);
    const store = createMemoryStore();
    expect(await codeOf(() => createEvmSender({ provider: answering(() => nonsense), signer, store }))).toBe(
      'WALLET_EVM_FAILED',
    );
    const provider = answering((method) => (method === 'eth_chainId' ? '0x1' : nonsense));
    const account = await createEvmAccount({ id: 'a', provider, signer, store, tokens: [BOB] });
    expect(await codeOf(() => account.balances())).toBe('WALLET_EVM_FAILED');
    expect(await codeOf(() => account.send({ key: 'k', to: BOB, amount: 1n }))).toBe('WALLET_EVM_FAILED');
    expect(await codeOf(() => suggestEvmFees(provider))).toBe('WALLET_EVM_FAILED');
  });

  it('is found out when it asks for tips that nobody pays', async () => {
    const provider = answering(() => ({ baseFeePerGas: ['0x1'], reward: [[`0x${(10n ** 16n).toString(16)}`]] }));
    expect(await codeOf(() => suggestEvmFees(provider))).toBe('WALLET_EVM_FAILED');
  });

  it('that is of another chain than the one that is meant is refused', async () => {
    const options = { signer: signerOf(8), store: createMemoryStore(), chainId: 5n };
    expect(await codeOf(() => createEvmSender({ ...options, provider: answering(() => '0x1') }))).toBe(
      'WALLET_CHAIN_UNKNOWN',
    );
  });
});

const anvil = orSkip('anvil', await findAnvil());

describe.skipIf(anvil === undefined)('an EVM account among liars', () => {
  let node: Anvil;
  let provider: JsonRpcProvider;

  beforeAll(async () => {
    node = await startAnvil();
    provider = open();
  });
  afterAll(async () => {
    provider.destroy();
    await node.stop();
  });

  const open = (): JsonRpcProvider =>
    new JsonRpcProvider(node.rpcUrl, undefined, { staticNetwork: true, batchMaxCount: 1, cacheTimeout: -1 });

  async function account(
    n: number,
    more: { readonly store?: EventStore; readonly provider?: JsonRpcProvider } = {},
  ): Promise<{ readonly account: ChainAccount; readonly options: Parameters<typeof createEvmSender>[0] }> {
    const signer = signerOf(n);
    await node.rpc('anvil_setBalance', [signer.address, '0x3635c9adc5dea00000']);
    const options = { provider, signer, store: createMemoryStore(), pollMs: 20, ...more };
    return { account: await createEvmAccount({ id: 'eth', ...options }), options };
  }

  it('pays once although a node behind the others has not seen that it is mined', async () => {
    const late = open();
    const send = late.send.bind(late);
    let isBehind = true;
    // As behind a balancer: one node has the block, and another one not yet its receipts.
    late.send = async (method, params) => {
      const isAskedFor = method === 'eth_getTransactionReceipt' || method === 'eth_getTransactionByHash';
      if (isBehind && isAskedFor) return null;
      return send(method, params);
    };
    const { account: eth, options } = await account(50, { provider: late });
    const before = await provider.getBalance(BOB);
    await eth.send({ key: 'rent', to: BOB, amount: 5n });
    const sender = await createEvmSender(options);
    expect(await codeOf(() => sender.wait('rent', { timeoutMs: 100 }))).toBe('WALLET_EVM_FAILED');
    await codeOf(() => eth.send({ key: 'rent', to: BOB, amount: 5n }));
    isBehind = false;
    await eth.send({ key: 'rent', to: BOB, amount: 5n });
    expect(await sender.wait('rent')).toMatchObject({ status: 'succeeded' });
    expect((await provider.getBalance(BOB)) - before).toBe(5n);
    late.destroy();
  });

  it('tells what a cancellation did: the payment or nothing, whichever was mined', async () => {
    const { account: eth, options } = await account(51);
    const sender = await createEvmSender(options);
    await node.rpc('evm_setAutomine', [false]);
    try {
      await eth.send({ key: 'a', to: BOB, amount: 5n });
      await sender.cancel('a');
      await eth.send({ key: 'b', to: BOB, amount: 5n });
      await sender.cancel('b');
      await sender.speedUp('b');
      await node.rpc('evm_mine', []);
      for (const key of ['a', 'b']) expect(await eth.status(key)).toBe('failed');
      await sender.wait('a');
      await sender.wait('b');
      for (const key of ['a', 'b']) expect(await eth.status(key)).toBe('failed');
      // The other way round: the payment is mined, and the cancellation comes too late.
      const { raw } = await sender.send('c', { to: BOB, value: 5n });
      await node.rpc('evm_mine', []);
      expect(raw.length).toBeGreaterThan(2);
      await codeOf(() => sender.cancel('c'));
      expect(await eth.status('c')).toBe('confirmed');
      await sender.wait('c');
      expect(await eth.status('c')).toBe('confirmed');
    } finally {
      await node.rpc('evm_setAutomine', [true]);
    }
  });

  it('refuses the same key with another payment, and payments that are none', async () => {
    const { account: eth, options } = await account(52);
    const sender = await createEvmSender(options);
    await eth.send({ key: 'rent', to: BOB, amount: 5n });
    expect(await codeOf(() => eth.send({ key: 'rent', to: BOB, amount: 6n }))).toBe('WALLET_INVALID_ARGUMENT');
    expect(await codeOf(() => eth.send({ key: 'rent', to: options.signer.address, amount: 5n }))).toBe(
      'WALLET_INVALID_ARGUMENT',
    );
    expect(await codeOf(() => eth.send({ key: 'rent', to: BOB, amount: 5n }))).toBe('none');
    for (const payment of [
      null,
      'text',
      {},
      { value: 5n },
      { to: 'vitalik.eth', value: 1n },
      { to: BOB.toLowerCase().replace('c', 'C'), value: 1n },
      { to: BOB, value: 5 },
      { to: BOB, value: -5n },
      { to: BOB, data: 'zz' },
      { to: BOB, gasLimit: 5 },
      { to: null, value: 5n },
    ])
      expect(await codeOf(() => sender.send('none', payment as never))).toBe('WALLET_INVALID_ARGUMENT');
    expect(await codeOf(() => erc20(provider, BOB.toLowerCase().replace('c', 'C')))).toBe('WALLET_INVALID_ARGUMENT');
    const badly = BOB.toLowerCase().replace('c', 'C');
    expect(await codeOf(() => erc20(provider, BOB).transferPayment(badly, 1n))).toBe('WALLET_INVALID_ARGUMENT');
  });

  it('still gives up a nonce that a stranger has used', async () => {
    const dead = open();
    const send = dead.send.bind(dead);
    dead.send = async (method, params) => {
      if (method === 'eth_sendRawTransaction') throw new Error('socket hang up');
      return send(method, params);
    };
    const store = createMemoryStore();
    const { options } = await account(53, { provider: dead, store });
    expect(await codeOf(async () => (await createEvmSender(options)).send('mine', { to: BOB, value: 9n }))).toBe(
      'WALLET_EVM_FAILED',
    );
    const foreign = new Wallet(`0x${Buffer.from(secretOf(53)).toString('hex')}`, provider);
    await (await foreign.sendTransaction({ to: BOB, value: 1n, nonce: 0 })).wait();
    for (let blocks = 0; blocks < 9; blocks++) await node.rpc('evm_mine', []);
    const again = await createEvmSender({ ...options, provider });
    expect(await again.send('mine', { to: BOB, value: 9n })).toMatchObject({ nonce: 1 });
    dead.destroy();
  });
});
