/** libsecp256k1 as WebAssembly against tiny-secp256k1, @bitauth/libauth and native code. */
import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { loadSecp256k1 } from '@bitcoin-enterprise/secp256k1';
import type { BatchItem } from '@bitcoin-enterprise/secp256k1';
import { measured, runCase } from './harness.ts';
import type { BenchResult, BenchSettings, Case } from './harness.ts';
import { nativeLimit } from './secp256k1/native.ts';
import type { NativeOperation } from './secp256k1/native.ts';

/** What is used of the rivals. */
interface Rivals {
  readonly tiny: typeof import('tiny-secp256k1');
  readonly libauth: {
    instantiateSecp256k1(): Promise<{
      verifySignatureCompact(signature: Uint8Array, publicKey: Uint8Array, hash: Uint8Array): boolean;
      verifySignatureSchnorr(signature: Uint8Array, publicKey: Uint8Array, hash: Uint8Array): boolean;
      signMessageHashCompact(secretKey: Uint8Array, hash: Uint8Array): Uint8Array;
      signMessageHashSchnorr(secretKey: Uint8Array, hash: Uint8Array): Uint8Array;
      derivePublicKeyCompressed(secretKey: Uint8Array): Uint8Array;
    }>;
    sha256: { hash(data: Uint8Array): Uint8Array };
  };
}

// No two operations of a round meet the same key: nothing can win by remembering.
const DISTINCT = 256;

/** Runs all cases. */
export async function runBench(settings: BenchSettings): Promise<readonly BenchResult[]> {
  const rivals = pathToFileURL(resolve(import.meta.dirname, 'thirdparty/rivals.js')).href;
  const { tiny, libauth } = (await import(rivals)) as Rivals;
  const [ours, theirs, native] = await Promise.all([loadSecp256k1(), libauth.instantiateSecp256k1(), nativeLimit()]);
  if (native === undefined) console.warn('no C compiler: the native limit is left out');

  const fixtures = Array.from({ length: DISTINCT }, () => {
    const [key, hash] = [new Uint8Array(randomBytes(32)), new Uint8Array(randomBytes(32))];
    const point = must(ours.publicKey(key));
    return {
      key,
      hash,
      point,
      x: point.slice(1),
      ecdsa: must(ours.ecdsaSign(hash, key)),
      schnorr: must(ours.schnorrSign(hash, key)),
      bch: theirs.signMessageHashSchnorr(key, hash),
    };
  });
  type Fixture = (typeof fixtures)[number];
  const each = (run: (fixture: Fixture) => unknown): ReturnType<typeof measured> =>
    measured(
      () => {
        for (const fixture of fixtures) if (run(fixture) === false) throw new Error('a contender fails');
      },
      { operations: DISTINCT },
    );
  const limit = (operation: NativeOperation, promised?: number): Pick<Case, 'limit'> =>
    native === undefined
      ? {}
      : { limit: { measure: native(operation), ...(promised === undefined ? {} : { promised }) } };
  const verifySchnorrTiny = each((f) => tiny.verifySchnorr(f.hash, f.x, f.schnorr));

  const cases: Case[] = [
    {
      name: 'Schnorr verify',
      ours: each((f) => ours.schnorrVerify(f.schnorr, f.hash, f.x)),
      rivals: {
        'tiny-secp256k1': { measure: verifySchnorrTiny, promised: 3 },
        '@bitauth/libauth (its BCH scheme)': {
          measure: each((f) => theirs.verifySignatureSchnorr(f.bch, f.point, f.hash)),
          promised: 1.4,
        },
      },
      ...limit('s', 0.5),
    },
    {
      name: 'ECDSA verify',
      ours: each((f) => ours.ecdsaVerify(f.ecdsa, f.hash, f.point)),
      rivals: {
        'tiny-secp256k1': { measure: each((f) => tiny.verify(f.hash, f.point, f.ecdsa)), promised: 3 },
        '@bitauth/libauth': {
          measure: each((f) => theirs.verifySignatureCompact(f.ecdsa, f.point, f.hash)),
          promised: 1.4,
        },
      },
      ...limit('e', 0.5),
    },
    {
      name: 'Schnorr sign',
      ours: each((f) => ours.schnorrSign(f.hash, f.key)),
      rivals: { 'tiny-secp256k1': { measure: each((f) => tiny.signSchnorr(f.hash, f.key)) } },
      ...limit('S'),
    },
    {
      name: 'ECDSA sign',
      ours: each((f) => ours.ecdsaSign(f.hash, f.key)),
      rivals: {
        'tiny-secp256k1': { measure: each((f) => tiny.sign(f.hash, f.key)) },
        '@bitauth/libauth': { measure: each((f) => theirs.signMessageHashCompact(f.key, f.hash)) },
      },
      ...limit('E'),
    },
    {
      name: 'x-only tweak add',
      ours: each((f) => ours.xOnlyTweakAdd(f.x, f.hash)),
      rivals: { 'tiny-secp256k1': { measure: each((f) => tiny.xOnlyPointAddTweak(f.x, f.hash)) } },
      ...limit('t'),
    },
    {
      name: 'public key',
      ours: each((f) => ours.publicKey(f.key)),
      rivals: {
        'tiny-secp256k1': { measure: each((f) => tiny.pointFromScalar(f.key)) },
        '@bitauth/libauth': { measure: each((f) => theirs.derivePublicKeyCompressed(f.key)) },
      },
      ...limit('d'),
    },
    batchCase(ours, tiny, 1_000, native?.('s')),
    batchCase(ours, tiny, 64, native?.('s')),
    tweakBatchCase(ours, tiny, native?.('t')),
    merkleCase(ours, libauth.sha256),
  ];
  return cases.flatMap((subject) => runCase(subject, settings));
}

type Ours = Awaited<ReturnType<typeof loadSecp256k1>>;

function must<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('a fixture failed');
  return value;
}

/** Batch verification of distinct signatures by distinct keys, against tiny's single calls. */
function batchCase(ours: Ours, tiny: Rivals['tiny'], size: number, native?: () => number): Case {
  const items = Array.from({ length: size }, (): Extract<BatchItem, { kind: 'schnorr' }> => {
    const [key, message] = [new Uint8Array(randomBytes(32)), new Uint8Array(randomBytes(32))];
    return {
      kind: 'schnorr',
      signature: must(ours.schnorrSign(message, key)),
      message,
      xOnlyPublicKey: must(ours.publicKey(key)).slice(1),
    };
  });
  const batch = (): void => {
    if (ours.verifyBatch(items).length > 0) throw new Error('the batch fails');
  };
  const single = (): void => {
    for (const { signature, message, xOnlyPublicKey } of items) tiny.verifySchnorr(message, xOnlyPublicKey, signature);
  };
  return {
    name: `Schnorr batch of ${size}`,
    ours: measured(batch, { operations: size }),
    rivals: {
      'tiny-secp256k1, one by one': {
        measure: measured(single, { operations: size }),
        ...(size >= 1_000 ? { promised: 6 } : {}),
      },
    },
    ...(native === undefined ? {} : { limit: { measure: native, ...(size >= 1_000 ? { promised: 1 } : {}) } }),
  };
}

/** Taproot commitments in a batch, against single checks. */
function tweakBatchCase(ours: Ours, tiny: Rivals['tiny'], native?: () => number): Case {
  const items = Array.from({ length: 1_000 }, (): Extract<BatchItem, { kind: 'tweak' }> => {
    const internalXOnly = must(ours.publicKey(new Uint8Array(randomBytes(32)))).slice(1);
    const tweak = new Uint8Array(randomBytes(32));
    const { xOnlyPublicKey, parity } = must(ours.xOnlyTweakAdd(internalXOnly, tweak));
    return { kind: 'tweak', tweakedXOnly: xOnlyPublicKey, parity, internalXOnly, tweak };
  });
  const batch = (): void => {
    if (ours.verifyBatch(items).length > 0) throw new Error('the batch fails');
  };
  const singleOurs = (): void => {
    for (const item of items) ours.xOnlyTweakAddCheck(item.tweakedXOnly, item.parity, item.internalXOnly, item.tweak);
  };
  const singleTiny = (): void => {
    for (const item of items)
      tiny.xOnlyPointAddTweakCheck(item.internalXOnly, item.tweak, item.tweakedXOnly, item.parity as 0 | 1);
  };
  return {
    name: 'Taproot tweak batch of 1000',
    ours: measured(batch, { operations: items.length }),
    rivals: {
      'our single check': { measure: measured(singleOurs, { operations: items.length }) },
      'tiny-secp256k1, one by one': { measure: measured(singleTiny, { operations: items.length }) },
    },
    ...(native === undefined ? {} : { limit: { measure: native } }),
  };
}

/** One level of a Merkle tree of 2,000 leaves. */
function merkleCase(ours: Ours, sha256: Rivals['libauth']['sha256']): Case {
  const level = new Uint8Array(randomBytes(64 * 1_000));
  return {
    name: 'SHA-256d of a 64-byte pair',
    ours: measured(() => ours.hash256Pairs(level), { operations: 1_000 }),
    rivals: {
      '@bitauth/libauth': {
        measure: measured(
          () => {
            for (let at = 0; at < level.length; at += 64) sha256.hash(sha256.hash(level.subarray(at, at + 64)));
          },
          { operations: 1_000 },
        ),
      },
    },
  };
}
