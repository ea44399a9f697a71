import type { BatchItem, CryptoEngine } from '../ports/crypto.ts';
import {
  INVALID,
  GX,
  G,
  hex,
  text,
  scalar,
  some,
  lookAlikes,
  promise,
  keyOf,
  schnorrItem,
  tweakItem,
} from './crypto-fixtures.ts';
import { ensure, ensureEqual, ensureThrows, type Promised, promises } from './promised.ts';

/** What an engine promises of arguments: wrong, hostile, secret. */
export const argumentPromises: ReadonlyArray<Promised<CryptoEngine>> = /* @__PURE__ */ promises<CryptoEngine>(
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
      multiScalarMultiply: [[{ scalar: b(32), point: b(33) }]],
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
