import { concatBytes } from '@bitcoin-enterprise/core';
import { commit } from './commitments.ts';
import { powersOf } from './field.ts';
import { BASE, leftGenerators, rightGenerators, valueGenerator } from './generators.ts';
import { bitWeights, valueWeights, vectorLength } from './range-equation.ts';
import { SCALARS, writeNumber } from './scalars.ts';
import { secretSumOf, type Term } from './sums.ts';
import { type Transcript } from './transcript.ts';

/** What is committed to, as scalars. */
interface Opened {
  readonly value: bigint;
  readonly blinding: bigint;
}

/** How a proof is begun. */
interface ProverOptions {
  readonly bits: number;
  /** The transcript of a statement. */
  readonly begin: (commitments: readonly Uint8Array[]) => Transcript;
  /** The source of nonces for a state of the transcript. */
  readonly nonces: (state: Uint8Array) => () => bigint;
}

/** Proves that values have so many bits (Bulletproofs+, figure 3, then figure 1). */
export function proveBits(
  opened: readonly Opened[],
  { bits, begin, nonces }: ProverOptions,
): { readonly commitments: readonly Uint8Array[]; readonly proof: Uint8Array } {
  const early = nonces(new Uint8Array(32));
  const commitments = opened.map(({ value, blinding }) => commit(value, blinding, early));
  const transcript = begin(commitments);
  const nonce = nonces(transcript.state());
  const count = opened.length;
  const length = vectorLength(bits, count);
  const { multiply, reduce, power } = SCALARS;
  const { left: lefts, right: rights } = { left: leftGenerators(length), right: rightGenerators(length) };

  const bitsOf = (place: number): bigint => {
    const value = opened[Math.floor(place / bits)]?.value ?? 0n;
    return (value >> BigInt(place % bits)) & 1n;
  };
  const ones = Array.from({ length }, (_, i) => bitsOf(i));
  const alpha = nonce();
  const a = point(
    [
      ...pair(lefts, ones),
      ...pair(
        rights,
        ones.map((bit) => reduce(bit - 1n)),
      ),
      hiding(alpha),
    ],
    nonce,
  );
  transcript.append('A', a);
  const [y, z] = [transcript.challenge('y'), transcript.challenge('z')];

  const ys = powersOf(SCALARS, y, { first: y, count: length });
  const weights = bitWeights(SCALARS, { z, bits, count });
  const squares = valueWeights(SCALARS, z, count);
  const blindings = opened.reduce((sum, { blinding }, j) => sum + multiply(squares[j] as bigint, blinding), 0n);
  const witness: Witness = {
    a: ones.map((bit) => reduce(bit - z)),
    b: ones.map((bit, i) => reduce(bit - 1n + z + (weights[i] as bigint) * (ys[length - 1 - i] as bigint))),
    alpha: reduce(alpha + power(y, BigInt(length + 1)) * reduce(blindings)),
  };
  return { commitments, proof: concatBytes(a, proveProduct(witness, { y, transcript, nonce })) };
}

function point(terms: readonly Term[], nonce: () => bigint): Uint8Array {
  // Infinity would take nonces that cancel: one chance in 2^256.
  return secretSumOf(terms, nonce) ?? new Uint8Array(33);
}

function pair(points: readonly Uint8Array[], scalars: readonly bigint[]): Term[] {
  return scalars.map((scalar, i) => ({ scalar, point: points[i] as Uint8Array }));
}

/** A multiple of the generator that hides. */
function hiding(scalar: bigint): Term {
  return { scalar, point: BASE };
}

interface Witness {
  readonly a: readonly bigint[];
  readonly b: readonly bigint[];
  readonly alpha: bigint;
}

/** `Σ left_i * right_i * y^i`, i from 1. */
function weightedProduct(left: readonly bigint[], right: readonly bigint[], y: bigint): bigint {
  let [sum, power] = [0n, y];
  for (const [i, value] of left.entries()) {
    sum += SCALARS.multiply(value, right[i] as bigint) * power;
    power = SCALARS.multiply(power, y);
  }
  return SCALARS.reduce(sum);
}

/**
 * The weighted inner product argument. The generators are not folded: what each counts by now is carried along, which
 * makes every L and R one sum over the generators as they are.
 */
function proveProduct(
  witness: Witness,
  { y, transcript, nonce }: { readonly y: bigint; readonly transcript: Transcript; readonly nonce: () => bigint },
): Uint8Array {
  const { multiply, reduce, power, invert } = SCALARS;
  let { a, b, alpha } = witness;
  const length = a.length;
  const [lefts, rights] = [leftGenerators(length), rightGenerators(length)];
  let [countsLeft, countsRight] = [new Array<bigint>(length).fill(1n), new Array<bigint>(length).fill(1n)];
  const parts: Uint8Array[] = [];

  while (a.length > 1) {
    const [size, half] = [a.length, a.length / 2];
    const [a1, a2, b1, b2] = [a.slice(0, half), a.slice(half), b.slice(0, half), b.slice(half)];
    const yHalf = power(y, BigInt(half));
    const inverseHalf = invert(yHalf);
    const [dLeft, dRight] = [nonce(), nonce()];
    const scaled = a2.map((value) => multiply(value, yHalf));
    const [forL, forR]: [Term[], Term[]] = [[], []];
    for (let i = 0; i < length; i++) {
      const at = i % size;
      const isFirst = at < half;
      const [ofLeft, ofRight] = [countsLeft[i] as bigint, countsRight[i] as bigint];
      const [left, right] = [lefts[i] as Uint8Array, rights[i] as Uint8Array];
      if (isFirst) {
        forL.push({ scalar: multiply(b2[at] as bigint, ofRight), point: right });
        forR.push({ scalar: multiply(scaled[at] as bigint, ofLeft), point: left });
      } else {
        const value = multiply(a1[at - half] as bigint, inverseHalf);
        forL.push({ scalar: multiply(value, ofLeft), point: left });
        forR.push({ scalar: multiply(b1[at - half] as bigint, ofRight), point: right });
      }
    }
    const product = (scalar: bigint): Term => ({ scalar, point: valueGenerator() });
    const l = point([...forL, product(weightedProduct(a1, b2, y)), hiding(dLeft)], nonce);
    const r = point([...forR, product(weightedProduct(scaled, b1, y)), hiding(dRight)], nonce);
    transcript.append('L', l);
    transcript.append('R', r);
    parts.push(l, r);

    const e = transcript.challenge('e');
    const inverse = invert(e);
    const [second, squared, inverseSquared] = [multiply(e, inverseHalf), multiply(e, e), multiply(inverse, inverse)];
    countsLeft = countsLeft.map((count, i) => multiply(count, i % size < half ? inverse : second));
    countsRight = countsRight.map((count, i) => multiply(count, i % size < half ? e : inverse));
    a = a1.map((value, i) => reduce(value * e + (scaled[i] as bigint) * inverse));
    b = b1.map((value, i) => reduce(value * inverse + (b2[i] as bigint) * e));
    alpha = reduce(alpha + dLeft * squared + dRight * inverseSquared);
  }

  const [lastA, lastB] = [a[0] as bigint, b[0] as bigint];
  const [r, s, delta, eta] = [nonce(), nonce(), nonce(), nonce()];
  const cross = reduce(multiply(multiply(r, y), lastB) + multiply(multiply(s, y), lastA));
  const a1 = point(
    [
      ...pair(
        lefts,
        countsLeft.map((count) => multiply(count, r)),
      ),
      ...pair(
        rights,
        countsRight.map((count) => multiply(count, s)),
      ),
      { scalar: cross, point: valueGenerator() },
      hiding(delta),
    ],
    nonce,
  );
  const b1 = point([{ scalar: multiply(multiply(r, y), s), point: valueGenerator() }, hiding(eta)], nonce);
  transcript.append('A1', a1);
  transcript.append('B', b1);
  const e = transcript.challenge('last');
  const answers = [r + lastA * e, s + lastB * e, eta + delta * e + alpha * multiply(e, e)];
  return concatBytes(...parts, a1, b1, ...answers.map((answer) => writeNumber(reduce(answer))));
}
