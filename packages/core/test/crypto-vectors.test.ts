import { describe, expect, it } from 'vitest';
import { concatBytes, parseHex, toHex } from '@bitcoin-enterprise/core';
import type { BatchItem, CryptoEngine } from '@bitcoin-enterprise/core';
import { readJsonVectors, readTextVectors } from '../../../scripts/testing/vectors.ts';
import { engines } from './crypto-engines.ts';

const all = await engines();

const hex = (text: string): Uint8Array => parseHex(text.toLowerCase());

interface Bip340Row {
  readonly index: string;
  readonly secretKey: string;
  readonly publicKey: string;
  readonly random: string;
  readonly message: string;
  readonly signature: string;
  readonly holds: boolean;
}

function bip340Rows(): readonly Bip340Row[] | undefined {
  const text = readTextVectors('bips/bip-0340/test-vectors.csv');
  return text
    ?.trim()
    .split(/\r?\n/)
    .slice(1)
    .map((line) => {
      const [index = '', secretKey = '', publicKey = '', random = '', message = '', signature = '', result] =
        line.split(',');
      return { index, secretKey, publicKey, random, message, signature, holds: result === 'TRUE' };
    });
}

const bip340 = bip340Rows();

describe.skipIf(bip340 === undefined).for([...all])('the engine %s follows BIP340', ([, engine]) => {
  const rows = bip340 ?? [];

  it('signs every vector that has a key', () => {
    const signable = rows.filter((row) => row.secretKey !== '');

    expect(signable.length).toBeGreaterThan(7);
    for (const row of signable) {
      expect(toHex(engine.publicKey(hex(row.secretKey))?.slice(1) ?? hex(''))).toBe(row.publicKey.toLowerCase());
      const signature = engine.schnorrSign(hex(row.message), hex(row.secretKey), hex(row.random));
      expect(toHex(signature ?? hex('')), row.index).toBe(row.signature.toLowerCase());
    }
  });

  it('verifies every vector, one by one and in one batch', () => {
    const items = rows.map((row): BatchItem => ({
      kind: 'schnorr',
      signature: hex(row.signature),
      message: hex(row.message),
      xOnlyPublicKey: hex(row.publicKey),
    }));

    for (const row of rows)
      expect(engine.schnorrVerify(hex(row.signature), hex(row.message), hex(row.publicKey)), row.index).toBe(row.holds);
    expect(engine.verifyBatch(items)).toEqual(rows.flatMap((row, i) => (row.holds ? [] : [i])));
  });
});

interface Wycheproof {
  readonly testGroups: ReadonlyArray<{
    readonly publicKey: { readonly uncompressed: string };
    readonly tests: ReadonlyArray<{
      readonly tcId: number;
      readonly msg: string;
      readonly sig: string;
      readonly result: 'valid' | 'invalid';
    }>;
  }>;
}

/** A strict DER signature as `r || s`; nothing when it is not strict or a number has more than 32 bytes. */
function readDer(der: Uint8Array): Uint8Array | undefined {
  const integer = (at: number): { readonly value: Uint8Array; readonly end: number } | undefined => {
    const length = der[at + 1];
    if (der[at] !== 2 || length === undefined || length === 0 || length > 33 || at + 2 + length > der.length)
      return undefined;
    const value = der.slice(at + 2, at + 2 + length);
    const [first = 0, second = 0] = value;
    if (first > 127 || (first === 0 && value.length > 1 && second < 128)) return undefined;
    const bare = first === 0 ? value.slice(1) : value;
    if (bare.length > 32) return undefined;
    return { value: concatBytes(new Uint8Array(32 - bare.length), bare), end: at + 2 + length };
  };
  if (der[0] !== 0x30 || der[1] !== der.length - 2) return undefined;
  const r = integer(2);
  const s = r === undefined ? undefined : integer(r.end);
  return r === undefined || s === undefined || s.end !== der.length ? undefined : concatBytes(r.value, s.value);
}

const HALF_ORDER = hex('7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0');
const isLow = (s: Uint8Array): boolean => toHex(s) <= toHex(HALF_ORDER);

const wycheproof = readJsonVectors<Wycheproof>('wycheproof/ecdsa_secp256k1_sha256_bitcoin_test.json');

describe.skipIf(wycheproof === undefined).for([...all])('the engine %s passes Wycheproof', ([, engine]) => {
  it('accepts exactly the valid signatures, strict DER and low S being checked outside', () => {
    let checked = 0;
    for (const group of wycheproof?.testGroups ?? []) {
      const key = hex(group.publicKey.uncompressed);
      for (const test of group.tests) {
        const signature = readDer(hex(test.sig));
        const verified = signature !== undefined && engine.ecdsaVerify(signature, engine.sha256(hex(test.msg)), key);
        const holds = verified && isLow((signature as Uint8Array).slice(32));
        expect(holds, `test ${test.tcId}`).toBe(test.result === 'valid');
        checked++;
      }
    }
    expect(checked).toBe(463);
  });
});

interface KeyAggregation {
  readonly pubkeys: readonly string[];
  readonly tweaks: readonly string[];
  readonly valid_test_cases: ReadonlyArray<{ readonly key_indices: readonly number[]; readonly expected: string }>;
  readonly error_test_cases: ReadonlyArray<{
    readonly key_indices: readonly number[];
    readonly tweak_indices: readonly number[];
    readonly is_xonly: readonly boolean[];
    readonly comment: string;
  }>;
}

const keyAggregation = readJsonVectors<KeyAggregation>('bips/bip-0327/key_agg_vectors.json');
const nonceAggregation = readJsonVectors<{
  readonly pnonces: readonly string[];
  readonly valid_test_cases: ReadonlyArray<{ readonly pnonce_indices: readonly number[]; readonly expected: string }>;
}>('bips/bip-0327/nonce_agg_vectors.json');

/** BIP327 KeyAgg, over nothing but the port. */
function aggregateKeys(engine: CryptoEngine, keys: readonly Uint8Array[]): Uint8Array | undefined {
  const list = engine.taggedHash('KeyAgg list', concatBytes(...keys));
  const second = keys.find((key) => toHex(key) !== toHex(keys[0] as Uint8Array));
  const weighted = keys.map((key) => {
    if (second !== undefined && toHex(key) === toHex(second)) return engine.publicKeyConvert(key);
    if (key[0] !== 2 && key[0] !== 3) return undefined;
    const coefficient = engine.taggedHash('KeyAgg coefficient', concatBytes(list, key));
    return engine.publicKeyTweakMul(key, coefficient);
  });
  const points = weighted.filter((point) => point !== undefined);
  return points.length === keys.length ? engine.publicKeyCombine(points) : undefined;
}

describe.skipIf(keyAggregation === undefined || nonceAggregation === undefined).for([...all])(
  'the engine %s suffices for MuSig2',
  ([, engine]) => {
    const infinity = '00'.repeat(33);

    it('aggregates keys as BIP327 says', () => {
      for (const test of keyAggregation?.valid_test_cases ?? []) {
        const keys = test.key_indices.map((i) => hex(keyAggregation?.pubkeys[i] as string));
        expect(toHex(aggregateKeys(engine, keys)?.slice(1) ?? hex(''))).toBe(test.expected.toLowerCase());
      }
    });

    it('refuses what BIP327 refuses', () => {
      for (const test of keyAggregation?.error_test_cases ?? []) {
        const keys = test.key_indices.map((i) => hex(keyAggregation?.pubkeys[i] as string));
        let key = keys.every((bytes) => bytes[0] === 2 || bytes[0] === 3) ? aggregateKeys(engine, keys) : undefined;
        test.tweak_indices.forEach((tweak, i) => {
          const base =
            key !== undefined && test.is_xonly[i] === true && key[0] === 3 ? engine.publicKeyNegate(key) : key;
          key =
            base === undefined
              ? undefined
              : engine.publicKeyTweakAdd(base, hex(keyAggregation?.tweaks[tweak] as string));
        });
        expect(key, test.comment).toBeUndefined();
      }
    });

    it('aggregates nonces as BIP327 says, through infinity too', () => {
      for (const test of nonceAggregation?.valid_test_cases ?? []) {
        const halves = [0, 66].map((at) => {
          const points = test.pnonce_indices.map((i) => hex((nonceAggregation?.pnonces[i] ?? '').slice(at, at + 66)));
          const sum = engine.publicKeyCombine(points);
          return sum === undefined ? infinity : toHex(sum);
        });
        expect(halves.join('')).toBe(test.expected.toLowerCase());
      }
    });
  },
);
