import { concatBytes, parseHex, toHex } from '@bitcoin-enterprise/core';
import { describe, expect, it } from 'vitest';
import { type RangeCoefficients, rangeCoefficients } from '../../src/zk/range-equation.ts';
import {
  type EdPoint,
  firstTranscript,
  generator,
  H,
  hashToPoint,
  hashToScalar,
  Point,
  readLittle,
  scalars,
} from './support/monero.ts';
import { moneroProof, trezorProof, trezorWrongA } from './support/monero-proof.ts';

type Proof = {
  readonly [Name in keyof typeof moneroProof]: (typeof moneroProof)[Name] extends string ? string : readonly string[];
};

const times8 = (point: EdPoint): EdPoint => point.multiplyUnsafe(8n);
const read = (text: string): EdPoint => Point.fromHex(text);

/** Monero's verification, with our coefficients in the middle: whether the points add up to nothing. */
function holds(proof: Proof, bits = 64, isDivided = false): boolean {
  const divisor = isDivided ? 1n : scalars.invert(8n);
  const commitments = proof.commitments.map((text) => read(text).multiplyUnsafe(divisor));
  let transcript = hashToScalar(firstTranscript(), hashToScalar(...commitments.map((point) => point.toBytes())));
  const y = (transcript = hashToScalar(transcript, parseHex(proof.a)));
  const z = (transcript = hashToScalar(y));
  const rounds = proof.left.map((left, i) => {
    transcript = hashToScalar(transcript, parseHex(left), parseHex(proof.right[i] as string));
    return readLittle(transcript);
  });
  const last = readLittle(hashToScalar(transcript, parseHex(proof.a1), parseHex(proof.b)));
  const [r, s, delta] = [proof.r, proof.s, proof.delta].map((text) => readLittle(parseHex(text))) as [
    bigint,
    bigint,
    bigint,
  ];
  const coefficients = rangeCoefficients(
    {
      field: scalars,
      bits,
      count: commitments.length,
      y: readLittle(y),
      z: readLittle(z),
      rounds,
      last,
      r,
      s,
      delta,
    },
    1n,
  );
  return sum(proof, coefficients, commitments.map(times8)).is0();
}

const generators = Array.from({ length: 512 }, (_, index) => generator(index));

function sum(proof: Proof, coefficients: RangeCoefficients, values: readonly EdPoint[]): EdPoint {
  const { value, blinding, left, right, commitments, a, a1, b, roundsLeft, roundsRight } = coefficients;
  const terms: (readonly [EdPoint, bigint])[] = [
    [H, value],
    [Point.BASE, blinding],
    ...left.map((scalar, i) => [generators[2 * i + 1] as EdPoint, scalar] as const),
    ...right.map((scalar, i) => [generators[2 * i] as EdPoint, scalar] as const),
    ...commitments.map((scalar, i) => [values[i] as EdPoint, scalar] as const),
    [times8(read(proof.a)), a],
    [times8(read(proof.a1)), a1],
    [times8(read(proof.b)), b],
    ...roundsLeft.map((scalar, i) => [times8(read(proof.left[i] as string)), scalar] as const),
    ...roundsRight.map((scalar, i) => [times8(read(proof.right[i] as string)), scalar] as const),
  ];
  return terms.reduce(
    (total, [point, scalar]) => (scalar === 0n ? total : total.add(point.multiplyUnsafe(scalar))),
    Point.ZERO,
  );
}

describe('the algebra of the range proofs, on the curve and with the transcript of Monero', () => {
  it('has the same generators', () => {
    expect(toHex(H.toBytes())).toBe('8b655970153799af2aeadc9ff1add0ea6c7251d54154cfa92c173a0dd39c1f94');
    expect(generators.every((point) => point.isTorsionFree())).toBe(true);
    expect(hashToPoint(new Uint8Array(32)).isTorsionFree()).toBe(true);
  });

  it('accepts a proof of four outputs that the network accepted', () => {
    expect(holds(moneroProof)).toBe(true);
  });

  it('accepts a proof of two outputs, and refuses it with another A, as the tests of a wallet do', () => {
    expect(holds(trezorProof, 64, true)).toBe(true);
    // The other A is no point, or one that does not fit.
    const isHeld = (() => {
      try {
        return holds({ ...trezorProof, a: trezorWrongA }, 64, true);
      } catch (error) {
        return String(error);
      }
    })();
    expect(isHeld).not.toBe(true);
    expect(holds({ ...trezorProof, a: trezorProof.b }, 64, true)).toBe(false);
  });

  it('accepts it of these values, this order and these bits alone', () => {
    const { commitments } = moneroProof;

    expect(holds({ ...moneroProof, commitments: commitments.toReversed() })).toBe(false);
    expect(
      holds({ ...moneroProof, commitments: [commitments[0], commitments[0], commitments[2], commitments[3]] }),
    ).toBe(false);
    expect(holds(moneroProof, 63)).toBe(false);
    expect(holds({ ...moneroProof, a1: moneroProof.b, b: moneroProof.a1 })).toBe(false);
    expect(holds({ ...moneroProof, left: moneroProof.right, right: moneroProof.left })).toBe(false);
  });

  it.for(['r', 's', 'delta'] as const)('refuses another %s', (name) => {
    const bytes = parseHex(moneroProof[name]);
    const other = toHex(concatBytes(Uint8Array.of((bytes[0] as number) ^ 1), bytes.subarray(1)));

    expect(holds({ ...moneroProof, [name]: other })).toBe(false);
  });
});
