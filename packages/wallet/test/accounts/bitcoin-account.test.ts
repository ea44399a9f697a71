import { feeRate, loadCrypto, parseDisplayHash, satoshis, toHex } from '@bitcoin-enterprise/core';
import { type ChainHarness, embeddedHarness } from '@bitcoin-enterprise/chain/testing';
import { type ExtendedKey } from '@bitcoin-enterprise/descriptors';
import { createMemoryStore, type EventStore } from '@bitcoin-enterprise/events';
import { parseTransaction, serializeTransaction, type SpentOutput, transactionId } from '@bitcoin-enterprise/script';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bitcoindHarness } from '../../../chain/test/support/bitcoind-harness.ts';
import { findBitcoind, startBitcoind } from '../../../../scripts/nodes/bitcoind.ts';
import { orSkip } from '../../../../scripts/nodes/find.ts';
import {
  type BitcoinAccount,
  createBitcoinAccount,
  createKeyRing,
  createPsbt,
  createWallet,
  extractTransaction,
  finalizePsbt,
  memorySigner,
  parsePsbt,
  psbtToBase64,
  signPsbt,
} from '../../src/index.ts';
import { accountDescriptor, type AccountScript, masterKey, scannedUsage, SecretBytes } from '../../src/keys/index.ts';
import { addSilentSpend, deriveSilentKeys, silentAddressOf, SilentScanner } from '../../src/silent/index.ts';
import { codeOfPromise } from '../support/code-of.ts';

beforeAll(async () => {
  await loadCrypto();
});

const bitcoind = orSkip('bitcoind', await findBitcoind());

const counterparts: readonly (readonly [string, () => Promise<ChainHarness>])[] = [
  ['the embedded chain', async () => embeddedHarness()],
  ...(bitcoind === undefined
    ? []
    : [
        [
          'bitcoind',
          async (): Promise<ChainHarness> =>
            bitcoindHarness(await startBitcoind({ args: ['-txindex=1', '-minrelaytxfee=0.00001'] })),
        ] as const,
      ]),
];

describe.each(counterparts)('a Bitcoin account on %s', (_name, start) => {
  let harness: ChainHarness;
  let seed = 0;

  beforeAll(async () => {
    harness = await start();
  });
  afterAll(async () => {
    await harness.close();
  });

  const master = (n: number): ExtendedKey =>
    masterKey(new SecretBytes(new Uint8Array(32).fill(n)), { network: 'test' });
  function account(
    script: AccountScript,
    more: { readonly key?: number; readonly store?: EventStore; readonly id?: string } = {},
  ): BitcoinAccount {
    const { key = ++seed, store = createMemoryStore(), id = 'main' } = more;
    const root = master(key);
    return createBitcoinAccount({
      id,
      descriptor: accountDescriptor(root, { script, network: 'regtest' }),
      network: 'regtest',
      chain: harness.chain,
      store,
      signers: [memorySigner(createKeyRing({ extendedKeys: [root] }))],
    });
  }
  /** The two receiving addresses that were paid to. */
  const addressesOf = async ({ descriptor }: BitcoinAccount): Promise<readonly string[]> =>
    [0, 1].map((index) => descriptor.paths()[0]?.derive(index).address('regtest') ?? '');
  const fund = async (to: BitcoinAccount, ...amounts: readonly bigint[]): Promise<void> => {
    const { decodeAddress } = await import('@bitcoin-enterprise/core');
    for (const amount of amounts) {
      const { scriptPubKey } = decodeAddress(await to.receiveAddress(), 'regtest');
      await harness.fund(scriptPubKey, satoshis(amount));
    }
  };

  it.for(['tr', 'wpkh', 'sh-wpkh', 'pkh'] as const)('receives, pays, and has what is left: %s', async (script) => {
    const [from, to] = [account(script), account('tr')];
    await fund(from, 100_000n, 50_000n);
    expect(await from.balances()).toEqual([{ asset: 'native', available: 150_000n, pending: 0n }]);
    const request = { key: 'rent', to: await to.receiveAddress(), amount: 120_000n };
    const sent = await from.send(request);
    expect(await from.status('rent')).toBe('pending');
    expect((await from.send(request)).id).toBe(sent.id);
    await harness.mine(1);
    expect(await from.status('rent')).toBe('confirmed');
    const [record] = await from.sent();
    expect(await to.balances()).toEqual([{ asset: 'native', available: 120_000n, pending: 0n }]);
    expect(await from.balances()).toEqual([
      { asset: 'native', available: 30_000n - BigInt(record?.fee ?? 0), pending: 0n },
    ]);
  });

  it('is found again from the seed alone, with another store', async () => {
    const key = ++seed;
    const before = account('tr', { key });
    await fund(before, 70_000n, 40_000n);
    await before.send({ key: 'a', to: await account('wpkh').receiveAddress(), amount: 60_000n });
    await harness.mine(1);
    const [left] = await before.balances();
    const after = account('tr', { key });
    expect(await after.balances()).toEqual([left]);
    // Neither what holds coins nor what was emptied is shown again.
    const shown = new Set(await addressesOf(before));
    const fresh = account('tr', { key });
    await fresh.restore(scannedUsage(harness.chain));
    expect(shown.has(await fresh.receiveAddress())).toBe(false);
    await after.send({ key: 'b', to: await account('wpkh').receiveAddress(), amount: 20_000n });
  });

  it('spends its own change before it is confirmed, and pays many at once', async () => {
    const from = account('tr');
    await fund(from, 100_000n);
    await from.send({ key: 'a', to: await account('tr').receiveAddress(), amount: 10_000n });
    expect((await from.balances())[0]).toMatchObject({ available: 0n });
    const { decodeAddress } = await import('@bitcoin-enterprise/core');
    const payments = await Promise.all(
      [1, 2, 3].map(async () => {
        const { scriptPubKey } = decodeAddress(await account('wpkh').receiveAddress(), 'regtest');
        return { value: 5_000n, scriptPubKey };
      }),
    );
    const draft = await from.draft({ payments, feeRate: feeRate(2_000n) });
    expect(draft.psbt.outputs.length).toBe(4);
    const signed = await from.sign(parsePsbt(psbtToBase64(draft.psbt)));
    await from.finish('batch', draft, signed);
    await harness.mine(1);
    expect(await from.status('batch')).toBe('confirmed');
  });

  it('replaces what waits by what pays more, and only one of them is mined', async () => {
    const from = account('tr');
    await fund(from, 100_000n, 100_000n);
    const to = account('tr');
    const first = await from.send({ key: 'slow', to: await to.receiveAddress(), amount: 50_000n });
    const draft = await from.draftReplacement(first.id, feeRate(10_000n));
    const second = await from.finish('slow', draft, await from.sign(draft.psbt));
    expect(second.id).not.toBe(first.id);
    await harness.mine(1);
    expect(await from.status('slow')).toBe('confirmed');
    expect(await to.balances()).toEqual([{ asset: 'native', available: 50_000n, pending: 0n }]);
    expect(await codeOfPromise(from.draftReplacement(second.id, feeRate(20_000n)))).toBe('WALLET_BUILD_IMPOSSIBLE');
  });

  it('pays for a parent by a child, so that both pay the rate', async () => {
    const from = account('tr');
    await fund(from, 100_000n);
    const parent = await from.send({ key: 'parent', to: await account('tr').receiveAddress(), amount: 50_000n });
    const draft = await from.draftChild(parent.id, feeRate(20_000n));
    const child = await from.finish('child', draft, await from.sign(draft.psbt));
    const [sent] = await from.sent();
    const size = (raw: string): number => raw.length / 2;
    const together = BigInt(sent?.fee ?? 0) + child.fee;
    // Without the witness a byte is a virtual byte: what is serialised is more than what is paid for.
    expect(together).toBeGreaterThan(BigInt(Math.floor((size(sent?.raw ?? '') / 2) * 20)));
    await harness.mine(1);
    expect(await from.status('child')).toBe('confirmed');
  });

  it('never spends one coin for two, in two processes', async () => {
    const store = createMemoryStore();
    const key = ++seed;
    const [a, b] = [account('tr', { key, store }), account('tr', { key, store })];
    await fund(a, 100_000n);
    const to = await account('tr').receiveAddress();
    const drafts = await Promise.all(
      [a, b].map(async (one) => {
        const { decodeAddress } = await import('@bitcoin-enterprise/core');
        return one.draft({ payments: [{ value: 30_000n, scriptPubKey: decodeAddress(to, 'regtest').scriptPubKey }] });
      }),
    );
    const results = await Promise.all(
      [a, b].map(async (one, i) => {
        const draft = drafts[i] as (typeof drafts)[number];
        return codeOfPromise(one.finish(`p${i}`, draft, await one.sign(draft.psbt)));
      }),
    );
    expect(results.sort()).toEqual(['WALLET_COIN_LOCKED', 'none']);
  });

  it('says what it lacks', async () => {
    const from = account('tr');
    expect(await codeOfPromise(from.send({ key: 'x', to: await account('tr').receiveAddress(), amount: 1_000n }))).toBe(
      'WALLET_FUNDS_INSUFFICIENT',
    );
    await fund(from, 10_000n);
    expect(
      await codeOfPromise(from.send({ key: 'y', to: await account('tr').receiveAddress(), amount: 10_000n })),
    ).toBe('WALLET_FUNDS_INSUFFICIENT');
    expect(await codeOfPromise(from.send({ key: 'z', to: 'bc1q', amount: 1n }))).toMatch(/^CORE_/);
  });

  it('knows its own scripts by its descriptor', async () => {
    const from = account('tr');
    await fund(from, 10_000n);
    const [coin] = await from.coins();
    expect(await from.isOwn(coin?.output.scriptPubKey as Uint8Array)).toBe(true);
    expect(await from.isOwn(new Uint8Array(34))).toBe(false);
    expect(toHex(coin?.txid as Uint8Array).length).toBe(64);
  });

  it('pays a silent payment address, also when it is replaced; the receiver finds and spends it', async () => {
    const [from, to] = [account('tr'), account('tr')];
    await fund(from, 100_000n, 100_000n);
    const receiver = deriveSilentKeys(master(200), { network: 'regtest' });
    const address = silentAddressOf(receiver, { network: 'regtest' });
    const first = await from.send({ key: 'silent', to: address, amount: 40_000n });
    const draft = await from.draftReplacement(first.id, feeRate(8_000n));
    const second = await from.finish('silent', draft, await from.sign(draft.psbt));
    await harness.mine(1);
    expect(await from.status('silent')).toBe('confirmed');

    const found = await harness.chain.transaction(parseDisplayHash(second.id));
    const raw = found?.bytes as Uint8Array;
    const tx = parseTransaction(raw);
    const spentOutputs = await Promise.all(
      tx.inputs.map(async ({ previousTxid, previousIndex }) => {
        const before = await harness.chain.transaction(previousTxid);
        return parseTransaction(before?.bytes as Uint8Array).outputs[previousIndex] as SpentOutput;
      }),
    );
    const [hit] = new SilentScanner(receiver).scanTransaction(raw, spentOutputs);
    const paid = tx.outputs[hit?.output ?? -1];
    expect(paid?.value).toBe(40_000n);
    const { decodeAddress } = await import('@bitcoin-enterprise/core');
    const { scriptPubKey } = decodeAddress(await to.receiveAddress(), 'regtest');
    const open = createPsbt({
      inputs: [{ previousTxid: transactionId(tx), previousIndex: hit?.output ?? 0, witnessUtxo: paid as SpentOutput }],
      outputs: [{ value: 39_000n, scriptPubKey }],
    });
    const psbt = addSilentSpend(open, 0, {
      tweak: hit?.tweak as Uint8Array,
      spendPublicKey: receiver.spendPublicKey,
      origin: { fingerprint: new Uint8Array(4), path: [] },
    });
    const ring = receiver.spendKey.use((secret) => createKeyRing({ secretKeys: [secret] }));
    await harness.chain.broadcast(serializeTransaction(extractTransaction(finalizePsbt(signPsbt(psbt, ring)))));
    await harness.mine(1);
    expect(await to.balances()).toEqual([{ asset: 'native', available: 39_000n, pending: 0n }]);
  });

  it('stands in a wallet beside others', async () => {
    const wallet = createWallet({ chains: ['bitcoin:regtest'] });
    wallet.add(account('tr', { id: 'one' }));
    wallet.add(account('wpkh', { id: 'two' }));
    await fund(wallet.account('one') as BitcoinAccount, 25_000n);
    expect((await wallet.balances()).get('one')).toEqual([{ asset: 'native', available: 25_000n, pending: 0n }]);
    await wallet.send('one', { key: 'k', to: await wallet.account('two').receiveAddress(), amount: 5_000n });
    await harness.mine(1);
    expect(await wallet.status('one', 'k')).toBe('confirmed');
    await wallet.resume();
    expect(() => wallet.add(account('tr', { id: 'one' }))).toThrow(
      expect.objectContaining({ code: 'WALLET_INVALID_ARGUMENT' }),
    );
  });
});
