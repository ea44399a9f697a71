import { secp256k1_hasher } from '@noble/curves/secp256k1.js';
import { currentCrypto, loadCrypto, toHex } from '@bitcoin-enterprise/core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { BASE, leftGenerators, rightGenerators, valueGenerator } from '../../src/zk/generators.ts';
import { hashToCurve } from '../../src/zk/index.ts';
import { codeOf } from '../support/code-of.ts';
import { isLong, seed } from './support/known.ts';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

beforeAll(async () => {
  await loadCrypto();
});

describe('hashing to the curve', () => {
  // RFC 9380, appendix J.8.1.
  it.for([
    [
      '',
      'c1cae290e291aee617ebaef1be6d73861479c48b841eaba9b7b5852ddfeb1346',
      '64fa678e07ae116126f08b022a94af6de15985c996c3a91b64c406a960e51067',
    ],
    [
      'abc',
      '3377e01eab42db296b512293120c6cee72b6ecf9f9205760bd9ff11fb3cb2c4b',
      '7f95890f33efebd1044d382a01b1bee0900fb6116f94688d487c6c7b9c8371f6',
    ],
    [
      'abcdef0123456789',
      'bac54083f293f1fe08e4a70137260aa90783a5cb84d3f35848b324d0674b0e3a',
      '4436476085d4c3c4508b60fcf4389c40176adce756b398bdee27bca19758d828',
    ],
    [
      `q128_${'q'.repeat(128)}`,
      'e2167bc785333a37aa562f021f1e881defb853839babf52a7f72b102e41890e9',
      'f2401dd95cc35867ffed4f367cd564763719fbc6a53e969fb8496a1e6685d873',
    ],
    [
      `a512_${'a'.repeat(512)}`,
      'e3c8d35aaaf0b9b647e88a0a0a7ee5d5bed5ad38238152e4e6fd8c1f8cb7c998',
      '8446eeb6181bf12f56a9d24e262221cc2f0c4725c7e3803024b5888ee5823aa6',
    ],
  ] as const)('of the RFC: %s', ([message, x, y]) => {
    const point = hashToCurve(text(message), 'QUUX-V01-CS02-with-secp256k1_XMD:SHA-256_SSWU_RO_');

    expect(toHex(point)).toBe(`04${x}${y}`);
  });

  it('agrees with another implementation', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.string({ minLength: 1, maxLength: 60 }), (message, domain) => {
        const theirs = secp256k1_hasher.hashToCurve(message, { DST: domain });

        expect(toHex(hashToCurve(message, domain))).toBe(theirs.toHex(false));
      }),
      { numRuns: isLong ? 20_000 : 100, seed },
    );
  });

  it('answers wrong arguments with a code', () => {
    for (const wrong of [undefined, null, 5, 'x', {}, []] as never[])
      expect(codeOf(() => hashToCurve(wrong, 'domain'))).toBe('BISCOL_INVALID_ARGUMENT');
    for (const wrong of [undefined, null, 5, '', 'x'.repeat(256), 'ü'.repeat(128)] as never[])
      expect(codeOf(() => hashToCurve(text('x'), wrong))).toBe('BISCOL_INVALID_ARGUMENT');
  });

  it('gives generators that differ, and never change', () => {
    const all = [BASE, valueGenerator(), ...leftGenerators(64).slice(0, 64), ...rightGenerators(64).slice(0, 64)];

    expect(new Set(all.map(toHex)).size).toBe(130);
    expect(all.every((point) => currentCrypto().isPublicKey(point))).toBe(true);
    // Proofs of today must verify tomorrow.
    expect(toHex(currentCrypto().sha256(Uint8Array.from(all.flatMap((point) => [...point]))))).toMatchInlineSnapshot(
      `"be8cc7b738cc64a02cd74c9be351882000f9b1e13c692d533f6320be24a3941d"`,
    );
  });
});
