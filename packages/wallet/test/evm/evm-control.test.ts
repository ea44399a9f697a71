import { loadCrypto } from '@bitcoin-enterprise/core';
import { Interface, Transaction } from 'ethers';
import { beforeAll, describe, expect, it } from 'vitest';
import { controlledEvmSigner, EvmSigner, paymentOfEvm } from '../../src/evm/index.ts';
import { createKeyRing, memoryDigestSigner } from '../../src/index.ts';
import { codeOf, policyJson, scene } from '../control/support/scene.ts';

const BOB = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8';
const TOKEN = '0xdAC17F958D2ee523a2206206994597C13D831ec7';
const abi = new Interface([
  'function transfer(address,uint256)',
  'function approve(address,uint256)',
  'function mint(uint256)',
]);
const from = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266';
const base = { from, chainId: 1n, nonce: 0, type: 2, gasLimit: 50_000n, maxFeePerGas: 10n, maxPriorityFeePerGas: 1n };

beforeAll(async () => {
  await loadCrypto();
});

describe('a transaction of an EVM chain as a payment', () => {
  it('is what leaves the wallet, and the most that it can cost', () => {
    expect(paymentOfEvm({ ...base, to: BOB, value: 7n })).toMatchObject({
      chain: 'eip155:1',
      transfers: [{ asset: 'native', to: BOB, amount: 7n }],
      fee: 500_000n,
    });
    const data = abi.encodeFunctionData('transfer', [BOB, 5n]);
    expect(paymentOfEvm({ ...base, to: TOKEN, data })).toMatchObject({
      transfers: [{ asset: TOKEN, to: BOB, amount: 5n }],
    });
    const approval = abi.encodeFunctionData('approve', [BOB, 9n]);
    expect(paymentOfEvm({ ...base, to: TOKEN, data: approval })).toMatchObject({
      transfers: [{ asset: TOKEN, to: BOB, amount: 9n }],
    });
  });

  it('has another id when anything of it changes', () => {
    const of = (more: object): string => paymentOfEvm({ ...base, to: BOB, value: 7n, ...more }).id;
    const ids = [
      {},
      { value: 8n },
      { nonce: 1 },
      { gasLimit: 50_001n },
      { maxFeePerGas: 11n },
      { to: TOKEN },
      { chainId: 5n },
      { from: BOB },
    ].map(of);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('is refused when nobody can read it', () => {
    const refused = (more: object): unknown => {
      try {
        return paymentOfEvm({ ...base, to: TOKEN, ...more });
      } catch (error) {
        return (error as { readonly code: string }).code;
      }
    };
    expect(refused({ data: abi.encodeFunctionData('mint', [1n]) })).toBe('WALLET_NOT_APPROVED');
    expect(refused({ data: `${abi.encodeFunctionData('transfer', [BOB, 1n])}00` })).toBe('WALLET_NOT_APPROVED');
    expect(refused({ data: '0xa9059cbb' })).toBe('WALLET_NOT_APPROVED');
    expect(refused({ to: null, data: '0x6000' })).toBe('WALLET_NOT_APPROVED');
    expect(refused({ chainId: 0n })).toBe('WALLET_NOT_APPROVED');
    expect(refused({ type: 0, maxFeePerGas: null, maxPriorityFeePerGas: null, gasPrice: 1n })).toBe(
      'WALLET_NOT_APPROVED',
    );
    const known = paymentOfEvm(
      { ...base, to: TOKEN, data: abi.encodeFunctionData('mint', [1n]) },
      { readCall: () => [{ asset: 'native', to: TOKEN, amount: 3n }] },
    );
    expect(known.transfers).toEqual([{ asset: 'native', to: TOKEN, amount: 3n }]);
    // Whatever the reader says, the value of the transaction leaves too.
    const valued = paymentOfEvm(
      { ...base, to: TOKEN, value: 5n, data: abi.encodeFunctionData('mint', [1n]) },
      { readCall: () => [] },
    );
    expect(valued.transfers).toEqual([{ asset: 'native', to: TOKEN, amount: 5n }]);
  });

  it('is signed only as far as the policy lets it through', async () => {
    const { control } = await scene(
      policyJson({ rules: [{ name: 'small', when: { amount: { to: '1000000' } }, effect: 'allow' }] }),
    );
    const ring = createKeyRing({ secretKeys: [new Uint8Array(32).fill(8)] });
    const inner = new EvmSigner({
      holder: memoryDigestSigner(ring),
      key: { publicKey: ring.publicKeys[0] as Uint8Array },
    });
    const signer = controlledEvmSigner(inner, { control, initiator: 'ann' });
    const own = { ...base, from: inner.address };
    const raw = await signer.signTransaction({ ...own, to: BOB, value: 7n });
    expect(Transaction.from(raw).from).toBe(inner.address);
    expect(await codeOf(signer.signTransaction({ ...own, to: BOB, value: 600_000n }))).toBe('WALLET_NOT_APPROVED');
    expect(await codeOf(controlledEvmSigner(inner, { control }).signTransaction({ ...own, to: BOB, value: 8n }))).toBe(
      'WALLET_NOT_APPROVED',
    );
  });
});
