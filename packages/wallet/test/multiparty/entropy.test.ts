import { currentCrypto, type Entropy, loadCrypto } from '@bitcoin-enterprise/core';
import { createMemoryStore } from '@bitcoin-enterprise/events';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  aggregateMusigKeys,
  createFrostDkg,
  createFrostNonce,
  createFrostRefresh,
  createMusigNonce,
  createVaultNonce,
  dealFrostShares,
  openNonceVault,
  SecretBytes,
} from '../../src/multiparty/index.ts';
import { provePossession } from '../../src/multiparty/frost/polynomial.ts';

/** Sources of randomness that are broken: a number of bytes goes in, what comes out is not that. */
const broken: readonly (readonly [string, (length: number) => unknown])[] = [
  ['nothing', () => undefined],
  ['a number', (length) => length],
  ['a text', (length) => 'x'.repeat(length)],
  ['a list', (length) => new Array<number>(length).fill(1)],
  ['too few bytes', (length) => new Uint8Array(length - 1)],
  ['too many bytes', (length) => new Uint8Array(length + 1)],
];
const stuck: Entropy = { bytes: (length) => new Uint8Array(length).fill(7) };

const key = (n: number): SecretBytes => new SecretBytes(new Uint8Array(32).fill(n));
const publicKey = (n: number): Uint8Array => key(n).use((bytes) => currentCrypto().publicKey(bytes)) as Uint8Array;
const vault = () => openNonceVault({ store: createMemoryStore(), name: 'v' });

beforeAll(() => loadCrypto());

function callsWith(entropy: Entropy): Readonly<Record<string, () => unknown>> {
  const { shares } = dealFrostShares({ threshold: 2, participants: 2 });
  const [share] = shares;
  if (share === undefined) throw new Error('no share');
  const dkg = { identityKeys: [publicKey(1), publicKey(2)], identitySecret: key(1), ceremony: 'x', entropy };
  const keys = aggregateMusigKeys(dkg.identityKeys);
  return {
    openNonceVault: () => openNonceVault({ store: createMemoryStore(), name: 'v', entropy }),
    createMusigNonce: () => createMusigNonce({ publicKey: publicKey(1), entropy }),
    createVaultNonce: async () => createVaultNonce(await vault(), { secretKey: key(1), keys, entropy }),
    createFrostNonce: async () => createFrostNonce(await vault(), { share, entropy }),
    dealFrostShares: () => dealFrostShares({ threshold: 2, participants: 2, entropy }),
    createFrostDkg: () => createFrostDkg({ threshold: 2, ...dkg }),
    createFrostRefresh: () => createFrostRefresh({ share, ...dkg }),
  };
}

const codeOf = async (call: () => unknown): Promise<unknown> =>
  (async () => call())().then(
    () => 'no error',
    (error: unknown) => (error as { readonly code?: unknown }).code ?? error,
  );

describe('a source of randomness', () => {
  it.for(broken)('that gives %s makes nothing', async ([, bytes]) => {
    for (const [name, call] of Object.entries(callsWith({ bytes: bytes as never })))
      expect([name, await codeOf(call)]).toStrictEqual([name, 'WALLET_INVALID_ARGUMENT']);
  });

  it('that is stuck makes no two secrets of FROST that are one: each would tell the other', async () => {
    const { createFrostNonce: nonce, dealFrostShares: deal, createFrostDkg: generate } = callsWith(stuck);
    for (const call of [nonce, deal, generate] as ReadonlyArray<() => unknown>)
      expect(await codeOf(call)).toBe('WALLET_INVALID_ARGUMENT');
    const { shares } = dealFrostShares({ threshold: 3, participants: 3 });
    const identityKeys = [publicKey(1), publicKey(2), publicKey(3)];
    const options = { identityKeys, identitySecret: key(1), ceremony: 'x', entropy: stuck };
    const [share] = shares;
    if (share === undefined) throw new Error('no share');
    expect(await codeOf(() => createFrostRefresh({ share, ...options }))).toBe('WALLET_INVALID_ARGUMENT');
  });

  it('that repeats itself proves two keys with two nonces', () => {
    const proofs = [11, 12].map((n) =>
      provePossession(new Uint8Array(32).fill(n), { identifier: 1, commitment: publicKey(n), entropy: stuck }),
    );
    expect(proofs[0]?.subarray(0, 32)).not.toStrictEqual(proofs[1]?.subarray(0, 32));
  });
});
