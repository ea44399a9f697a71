/**
 * Verifiers that leave something out, and what forges a proof for each: so that what ours does is shown to matter.
 */
import { concatBytes, currentCrypto, loadCrypto } from '@bitcoin-enterprise/core';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  addCommitments,
  commitTo,
  hashToCurve,
  keyRelation,
  proveAny,
  proveRange,
  proveRelation,
  shiftCommitment,
  verifyAny,
  verifyRange,
  verifyRanges,
  verifyRelation,
} from '../../src/zk/index.ts';
import { BASE } from '../../src/zk/generators.ts';
import { bitWeights, rangeCoefficients } from '../../src/zk/range-equation.ts';
import { proveBits } from '../../src/zk/range-prover.ts';
import { challengeOf, relationBytes } from '../../src/zk/relations.ts';
import { createNonces, ORDER, readNumber, SCALARS, writeNumber } from '../../src/zk/scalars.ts';
import { isZeroSum, sumOf } from '../../src/zk/sums.ts';
import { countBytes, createTranscript, type Transcript } from '../../src/zk/transcript.ts';
import { entropy, openingOf, secretOf } from './support/known.ts';
import { verifyNaively } from './support/naive-range.ts';

beforeAll(async () => {
  await loadCrypto();
});

const nothing = new Uint8Array(0);
const scalarOf = (secret: ReturnType<typeof secretOf>): bigint => secret.use(readNumber);

/** The transcript of a range proof that binds the commitments, or does not. */
function begin(commitments: readonly Uint8Array[], bits: number, isBound: boolean): Transcript {
  const transcript = createTranscript('biscol/zk/range-proof/1');
  transcript.append('size', countBytes(bits, commitments.length));
  transcript.append('context', nothing);
  transcript.append('commitments', isBound ? concatBytes(...commitments) : nothing);
  return transcript;
}

describe('a verifier whose challenges do not depend on', () => {
  it('the commitments accepts values of any size (Frozen Heart)', () => {
    const bits = 8;
    const openings = [openingOf(3n, 'a'), openingOf(4n, 'b')];
    const forge = (isBound: boolean) => {
      let z = 0n;
      const { commitments, proof } = proveBits(
        openings.map(({ value, blinding }) => ({ value, blinding: scalarOf(blinding) })),
        {
          bits,
          begin: (list) => {
            const transcript = begin(list, bits, isBound);
            const { challenge } = transcript;
            return { ...transcript, challenge: (label) => (label === 'z' ? (z = challenge(label)) : challenge(label)) };
          },
          nonces: (state) => createNonces(entropy, state, []),
        },
      );
      // One value gains what the other loses, each by its weight z^2 and z^4: the equation is the same.
      const gain = 1n << 100n;
      const loss = SCALARS.multiply(gain, SCALARS.invert(SCALARS.multiply(z, z)));
      const forged = [
        shiftCommitment(commitments[0] as Uint8Array, gain),
        shiftCommitment(commitments[1] as Uint8Array, -loss),
      ] as [Uint8Array, Uint8Array];
      return { forged, proof, honest: commitments };
    };
    const verify = (commitments: readonly Uint8Array[], proof: Uint8Array, isBound: boolean): boolean =>
      verifyNaively({ commitments, proof, bits, begin: (list) => begin(list, bits, isBound) });

    const weak = forge(false);
    expect(verify(weak.forged, weak.proof, false)).toBe(true);
    const ours = forge(true);
    expect(verifyRange({ commitments: ours.honest, proof: ours.proof, bits })).toBe(true);
    expect(verify(ours.forged, ours.proof, true)).toBe(false);
    expect(verifyRange({ commitments: ours.forged, proof: ours.proof, bits })).toBe(false);
  });

  it('the image accepts a key that nobody knows the secret of', () => {
    const crypto = currentCrypto();
    const context = 'without the image';
    const challengeOf = (announcement: Uint8Array): bigint =>
      readNumber(crypto.taggedHash(context, announcement)) % ORDER;
    // Announce anything, then look for the key that fits: (s*G - T) / c.
    const announcement = crypto.publicKeyConvert(hashToCurve(Uint8Array.of(1), 'T')) as Uint8Array;
    const [challenge, response] = [challengeOf(announcement), 12_345n];
    const inverse = SCALARS.invert(challenge);
    const key = sumOf([
      { scalar: SCALARS.multiply(response, inverse), point: BASE },
      { scalar: ORDER - inverse, point: announcement },
    ]) as Uint8Array;
    const again = sumOf([
      { scalar: response, point: BASE },
      { scalar: ORDER - challenge, point: key },
    ]) as Uint8Array;

    expect(challengeOf(again)).toBe(challenge);
    const proof = concatBytes(writeNumber(challenge), writeNumber(response));
    expect(verifyRelation(keyRelation(key), proof)).toBe(false);
  });
});

describe('a verifier of batches without weights', () => {
  it('accepts two proofs whose errors cancel', () => {
    const bits = 8;
    const proofs = [openingOf(1n, 'x'), openingOf(2n, 'y')].map((opening) => proveRange([opening], { bits, entropy }));
    const shifted = proofs.map((proven, place) => {
      const at = proven.proof.length - 32;
      const delta = readNumber(proven.proof.subarray(at));
      const copy = proven.proof.slice();
      copy.set(writeNumber(SCALARS.reduce(delta + (place === 0 ? 1n : -1n))), at);
      return { ...proven, proof: copy, bits };
    });

    // What the blinding generator counts in the sum: the same, with unit weights.
    const blindingOf = (delta: bigint): bigint =>
      rangeCoefficients(
        { field: SCALARS, bits, count: 1, y: 2n, z: 3n, rounds: [5n, 6n, 7n], last: 8n, r: 9n, s: 10n, delta },
        1n,
      ).blinding;
    expect(SCALARS.reduce(blindingOf(100n) + blindingOf(200n))).toBe(
      SCALARS.reduce(blindingOf(101n) + blindingOf(199n)),
    );
    expect(verifyRanges(proofs.map((proven) => ({ ...proven, bits })))).toStrictEqual([]);
    expect(verifyRanges(shifted)).toStrictEqual([0, 1]);
  });
});

describe('a prover with values out of range', () => {
  it('has no proof, whatever it calls its bits', () => {
    const bits = 4;
    for (const value of [16n, 17n, 1n << 40n, ORDER - 1n]) {
      const { commitments, proof } = proveBits([{ value, blinding: 5n }], {
        bits,
        begin: (list) => begin(list, bits, true),
        nonces: (state) => createNonces(entropy, state, [value]),
      });
      expect(commitments).toStrictEqual([commitTo({ value, blinding: secretOf(5n) })]);
      expect(verifyRange({ commitments, proof, bits })).toBe(false);
    }
  });

  it('gains nothing from the bits that fill the vector up', () => {
    // 3 bits fill up to 4: the fourth weighs nothing.
    expect(bitWeights(SCALARS, { z: 3n, bits: 3, count: 1 })).toStrictEqual([9n, 18n, 36n, 0n]);
    expect(bitWeights(SCALARS, { z: 3n, bits: 1, count: 3 })).toStrictEqual([9n, 81n, 729n, 0n]);
    const { commitments, proof } = proveBits([{ value: 8n, blinding: 5n }], {
      bits: 3,
      begin: (list) => begin(list, 3, true),
      nonces: (state) => createNonces(entropy, state, []),
    });
    expect(verifyRange({ commitments, proof, bits: 3 })).toBe(false);
  });
});

describe('a proof that is turned into one of another statement', () => {
  const secret = secretOf(77n);
  const keyTimes = (scalar: bigint, point: Uint8Array = BASE): Uint8Array => sumOf([{ scalar, point }]) as Uint8Array;
  const parts = (proof: Uint8Array): bigint[] =>
    Array.from({ length: proof.length / 32 }, (_, i) => readNumber(proof.subarray(32 * i, 32 * i + 32)));
  const bytes = (scalars: readonly bigint[]): Uint8Array =>
    concatBytes(...scalars.map((scalar) => writeNumber(SCALARS.reduce(scalar))));

  it('of a related key is refused, though what it announces is the same', () => {
    const [c, s] = parts(proveRelation(keyRelation(keyTimes(77n)), [secret])) as [bigint, bigint];
    // (s + c*k)*G - c*(X + k*G) = s*G - c*X
    expect(verifyRelation(keyRelation(keyTimes(77n)), bytes([c, s]))).toBe(true);
    expect(verifyRelation(keyRelation(keyTimes(77n + 5n)), bytes([c, s + 5n * c]))).toBe(false);
  });

  it('of a related base is refused', () => {
    const base = keyTimes(1n);
    const [c, s] = parts(proveRelation(keyRelation(keyTimes(77n), base), [secret])) as [bigint, bigint];
    // (s/2)*(2*G) = s*G
    const half = SCALARS.multiply(s, SCALARS.invert(2n));
    expect(verifyRelation(keyRelation(keyTimes(77n), keyTimes(2n)), bytes([c, half]))).toBe(false);
  });

  it('of one of several is refused, for a related key among them', () => {
    const relations = [keyRelation(keyTimes(77n)), keyRelation(keyTimes(3n))] as const;
    const proof = proveAny(relations, { place: 0, witness: [secret] });
    const [c, s, otherC, otherS] = parts(proof) as [bigint, bigint, bigint, bigint];
    expect(verifyAny(relations, bytes([c, s, otherC, otherS]))).toBe(true);
    const related = [relations[0], keyRelation(keyTimes(4n))];
    expect(verifyAny(related, bytes([c, s, otherC, otherS + otherC]))).toBe(false);
  });

  it('in another encoding is refused: a challenge and an answer that fit into 32 bytes a second time', () => {
    // Of the relation that is not known, both can be chosen small.
    const relations = [keyRelation(keyTimes(77n)), keyRelation(keyTimes(3n))];
    const [otherC, otherS, nonce] = [3n, 5n, 1_234n];
    const other = sumOf([
      { scalar: otherS, point: BASE },
      { scalar: ORDER - otherC, point: keyTimes(3n) },
    ]) as Uint8Array;
    const transcript = createTranscript('biscol/zk/any-relation/1');
    transcript.append('context', nothing);
    transcript.append('count', countBytes(2));
    for (const relation of relations) transcript.append('relation', relationBytes(relation));
    const c = SCALARS.reduce(challengeOf(transcript, [keyTimes(nonce), other]) - otherC);
    const proofOf = (third: bigint, fourth: bigint): Uint8Array =>
      concatBytes(bytes([c, nonce + c * 77n]), writeNumber(third), writeNumber(fourth));

    expect(verifyAny(relations, proofOf(otherC, otherS))).toBe(true);
    expect(verifyAny(relations, proofOf(otherC + ORDER, otherS))).toBe(false);
    expect(verifyAny(relations, proofOf(otherC, otherS + ORDER))).toBe(false);
  });

  it('announces no infinity: who knows a secret can make one, and gains nothing', () => {
    const one = keyRelation(keyTimes(77n));
    const [first, second] = [one.equations[0], keyRelation(keyTimes(78n)).equations[0]];
    if (first === undefined || second === undefined) return;
    const both = { secrets: 2, equations: [first, { ...second, terms: [{ secret: 1, base: keyTimes(1n) }] }] };
    for (const c of [1n, 5n, ORDER - 1n]) {
      expect(verifyRelation(one, bytes([c, c * 77n]))).toBe(false);
      expect(verifyAny([one, one], bytes([c, c * 77n, c, c * 77n]))).toBe(false);
      expect(verifyRelation(both, bytes([c, c * 77n, 9n]))).toBe(false);
      expect(verifyRelation(both, bytes([c, 9n, c * 78n]))).toBe(false);
    }
  });
});

describe('a sum that is no sum', () => {
  it('is zero only where it is: not where it is a point of the same x as the one it is compared with', () => {
    expect(isZeroSum([])).toBe(true);
    expect(isZeroSum([{ scalar: 0n, point: BASE }])).toBe(true);
    expect(isZeroSum([{ scalar: 1n, point: BASE }])).toBe(false);
    // -2*G, which with the G of the comparison makes -G.
    expect(isZeroSum([{ scalar: ORDER - 2n, point: BASE }])).toBe(false);
    expect(isZeroSum([{ scalar: ORDER - 1n, point: BASE }])).toBe(false);
    expect(isZeroSum([{ scalar: 0n, point: new Uint8Array(33) }])).toBe(false);
  });

  it('never passes for nothing: a proof of points that are none is refused', () => {
    const proven = proveRange([openingOf(1n)], { bits: 8, entropy });
    const offCurve = Uint8Array.from([2, ...new Uint8Array(31), 5]);
    expect(currentCrypto().multiScalarMultiply([{ scalar: writeNumber(1n), point: offCurve }])).toBeUndefined();
    expect(addCommitments([commitTo(openingOf(1n))], [commitTo(openingOf(1n))])).toBeUndefined();
    for (let place = 0; place < 9; place++) {
      const copy = proven.proof.slice();
      copy.set(offCurve, 33 * place);
      expect(verifyRange({ ...proven, proof: copy, bits: 8 })).toBe(false);
    }
    expect(verifyRange({ ...proven, commitments: [offCurve], bits: 8 })).toBe(false);
  });
});
