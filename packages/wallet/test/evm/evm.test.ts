import { loadCrypto } from '@bitcoin-enterprise/core';
import { createMemoryStore, type EventStore } from '@bitcoin-enterprise/events';
import { JsonRpcProvider, Transaction, verifyMessage, verifyTypedData, Wallet, zeroPadValue } from 'ethers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Anvil, findAnvil, startAnvil } from '../../../../scripts/nodes/anvil.ts';
import { orSkip } from '../../../../scripts/nodes/find.ts';
import {
  createEvmAccount,
  createEvmSender,
  erc20,
  EvmSigner,
  type EvmSender,
  raiseEvmFees,
  suggestEvmFees,
} from '../../src/evm/index.ts';
import { createKeyRing, createWallet, memoryDigestSigner } from '../../src/index.ts';
import { type TokenHabits, tokenCode } from '../support/token-zoo.ts';
import { codeOfPromise } from '../support/code-of.ts';

const SECRET = new Uint8Array(Buffer.from('ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80', 'hex'));
const BOB = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8';
const signerOf = (secret: Uint8Array = SECRET): EvmSigner => {
  const ring = createKeyRing({ secretKeys: [secret] });
  return new EvmSigner({ holder: memoryDigestSigner(ring), key: { publicKey: ring.publicKeys[0] as Uint8Array } });
};

beforeAll(async () => {
  await loadCrypto();
});

describe('a signer for ethers', () => {
  const theirs = new Wallet(`0x${Buffer.from(SECRET).toString('hex')}`);
  const tx = { to: BOB, value: 5n, nonce: 3, gasLimit: 21_000n, chainId: 1n };

  it('signs what a wallet of ethers signs, to the byte', async () => {
    const ours = signerOf();
    expect(ours.address).toBe(theirs.address);
    for (const request of [
      { ...tx, type: 2, maxFeePerGas: 7n, maxPriorityFeePerGas: 1n },
      { ...tx, type: 0, gasPrice: 7n },
      { ...tx, type: 1, gasPrice: 7n, accessList: [{ address: BOB, storageKeys: [] }] },
    ]) {
      // Ours grinds to a low R; the transaction is the same, and so is who signed it.
      const [mine, other] = [await ours.signTransaction(request), await theirs.signTransaction(request)].map((raw) =>
        Transaction.from(raw),
      );
      expect(mine?.unsignedHash).toBe(other?.unsignedHash);
      expect(mine?.from).toBe(theirs.address);
    }
  });

  it('signs messages (EIP-191) and typed data (EIP-712)', async () => {
    const ours = signerOf();
    expect(verifyMessage('grüezi', await ours.signMessage('grüezi'))).toBe(ours.address);
    const domain = { name: 'Mail', version: '1', chainId: 1, verifyingContract: BOB };
    const types = {
      Mail: [
        { name: 'to', type: 'address' },
        { name: 'text', type: 'string' },
      ],
    };
    const value = { to: BOB, text: 'hello' };
    expect(verifyTypedData(domain, types, value, await ours.signTypedData(domain, types, value))).toBe(ours.address);
  });

  it('does not sign for another address, and finds out who signs wrongly', async () => {
    expect(await codeOfPromise(signerOf().signTransaction({ ...tx, from: BOB }))).toBe('WALLET_FORBIDDEN');
    const liar = new EvmSigner({
      holder: { name: 'liar', holds: async () => [true], signDigests: async () => [new Uint8Array(64).fill(1)] },
      key: { publicKey: createKeyRing({ secretKeys: [SECRET] }).publicKeys[0] as Uint8Array },
    });
    expect(await codeOfPromise(liar.signMessage('x'))).toBe('WALLET_SIGNER_ANSWER_INVALID');
  });
});

const anvil = orSkip('anvil', await findAnvil());

describe.skipIf(anvil === undefined)('an EVM account on anvil', () => {
  let node: Anvil;
  let provider: JsonRpcProvider;
  let tokens = 0x1000;

  beforeAll(async () => {
    node = await startAnvil();
    provider = new JsonRpcProvider(node.rpcUrl, undefined, { staticNetwork: true, batchMaxCount: 1, cacheTimeout: -1 });
  });
  afterAll(async () => {
    provider.destroy();
    await node.stop();
  });

  const secretOf = (n: number): Uint8Array<ArrayBuffer> => new Uint8Array(32).fill(n);
  /** An account of its own with a thousand coins. */
  async function account(
    n: number,
    more: { readonly store?: EventStore; readonly provider?: JsonRpcProvider; readonly confirmations?: number } = {},
  ): Promise<{ readonly sender: EvmSender; readonly address: string; readonly store: EventStore }> {
    const signer = signerOf(secretOf(n));
    const store = more.store ?? createMemoryStore();
    await node.rpc('anvil_setBalance', [signer.address, '0x3635c9adc5dea00000']);
    const { confirmations = 1 } = more;
    const sender = await createEvmSender({
      provider: more.provider ?? provider,
      signer,
      store,
      pollMs: 20,
      confirmations,
    });
    return { sender, address: signer.address, store };
  }
  async function token(owner: string, habits: TokenHabits = {}): Promise<string> {
    const address = `0x${(++tokens).toString(16).padStart(40, '0')}`;
    await node.rpc('anvil_setCode', [address, tokenCode(habits)]);
    await node.rpc('anvil_setStorageAt', [address, zeroPadValue(owner, 32), zeroPadValue('0x0f4240', 32)]);
    return address;
  }
  /** A provider whose replies are lost, or whose words are changed, as often as told. */
  function faulty(
    fault: (method: string, count: number, ask: () => Promise<unknown>) => Promise<unknown>,
  ): JsonRpcProvider {
    const counts = new Map<string, number>();
    const wrapped = new JsonRpcProvider(node.rpcUrl, undefined, {
      staticNetwork: true,
      batchMaxCount: 1,
      cacheTimeout: -1,
    });
    const send = wrapped.send.bind(wrapped);
    wrapped.send = async (method, params) => {
      const count = (counts.get(method) ?? 0) + 1;
      counts.set(method, count);
      return fault(method, count, async () => send(method, params));
    };
    return wrapped;
  }

  it('pays, waits, and pays once for each key', async () => {
    const { sender } = await account(31);
    const before = await provider.getBalance(BOB);
    const first = await sender.send('rent', { to: BOB, value: 1_000n });
    expect(await sender.wait('rent')).toMatchObject({ hash: first.hash, status: 'succeeded' });
    expect((await sender.send('rent', { to: BOB, value: 1_000n })).hash).toBe(first.hash);
    expect((await provider.getBalance(BOB)) - before).toBe(1_000n);
  });

  it('gives nonces in order to many at once, without a gap', async () => {
    const { sender, address } = await account(32);
    const sent = await Promise.all(Array.from({ length: 30 }, (_, i) => sender.send(`p${i}`, { to: BOB, value: 1n })));
    expect(sent.map(({ nonce }) => nonce)).toEqual(Array.from({ length: 30 }, (_, i) => i));
    for (let i = 0; i < 30; i++) await sender.wait(`p${i}`);
    expect(await provider.getTransactionCount(address)).toBe(30);
  });

  it('shares an account between two processes', async () => {
    const { sender: a, store, address } = await account(33);
    const { sender: b } = await account(33, { store });
    await Promise.all(
      Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? a : b).send(`p${i}`, { to: BOB, value: 1n })),
    );
    for (let i = 0; i < 20; i++) await a.wait(`p${i}`);
    expect(await provider.getTransactionCount(address)).toBe(20);
  });

  it.for([
    [
      'the reply is lost after the node has taken it',
      async (ask: () => Promise<unknown>) => {
        await ask();
        throw new Error('socket hang up');
      },
    ],
    [
      'it is refused as already known',
      async (ask: () => Promise<unknown>) => {
        await ask();
        throw Object.assign(new Error('could not coalesce error'), {
          error: { code: -32000, message: 'already known' },
        });
      },
    ],
    [
      'it is refused with a nonce that is too low, since it was mined',
      async (ask: () => Promise<unknown>) => {
        await ask();
        throw Object.assign(new Error('nonce has already been used'), {
          info: { error: { code: -32000, message: 'nonce too low' } },
        });
      },
    ],
    [
      'it never reaches the node the first time',
      async () => {
        throw new Error('connect ECONNREFUSED');
      },
    ],
  ] as const)('pays once when %s', async ([name, fault]) => {
    const secret = 40 + (name.length % 50);
    const flaky = faulty(async (method, count, ask) =>
      method === 'eth_sendRawTransaction' && count === 1 ? fault(ask) : ask(),
    );
    const { sender, address } = await account(secret, { provider: flaky });
    const before = await provider.getBalance(BOB);
    const { nonce } = await sender.send('one', { to: BOB, value: 77n });
    expect(await sender.wait('one')).toMatchObject({ status: 'succeeded' });
    expect((await provider.getBalance(BOB)) - before).toBe(77n);
    expect(await provider.getTransactionCount(address)).toBe(nonce + 1);
    flaky.destroy();
  });

  it('goes on after a restart with what is on record and was never sent', async () => {
    const dead = faulty(async (method, _count, ask) => {
      if (method === 'eth_sendRawTransaction') throw new Error('socket hang up');
      return ask();
    });
    const { sender, store } = await account(91, { provider: dead });
    expect(await codeOfPromise(sender.send('late', { to: BOB, value: 9n }))).toBe('WALLET_EVM_FAILED');
    dead.destroy();
    const { sender: again } = await account(91, { store });
    // Another payment takes the next nonce, and takes the lost one along.
    await again.send('next', { to: BOB, value: 1n });
    expect(await again.wait('late')).toMatchObject({ status: 'succeeded' });
    expect(await again.wait('next')).toMatchObject({ status: 'succeeded' });
  });

  it('takes a new nonce when somebody else has used its own for good', async () => {
    const dead = faulty(async (method, _count, ask) => {
      if (method === 'eth_sendRawTransaction') throw new Error('socket hang up');
      return ask();
    });
    const { sender, store, address } = await account(92, { provider: dead });
    expect(await codeOfPromise(sender.send('mine', { to: BOB, value: 9n }))).toBe('WALLET_EVM_FAILED');
    dead.destroy();
    const foreign = new Wallet(`0x${Buffer.from(secretOf(92)).toString('hex')}`, provider);
    await (await foreign.sendTransaction({ to: BOB, value: 1n, nonce: 0 })).wait();
    const { sender: again } = await account(92, { store });
    expect(await again.send('mine', { to: BOB, value: 9n })).toMatchObject({ nonce: 1 });
    expect(await again.wait('mine')).toMatchObject({ status: 'succeeded' });
    expect(await provider.getTransactionCount(address)).toBe(2);
  });

  it('speeds up and cancels what is not mined', async () => {
    const { sender } = await account(93);
    await node.rpc('evm_setAutomine', [false]);
    try {
      const before = await provider.getBalance(BOB);
      const first = await sender.send('slow', { to: BOB, value: 3n });
      const second = await sender.speedUp('slow');
      expect(second.nonce).toBe(first.nonce);
      expect(second.hash).not.toBe(first.hash);
      const doomed = await sender.send('doomed', { to: BOB, value: 1_000_000n });
      const cancelled = await sender.cancel('doomed');
      await node.rpc('evm_mine', []);
      expect(await sender.wait('slow')).toMatchObject({ hash: second.hash, status: 'succeeded' });
      expect(await sender.wait('doomed')).toMatchObject({ hash: cancelled.hash });
      expect(cancelled.nonce).toBe(doomed.nonce);
      expect((await provider.getBalance(BOB)) - before).toBe(3n);
      expect((await sender.sendings()).find(({ key }) => key === 'doomed')?.isCancelled).toBe(true);
    } finally {
      await node.rpc('evm_setAutomine', [true]);
    }
  });

  it('waits for confirmations, and gives up in time', async () => {
    const { sender } = await account(94, { confirmations: 3 });
    await sender.send('deep', { to: BOB, value: 1n });
    expect(await codeOfPromise(sender.wait('deep', { timeoutMs: 60 }))).toBe('WALLET_EVM_FAILED');
    await node.rpc('anvil_mine', ['0x2']);
    expect(await sender.wait('deep')).toMatchObject({ status: 'succeeded' });
    expect(await codeOfPromise(sender.wait('deep', { signal: AbortSignal.abort() }))).toBe('WALLET_ABORTED');
  });

  it('says what it lacks, and what would revert, before it takes a nonce', async () => {
    const { sender, address } = await account(95);
    expect(await codeOfPromise(sender.send('rich', { to: BOB, value: 10n ** 24n }))).toBe('WALLET_FUNDS_INSUFFICIENT');
    const paused = await token(address, { isPaused: true });
    const call = erc20(provider, paused).transferPayment(BOB, 1n);
    expect(await codeOfPromise(sender.send('paused', call))).toBe('WALLET_BUILD_IMPOSSIBLE');
    expect(await sender.sendings()).toEqual([]);
    await sender.send('fine', { to: BOB, value: 1n });
    expect(await sender.wait('fine')).toMatchObject({ status: 'succeeded' });
  });

  it('suggests fees that are taken, and replacements that are more', async () => {
    const fees = await suggestEvmFees(provider);
    expect(fees.maxFeePerGas).toBeGreaterThan(fees.maxPriorityFeePerGas);
    const raised = raiseEvmFees(fees);
    expect(raised.maxPriorityFeePerGas * 100n).toBeGreaterThanOrEqual(fees.maxPriorityFeePerGas * 110n);
    const nonsense = faulty(async (method, _count, ask) =>
      method === 'eth_feeHistory' ? { baseFeePerGas: ['x'] } : ask(),
    );
    expect(await codeOfPromise(suggestEvmFees(nonsense))).toBe('WALLET_EVM_FAILED');
    nonsense.destroy();
  });

  it('is an account of a wallet, beside those of other chains', async () => {
    const signer = signerOf(secretOf(96));
    await node.rpc('anvil_setBalance', [signer.address, '0xde0b6b3a7640000']);
    const coin = await token(signer.address, { decimals: 6 });
    const wallet = createWallet();
    wallet.add(
      await createEvmAccount({ id: 'eth', provider, signer, store: createMemoryStore(), tokens: [coin], pollMs: 20 }),
    );
    expect((await wallet.balances()).get('eth')).toEqual([
      { asset: 'native', available: 10n ** 18n, pending: 0n },
      { asset: coin, available: 1_000_000n, pending: 0n },
    ]);
    await wallet.send('eth', { key: 'a', to: BOB, amount: 5n });
    await wallet.send('eth', { key: 'b', to: BOB, amount: 400_000n, asset: coin });
    expect([await wallet.status('eth', 'a'), await wallet.status('eth', 'b'), await wallet.status('eth', 'c')]).toEqual(
      ['confirmed', 'confirmed', 'unknown'],
    );
    expect((await wallet.balances()).get('eth')?.[1]?.available).toBe(600_000n);
    await wallet.resume();
  });

  describe('with tokens as they are', () => {
    it.for([
      ['as the standard has it', {}, 1_000n],
      ['that answers nothing', { answers: 'nothing' }, 1_000n],
      ['that takes a hundredth', { feeBps: 100 }, 990n],
    ] as const)('transfers one %s, and measures what arrived', async ([, habits, received]) => {
      const { sender, address } = await account(101);
      const coin = erc20(provider, await token(address, habits));
      const options = { key: `t${tokens}`, from: address, to: BOB, amount: 1_000n };
      expect(await coin.transfer(sender, options)).toMatchObject({ received, sent: 1_000n });
      expect(await coin.balanceOf(BOB)).toBe(received);
      expect(await coin.transfer(sender, options)).toMatchObject({ received });
      expect(await coin.balanceOf(BOB)).toBe(received);
    });

    it.for([
      ['is paused', { isPaused: true }],
      ['answers false', { answers: 'false' }],
      ['has black-listed the receiver', { blocked: BOB }],
    ] as const)('does not send one that %s', async ([, habits]) => {
      const { sender, address } = await account(102);
      const coin = erc20(provider, await token(address, habits));
      const sending = coin.transfer(sender, { key: `t${tokens}`, from: address, to: BOB, amount: 1n });
      expect(await codeOfPromise(sending)).toBe('WALLET_BUILD_IMPOSSIBLE');
    });

    it('does not send to an address without a contract, nor more than there is', async () => {
      const { sender, address } = await account(103);
      const empty = erc20(provider, '0x00000000000000000000000000000000000fffff');
      expect(await codeOfPromise(empty.transfer(sender, { key: 'e', from: address, to: BOB, amount: 1n }))).toBe(
        'WALLET_BUILD_IMPOSSIBLE',
      );
      expect(await codeOfPromise(empty.balanceOf(BOB))).toBe('WALLET_EVM_FAILED');
      const coin = erc20(provider, await token(address));
      expect(await codeOfPromise(coin.transfer(sender, { key: 'm', from: address, to: BOB, amount: 10n ** 9n }))).toBe(
        'WALLET_BUILD_IMPOSSIBLE',
      );
    });

    it('approves by way of zero where one stands already, as USDT wants it', async () => {
      const { sender, address } = await account(104);
      const coin = erc20(provider, await token(address, { wantsZeroFirst: true, answers: 'nothing' }));
      const approve = (key: string, amount: bigint): Promise<void> =>
        coin.approve(sender, { key, from: address, spender: BOB, amount });
      await approve('a', 5n);
      await approve('b', 7n);
      expect(await coin.allowance(address, BOB)).toBe(7n);
      await approve('c', 0n);
      expect(await coin.allowance(address, BOB)).toBe(0n);
    });

    it('reads what they say of themselves, in whichever way', async () => {
      const { address } = await account(105);
      const facts = async (habits: TokenHabits): Promise<unknown> =>
        erc20(provider, await token(address, habits)).facts();
      expect(await facts({ decimals: 6 })).toMatchObject({ name: 'Zoo', symbol: 'ZOO', decimals: 6 });
      expect(await facts({ hasOldTexts: true, decimals: 0 })).toMatchObject({
        name: 'Zoo',
        symbol: 'ZOO',
        decimals: 0,
      });
      expect(await facts({})).toMatchObject({ decimals: undefined });
    });
  });
});
