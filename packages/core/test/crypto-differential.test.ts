import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '@bitcoin-enterprise/core';
import type { BatchItem, CryptoEngine } from '@bitcoin-enterprise/core';
import { engines } from './crypto-engines.ts';

const all = [...(await engines())];
const seed = Number(process.env['BE_SEED'] ?? Date.now() % 2 ** 31);
const factor = process.env['BE_LONG'] === '1' ? 100 : 1;
console.info(`differential fuzz: BE_SEED=${seed}`);

const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
const hex = (text: string): Uint8Array => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));

/** Scalars with the edges often: zero, one, around n, around the field size, all ones. */
const scalar = fc.oneof(
  { weight: 4, arbitrary: bytes(32) },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      ...[
        '0'.repeat(64),
        `${'0'.repeat(63)}1`,
        `${'0'.repeat(63)}2`,
        'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140',
        'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141',
        'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364142',
        '7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0',
        '7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a1',
        'fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2e',
        'fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f',
        '5363ad4cc05c30e0a5261c028812645a122e22ea20816678df02967c1b23bd72',
        'f'.repeat(64),
      ].map(hex),
    ),
  },
);

const oracle = all[1]?.[1] as CryptoEngine;

/** Public keys: points in all forms, hybrids that lie, damaged ones, noise. */
const publicKey = fc
  .record({ secret: scalar, form: fc.constantFrom(33, 65, 6, 7), noise: fc.option(fc.nat(64), { freq: 4 }) })
  .map(({ secret, form, noise }) => {
    const key = oracle.publicKey(secret, { compressed: form === 33 }) ?? new Uint8Array(33);
    if (form === 6 || form === 7) key[0] = form;
    if (noise !== null) key[noise % key.length] = (key[noise % key.length] as number) ^ (1 << (noise % 8));
    return key;
  });

const message = fc.oneof(bytes(32), fc.uint8Array({ maxLength: 200 }));

function show(value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, show(item)]));
}

/** Runs the same call on all engines; all must answer alike. */
function agree(call: (engine: CryptoEngine) => unknown): unknown {
  const [first, ...others] = all.map(([, engine]) => show(call(engine)));
  others.forEach((other, i) => expect(other, `${all[i + 1]?.[0]} against ${all[0]?.[0]}`).toEqual(first));
  return first;
}

const settings = { seed, numRuns: 60 * factor };

describe('all engines answer alike', () => {
  it('about hashes', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 400 }),
        fc.uint8Array({ maxLength: 200 }),
        fc.string(),
        (data, key, tag) => {
          for (const name of ['sha256', 'hash256', 'sha1', 'ripemd160', 'hash160', 'sha512'] as const)
            agree((engine) => engine[name](data));
          agree((engine) => engine.hmacSha256(key, data));
          agree((engine) => engine.hmacSha512(key, data));
          agree((engine) => engine.taggedHash(tag, data));
          agree((engine) => engine.hash256Pairs(data.slice(0, data.length - (data.length % 64))));
        },
      ),
      settings,
    );
  });

  it('about keys and points', () => {
    fc.assert(
      fc.property(publicKey, publicKey, scalar, fc.boolean(), (a, b, tweak, compressed) => {
        agree((engine) => engine.isPublicKey(a));
        agree((engine) => engine.isXOnlyPublicKey(a.slice(1, 33)));
        agree((engine) => engine.publicKeyConvert(a, { compressed }));
        agree((engine) => engine.publicKeyNegate(a));
        agree((engine) => engine.publicKeyTweakAdd(a, tweak));
        agree((engine) => engine.publicKeyTweakMul(a, tweak));
        agree((engine) => engine.publicKeyCombine([a, b, a]));
        const point = compressed ? a : b;
        agree((engine) => engine.multiScalarMultiply([{ scalar: tweak, point }]));
        agree((engine) => engine.multiScalarMultiply([a, b, a].map((key) => ({ scalar: tweak, point: key }))));
        agree((engine) =>
          engine.multiScalarMultiply(
            Array.from({ length: 40 }, (_, i) => ({ scalar: engine.sha256(Uint8Array.of(i)), point: i % 2 ? a : b })),
          ),
        );
        agree((engine) => engine.ecdh(tweak, a));
        agree((engine) => engine.xOnlyTweakAdd(a.slice(1, 33), tweak));
      }),
      settings,
    );
  });

  it('about secret keys', () => {
    fc.assert(
      fc.property(scalar, scalar, (a, b) => {
        agree((engine) => engine.isSecretKey(a));
        agree((engine) => engine.publicKey(a));
        agree((engine) => engine.secretKeyNegate(a));
        agree((engine) => engine.secretKeyTweakAdd(a, b));
        agree((engine) => engine.secretKeyTweakMul(a, b));
      }),
      settings,
    );
  });

  it('about ECDSA', () => {
    fc.assert(
      fc.property(
        scalar,
        scalar,
        fc.option(bytes(32)),
        fc.nat(3),
        fc.option(fc.nat(511)),
        (secret, hash, entropy, id, damage) => {
          agree((engine) => engine.ecdsaSign(hash, secret, entropy ?? undefined));
          agree((engine) => engine.ecdsaSignRecoverable(hash, secret));
          const signature = oracle.ecdsaSign(hash, secret);
          const key = oracle.publicKey(secret);
          if (signature === undefined || key === undefined) return;
          if (damage !== null) signature[damage >> 3] = (signature[damage >> 3] as number) ^ (1 << (damage & 7));
          expect(agree((engine) => engine.ecdsaVerify(signature, hash, key))).toBe(damage === null);
          agree((engine) => engine.ecdsaRecover(signature, id, hash));
        },
      ),
      settings,
    );
  });

  it('about ECDSA signatures made of edges', () => {
    fc.assert(
      fc.property(scalar, scalar, scalar, publicKey, fc.nat(3), (r, s, hash, key, id) => {
        const signature = new Uint8Array([...r, ...s]);
        agree((engine) => engine.ecdsaVerify(signature, hash, key));
        agree((engine) => engine.ecdsaRecover(signature, id, hash));
        agree((engine) => engine.schnorrVerify(signature, hash, key.slice(1, 33)));
      }),
      settings,
    );
  });

  it('about BIP340', () => {
    fc.assert(
      fc.property(scalar, message, fc.option(bytes(32)), fc.option(fc.nat(511)), (secret, text, random, damage) => {
        agree((engine) => engine.schnorrSign(text, secret, random ?? undefined));
        const signature = oracle.schnorrSign(text, secret);
        const key = oracle.publicKey(secret)?.slice(1);
        if (signature === undefined || key === undefined) return;
        if (damage !== null) signature[damage >> 3] = (signature[damage >> 3] as number) ^ (1 << (damage & 7));
        expect(agree((engine) => engine.schnorrVerify(signature, text, key))).toBe(damage === null);
      }),
      { ...settings, numRuns: 20 * factor },
    );
  });
});

/** A check that holds, made by tiny-secp256k1, and what to break in it. */
const batchItem = fc
  .record({
    secret: bytes(31),
    tweak: bytes(32),
    isTweak: fc.boolean(),
    text: message,
    damage: fc.option(fc.nat(255), { freq: 5 }),
  })
  .map(({ secret, tweak, isTweak, text, damage }): BatchItem => {
    const engine = all[0]?.[1] as CryptoEngine;
    const key = new Uint8Array([1, ...secret]);
    const x = (engine.publicKey(key) as Uint8Array).slice(1);
    const flip = (value: Uint8Array): Uint8Array => {
      const copy = value.slice();
      if (damage !== null) copy[damage % copy.length] = (copy[damage % copy.length] as number) ^ 1;
      return copy;
    };
    if (!isTweak) {
      const short = text.slice(0, 32).length === 32 ? text.slice(0, 32) : new Uint8Array(32);
      return {
        kind: 'schnorr',
        signature: flip(engine.schnorrSign(short, key) as Uint8Array),
        message: short,
        xOnlyPublicKey: x,
      };
    }
    const { xOnlyPublicKey, parity } = engine.xOnlyTweakAdd(x, tweak) ?? { xOnlyPublicKey: x, parity: 0 };
    return { kind: 'tweak', tweakedXOnly: flip(xOnlyPublicKey), parity, internalXOnly: x, tweak };
  });

describe('batches', () => {
  it('fail exactly where single checks fail', () => {
    const fast = all.filter(([name]) => name !== 'js');
    fc.assert(
      fc.property(fc.array(batchItem, { maxLength: 80 }), (items) => {
        const single = items.flatMap((item, i) => (fast[0]?.[1].verifyBatch([item]).length === 0 ? [] : [i]));
        for (const [name, engine] of fast) expect(engine.verifyBatch(items), name).toEqual(single);
      }),
      { ...settings, numRuns: 25 * factor },
    );
  });
});
