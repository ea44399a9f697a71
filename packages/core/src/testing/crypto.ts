import type { CryptoEngine } from '../ports/crypto.ts';
import {
  N,
  N_MINUS_1,
  FIELD,
  GX,
  GY,
  G,
  G2,
  hex,
  text,
  scalar,
  flipped,
  some,
  promise,
  keyOf,
} from './crypto-fixtures.ts';
import { argumentPromises } from './crypto-arguments.ts';
import { batchPromises } from './crypto-batches.ts';
import { sumPromises } from './crypto-sums.ts';
import { ensure, ensureEqual, type Promised, promises } from './promised.ts';

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
  ...batchPromises,
  ...sumPromises,
  ...argumentPromises,
);
