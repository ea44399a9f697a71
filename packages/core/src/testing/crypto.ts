import { parseHex } from '../codecs/hex.ts';
import type { BatchItem, CryptoEngine } from '../ports/crypto.ts';
import { ensure, ensureEqual, ensureThrows, type Promised, promises } from './promised.ts';

const INVALID = 'CORE_CRYPTO_INVALID_ARGUMENT';
const N = 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141';
const N_MINUS_1 = 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140';
const FIELD = 'fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f';
const GX = '79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798';
const GY = '483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8';
const G = `02${GX}`;
const G2 = '02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5';

const hex = (text: string): Uint8Array => parseHex(text);
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const scalar = (value: number): Uint8Array => {
  const bytes = new Uint8Array(32);
  new DataView(bytes.buffer).setUint32(28, value);
  return bytes;
};
const flipped = (bytes: Uint8Array, at: number): Uint8Array => {
  const copy = bytes.slice();
  copy[at] = (copy[at] as number) ^ 1;
  return copy;
};
/** What an engine answers for good input; the kit's own way to say that nothing is missing. */
function some<Value>(value: Value | undefined, what: string): Value {
  ensure(value !== undefined, `${what}: expected an answer, got none`);
  return value;
}

/** Objects that pass for bytes in one test or another; all must be refused. */
function lookAlikes(length: number): readonly object[] {
  const lying = (descriptor: PropertyDescriptor, size: number): Uint8Array =>
    Object.defineProperty(new Uint8Array(size), 'length', descriptor);
  class Lying extends Uint8Array {
    override get length(): number {
      return length;
    }
  }
  const revoked = Proxy.revocable(new Uint8Array(length), {});
  revoked.revoke();
  const throwing = (): never => {
    throw new Error('a getter that throws');
  };
  const detached = new Uint8Array(length);
  structuredClone(detached.buffer, { transfer: [detached.buffer] });
  return [
    new Lying(length + 2_000),
    lying({ value: length }, length + 1),
    lying({ get: throwing }, length),
    lying({ value: Number.NaN }, length),
    Object.assign(new Uint8Array(length), { constructor: null }),
    new Proxy(new Uint8Array(length), {}),
    revoked.proxy,
    Object.create(Uint8Array.prototype) as object,
    Object.setPrototypeOf({ length }, Uint8Array.prototype) as object,
    detached,
    new Uint8ClampedArray(length),
  ];
}

type Check = (engine: CryptoEngine) => void | Promise<void>;

function promise(name: string, check: Check): Promised<CryptoEngine> {
  return { name, run: async (make) => check(await make()) };
}

/** Pseudorandom but fixed: key number `i` of the kit. */
function keyOf(engine: CryptoEngine, i: number): Uint8Array {
  return engine.sha256(text(`key ${i}`));
}

function schnorrItem(engine: CryptoEngine, i: number, message: Uint8Array): BatchItem {
  const key = keyOf(engine, i);
  return {
    kind: 'schnorr',
    signature: some(engine.schnorrSign(message, key), 'signature'),
    message,
    xOnlyPublicKey: some(engine.publicKey(key), 'public key').slice(1),
  };
}

function tweakItem(engine: CryptoEngine, i: number): BatchItem {
  const internalXOnly = some(engine.publicKey(keyOf(engine, i)), 'public key').slice(1);
  const tweak = engine.sha256(text(`tweak ${i}`));
  const { xOnlyPublicKey, parity } = some(engine.xOnlyTweakAdd(internalXOnly, tweak), 'tweaked key');
  return { kind: 'tweak', tweakedXOnly: xOnlyPublicKey, parity, internalXOnly, tweak };
}

/** Everything a {@link CryptoEngine} promises; run these against your engine. */
export const cryptoEnginePromises: ReadonlyArray<Promised<CryptoEngine>> = /* @__PURE__ */ promises<CryptoEngine>(
  promise('hashes as the standards say', (engine) => {
    const abc = text('abc');
    ensureEqual(engine.sha256(abc), hex('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'), 'sha256');
    ensureEqual(engine.hash256(abc), engine.sha256(engine.sha256(abc)), 'hash256');
    ensureEqual(engine.sha1(abc), hex('a9993e364706816aba3e25717850c26c9cd0d89d'), 'sha1');
    ensureEqual(engine.ripemd160(abc), hex('8eb208f7e05d987a9b044a8e98c6b087f15a0bfc'), 'ripemd160');
    ensureEqual(engine.hash160(abc), engine.ripemd160(engine.sha256(abc)), 'hash160');
    ensureEqual(
      engine.sha512(abc),
      hex(
        'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
      ),
      'sha512',
    );
    const none = new Uint8Array(0);
    ensureEqual(
      engine.sha256(none),
      hex('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'),
      'sha256 of nothing',
    );
    ensureEqual(engine.ripemd160(none), hex('9c1185a5c5e9fc54612808977ee8f548b2258d31'), 'ripemd160 of nothing');
  }),
  promise('makes HMACs with short, block-long and longer keys', (engine) => {
    // RFC 4231, cases 2 and 6.
    ensureEqual(
      engine.hmacSha256(text('Jefe'), text('what do ya want for nothing?')),
      hex('5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843'),
      'hmac-sha256',
    );
    const long = new Uint8Array(131).fill(0xaa);
    const data = text('Test Using Larger Than Block-Size Key - Hash Key First');
    ensureEqual(
      engine.hmacSha256(long, data),
      hex('60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54'),
      'hmac-sha256, long key',
    );
    ensureEqual(
      engine.hmacSha512(long, data),
      hex(
        '80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598',
      ),
      'hmac-sha512, long key',
    );
    const padded = new Uint8Array(64);
    padded.set(text('Jefe'));
    ensureEqual(engine.hmacSha256(padded, data), engine.hmacSha256(text('Jefe'), data), 'key filled with zeros');
  }),
  promise('makes tagged hashes for any number of tags', (engine) => {
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 200; i++) {
        const tag = engine.sha256(text(`Tag/${i}`));
        const plain = new Uint8Array([...tag, ...tag, 1, 2, 3]);
        ensureEqual(engine.taggedHash(`Tag/${i}`, new Uint8Array([1, 2, 3])), engine.sha256(plain), `tag ${i}`);
      }
    }
    const tag = engine.sha256(text('é'));
    ensureEqual(
      engine.taggedHash('é', new Uint8Array(0)),
      engine.sha256(new Uint8Array([...tag, ...tag])),
      'UTF-8 tag',
    );
  }),
  promise('hashes long data alike in one piece', (engine) => {
    const data = new Uint8Array(3_000_001).fill(7);
    ensureEqual(engine.hash256(data), engine.sha256(engine.sha256(data)), 'three megabytes');
  }),
  promise('hashes pairs of a Merkle level, none to nine', (engine) => {
    for (let pairs = 0; pairs <= 9; pairs++) {
      const level = new Uint8Array(64 * pairs).map((_, i) => i * 7);
      const out = engine.hash256Pairs(level);
      ensureEqual(out.length, 32 * pairs, 'length');
      for (let i = 0; i < pairs; i++)
        ensureEqual(out.slice(32 * i, 32 * i + 32), engine.hash256(level.slice(64 * i, 64 * i + 64)), `pair ${i}`);
    }
  }),
  promise('gives fresh arrays and leaves its arguments alone', (engine) => {
    const data = text('abc');
    const first = engine.sha256(data);
    const kept = first.slice();
    engine.sha256(text('other'));
    ensureEqual(first, kept, 'an earlier result');
    const key = scalar(1);
    some(engine.secretKeyTweakAdd(key, scalar(1)), 'sum');
    some(engine.secretKeyNegate(key), 'negation');
    ensureEqual(key, scalar(1), 'the key');
    ensureEqual(some(engine.publicKey(key.subarray()), 'key').byteOffset, 0, 'offset of a result');
  }),

  promise('knows a secret key from 1 to n-1', (engine) => {
    for (const [key, valid] of [
      [scalar(0), false],
      [scalar(1), true],
      [hex(N_MINUS_1), true],
      [hex(N), false],
    ] as const) {
      ensureEqual(engine.isSecretKey(key), valid, 'isSecretKey');
      ensureEqual(engine.publicKey(key) !== undefined, valid, 'publicKey');
      ensureEqual(engine.ecdsaSign(scalar(1), key) !== undefined, valid, 'ecdsaSign');
      ensureEqual(engine.ecdsaSignRecoverable(scalar(1), key) !== undefined, valid, 'ecdsaSignRecoverable');
      ensureEqual(engine.schnorrSign(scalar(1), key) !== undefined, valid, 'schnorrSign');
      ensureEqual(engine.secretKeyNegate(key) !== undefined, valid, 'secretKeyNegate');
      ensureEqual(engine.ecdh(key, hex(G)) !== undefined, valid, 'ecdh');
    }
    ensureEqual(engine.isSecretKey(new Uint8Array(32).fill(255)), false, 'all ones');
  }),
  promise('knows the generator in every form', (engine) => {
    ensureEqual(engine.publicKey(scalar(1)), hex(G), 'compressed');
    ensureEqual(engine.publicKey(scalar(1), { compressed: true }), hex(G), 'compressed on demand');
    ensureEqual(engine.publicKey(scalar(1), {}), hex(G), 'default form');
    ensureEqual(engine.publicKey(scalar(1), { compressed: false }), hex(`04${GX}${GY}`), 'uncompressed');
    ensureEqual(engine.publicKey(hex(N_MINUS_1)), hex(`03${GX}`), 'of n-1');
    ensureEqual(engine.publicKeyConvert(hex(G), { compressed: false }), hex(`04${GX}${GY}`), 'to uncompressed');
    ensureEqual(engine.publicKeyConvert(hex(`04${GX}${GY}`)), hex(G), 'to compressed');
    ensureEqual(engine.publicKeyConvert(hex(`06${GX}${GY}`)), hex(G), 'from hybrid');
    ensureEqual(engine.publicKeyConvert(hex(`07${GX}${GY}`)), undefined, 'from a hybrid that lies');
  }),
  promise('knows a public key from other bytes', (engine) => {
    const odd = `${GX}b7c52588d95c3b9aa25b0403f1eef75702e84bb7597aabe663b82f6f04ef2777`;
    const cases: ReadonlyArray<readonly [string, boolean]> = [
      [G, true],
      [`03${GX}`, true],
      [`04${GX}${GY}`, true],
      [`06${GX}${GY}`, true],
      [`07${GX}${GY}`, false],
      [`07${odd}`, true],
      [`06${odd}`, false],
      [`05${GX}${GY}`, false],
      [`00${GX}`, false],
      [`04${GX}${GX}`, false],
      [`02${FIELD}`, false],
      [`02${'0'.repeat(64)}`, false],
      [`02${'f'.repeat(64)}`, false],
      // x = 5 is on no point.
      [`02${'0'.repeat(63)}5`, false],
      ['', false],
      ['00', false],
      [GX, false],
      [`${G}00`, false],
      [`04${GX}${GY}00`, false],
    ];
    for (const [key, valid] of cases) {
      ensureEqual(engine.isPublicKey(hex(key)), valid, key);
      if (key.length === 66 || key.length === 130)
        ensureEqual(engine.publicKeyConvert(hex(key)) !== undefined, valid, key);
    }
    ensureEqual(engine.isXOnlyPublicKey(hex(GX)), true, 'x of G');
    for (const x of [FIELD, 'f'.repeat(64), '0'.repeat(64), `${'0'.repeat(63)}5`])
      ensureEqual(engine.isXOnlyPublicKey(hex(x)), false, x);
  }),

  promise('signs ECDSA deterministically with low S and verifies both forms of S', (engine) => {
    // RFC 6979 with this curve, the well-known vector of key 1.
    const hash = engine.sha256(text('Satoshi Nakamoto'));
    const signature = some(engine.ecdsaSign(hash, scalar(1)), 'signature');
    ensureEqual(
      signature,
      hex(
        '934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d82442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5',
      ),
      'signature',
    );
    const key = hex(G);
    ensureEqual(engine.ecdsaVerify(signature, hash, key), true, 'low S');
    const highS = signature.slice();
    highS.set(some(engine.secretKeyNegate(signature.slice(32)), 'n - s'), 32);
    ensureEqual(engine.ecdsaVerify(highS, hash, key), true, 'high S');
    for (const form of [`04${GX}${GY}`, `06${GX}${GY}`])
      ensureEqual(engine.ecdsaVerify(signature, hash, hex(form)), true, form);
    ensureEqual(engine.ecdsaVerify(signature, hash, hex(`07${GX}${GY}`)), false, 'lying hybrid');
    ensureEqual(engine.ecdsaVerify(signature, hash, hex(`02${FIELD}`)), false, 'no key');
    ensureEqual(engine.ecdsaVerify(signature, flipped(hash, 0), key), false, 'other message');
    ensureEqual(engine.ecdsaVerify(signature, hash, hex(`03${GX}`)), false, 'other key');
    for (const at of [0, 31, 32, 63])
      ensureEqual(engine.ecdsaVerify(flipped(signature, at), hash, key), false, `byte ${at}`);
  }),
  promise('answers false for ECDSA signatures out of range', (engine) => {
    const [hash, key] = [scalar(7), hex(G)];
    const good = some(engine.ecdsaSign(hash, scalar(1)), 'signature');
    for (const bad of ['0'.repeat(64), N, FIELD, 'f'.repeat(64)]) {
      const r = good.slice();
      r.set(hex(bad));
      const s = good.slice();
      s.set(hex(bad), 32);
      ensureEqual(engine.ecdsaVerify(r, hash, key), false, `r = ${bad}`);
      ensureEqual(engine.ecdsaVerify(s, hash, key), false, `s = ${bad}`);
      ensureEqual(engine.ecdsaRecover(r, 0, hash), undefined, `recover r = ${bad}`);
      ensureEqual(engine.ecdsaRecover(s, 0, hash), undefined, `recover s = ${bad}`);
    }
    ensureEqual(engine.ecdsaVerify(new Uint8Array(64), hash, key), false, 'zeros');
  }),
  promise('mixes extra entropy into ECDSA nonces', (engine) => {
    const hash = engine.sha256(text('entropy'));
    const key = keyOf(engine, 1);
    const plain = some(engine.ecdsaSign(hash, key), 'plain');
    const mixed = some(engine.ecdsaSign(hash, key, scalar(1)), 'mixed');
    ensure(
      plain.some((byte, i) => byte !== mixed[i]),
      'entropy changes the signature',
    );
    ensureEqual(engine.ecdsaSign(hash, key, scalar(1)), mixed, 'same entropy');
    ensureEqual(engine.ecdsaVerify(mixed, hash, some(engine.publicKey(key), 'key')), true, 'verifies');
  }),
  promise('recovers the key of an ECDSA signature', (engine) => {
    for (let i = 0; i < 8; i++) {
      const hash = engine.sha256(text(`message ${i}`));
      const { signature, recoveryId } = some(engine.ecdsaSignRecoverable(hash, keyOf(engine, i)), 'signature');
      const key = engine.publicKey(keyOf(engine, i));
      ensureEqual(signature, engine.ecdsaSign(hash, keyOf(engine, i)), 'same signature');
      ensureEqual(engine.ecdsaRecover(signature, recoveryId, hash), key, 'recovered');
      const other = engine.ecdsaRecover(signature, recoveryId ^ 1, hash);
      ensure(other === undefined || other.some((byte, at) => byte !== key?.[at]), 'another id, another key');
      ensureEqual(engine.ecdsaRecover(signature, recoveryId | 2, hash), undefined, 'r + n is beyond the field');
    }
  }),

  promise('signs and verifies BIP340 with messages of any length', (engine) => {
    const key = keyOf(engine, 3);
    const x = some(engine.publicKey(key), 'key').slice(1);
    for (const length of [0, 1, 31, 32, 33, 64, 100, 10_000]) {
      const message = new Uint8Array(length).fill(length & 255);
      const signature = some(engine.schnorrSign(message, key, scalar(9)), 'signature');
      ensureEqual(engine.schnorrVerify(signature, message, x), true, `${length} bytes`);
      ensureEqual(engine.schnorrVerify(signature, new Uint8Array(length + 1), x), false, 'other message');
      for (const at of [0, 31, 32, 63])
        ensureEqual(engine.schnorrVerify(flipped(signature, at), message, x), false, `byte ${at}`);
    }
    ensureEqual(
      engine.schnorrSign(scalar(5), key),
      engine.schnorrSign(scalar(5), key, new Uint8Array(32)),
      'no randomness is zeros',
    );
  }),
  promise('answers false for BIP340 signatures and keys out of range', (engine) => {
    const message = scalar(1);
    const key = hex(GX);
    const good = some(engine.schnorrSign(message, scalar(1)), 'signature');
    ensureEqual(engine.schnorrVerify(good, message, key), true, 'good');
    for (const [at, value] of [
      [0, FIELD],
      [0, 'f'.repeat(64)],
      [32, N],
      [32, 'f'.repeat(64)],
    ] as const) {
      const bad = good.slice();
      bad.set(hex(value), at);
      ensureEqual(engine.schnorrVerify(bad, message, key), false, `${value} at ${at}`);
    }
    for (const bad of [FIELD, '0'.repeat(64), `${'0'.repeat(63)}5`])
      ensureEqual(engine.schnorrVerify(good, message, hex(bad)), false, bad);
  }),

  promise('adds a tweak to an x-only key and checks it', (engine) => {
    const x = some(engine.publicKey(keyOf(engine, 4)), 'key').slice(1);
    for (let i = 0; i < 8; i++) {
      const tweak = engine.sha256(text(`tweak ${i}`));
      const result = some(engine.xOnlyTweakAdd(x, tweak), 'tweaked');
      const full = some(engine.publicKeyTweakAdd(new Uint8Array([2, ...x]), tweak), 'full');
      ensureEqual(new Uint8Array([2 + result.parity, ...result.xOnlyPublicKey]), full, 'agrees with the full point');
      const out = result.xOnlyPublicKey;
      ensureEqual(engine.xOnlyTweakAddCheck(out, result.parity, x, tweak), true, 'check');
      ensureEqual(engine.xOnlyTweakAddCheck(out, 1 - result.parity, x, tweak), false, 'other parity');
      ensureEqual(engine.xOnlyTweakAddCheck(flipped(out, 0), result.parity, x, tweak), false, 'other key');
      ensureEqual(engine.xOnlyTweakAddCheck(out, result.parity, x, flipped(tweak, 31)), false, 'other tweak');
      ensureEqual(engine.xOnlyTweakAddCheck(out, result.parity, flipped(x, 31), tweak), false, 'other internal key');
    }
    ensureEqual(engine.xOnlyTweakAdd(hex(GX), scalar(0)), { xOnlyPublicKey: hex(GX), parity: 0 }, 'zero tweak');
    ensureEqual(engine.xOnlyTweakAdd(hex(GX), hex(N)), undefined, 'tweak of n');
    ensureEqual(engine.xOnlyTweakAdd(hex(GX), hex(N_MINUS_1)), undefined, 'infinity');
    ensureEqual(engine.xOnlyTweakAdd(hex(FIELD), scalar(1)), undefined, 'no key');
    ensureEqual(engine.xOnlyTweakAddCheck(hex(GX), 0, hex(GX), hex(N)), false, 'check with a tweak of n');
    ensureEqual(engine.xOnlyTweakAddCheck(hex(GX), 0, hex(FIELD), scalar(0)), false, 'check without a key');
  }),
  promise('calculates with secret keys mod n', (engine) => {
    ensureEqual(engine.secretKeyTweakAdd(scalar(2), scalar(3)), scalar(5), '2 + 3');
    ensureEqual(engine.secretKeyTweakAdd(scalar(2), scalar(0)), scalar(2), '2 + 0');
    ensureEqual(engine.secretKeyTweakAdd(hex(N_MINUS_1), scalar(2)), scalar(1), '(n-1) + 2');
    ensureEqual(engine.secretKeyTweakAdd(hex(N_MINUS_1), scalar(1)), undefined, '(n-1) + 1');
    ensureEqual(engine.secretKeyTweakMul(scalar(6), scalar(7)), scalar(42), '6 * 7');
    ensureEqual(engine.secretKeyTweakMul(hex(N_MINUS_1), hex(N_MINUS_1)), scalar(1), '(n-1) * (n-1)');
    ensureEqual(engine.secretKeyTweakMul(scalar(6), scalar(0)), undefined, '6 * 0');
    ensureEqual(engine.secretKeyNegate(scalar(1)), hex(N_MINUS_1), '-1');
    for (const bad of [scalar(0), hex(N), new Uint8Array(32).fill(255)]) {
      ensureEqual(engine.secretKeyTweakAdd(bad, scalar(1)), undefined, 'bad key in a sum');
      ensureEqual(engine.secretKeyTweakMul(bad, scalar(1)), undefined, 'bad key in a product');
    }
    for (const bad of [hex(N), new Uint8Array(32).fill(255)]) {
      ensureEqual(engine.secretKeyTweakAdd(scalar(1), bad), undefined, 'bad tweak in a sum');
      ensureEqual(engine.secretKeyTweakMul(scalar(1), bad), undefined, 'bad tweak in a product');
    }
  }),
  promise('calculates with points', (engine) => {
    const minusG = hex(`03${GX}`);
    ensureEqual(engine.publicKeyTweakAdd(hex(G), scalar(1)), hex(G2), 'G + G');
    ensureEqual(engine.publicKeyTweakAdd(hex(G), scalar(0)), hex(G), 'G + 0');
    ensureEqual(engine.publicKeyTweakAdd(hex(G), hex(N_MINUS_1)), undefined, 'G - G');
    ensureEqual(engine.publicKeyTweakAdd(minusG, scalar(2)), hex(G), '-G + 2G');
    ensureEqual(engine.publicKeyTweakAdd(hex(G), hex(N)), undefined, 'tweak of n');
    ensureEqual(engine.publicKeyTweakMul(hex(G), scalar(2)), hex(G2), '2G');
    ensureEqual(engine.publicKeyTweakMul(hex(G), hex(N_MINUS_1)), minusG, '(n-1)G');
    ensureEqual(engine.publicKeyTweakMul(hex(G), scalar(0)), undefined, '0G');
    ensureEqual(engine.publicKeyTweakMul(hex(G), hex(N)), undefined, 'nG');
    ensureEqual(engine.publicKeyNegate(hex(G)), minusG, '-G');
    ensureEqual(engine.publicKeyNegate(hex(`04${GX}${GY}`)), minusG, '-G, uncompressed');
    ensureEqual(engine.publicKeyCombine([hex(G), hex(G)]), hex(G2), 'G + G');
    ensureEqual(engine.publicKeyCombine([hex(G)]), hex(G), 'G alone');
    ensureEqual(engine.publicKeyCombine([hex(`06${GX}${GY}`)]), hex(G), 'hybrid G alone');
    ensureEqual(engine.publicKeyCombine([]), undefined, 'no points');
    ensureEqual(engine.publicKeyCombine([hex(G), minusG]), undefined, 'G - G');
    ensureEqual(engine.publicKeyCombine([hex(G), minusG, hex(G2)]), hex(G2), 'through infinity');
    ensureEqual(engine.publicKeyCombine([hex(G), hex(`02${FIELD}`)]), undefined, 'with no point');
    for (const bad of [`02${FIELD}`, `07${GX}${GY}`, `04${GX}${GX}`]) {
      ensureEqual(engine.publicKeyTweakAdd(hex(bad), scalar(1)), undefined, 'add to no point');
      ensureEqual(engine.publicKeyTweakMul(hex(bad), scalar(1)), undefined, 'multiply no point');
      ensureEqual(engine.publicKeyNegate(hex(bad)), undefined, 'negate no point');
      ensureEqual(engine.ecdh(scalar(1), hex(bad)), undefined, 'ecdh with no point');
    }
  }),
  promise('agrees on a shared secret from both sides', (engine) => {
    const [a, b] = [keyOf(engine, 5), keyOf(engine, 6)];
    const [pubA, pubB] = [some(engine.publicKey(a), 'A'), some(engine.publicKey(b, { compressed: false }), 'B')];
    const shared = some(engine.ecdh(a, pubB), 'shared');
    ensureEqual(engine.ecdh(b, pubA), shared, 'other side');
    ensureEqual(engine.sha256(some(engine.publicKeyTweakMul(pubA, b), 'point')), shared, 'by hand');
  }),

  promise('recovers a key from an r beyond the order', (engine) => {
    // The x coordinate of the nonce is 7 + n: one in 2^128 signatures, unless somebody makes it.
    const signature = new Uint8Array([...scalar(7), ...scalar(5)]);
    for (const recoveryId of [2, 3]) {
      const key = some(engine.ecdsaRecover(signature, recoveryId, scalar(77)), 'key');
      ensureEqual(engine.ecdsaVerify(signature, scalar(77), key), true, 'the signature under it');
    }
  }),
  promise('leaves what it was given as it was', (engine) => {
    const long = some(engine.publicKey(keyOf(engine, 4), { compressed: false }), 'key');
    const parity = (long[64] as number) & 1;
    class View extends Uint8Array {
      // As the Buffer of Node: its slice shares the bytes.
      override slice(start?: number, end?: number): View {
        return super.subarray(start, end);
      }
    }
    const hybrid = View.from([6 + parity, ...long.slice(1)]);
    ensureEqual(engine.isPublicKey(hybrid), true, 'hybrid');
    ensureEqual(engine.publicKeyNegate(hybrid), engine.publicKeyNegate(long), 'negated');
    ensureEqual(new Uint8Array(hybrid), new Uint8Array([6 + parity, ...long.slice(1)]), 'afterwards');
  }),
  promise('is as good as new after thousands of invalid arguments', (engine) => {
    const offCurve = hex('0000000000000000000000000000000000000000000000000000000000000005');
    const badKey = new Uint8Array([2, ...offCurve]);
    const badLong = new Uint8Array([4, ...offCurve, ...offCurve]);
    const item = schnorrItem(engine, 1, scalar(1)) as Extract<BatchItem, { kind: 'schnorr' }>;
    const tweak = tweakItem(engine, 2) as Extract<BatchItem, { kind: 'tweak' }>;
    const recoverable = some(engine.ecdsaSignRecoverable(scalar(3), keyOf(engine, 3)), 'recoverable');
    const { signature } = recoverable;
    const offR = new Uint8Array([...offCurve, ...signature.slice(32)]);
    // A module whose stack leaks a little at each refusal is at its end after three thousand.
    for (let round = engine.name === 'js' ? 10 : 4_000; round > 0; round--) {
      for (const bad of [badKey, badLong]) {
        ensureEqual(engine.isPublicKey(bad), false, 'a key');
        ensureEqual(engine.publicKeyConvert(bad), undefined, 'converted');
        ensureEqual(engine.ecdsaVerify(signature, scalar(3), bad), false, 'ECDSA');
        ensureEqual(engine.publicKeyTweakAdd(bad, scalar(1)), undefined, 'sum');
        ensureEqual(engine.publicKeyTweakMul(bad, scalar(1)), undefined, 'product');
        ensureEqual(engine.publicKeyCombine([hex(G), bad]), undefined, 'combination');
        ensureEqual(engine.ecdh(scalar(1), bad), undefined, 'shared secret');
      }
      ensureEqual(engine.isXOnlyPublicKey(offCurve), false, 'x-only');
      ensureEqual(engine.publicKey(scalar(0)), undefined, 'key of zero');
      ensureEqual(engine.ecdsaRecover(offR, 0, scalar(3)), undefined, 'recovered');
      ensureEqual(engine.schnorrVerify(item.signature, item.message, offCurve), false, 'Schnorr');
      ensureEqual(engine.xOnlyTweakAdd(offCurve, scalar(1)), undefined, 'tweaked');
      ensureEqual(engine.xOnlyTweakAddCheck(offCurve, 0, tweak.internalXOnly, tweak.tweak), false, 'tweaked check');
      ensureEqual(engine.xOnlyTweakAddCheck(tweak.tweakedXOnly, 0, offCurve, tweak.tweak), false, 'internal check');
      ensureEqual(engine.verifyBatch([{ ...item, xOnlyPublicKey: offCurve }]), [0], 'batch');
    }
    ensureEqual(engine.verifyBatch([item, tweak]), [], 'batch that holds');
    ensureEqual(engine.schnorrVerify(item.signature, item.message, item.xOnlyPublicKey), true, 'signature that holds');
    ensureEqual(
      engine.ecdsaRecover(signature, recoverable.recoveryId, scalar(3)),
      engine.publicKey(keyOf(engine, 3)),
      'key that signed',
    );
  }),
  promise('verifies batches of any size', (engine) => {
    ensureEqual(engine.verifyBatch([]), [], 'none');
    const items: BatchItem[] = [];
    for (let i = 0; i < 21; i++)
      items.push(i % 3 === 2 ? tweakItem(engine, i) : schnorrItem(engine, i, new Uint8Array(i * 5).fill(i)));
    for (let size = 1; size <= items.length; size++)
      ensureEqual(engine.verifyBatch(items.slice(0, size)), [], `${size} items`);
  }),
  promise('names the failing items of a batch in order, whatever is wrong with them', (engine) => {
    const good: BatchItem[] = [];
    for (let i = 0; i < 12; i++) good.push(i % 3 === 2 ? tweakItem(engine, i) : schnorrItem(engine, i, scalar(i)));
    const broken = good.map((item): readonly BatchItem[] =>
      item.kind === 'schnorr'
        ? [
            { ...item, signature: flipped(item.signature, 0) },
            { ...item, signature: flipped(item.signature, 63) },
            { ...item, signature: new Uint8Array([...item.signature.slice(0, 32), ...hex(N)]) },
            { ...item, signature: new Uint8Array([...hex(FIELD), ...item.signature.slice(32)]) },
            { ...item, message: new Uint8Array(3) },
            { ...item, xOnlyPublicKey: hex(FIELD) },
            { ...item, xOnlyPublicKey: hex(GX) },
          ]
        : [
            { ...item, parity: 1 - item.parity },
            { ...item, tweak: flipped(item.tweak, 31) },
            { ...item, tweak: hex(N) },
            { ...item, tweakedXOnly: hex(GX) },
            { ...item, tweakedXOnly: hex(FIELD) },
            { ...item, internalXOnly: hex(FIELD) },
          ],
    );
    for (const pattern of [[0], [11], [3, 4], [0, 5, 11], [1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]]) {
      for (let how = 0; how < 7; how++) {
        const items = good.map((item, i) => {
          const ways = broken[i] as readonly BatchItem[];
          return pattern.includes(i) ? (ways[how % ways.length] as BatchItem) : item;
        });
        ensureEqual(engine.verifyBatch(items), pattern, `failing ${pattern.join()}`);
      }
    }
  }),
  promise('verifies a batch in which checks repeat, cancel or share keys', (engine) => {
    const item = schnorrItem(engine, 1, scalar(1)) as Extract<BatchItem, { kind: 'schnorr' }>;
    ensureEqual(engine.verifyBatch(Array.from({ length: 40 }, () => item)), [], 'forty times the same');
    const again = Array.from({ length: 16 }, (_, i) => schnorrItem(engine, 1, scalar(i)));
    ensureEqual(engine.verifyBatch([...again, item]), [], 'one key');
    // Errors that would cancel in a plain sum of the equations must not cancel in a random one.
    const [first, second] = [again[0], again[1]] as Extract<BatchItem, { kind: 'schnorr' }>[];
    if (first === undefined || second === undefined) return;
    const plus = some(engine.secretKeyTweakAdd(first.signature.slice(32), scalar(1)), 'sum');
    const minus = some(engine.secretKeyTweakAdd(second.signature.slice(32), hex(N_MINUS_1)), 'difference');
    const forged = [
      { ...first, signature: new Uint8Array([...first.signature.slice(0, 32), ...plus]) },
      { ...second, signature: new Uint8Array([...second.signature.slice(0, 32), ...minus]) },
    ];
    ensureEqual(engine.verifyBatch([...forged, ...again.slice(2)]), [0, 1], 'cancelling errors');
    const zero: BatchItem = {
      kind: 'tweak',
      tweakedXOnly: hex(GX),
      parity: 0,
      internalXOnly: hex(GX),
      tweak: scalar(0),
    };
    ensureEqual(
      engine.verifyBatch([zero, { ...zero, parity: 1 }, zero, item, zero]),
      [1],
      'zero tweak of the generator',
    );
  }),
  promise('verifies a batch of 1,000 and finds the few that fail', (engine) => {
    // Few distinct items keep this fast on slow engines; engines must not rely on it.
    const distinct = Array.from({ length: 25 }, (_, i) =>
      i % 5 === 4 ? tweakItem(engine, i) : schnorrItem(engine, i, scalar(i)),
    );
    const failing = engine.name === 'js' ? [7, 8] : [0, 7, 8, 500, 731, 999];
    const size = engine.name === 'js' ? 50 : 1_000;
    const items = Array.from({ length: size }, (_, i): BatchItem => {
      const item = distinct[i % distinct.length] as BatchItem;
      if (!failing.includes(i)) return item;
      return item.kind === 'schnorr' ? { ...item, message: new Uint8Array(1) } : { ...item, parity: 1 - item.parity };
    });
    ensureEqual(engine.verifyBatch(items), failing, 'failing');
  }),

  promise('answers arguments of a wrong type or length with a code', async (engine) => {
    const any = engine as unknown as Record<string, (...args: readonly unknown[]) => unknown>;
    const b = (length: number): Uint8Array => new Uint8Array(length).fill(1);
    const item = { kind: 'schnorr', signature: b(64), message: b(1), xOnlyPublicKey: b(32) };
    const tweak = { kind: 'tweak', tweakedXOnly: b(32), parity: 0, internalXOnly: b(32), tweak: b(32) };
    /** Member → arguments that fit, of which each is then replaced by ones that do not. */
    const calls: Readonly<Record<string, readonly unknown[]>> = {
      sha256: [b(3)],
      hash256: [b(3)],
      sha1: [b(3)],
      ripemd160: [b(3)],
      hash160: [b(3)],
      sha512: [b(3)],
      hmacSha256: [b(3), b(3)],
      hmacSha512: [b(3), b(3)],
      taggedHash: ['tag', b(3)],
      hash256Pairs: [b(64)],
      isSecretKey: [b(32)],
      isPublicKey: [b(33)],
      isXOnlyPublicKey: [b(32)],
      publicKey: [b(32)],
      publicKeyConvert: [b(33)],
      ecdsaSign: [b(32), b(32)],
      ecdsaVerify: [b(64), b(32), b(33)],
      ecdsaSignRecoverable: [b(32), b(32)],
      ecdsaRecover: [b(64), 0, b(32)],
      schnorrSign: [b(5), b(32)],
      schnorrVerify: [b(64), b(5), b(32)],
      verifyBatch: [[item, tweak]],
      xOnlyTweakAdd: [b(32), b(32)],
      xOnlyTweakAddCheck: [b(32), 0, b(32), b(32)],
      secretKeyTweakAdd: [b(32), b(32)],
      secretKeyTweakMul: [b(32), b(32)],
      secretKeyNegate: [b(32)],
      publicKeyTweakAdd: [b(33), b(32)],
      publicKeyTweakMul: [b(33), b(32)],
      publicKeyNegate: [b(33)],
      publicKeyCombine: [[b(33), b(65)]],
      ecdh: [b(32), b(33)],
    };
    const wrong = [
      undefined,
      null,
      5,
      -1,
      Number.NaN,
      {},
      'ff'.repeat(32),
      new Array(32).fill(1),
      new DataView(new ArrayBuffer(32)),
      ...lookAlikes(32),
    ];
    for (const [name, good] of Object.entries(calls)) {
      any[name]?.(...good);
      for (let at = 0; at < good.length; at++) {
        for (const value of wrong) {
          if (typeof good[at] === 'string' && typeof value === 'string') continue;
          await ensureThrows(() => any[name]?.(...good.with(at, value)), INVALID);
        }
        const fits = good[at];
        const fixed =
          fits instanceof Uint8Array &&
          [32, 33, 64].includes(fits.length) &&
          name !== 'isPublicKey' &&
          name !== 'hash256Pairs';
        if (fixed)
          for (const length of [0, 31, 34, 66, 1_000_000])
            await ensureThrows(() => any[name]?.(...good.with(at, b(length))), INVALID);
      }
    }
    await ensureThrows(() => any['ecdsaSign']?.(b(32), b(32), b(31)), INVALID);
    await ensureThrows(() => any['ecdsaSign']?.(b(32), b(32), null), INVALID);
    await ensureThrows(() => any['schnorrSign']?.(b(32), b(32), b(33)), INVALID);
    await ensureThrows(() => any['schnorrSign']?.(b(31), b(32), 'x'), INVALID);
    await ensureThrows(() => any['publicKey']?.(b(32), true), INVALID);
    await ensureThrows(() => any['publicKey']?.(b(32), { compressed: 'no' }), INVALID);
    await ensureThrows(() => any['publicKeyConvert']?.(b(33), null), INVALID);
    for (const id of [-1, 4, 0.5, '0']) await ensureThrows(() => any['ecdsaRecover']?.(b(64), id, b(32)), INVALID);
    for (const parity of [-1, 2, 0.5, '0', true]) {
      await ensureThrows(() => any['xOnlyTweakAddCheck']?.(b(32), parity, b(32), b(32)), INVALID);
      await ensureThrows(() => any['verifyBatch']?.([item, { ...tweak, parity }]), INVALID);
    }
    await ensureThrows(() => any['publicKeyCombine']?.([b(33), b(32)]), INVALID);
    await ensureThrows(() => any['publicKeyCombine']?.(new Array(2)), INVALID);
    for (const bad of [
      undefined,
      null,
      7,
      {},
      { ...item, kind: 'ecdsa' },
      { ...item, signature: b(63) },
      { ...item, message: 'x' },
      { ...item, xOnlyPublicKey: b(33) },
      { ...tweak, tweakedXOnly: b(31) },
      { ...tweak, internalXOnly: null },
      { ...tweak, tweak: [] },
    ])
      await ensureThrows(() => any['verifyBatch']?.([item, bad]), INVALID);
    await ensureThrows(() => any['verifyBatch']?.(new Array(3)), INVALID);
  }),
  promise('refuses bytes that are none or falsify their length, and works on afterwards', async (engine) => {
    const key = scalar(1);
    const message = text('good');
    const signature = some(engine.schnorrSign(message, key), 'signature');
    const x = hex(GX);
    const good = { kind: 'schnorr', signature, message, xOnlyPublicKey: x } as const;
    for (const length of [0, 32, 33, 64, 65, 2_000, 300_000]) {
      for (const bad of lookAlikes(length) as readonly Uint8Array[]) {
        await ensureThrows(() => engine.sha256(bad), INVALID);
        await ensureThrows(() => engine.hmacSha512(bad, message), INVALID);
        await ensureThrows(() => engine.hash256Pairs(bad), INVALID);
        await ensureThrows(() => engine.publicKey(bad), INVALID);
        await ensureThrows(() => engine.isPublicKey(bad), INVALID);
        await ensureThrows(() => engine.ecdsaVerify(bad, key, hex(G)), INVALID);
        await ensureThrows(() => engine.schnorrVerify(bad, message, x), INVALID);
        await ensureThrows(() => engine.schnorrVerify(signature, bad, x), INVALID);
        await ensureThrows(() => engine.schnorrVerify(signature, message, bad), INVALID);
        await ensureThrows(() => engine.schnorrSign(message, key, bad), INVALID);
        await ensureThrows(() => engine.publicKeyCombine([hex(G), bad]), INVALID);
        await ensureThrows(() => engine.verifyBatch([good, { ...good, message: bad }]), INVALID);
        await ensureThrows(() => engine.verifyBatch([good, { ...good, signature: bad }]), INVALID);
        for (const options of [bad, [], 'x', 1, null])
          await ensureThrows(() => engine.publicKey(key, options as object), INVALID);
      }
      ensureEqual(engine.publicKey(key), hex(G), `public key after ${length}`);
      ensureEqual(engine.schnorrVerify(signature, message, x), true, `signature after ${length}`);
      ensureEqual(engine.verifyBatch([good, good, good]), [], `batch after ${length}`);
    }
    for (const bad of lookAlikes(2) as readonly never[]) {
      await ensureThrows(() => engine.verifyBatch([good, bad]), INVALID);
      await ensureThrows(() => engine.verifyBatch(bad), INVALID);
      await ensureThrows(() => engine.publicKeyCombine(bad), INVALID);
    }
    ensureEqual(engine.verifyBatch([good]), [], 'batch at the end');
  }),
  promise('never shows a secret in an error', async (engine) => {
    const error = await ensureThrows(() => engine.publicKey(new Uint8Array(31).fill(0xab)), INVALID);
    ensure(!/ab ?ab|171,171/i.test(`${String(error)} ${JSON.stringify(error)}`), 'the text repeats the key');
  }),
);
