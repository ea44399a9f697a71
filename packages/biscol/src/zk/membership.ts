import { concatBytes, currentCrypto, type Entropy, webEntropy } from '@bitcoin-enterprise/core';
import type { SecretBytes } from '@bitcoin-enterprise/wallet/multiparty';
import { requireBytes, requireInteger, requireList, requireObject } from '../checks.ts';
import { invalidArgument } from '../errors.ts';
import { scalarOf, shiftCommitment } from './commitments.ts';
import { powersOf } from './field.ts';
import { BASE, leftGenerators } from './generators.ts';
import { type ProofOptions, readScalars } from './relations.ts';
import { createNonces, SCALARS, writeNumber } from './scalars.ts';
import { isZeroSum, secretSumOf, type Term } from './sums.ts';
import { countBytes, createTranscript, type Transcript } from './transcript.ts';

const MOST_MEMBERS = 4096;
const POINT = 33;
const NOTHING = new Uint8Array(0);

/** How many bits a place of a set has: the set counts as filled up to a power of two with its last member. */
function bitsOf(count: number): number {
  return Math.ceil(Math.log2(count));
}

/**
 * Bytes of a membership proof: for a set of 1,024 members 878 bytes, 65 more each time the set doubles.
 *
 * @param count - Members, 2 to 4,096.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 */
export function membershipProofSize(count: number): number {
  const bits = bitsOf(requireInteger('count', count, 2, MOST_MEMBERS));
  return (4 + bits) * POINT + (bits + 3) * 32;
}

/** The members as 65 bytes each, so that every sum is spared their square roots. */
function requireMembers(members: unknown): readonly Uint8Array[] {
  const list = requireList('members', members);
  if (list.length < 2 || list.length > MOST_MEMBERS)
    throw invalidArgument('members', `2 to ${MOST_MEMBERS} points`, members);
  return list.map((member, place) => {
    const bytes = requireBytes(`members[${place}]`, member, POINT);
    const point = currentCrypto().publicKeyConvert(bytes, { compressed: false });
    if (point === undefined) throw invalidArgument(`members[${place}]`, 'a point of 33 bytes', member);
    return point;
  });
}

function begin(ring: readonly Uint8Array[], context: Uint8Array): Transcript {
  const transcript = createTranscript('biscol/zk/membership/1');
  transcript.append('context', context);
  transcript.append('count', countBytes(ring.length));
  transcript.append('members', concatBytes(...ring));
  return transcript;
}

/**
 * Proves knowledge of the discrete logarithm (to G) of one of many points, without telling of which: the one-out-of-many
 * proof of Groth and Kohlweiss in the form of Bootle and others (eprint 2015/643), whose size grows with the logarithm
 * of the set. Members are public keys; or commitments less what one of them is said to hold, see {@link valueMembers}.
 *
 * @param members - 2 to 4,096 points, 33 bytes each.
 * @param known - `place` of the member, and its logarithm.
 * @returns {@link membershipProofSize} bytes.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts
 * import { commitTo, createBlinding, proveMembership, valueMembers, verifyMembership } from '@bitcoin-enterprise/biscol/zk';
 *
 * const blinding = createBlinding();
 * const commitment = commitTo({ value: 500n, blinding });
 * const members = valueMembers(commitment, [100n, 200n, 500n, 1000n]);
 * const proof = proveMembership(members, { place: 2, secret: blinding });
 *
 * verifyMembership(members, proof); // => true
 * ```
 */
export function proveMembership(
  members: readonly Uint8Array[],
  known: { readonly place: number; readonly secret: SecretBytes },
  options: ProofOptions = {},
): Uint8Array {
  const { context = NOTHING, entropy = webEntropy() } = requireObject<ProofOptions>('options', options);
  requireBytes('options.context', context);
  const ring = requireMembers(members);
  const { place, secret } = requireObject<{ readonly place: number; readonly secret: unknown }>('known', known);
  const own = requireInteger('known.place', place, 0, ring.length - 1);
  const scalar = scalarOf('known.secret', secret);
  return prove(ring, { own, scalar, context, entropy });
}

interface Known {
  readonly own: number;
  readonly scalar: bigint;
  readonly context: Uint8Array;
  readonly entropy: Entropy;
}

function prove(ring: readonly Uint8Array[], { own, scalar, context, entropy }: Known): Uint8Array {
  const { reduce, multiply } = SCALARS;
  const transcript = begin(ring, context);
  const nonce = createNonces(entropy, transcript.state(), [BigInt(own), scalar]);
  const minus = { scalar: SCALARS.order - 1n, point: ring[own] as Uint8Array };
  // Through parts of the secret, as every sum that has one.
  if (secretSumOf([{ scalar, point: BASE }, minus], nonce) !== undefined)
    throw invalidArgument('known.secret', 'the logarithm of the member', 'another one');
  const bits = bitsOf(ring.length);
  const ones = Array.from({ length: bits }, (_, bit) => BigInt((own >> bit) & 1));
  const masks = ones.map(() => nonce());
  const [rA, rB, rC, rD] = [nonce(), nonce(), nonce(), nonce()];
  const commitments = [
    vectorTerms(masks, rA),
    vectorTerms(ones, rB),
    vectorTerms(
      ones.map((one, j) => reduce((masks[j] as bigint) * (1n - 2n * one))),
      rC,
    ),
    vectorTerms(
      masks.map((mask) => reduce(-mask * mask)),
      rD,
    ),
  ].map((terms) => secretSumOf(terms, nonce) ?? new Uint8Array(POINT));

  const polynomials = ring.map((_, index) => productOf(index, ones, masks));
  // What fills the set up counts for its last member.
  for (let index = ring.length; index < 1 << bits; index++) {
    const last = polynomials[ring.length - 1] as bigint[];
    for (const [power, value] of productOf(index, ones, masks).entries())
      last[power] = reduce((last[power] as bigint) + value);
  }
  const hidden = ones.map(() => nonce());
  const parts = hidden.map((mask, power) => {
    const terms = ring.map((point, index) => ({ scalar: (polynomials[index] as bigint[])[power] as bigint, point }));
    return secretSumOf([...terms, { scalar: mask, point: BASE }], nonce) ?? new Uint8Array(POINT);
  });
  const x = challengeOf(transcript, [...commitments, ...parts]);
  const powers = powersOf(SCALARS, x, { first: 1n, count: bits + 1 });
  const answers = ones.map((one, j) => reduce(one * x + (masks[j] as bigint)));
  const cancelled = hidden.reduce((sum, mask, power) => sum + multiply(mask, powers[power] as bigint), 0n);
  const rest = [rB * x + rA, rC * x + rD, scalar * (powers[bits] as bigint) - cancelled].map(reduce);
  return concatBytes(...commitments, ...parts, ...[...answers, ...rest].map(writeNumber));
}

/** A vector commitment: a generator for each entry, and G for what hides. */
function vectorTerms(values: readonly bigint[], hiding: bigint): Term[] {
  const points = leftGenerators(values.length);
  return [...values.map((scalar, j) => ({ scalar, point: points[j] as Uint8Array })), { scalar: hiding, point: BASE }];
}

/** Coefficients, the lowest first, of the product over all bits of `f_j`, or `x - f_j` where the bit of the index is 0. */
function productOf(index: number, ones: readonly bigint[], masks: readonly bigint[]): bigint[] {
  let product = [1n];
  for (const [j, one] of ones.entries()) {
    const isOne = ((index >> j) & 1) === 1;
    const slope = isOne ? one : 1n - one;
    const constant = isOne ? (masks[j] as bigint) : -(masks[j] as bigint);
    const next = new Array<bigint>(product.length + 1).fill(0n);
    for (const [power, value] of product.entries()) {
      next[power] = SCALARS.reduce((next[power] as bigint) + value * constant);
      next[power + 1] = SCALARS.reduce((next[power + 1] as bigint) + value * slope);
    }
    product = next;
  }
  return product;
}

function challengeOf(transcript: Transcript, points: readonly Uint8Array[]): bigint {
  for (const point of points) transcript.append('announcement', point);
  return transcript.challenge('x');
}

/**
 * Whether a membership proof holds: one multi-scalar multiplication.
 *
 * @returns `false` for whatever is not a proof of these members, in this order, and this context.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT` for arguments of the wrong type, and members that are no points.
 */
export function verifyMembership(
  members: readonly Uint8Array[],
  proof: Uint8Array,
  options: { readonly context?: Uint8Array } = {},
): boolean {
  const { context = NOTHING } = requireObject<ProofOptions>('options', options);
  requireBytes('options.context', context);
  const ring = requireMembers(members);
  const bytes = requireBytes('proof', proof);
  if (bytes.length !== membershipProofSize(ring.length)) return false;
  const bits = bitsOf(ring.length);
  const points = Array.from({ length: 4 + bits }, (_, place) => bytes.slice(place * POINT, (place + 1) * POINT));
  const scalars = readScalars(bytes.subarray(points.length * POINT), bits + 3);
  if (scalars === undefined) return false;
  const transcript = begin(ring, context);
  const x = challengeOf(transcript, points);
  transcript.append('answers', bytes.subarray(points.length * POINT));
  return isZeroSum(
    equationOf({ ring, points, scalars, x, weights: [transcript.challenge('w'), transcript.challenge('w')] }),
  );
}

interface Equation {
  readonly ring: readonly Uint8Array[];
  readonly points: readonly Uint8Array[];
  readonly scalars: readonly bigint[];
  readonly x: bigint;
  /** Of the second and third equation. */
  readonly weights: readonly [bigint, bigint];
}

/** All three equations in one: A + xB = Com(f; zA), D + xC = Com(f(x-f); zC), Σ Π f * c = zG + Σ x^k Q_k. */
function equationOf({ ring, points, scalars, x, weights: [second, third] }: Equation): Term[] {
  const { reduce, multiply } = SCALARS;
  const bits = points.length - 4;
  const answers = scalars.slice(0, bits);
  const [zA, zC, z] = scalars.slice(bits) as [bigint, bigint, bigint];
  const powers = powersOf(SCALARS, x, { first: 1n, count: bits });
  const [a, b, c, d, ...parts] = points as [Uint8Array, Uint8Array, Uint8Array, Uint8Array, ...Uint8Array[]];
  const generators = leftGenerators(bits);
  const weights = memberWeights(answers, x, ring.length);
  return [
    { scalar: 1n, point: a },
    { scalar: x, point: b },
    { scalar: multiply(second, x), point: c },
    { scalar: second, point: d },
    ...answers.map((f, j) => ({
      scalar: reduce(-f - second * multiply(f, reduce(x - f))),
      point: generators[j] as Uint8Array,
    })),
    ...ring.map((point, index) => ({ scalar: multiply(third, weights[index] as bigint), point })),
    ...parts.map((point, power) => ({ scalar: reduce(-third * (powers[power] as bigint)), point })),
    { scalar: reduce(-zA - second * zC - third * z), point: BASE },
  ];
}

/** `Π f_j` or `x - f_j` by the bits of the index, of each member; the last one has those of the filling too. */
function memberWeights(answers: readonly bigint[], x: bigint, count: number): bigint[] {
  let weights = [1n];
  for (const f of answers)
    weights = [
      ...weights.map((weight) => SCALARS.multiply(weight, SCALARS.reduce(x - f))),
      ...weights.map((weight) => SCALARS.multiply(weight, f)),
    ];
  const filling = weights.slice(count).reduce((sum, weight) => sum + weight, 0n);
  const members = weights.slice(0, count);
  members[count - 1] = SCALARS.reduce((members[count - 1] as bigint) + filling);
  return members;
}

/**
 * The members for “this commitment holds one of these values”: the commitment less each value. Its blinding is the
 * logarithm at the place of the value.
 *
 * @param values - 2 to 4,096, each 0 to n-1.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`, also for a commitment that anybody can open.
 */
export function valueMembers(commitment: Uint8Array, values: readonly bigint[]): readonly Uint8Array[] {
  return requireList('values', values).map((value, place) => {
    if (typeof value !== 'bigint' || value < 0n) throw invalidArgument(`values[${place}]`, 'a bigint from 0 on', value);
    const member = shiftCommitment(commitment, -value);
    if (member === undefined) throw invalidArgument('commitment', 'one that hides its value', 'one without a blinding');
    return member;
  });
}
