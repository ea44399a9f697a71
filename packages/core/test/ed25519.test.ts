import { createPrivateKey, sign, verify, createPublicKey } from 'node:crypto';
import { parseHex, toHex } from '@bitcoin-enterprise/core';
import { ed25519PublicKey, ed25519Sign, ed25519Verify, isEd25519PublicKey } from '@bitcoin-enterprise/core/ed25519';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

// RFC 8032 §7.1.
const vectors = [
  {
    name: 'TEST 1, no message',
    secret: '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    key: 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    message: '',
    signature:
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  },
  {
    name: 'TEST 2, one byte',
    secret: '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    key: '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    message: '72',
    signature:
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  },
  {
    name: 'TEST 3, two bytes',
    secret: 'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    key: 'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    message: 'af82',
    signature:
      '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  },
  {
    name: 'TEST SHA(abc)',
    secret: '833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42',
    key: 'ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf',
    message:
      'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
    signature:
      'dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704',
  },
];

describe('Ed25519 of RFC 8032', () => {
  it.for(vectors)('keeps $name', ({ secret, key, message, signature }) => {
    expect(toHex(ed25519PublicKey(parseHex(secret)))).toBe(key);
    expect(toHex(ed25519Sign(parseHex(message), parseHex(secret)))).toBe(signature);
    expect(ed25519Verify(parseHex(signature), parseHex(message), parseHex(key))).toBe(true);
    expect(ed25519Verify(parseHex(signature), parseHex(`${message}00`), parseHex(key))).toBe(false);
  });

  it('signs and verifies as the OpenSSL of Node does', () => {
    const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
    fc.assert(
      fc.property(bytes(32), fc.uint8Array({ maxLength: 200 }), fc.nat(64 * 8 - 1), (secret, message, bit) => {
        const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), secret]);
        const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
        const signature = ed25519Sign(message, secret);

        expect(toHex(signature)).toBe(toHex(sign(undefined, message, privateKey)));
        const flipped = new Uint8Array(signature);
        flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
        expect(ed25519Verify(flipped, message, ed25519PublicKey(secret))).toBe(false);
        expect(verify(undefined, message, createPublicKey(privateKey), signature)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it('refuses under the strict rule a key of small order, which signs everything, and takes it under zip215', () => {
    // The neutral element as key and as R with S = 0: the equation holds for every message.
    const neutral = new Uint8Array(32);
    neutral[0] = 1;
    const signature = new Uint8Array(64);
    signature[0] = 1;
    const message = Uint8Array.of(1, 2, 3);

    expect(isEd25519PublicKey(neutral)).toBe(false);
    expect(ed25519Verify(signature, message, neutral)).toBe(false);
    expect(ed25519Verify(signature, message, neutral, { rule: 'zip215' })).toBe(true);
  });

  it('refuses an S that is not reduced, under both rules', () => {
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    const secret = new Uint8Array(32).fill(7);
    const signature = ed25519Sign(Uint8Array.of(1), secret);
    let s = 0n;
    for (let i = 63; i >= 32; i--) s = s * 256n + BigInt(signature[i] as number);
    let raised = s + order;
    const malleable = new Uint8Array(signature);
    for (let i = 32; i < 64; i++, raised /= 256n) malleable[i] = Number(raised % 256n);

    for (const rule of ['strict', 'zip215'] as const)
      expect(ed25519Verify(malleable, Uint8Array.of(1), ed25519PublicKey(secret), { rule })).toBe(false);
  });

  it('knows a public key: a point, in its one encoding, not of small order', () => {
    const neutral = (y: bigint): Uint8Array =>
      Uint8Array.from({ length: 32 }, (_, i) => Number((y >> BigInt(8 * i)) & 0xffn));
    const p = 2n ** 255n - 19n;

    for (const { key } of vectors) expect(isEd25519PublicKey(parseHex(key))).toBe(true);
    // y = 1 and y = -1, y = p + 1 (which is 1 in another spelling), and a y without an x.
    for (const y of [1n, p - 1n, p + 1n, 2n]) expect(isEd25519PublicKey(neutral(y))).toBe(false);
    expect(() => isEd25519PublicKey(new Uint8Array(33))).toThrow('CORE_CRYPTO_INVALID_ARGUMENT');
  });

  it('takes a Buffer and bytes of a subclass', () => {
    const secret = Buffer.alloc(32, 5);
    const message = Buffer.from('message');

    expect(ed25519Verify(Buffer.from(ed25519Sign(message, secret)), message, ed25519PublicKey(secret))).toBe(true);
  });

  it('answers arguments of the wrong kind with a code and without repeating them', () => {
    const [none, key, signature] = [new Uint8Array(0), new Uint8Array(32), new Uint8Array(64)];
    const code = 'CORE_CRYPTO_INVALID_ARGUMENT';
    for (const wrong of [undefined, null, 'text', 5, new Uint8Array(31), [1, 2], {}] as never[]) {
      expect(() => ed25519PublicKey(wrong)).toThrow(code);
      expect(() => ed25519Sign(none, wrong)).toThrow(code);
      expect(() => ed25519Verify(wrong, none, key)).toThrow(code);
      expect(() => ed25519Verify(signature, none, wrong)).toThrow(code);
    }
    for (const wrong of [undefined, null, 'text', [1]] as never[]) {
      expect(() => ed25519Sign(wrong, key)).toThrow(code);
      expect(() => ed25519Verify(signature, wrong, key)).toThrow(code);
    }
    expect(() => ed25519Verify(signature, none, key, null as never)).toThrow(code);
    expect(() => ed25519Verify(signature, none, key, { rule: 'loose' as never })).toThrow(code);
  });
});
