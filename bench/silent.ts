/**
 * Scanning for silent payments (BIP352): tweaks of an index server with two outputs each, against what the curve takes at
 * least with the same engine, one multiplication of a point and one tweak of a key, and against a scanner written plainly
 * on @noble/curves, as no package of npm has one.
 */
import { currentCrypto, loadCrypto, toHex } from '@bitcoin-enterprise/core';
import { SecretBytes } from '@bitcoin-enterprise/wallet/keys';
import { createDleqProof, SilentScanner, type SilentTweak, verifyDleqProof } from '@bitcoin-enterprise/wallet/silent';
import { schnorr, secp256k1 } from '@noble/curves/secp256k1.js';
import type { BenchResult, BenchSettings } from './harness.ts';
import { measured, runCase } from './harness.ts';

const TWEAKS = 500;

/** Runs all cases. */
export async function runBench(settings: BenchSettings): Promise<readonly BenchResult[]> {
  await loadCrypto();
  return [...scanning(settings), ...proving(settings)];
}

const number = (value: number): Uint8Array => currentCrypto().sha256(Uint8Array.of(value & 0xff, value >> 8, 7));

function scanning(settings: BenchSettings): readonly BenchResult[] {
  const crypto = currentCrypto();
  const scanSecret = number(1);
  const spendPublicKey = crypto.publicKey(number(2)) as Uint8Array;
  const items = Array.from({ length: TWEAKS }, (_, i): SilentTweak => ({
    tweak: crypto.publicKey(number(100 + i)) as Uint8Array,
    outputKeys: [0, 1].map((output) => (crypto.publicKey(number(2_000 + 2 * i + output)) as Uint8Array).slice(1)),
  }));
  const scanner = new SilentScanner({ scanKey: new SecretBytes(scanSecret), spendPublicKey });
  const noble = nobleScanner(scanSecret, spendPublicKey);
  const hit = items[7] as SilentTweak;
  const paid = { ...hit, outputKeys: [...hit.outputKeys, noble.keyOf(hit.tweak)] };
  if (scanner.scanTweak(paid).length !== 1 || !noble.finds(paid)) throw new Error('not the same payment');

  const operations = TWEAKS;
  return runCase(
    {
      name: 'scan a tweak with two outputs, change label looked for',
      ours: measured(() => items.forEach((item) => scanner.scanTweak(item)), { operations }),
      rivals: {
        'one multiplication and one tweak of the engine': {
          measure: measured(
            () => {
              for (const { tweak } of items) {
                crypto.publicKeyTweakMul(tweak, scanSecret);
                crypto.publicKeyTweakAdd(spendPublicKey, scanSecret);
              }
            },
            { operations },
          ),
          promised: 0.9,
        },
        '@noble/curves': {
          measure: measured(() => items.slice(0, 50).forEach((item) => noble.finds(item)), { operations: 50 }),
          promised: 3,
        },
      },
    },
    settings,
  );
}

/** The scanner of BIP352's text, without labels. */
function nobleScanner(scanSecret: Uint8Array, spendPublicKey: Uint8Array) {
  const { Point } = secp256k1;
  const scalar = BigInt(`0x${toHex(scanSecret)}`);
  const spend = Point.fromBytes(spendPublicKey);
  const keyOf = (tweak: Uint8Array): Uint8Array => {
    const shared = Point.fromBytes(tweak).multiplyUnsafe(scalar).toBytes(true);
    const data = new Uint8Array(37);
    data.set(shared);
    const hash = schnorr.utils.taggedHash('BIP0352/SharedSecret', data);
    return Point.BASE.multiplyUnsafe(BigInt(`0x${toHex(hash)}`))
      .add(spend)
      .toBytes(true)
      .slice(1);
  };
  return {
    keyOf,
    finds: ({ tweak, outputKeys }: SilentTweak): boolean => {
      const key = toHex(keyOf(tweak));
      return outputKeys.some((outputKey) => toHex(outputKey) === key);
    },
  };
}

function proving(settings: BenchSettings): readonly BenchResult[] {
  const crypto = currentCrypto();
  const secretKey = new SecretBytes(number(3));
  const point = crypto.publicKey(number(4)) as Uint8Array;
  const made = createDleqProof({ secretKey, point });
  const fourTimes = measured(
    () => {
      for (let i = 0; i < 4; i++) crypto.publicKeyTweakMul(point, number(5));
    },
    { operations: 1 },
  );
  return runCase(
    {
      name: 'verify a proof of BIP374',
      ours: measured(() => void verifyDleqProof({ ...made, point }), { operations: 1 }),
      rivals: { 'four multiplications of the engine': { measure: fourTimes, promised: 0.7 } },
    },
    settings,
  );
}
