import { secp256k1, schnorr } from '@noble/curves/secp256k1.js';
import {
  concatBytes,
  currentCrypto,
  installCrypto,
  jsCrypto,
  loadCrypto,
  type Entropy,
  toHex,
} from '@bitcoin-enterprise/core';
import { createMemoryStore } from '@bitcoin-enterprise/events';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { combine } from '../../src/multiparty/adaptor/curve.ts';
import * as multiparty from '../../src/multiparty/index.ts';
import { GROUP_ORDER, scalarBytes } from '../../src/multiparty/math/scalars.ts';
import { codeOf, codeOfPromise } from '../support/code-of.ts';

const {
  aggregateMusigKeys,
  aggregateMusigNonces,
  aggregateMusigPresignature,
  aggregateMusigSignatures,
  completeEcdsa,
  completeSchnorr,
  createMusigNonce,
  createMusigSession,
  createVaultNonce,
  extractEcdsaSecret,
  extractSchnorrSecret,
  openNonceVault,
  presignEcdsa,
  presignSchnorr,
  presignSchnorrMany,
  SecretBytes,
  signMusig,
  signWithVault,
  tweakForTaproot,
  tweakMusigKeys,
  verifyEcdsaPresignature,
  verifyMusigPartial,
  verifySchnorrPresignature,
  verifySchnorrPresignatures,
} = multiparty;

const long = process.env['BE_LONG'] === '1';
const hash = (...parts: ReadonlyArray<string | number>): Uint8Array =>
  jsCrypto.sha256(new TextEncoder().encode(parts.join(' ')));
const publicKeyOf = (secret: Uint8Array): Uint8Array => currentCrypto().publicKey(secret) as Uint8Array;
/** The same bytes each time, other ones for each number. */
const entropyOf = (n: number): Entropy => ({
  bytes: (length) => concatBytes(hash('a', n), hash('b', n)).subarray(0, length),
});

interface Scene {
  readonly secretKey: multiparty.SecretBytes;
  readonly xOnlyPublicKey: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly message: Uint8Array;
  readonly secret: Uint8Array;
  readonly adaptorPoint: Uint8Array;
  readonly entropy: Entropy;
}

function sceneOf(n: number): Scene {
  const key = hash('key', n);
  const publicKey = publicKeyOf(key);
  const secret = hash('secret', n);
  return {
    secretKey: new SecretBytes(key),
    publicKey,
    xOnlyPublicKey: publicKey.subarray(1),
    message: hash('message', n),
    secret,
    adaptorPoint: publicKeyOf(secret),
    entropy: entropyOf(n),
  };
}

afterAll(() => installCrypto(jsCrypto));

describe.for(['js', 'wasm', 'tiny'] as const)('adaptor signatures on the engine %s', (engine) => {
  beforeAll(async () => {
    await loadCrypto({ only: engine });
  });

  it('combines as two multiplications do', () => {
    const { Point } = secp256k1;
    const scalar = fc.oneof(
      fc.constantFrom(0n, 1n, GROUP_ORDER - 1n),
      fc.nat().map((n) => BigInt(`0x${toHex(hash(n))}`) % GROUP_ORDER),
    );
    fc.assert(
      fc.property(scalar, scalar, fc.nat(), (base, factor, n) => {
        const point = publicKeyOf(hash('point', n));
        const theirs = Point.BASE.multiplyUnsafe(base).add(Point.fromBytes(point).multiplyUnsafe(factor));
        expect(combine(base, factor, point)).toEqual(theirs.is0() ? undefined : theirs.toBytes(true));
      }),
      { numRuns: 100 },
    );
    // Infinity, and a point whose x is above the group order, which no ECDSA signature can have as its r.
    const point = publicKeyOf(scalarBytes(5n));
    expect(combine(GROUP_ORDER - 5n, 1n, point)).toBeUndefined();
    const high = new Uint8Array(33).fill(0xff).fill(3, 0, 1);
    high.set([0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xfc, 0x2c], 25);
    const sum = Point.BASE.multiply(7n).add(Point.fromBytes(high).multiply(9n));
    expect(combine(7n, 9n, high)).toEqual(sum.toBytes(true));
  });

  it('presigns, completes and extracts with BIP340, whatever the signs of the points are', () => {
    const signs = new Set<string>();
    for (let n = 0; n < (long ? 2_000 : 60); n++) {
      const scene = sceneOf(n);
      const { message, xOnlyPublicKey, adaptorPoint, secret, publicKey } = scene;
      const presignature = presignSchnorr(scene);
      signs.add(`${presignature[0]} ${publicKey[0]} ${adaptorPoint[0]}`);
      expect(verifySchnorrPresignature(presignature, { message, xOnlyPublicKey, adaptorPoint })).toBe(true);
      const signature = completeSchnorr(presignature, { secret });
      expect(schnorr.verify(signature, message, xOnlyPublicKey)).toBe(true);
      expect(extractSchnorrSecret(presignature, { signature, adaptorPoint })).toEqual(secret);
      const held = new SecretBytes(secret);
      expect(completeSchnorr(presignature, { secret: held })).toEqual(signature);
    }
    expect(signs.size).toBe(8);
  });

  it('presigns, completes and extracts with ECDSA', () => {
    for (let n = 0; n < (long ? 500 : 20); n++) {
      const { secretKey, publicKey, message: messageHash, secret, adaptorPoint, entropy } = sceneOf(n);
      const presignature = presignEcdsa({ secretKey, messageHash, adaptorPoint, entropy });
      expect(verifyEcdsaPresignature(presignature, { messageHash, publicKey, adaptorPoint })).toBe(true);
      const signature = completeEcdsa(presignature, { secret });
      expect(secp256k1.verify(signature, messageHash, publicKey, { prehash: false, lowS: true })).toBe(true);
      expect(extractEcdsaSecret(presignature, { signature, adaptorPoint })).toEqual(secret);
    }
  });

  it('gives the pre-signature of MuSig2, with and without tweaks', () => {
    const signs = new Set<string>();
    for (let n = 0; n < (long ? 300 : 40); n++) {
      const { message, secret, adaptorPoint } = sceneOf(n);
      const secrets = Array.from({ length: 2 + (n % 2) }, (_, at) => hash('signer', n, at));
      const bare = aggregateMusigKeys(secrets.map(publicKeyOf));
      const plain = tweakMusigKeys(bare, [{ tweak: hash('tweak', n), kind: 'plain' }]);
      const keys =
        [bare, tweakForTaproot(bare), tweakForTaproot(plain, { merkleRoot: hash('root', n) })][n % 3] ?? bare;
      const nonces = secrets.map((key) => createMusigNonce({ publicKey: publicKeyOf(key) }));
      const aggregateNonce = aggregateMusigNonces(nonces.map(({ publicNonce }) => publicNonce));
      const session = createMusigSession(keys, { aggregateNonce, message, adaptorPoint });
      const partials = secrets.map((key, at) =>
        signMusig(session, { secretKey: new SecretBytes(key), ...(nonces[at] as multiparty.MusigNonce) }),
      );
      partials.forEach((signature, signer) => {
        const { publicNonce } = nonces[signer] as multiparty.MusigNonce;
        expect(verifyMusigPartial(session, { signer, publicNonce, signature })).toBe(true);
      });
      const presignature = aggregateMusigPresignature(session, partials);
      signs.add(`${presignature[0]} ${keys.publicKey[0]}`);
      const { xOnlyPublicKey } = keys;
      expect(verifySchnorrPresignature(presignature, { message, xOnlyPublicKey, adaptorPoint })).toBe(true);
      const signature = completeSchnorr(presignature, { secret });
      expect(schnorr.verify(signature, message, xOnlyPublicKey)).toBe(true);
      expect(extractSchnorrSecret(presignature, { signature, adaptorPoint })).toEqual(secret);
      expect(codeOf(() => aggregateMusigSignatures(session, partials))).toBe('WALLET_SESSION_STATE');
      const usual = createMusigSession(keys, { aggregateNonce, message });
      expect(codeOf(() => aggregateMusigPresignature(usual, partials))).toBe('WALLET_SESSION_STATE');
    }
    expect(signs.size).toBe(4);
  });

  it('holds against an independent reading of the equation', () => {
    const { Point } = secp256k1;
    for (let n = 0; n < 20; n++) {
      const scene = sceneOf(n);
      const presignature = presignSchnorr(scene);
      const nonce = Point.fromBytes(presignature.subarray(0, 33));
      const even = nonce.y % 2n === 0n;
      const number = BigInt(`0x${toHex(presignature.subarray(33))}`);
      const tag = jsCrypto.sha256(new TextEncoder().encode('BIP0340/challenge'));
      const x = presignature.subarray(1, 33);
      const digest = jsCrypto.sha256(concatBytes(tag, tag, x, scene.xOnlyPublicKey, scene.message));
      const challenge = BigInt(`0x${toHex(digest)}`) % GROUP_ORDER;
      const key = Point.fromBytes(concatBytes(Uint8Array.of(2), scene.xOnlyPublicKey));
      const adaptor = Point.fromBytes(scene.adaptorPoint);
      const left = Point.BASE.multiply(number).add(even ? adaptor : adaptor.negate());
      expect(left.equals((even ? nonce : nonce.negate()).add(key.multiply(challenge)))).toBe(true);
    }
  });
});

describe('a pre-signature', () => {
  beforeAll(async () => {
    await loadCrypto();
  });

  it('names the ones of many that do not hold', () => {
    const items = Array.from({ length: 30 }, (_, n) => {
      const scene = sceneOf(n);
      return { ...scene, presignature: presignSchnorr(scene) };
    });
    expect(verifySchnorrPresignatures(items)).toEqual([]);
    const bad = items.map((item, n) => (n % 7 === 3 ? { ...item, message: hash('another') } : item));
    expect(verifySchnorrPresignatures(bad)).toEqual([3, 10, 17, 24]);
    expect(verifySchnorrPresignatures([])).toEqual([]);
  });

  it.for(['js', 'wasm', 'tiny'] as const)('is verified among many as it is alone: %s', async (engine) => {
    await loadCrypto({ only: engine });
    const items = Array.from({ length: 24 }, (_, n) => {
      const scene = sceneOf(n);
      const { message, adaptorPoint, xOnlyPublicKey } = scene;
      return { message, adaptorPoint, xOnlyPublicKey, presignature: presignSchnorr(scene) };
    });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(23), fc.nat(3), fc.nat(31), fc.nat(7)), { maxLength: 6 }), (faults) => {
        const given = items.map((item) => ({ ...item }));
        for (const [at, what, byte, bit] of faults) {
          const item = given[at] as (typeof given)[number];
          const name = (['presignature', 'message', 'xOnlyPublicKey', 'presignature'] as const)[what] ?? 'message';
          const changed = new Uint8Array(item[name]);
          const place = what === 3 ? 33 + byte : byte;
          changed[place] = (changed[place] as number) ^ (1 << bit);
          item[name] = changed;
        }
        const alone = given.flatMap(({ presignature, ...facts }, at) =>
          verifySchnorrPresignature(presignature, facts) ? [] : [at],
        );
        expect(verifySchnorrPresignatures(given)).toEqual(alone);
      }),
      { numRuns: engine === 'js' ? 4 : 40 },
    );
    await loadCrypto();
  });

  it('does not hold among many by an error that another one takes back', () => {
    const items = Array.from({ length: 20 }, (_, n) => {
      const scene = sceneOf(n % 2);
      const { adaptorPoint, xOnlyPublicKey } = scene;
      const message = hash('message', n);
      return { message, adaptorPoint, xOnlyPublicKey, presignature: presignSchnorr({ ...scene, message }) };
    });
    const one = scalarBytes(1n);
    const shift = (presignature: Uint8Array, by: Uint8Array): Uint8Array => {
      const number = currentCrypto().secretKeyTweakAdd(presignature.slice(33), by) as Uint8Array;
      return concatBytes(presignature.subarray(0, 33), number);
    };
    const minusOne = currentCrypto().secretKeyNegate(one) as Uint8Array;
    const shifted = items.map((item, n) => ({
      ...item,
      presignature:
        n === 4 ? shift(item.presignature, one) : n === 9 ? shift(item.presignature, minusOne) : item.presignature,
    }));
    expect(verifySchnorrPresignatures(shifted)).toEqual([4, 9]);
    // The number of the one for the other: the sum over all is the same.
    const swapped = items.map((item, n) => ({
      ...item,
      presignature: items[n ^ 2]?.presignature ?? item.presignature,
    }));
    expect(verifySchnorrPresignatures(swapped.slice(0, 16))).toHaveLength(16);
  });

  it('does not hold with a nonce of the wrong sign, though its signer made it so', () => {
    const crypto = currentCrypto();
    const { message, adaptorPoint, secret } = sceneOf(1);
    const signs = new Set<number>();
    for (let n = 0; n < 20; n++) {
      let key = hash('own', n);
      if (publicKeyOf(key)[0] === 3) key = crypto.secretKeyNegate(key) as Uint8Array;
      const xOnlyPublicKey = publicKeyOf(key).slice(1);
      const own = hash('nonce', n);
      const whole = crypto.publicKeyCombine([publicKeyOf(own), adaptorPoint]) as Uint8Array;
      signs.add(whole[0] as number);
      const challenge = crypto.taggedHash('BIP0340/challenge', concatBytes(whole.slice(1), xOnlyPublicKey, message));
      const bound = crypto.secretKeyTweakMul(key, challenge) as Uint8Array;
      // As if the nonce were even, whatever it is.
      const number = crypto.secretKeyTweakAdd(own, bound) as Uint8Array;
      const presignature = concatBytes(Uint8Array.of(2), whole.slice(1), number);
      const facts = { message, xOnlyPublicKey, adaptorPoint };
      const holds = verifySchnorrPresignature(presignature, facts);
      expect(holds).toBe(whole[0] === 2);
      const many = Array.from({ length: 8 }, () => ({ ...facts, presignature }));
      expect(verifySchnorrPresignatures(many)).toHaveLength(holds ? 0 : 8);
      const signature = completeSchnorr(presignature, { secret });
      expect(crypto.schnorrVerify(signature, message, xOnlyPublicKey)).toBe(holds);
    }
    expect(signs.size).toBe(2);
  });

  it('is made for many as for one', () => {
    const { secretKey, xOnlyPublicKey } = sceneOf(1);
    const items = Array.from({ length: 50 }, (_, n) => {
      const { message, adaptorPoint, secret } = sceneOf(n);
      return { message, adaptorPoint, secret };
    });
    const presignatures = presignSchnorrMany({ secretKey, items, entropy: entropyOf(1) });
    for (const [n, item] of items.entries()) {
      const presignature = presignatures[n] as Uint8Array;
      expect(presignature).toEqual(presignSchnorr({ secretKey, ...item, entropy: entropyOf(1) }));
      const signature = completeSchnorr(presignature, item);
      expect(currentCrypto().schnorrVerify(signature, item.message, xOnlyPublicKey)).toBe(true);
    }
    expect(presignSchnorrMany({ secretKey, items: [] })).toEqual([]);
  });

  it('is not given out when the computer made a mistake', () => {
    const scene = sceneOf(1);
    const engine = currentCrypto();
    const items = Array.from({ length: 10 }, (_, n) => sceneOf(n));
    // A product that is wrong once, as a bit that flips makes it.
    let calls = 0;
    installCrypto({
      ...engine,
      secretKeyTweakMul: (key, tweak) => {
        const product = engine.secretKeyTweakMul(key, tweak);
        return ++calls % 7 === 1 ? engine.sha256(product ?? key) : product;
      },
    });
    try {
      expect(codeOf(() => presignSchnorr(scene))).toBe('WALLET_SIGNER_ANSWER_INVALID');
      expect(codeOf(() => presignSchnorrMany({ ...scene, items }))).toBe('WALLET_SIGNER_ANSWER_INVALID');
      expect(codeOf(() => presignEcdsa({ ...scene, messageHash: scene.message }))).toBe('WALLET_SIGNER_ANSWER_INVALID');
    } finally {
      installCrypto(engine);
    }
  });

  it('is rejected when any of it, or of what it is for, is another', () => {
    const count = long ? 100_000 : 10_000;
    const scenes = Array.from({ length: 8 }, (_, n) => {
      const scene = sceneOf(n);
      return { ...scene, presignature: presignSchnorr(scene) };
    });
    const accepted: string[] = [];
    for (let n = 0; n < count; n++) {
      const scene = scenes[n % scenes.length] as (typeof scenes)[number];
      const dice = hash('mutation', n);
      const facts = {
        message: new Uint8Array(scene.message),
        xOnlyPublicKey: new Uint8Array(scene.xOnlyPublicKey),
        adaptorPoint: new Uint8Array(scene.adaptorPoint),
      };
      const presignature = new Uint8Array(scene.presignature);
      const target = [presignature, presignature, presignature, ...Object.values(facts)][(dice[0] as number) % 6];
      const bytes = target as Uint8Array;
      const at = (dice[1] as number) % bytes.length;
      bytes[at] = (bytes[at] as number) ^ (1 << ((dice[2] as number) & 7));
      let holds: boolean;
      try {
        holds = verifySchnorrPresignature(presignature, facts);
      } catch (error) {
        // An adaptor point that is no point any more.
        if ((error as { readonly code?: string }).code !== 'WALLET_INVALID_ARGUMENT') throw error;
        holds = false;
      }
      if (holds) accepted.push(`mutation ${n}`);
    }
    expect(accepted).toEqual([]);
  });

  it('of ECDSA is rejected when any of it, or of what it is for, is another', () => {
    const { secretKey, publicKey, message: messageHash, adaptorPoint } = sceneOf(1);
    const presignature = presignEcdsa({ secretKey, messageHash, adaptorPoint });
    const accepted: number[] = [];
    for (let n = 0; n < (long ? 20_000 : 1_500); n++) {
      const mutated = new Uint8Array(presignature);
      const bit = n % (mutated.length * 8);
      mutated[bit >> 3] = (mutated[bit >> 3] as number) ^ (1 << (bit & 7));
      if (verifyEcdsaPresignature(mutated, { messageHash, publicKey, adaptorPoint })) accepted.push(n);
    }
    expect(accepted).toEqual([]);
    const facts = { messageHash, publicKey, adaptorPoint };
    for (const wrong of [{ messageHash: hash('x') }, { publicKey: adaptorPoint }, { adaptorPoint: publicKey }])
      expect(verifyEcdsaPresignature(presignature, { ...facts, ...wrong })).toBe(false);
  });

  it('is no signature, and another secret makes none of it', () => {
    const scene = sceneOf(5);
    const { message, xOnlyPublicKey, adaptorPoint, secret } = scene;
    const presignature = presignSchnorr(scene);
    expect(currentCrypto().schnorrVerify(presignature.slice(1), message, xOnlyPublicKey)).toBe(false);
    const wrong = completeSchnorr(presignature, { secret: hash('another') });
    expect(currentCrypto().schnorrVerify(wrong, message, xOnlyPublicKey)).toBe(false);
    const extract = (signature: Uint8Array): unknown =>
      codeOf(() => extractSchnorrSecret(presignature, { signature, adaptorPoint }));
    expect(extract(wrong)).toBe('WALLET_ADAPTOR_MISMATCH');
    const other = completeSchnorr(presignSchnorr({ ...scene, message: hash('another') }), { secret });
    expect(extract(other)).toBe('WALLET_ADAPTOR_MISMATCH');
    expect(extract(new Uint8Array(64).fill(0xff))).toBe('WALLET_ADAPTOR_MISMATCH');
    for (const broken of [new Uint8Array(65), concatBytes(presignature.subarray(0, 33), new Uint8Array(32).fill(0xff))])
      expect(codeOf(() => completeSchnorr(broken, { secret }))).toBe('WALLET_PRESIGNATURE_INVALID');
  });

  it('never has the nonce of another equation, even where the randomness repeats itself', () => {
    const scene = sceneOf(3);
    const one = presignSchnorr(scene);
    const nonceOf = (presignature: Uint8Array, adaptorPoint: Uint8Array): string => {
      const { Point } = secp256k1;
      return Point.fromBytes(presignature.subarray(0, 33)).subtract(Point.fromBytes(adaptorPoint)).toHex();
    };
    const another = sceneOf(4).adaptorPoint;
    const nonces = [
      nonceOf(one, scene.adaptorPoint),
      nonceOf(presignSchnorr({ ...scene, message: hash('another') }), scene.adaptorPoint),
      nonceOf(presignSchnorr({ ...scene, adaptorPoint: another }), another),
      nonceOf(presignSchnorr({ ...scene, entropy: entropyOf(99) }), scene.adaptorPoint),
    ];
    expect(new Set(nonces).size).toBe(4);
    expect(presignSchnorr(scene)).toEqual(one);
  });

  it('is not made with a source of randomness that fails', () => {
    const scene = sceneOf(3);
    for (const entropy of [{}, null, { bytes: () => new Uint8Array(31) }, { bytes: () => 'x' }] as never[]) {
      if (entropy === null) continue;
      expect(codeOf(() => presignSchnorr({ ...scene, entropy }))).toBe('WALLET_INVALID_ARGUMENT');
      expect(codeOf(() => presignEcdsa({ ...scene, messageHash: scene.message, entropy }))).toBe(
        'WALLET_INVALID_ARGUMENT',
      );
    }
  });
});

describe('a session of MuSig2 with an adaptor point', () => {
  beforeAll(async () => {
    await loadCrypto();
  });

  it('signs with a nonce of a vault once: not for another adaptor point, nor without one', async () => {
    const { message, secret, adaptorPoint } = sceneOf(1);
    const another = sceneOf(2).adaptorPoint;
    const vault = await openNonceVault({ store: createMemoryStore(), name: 'adaptors' });
    const secretKeys = [1, 2].map((n) => new SecretBytes(hash('signer', n)));
    const keys = tweakForTaproot(aggregateMusigKeys(secretKeys.map((key) => key.use(publicKeyOf))));
    const nonces = await Promise.all(
      secretKeys.map((secretKey) => createVaultNonce(vault, { secretKey, keys, message })),
    );
    const aggregateNonce = aggregateMusigNonces(nonces.map(({ publicNonce }) => publicNonce));
    const session = createMusigSession(keys, { aggregateNonce, message, adaptorPoint });
    const sign = (given: multiparty.MusigSession, at: number): Promise<Uint8Array> =>
      signWithVault(vault, nonces[at]?.token ?? '', {
        secretKey: secretKeys[at] as multiparty.SecretBytes,
        session: given,
      });

    const partials = [await sign(session, 0), await sign(session, 1)];
    const signature = completeSchnorr(aggregateMusigPresignature(session, partials), { secret });

    expect(currentCrypto().schnorrVerify(signature, message, keys.xOnlyPublicKey)).toBe(true);
    expect(await sign(session, 0)).toEqual(partials[0]);
    for (const other of [
      createMusigSession(keys, { aggregateNonce, message }),
      createMusigSession(keys, { aggregateNonce, message, adaptorPoint: another }),
    ])
      expect(await codeOfPromise(sign(other, 0))).toBe('WALLET_NONCE_SPENT');
    await vault.close();
  });

  it('goes on where a half of the nonce is at infinity, and finds a nonce that is none', () => {
    const { message, adaptorPoint } = sceneOf(1);
    const keys = aggregateMusigKeys([publicKeyOf(hash('a')), publicKeyOf(hash('b'))]);
    const nothing = new Uint8Array(66);
    const minus = currentCrypto().publicKeyNegate(adaptorPoint) as Uint8Array;
    const cancels = concatBytes(minus, new Uint8Array(33));
    for (const aggregateNonce of [nothing, cancels, concatBytes(adaptorPoint, minus)])
      expect(createMusigSession(keys, { aggregateNonce, message, adaptorPoint }).adaptorPoint).toEqual(adaptorPoint);
    const broken = new Uint8Array(66).fill(5);
    expect(codeOf(() => createMusigSession(keys, { aggregateNonce: broken, message, adaptorPoint }))).toBe(
      'WALLET_CONTRIBUTION_INVALID',
    );
    const point = new Uint8Array(33);
    expect(codeOf(() => createMusigSession(keys, { aggregateNonce: nothing, message, adaptorPoint: point }))).toBe(
      'WALLET_INVALID_ARGUMENT',
    );
  });
});
