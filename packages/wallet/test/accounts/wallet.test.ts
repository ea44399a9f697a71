import { describe, expect, it } from 'vitest';
import { type ChainAccount, type ChainAdapter, createWallet, type SendRequest } from '../../src/index.ts';

/** A chain of another kind, as a further adapter would bring it. */
const bpi: ChainAdapter<{ readonly coins: bigint }> = {
  chain: 'bpi:main',
  openAccount: async (id, { coins }) => {
    let left = coins;
    const sent = new Map<string, bigint>();
    return {
      id,
      chain: 'bpi:main',
      receiveAddress: async () => `bpi1${id}`,
      balances: async () => [{ asset: 'native', available: left, pending: 0n }],
      send: async ({ key, amount }: SendRequest) => {
        if (!sent.has(key)) left -= amount;
        sent.set(key, amount);
        return { key, id: `tx-${key}` };
      },
      status: async (key) => (sent.has(key) ? 'confirmed' : 'unknown'),
      resume: async () => undefined,
    };
  },
};
const codeOf = async (action: () => unknown): Promise<string> => {
  try {
    await action();
  } catch (error) {
    return (error as { readonly code: string }).code;
  }
  return 'none';
};

describe('a wallet', () => {
  it('opens accounts of any chain that has an adapter, and pays from them', async () => {
    const wallet = createWallet({ chains: ['bpi:main', 'bitcoin:main'] });
    await wallet.open(bpi, 'a', { coins: 10n });
    expect((await wallet.send('a', { key: 'k', to: 'bpi1b', amount: 4n })).id).toBe('tx-k');
    await wallet.send('a', { key: 'k', to: 'bpi1b', amount: 4n });
    expect((await wallet.balances()).get('a')?.[0]?.available).toBe(6n);
    expect(await wallet.status('a', 'k')).toBe('confirmed');
    expect(wallet.chains).toEqual(['bpi:main', 'bitcoin:main']);
  });

  it('refuses chains that it does not know, and ids that are taken or are none', async () => {
    const wallet = createWallet({ chains: ['bitcoin:main'] });
    expect(await codeOf(() => wallet.open(bpi, 'a', { coins: 1n }))).toBe('WALLET_CHAIN_UNKNOWN');
    const open = createWallet();
    await open.open(bpi, 'a', { coins: 1n });
    expect(await codeOf(() => open.open(bpi, 'a', { coins: 1n }))).toBe('WALLET_INVALID_ARGUMENT');
    expect(await codeOf(() => open.account('b'))).toBe('WALLET_INVALID_ARGUMENT');
    expect(await codeOf(() => open.add({} as ChainAccount))).toBe('WALLET_INVALID_ARGUMENT');
    expect(await codeOf(() => open.add(null as unknown as ChainAccount))).toBe('WALLET_INVALID_ARGUMENT');
    expect(await codeOf(() => createWallet(null as never))).toBe('WALLET_INVALID_ARGUMENT');
  });
});
