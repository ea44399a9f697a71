/**
 * Range proofs: ours are Bulletproofs+, those of `@vulpemventures/secp256k1-zkp` are Borromean ring signatures, the only
 * range proofs on npm. Both are of the same number of bits, and commit with a generator for values and one for blindings.
 */
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import {
  createBlinding,
  proveRange,
  verifyRange,
  type VerifyRangeOptions,
  verifyRanges,
} from '@bitcoin-enterprise/biscol/zk';
import { currentCrypto, loadCrypto } from '@bitcoin-enterprise/core';
import { measured, runCase } from './harness.ts';
import type { BenchResult, BenchSettings } from './harness.ts';

/** The part of the rival that is measured. */
interface Zkp {
  readonly generator: { generate(seed: Uint8Array): Uint8Array };
  readonly pedersen: { commitment(value: string, generator: Uint8Array, blinder: Uint8Array): Uint8Array };
  readonly rangeproof: {
    info(proof: Uint8Array): { readonly mantissa: string; readonly minValue: string; readonly maxValue: string };
    verify(proof: Uint8Array, value: Uint8Array, generator: Uint8Array, extra?: Uint8Array): boolean;
    sign(
      value: string,
      commitment: Uint8Array,
      generator: Uint8Array,
      blinder: Uint8Array,
      nonce: Uint8Array,
      least: string,
      exponent: string,
      bits: string,
    ): Uint8Array;
  };
}

/** Bytes that a proof of 64 bits may have. */
const MOST_BYTES = 700;
const DISTINCT = 8;
const RIVAL = '@vulpemventures/secp256k1-zkp 3.2.1';

/** Runs all cases. */
export async function runBench(settings: BenchSettings): Promise<readonly BenchResult[]> {
  await loadCrypto();
  const crypto = currentCrypto();
  const require = createRequire(import.meta.url);
  const { loadZkp } = require(resolve(import.meta.dirname, 'thirdparty/rivals-zk.cjs')) as { loadZkp(): Promise<Zkp> };
  const zkp = await loadZkp();
  const generator = zkp.generator.generate(crypto.sha256(Uint8Array.of(7)));
  const valueOf = (bits: number, place: number): bigint => (1n << BigInt(bits)) - 1n - BigInt(place);

  const ourProof = (bits: number, place: number): VerifyRangeOptions => ({
    ...proveRange([{ value: valueOf(bits, place), blinding: createBlinding() }], { bits }),
    bits,
  });
  const theirProof = (bits: number, place: number): { readonly proof: Uint8Array; readonly commitment: Uint8Array } => {
    const [blinder, nonce] = [crypto.sha256(Uint8Array.of(1, place)), crypto.sha256(Uint8Array.of(2, place))];
    const value = String(valueOf(bits, place));
    const commitment = zkp.pedersen.commitment(value, generator, blinder);
    return {
      proof: zkp.rangeproof.sign(value, commitment, generator, blinder, nonce, '0', '0', String(bits)),
      commitment,
    };
  };
  const distinct = Array.from({ length: DISTINCT }, (_, place) => place);
  const must = (holds: boolean): void => {
    if (!holds) throw new Error('a proof does not hold');
  };

  const results: BenchResult[] = [];
  for (const bits of [64, 52]) {
    const ours = distinct.map((place) => ourProof(bits, place));
    const theirs = distinct.map((place) => theirProof(bits, place));
    for (const { proof } of ours) if (proof.length > MOST_BYTES) throw new Error(`a proof of ${proof.length} bytes`);
    for (const { proof } of theirs)
      if (zkp.rangeproof.info(proof).mantissa !== String(bits)) throw new Error('a proof of another size');
    const sizes = `${ours[0]?.proof.length} against ${theirs[0]?.proof.length} bytes`;
    const verifyTheirs = (): void => {
      for (const { proof, commitment } of theirs) must(zkp.rangeproof.verify(proof, commitment, generator));
    };
    const rival = { measure: measured(verifyTheirs, { operations: DISTINCT, windowMs: 500 }), promised: 5 };
    const batch = Array.from({ length: 64 }, (_, place) => ours[place % DISTINCT] as VerifyRangeOptions);
    results.push(
      ...runCase(
        {
          name: `range proof of ${bits} bits, verify (${sizes})`,
          ours: measured(() => ours.forEach((proof) => must(verifyRange(proof))), { operations: DISTINCT }),
          rivals: { [RIVAL]: rival },
        },
        settings,
      ),
      ...runCase(
        {
          name: `range proofs of ${bits} bits, verify 64 at once`,
          ours: measured(() => must(verifyRanges(batch).length === 0), { operations: batch.length }),
          rivals: { [`${RIVAL}, one by one`]: { measure: rival.measure } },
        },
        settings,
      ),
    );
  }
  results.push(
    ...runCase(
      {
        name: 'range proof of 64 bits, prove',
        ours: measured(() => void ourProof(64, 1), { operations: 1 }),
        rivals: { [RIVAL]: { measure: measured(() => void theirProof(64, 1), { operations: 1, windowMs: 300 }) } },
      },
      settings,
    ),
  );
  return results;
}
