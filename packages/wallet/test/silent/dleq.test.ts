import { currentCrypto, loadCrypto } from '@bitcoin-enterprise/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { SecretBytes } from '../../src/keys/index.ts';
import { createDleqProof, verifyDleqProof } from '../../src/silent/index.ts';

const key = (n: number): Uint8Array => new Uint8Array(32).fill(n);

beforeAll(async () => {
  await loadCrypto();
});

describe('a proof of a share (BIP374)', () => {
  const broken: readonly (readonly [string, () => unknown])[] = [
    ['zeros', () => new Uint8Array(32)],
    ['what is no scalar', () => new Uint8Array(32).fill(255)],
    ['too few bytes', () => new Uint8Array(31)],
    ['nothing', () => undefined],
    ['the secret itself', () => key(1)],
  ];

  it.for(broken)('ends, with a code, when its entropy has %s', ([, bytes]) => {
    const point = currentCrypto().publicKey(key(2)) as Uint8Array;
    const make = (): unknown =>
      createDleqProof({
        secretKey: new SecretBytes(key(1)),
        point,
        auxiliaryRandom: key(3),
        entropy: { bytes: bytes as never },
      });

    expect(make).toThrow(expect.objectContaining({ code: 'WALLET_INVALID_ARGUMENT' }));
  });

  it('leaves the bytes of its entropy as they are', () => {
    const point = currentCrypto().publicKey(key(2)) as Uint8Array;
    const fixed = key(9);
    const made = createDleqProof({ secretKey: new SecretBytes(key(1)), point, entropy: { bytes: () => fixed } });

    expect(verifyDleqProof({ ...made, point })).toBe(true);
    expect(fixed).toStrictEqual(key(9));
  });

  it('wants entropy that is some', () => {
    const point = currentCrypto().publicKey(key(2)) as Uint8Array;
    for (const entropy of [null, {}, 1, 'x', { bytes: 1 }])
      expect(() => createDleqProof({ secretKey: new SecretBytes(key(1)), point, entropy: entropy as never })).toThrow(
        expect.objectContaining({ code: 'WALLET_INVALID_ARGUMENT' }),
      );
  });
});
