import { concatBytes, currentCrypto, type Entropy, webEntropy } from '@bitcoin-enterprise/core';
import { requireBytes, requireInteger, requireList, requireObject } from '../checks.ts';
import { invalidArgument } from '../errors.ts';
import { type Opening, readOpening } from './commitments.ts';
import { BASE, leftGenerators, rightGenerators, valueGenerator } from './generators.ts';
import { type RangeCoefficients, rangeCoefficients, type RangeEquation, vectorLength } from './range-equation.ts';
import { proveBits } from './range-prover.ts';
import { createNonces, readNumber, readScalar, SCALARS } from './scalars.ts';
import { isZeroSum, type Term } from './sums.ts';
import { countBytes, createTranscript, type Transcript } from './transcript.ts';

/** Bits of all values of one proof together: 32 values of 64 bits. */
const MOST_BITS = 2048;
const POINT = 33;
const SCALAR = 32;

/** What a range proof is made of, beside the openings. */
export interface ProveRangeOptions {
  /** How many bits each value has, 1 to 64; 64 when absent. */
  readonly bits?: number;
  /** What the proof is for: it holds for these bytes only. None when absent. */
  readonly context?: Uint8Array;
  /** Where random bytes come from; the platform's when absent. */
  readonly entropy?: Entropy;
}

/** A range proof and what it is about. */
export interface RangeProof {
  /** Of the values, 33 bytes each, in order. */
  readonly commitments: readonly Uint8Array[];
  /** {@link rangeProofSize} bytes. */
  readonly proof: Uint8Array;
}

/** What a range proof is checked against. */
export interface VerifyRangeOptions extends RangeProof {
  /** How many bits each value is to have, 1 to 64; 64 when absent. */
  readonly bits?: number;
  /** What the proof is to be for. None when absent. */
  readonly context?: Uint8Array;
}

/**
 * Bytes of a range proof: 591 for one value of 64 bits, 66 more each time the number of bits doubles.
 *
 * @param options - `bits` of each value, 1 to 64, and `count` of values; 2,048 bits together at most.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts
 * import { rangeProofSize } from '@bitcoin-enterprise/biscol/zk';
 *
 * rangeProofSize({ bits: 64, count: 1 }); // => 591
 * rangeProofSize({ bits: 64, count: 16 }); // => 855
 * ```
 */
export function rangeProofSize(options: { readonly bits: number; readonly count: number }): number {
  const { bits, count } = requireObject<{ readonly bits: number; readonly count: number }>('options', options);
  const checked = requireSize(bits, count);
  return (3 + 2 * Math.log2(vectorLength(checked.bits, checked.count))) * POINT + 3 * SCALAR;
}

function requireSize(bits: unknown, count: unknown): { readonly bits: number; readonly count: number } {
  const each = requireInteger('options.bits', bits, 1, 64);
  return { bits: each, count: requireInteger('the number of values', count, 1, Math.floor(MOST_BITS / each)) };
}

/**
 * Proves that committed values are of 0 to 2^bits - 1, and tells nothing else: Bulletproofs+ (eprint 2020/735), one
 * proof for all values together, made non-interactive by tagged hashes over everything public. The prover's arithmetic
 * is not constant time.
 *
 * @returns The commitments and the proof.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`, also for a value out of range; CoreError `CORE_ENTROPY_UNAVAILABLE`.
 *
 * @example
 * ```ts
 * import { loadCrypto } from '@bitcoin-enterprise/core';
 * import { createBlinding, proveRange, verifyRange } from '@bitcoin-enterprise/biscol/zk';
 *
 * await loadCrypto();
 * const proven = proveRange([{ value: 21_000_000n, blinding: createBlinding() }]);
 *
 * proven.proof.length; // => 591
 * verifyRange(proven); // => true
 * verifyRange({ ...proven, bits: 32 }); // => false
 * ```
 */
export function proveRange(openings: readonly Opening[], options: ProveRangeOptions = {}): RangeProof {
  const { bits = 64, context = NOTHING, entropy = webEntropy() } = requireObject<ProveRangeOptions>('options', options);
  const list = requireList('openings', openings);
  const size = requireSize(bits, list.length);
  requireBytes('options.context', context);
  const opened = list.map((opening, place) => readOpening(`openings[${place}]`, opening));
  for (const [place, { value }] of opened.entries())
    if (value >> BigInt(size.bits) !== 0n)
      throw invalidArgument(`openings[${place}].value`, `a value of ${size.bits} bits`, value);
  const secrets = opened.flatMap(({ value, blinding }) => [value, blinding]);
  return proveBits(opened, {
    bits: size.bits,
    begin: (commitments) => beginTranscript({ commitments, context, bits: size.bits }),
    nonces: (state) => createNonces(entropy, state, secrets),
  });
}

const NOTHING = new Uint8Array(0);

interface Statement {
  readonly commitments: readonly Uint8Array[];
  readonly bits: number;
  readonly context: Uint8Array;
}

function beginTranscript({ commitments, bits, context }: Statement): Transcript {
  const transcript = createTranscript('biscol/zk/range-proof/1');
  transcript.append('size', countBytes(bits, commitments.length));
  transcript.append('context', context);
  transcript.append('commitments', concatBytes(...commitments));
  return transcript;
}

/** A proof that could be read, with its challenges. */
interface Prepared {
  readonly equation: RangeEquation;
  readonly commitments: readonly Uint8Array[];
  readonly a: Uint8Array;
  readonly roundsLeft: readonly Uint8Array[];
  readonly roundsRight: readonly Uint8Array[];
  readonly a1: Uint8Array;
  readonly b: Uint8Array;
  /** Stands for all of the statement and the proof. */
  readonly digest: Uint8Array;
}

function requireStatement(argument: string, options: unknown): Statement & { readonly proof: Uint8Array } {
  const { commitments, proof, bits = 64, context = NOTHING } = requireObject<VerifyRangeOptions>(argument, options);
  const list = requireList(`${argument}.commitments`, commitments).map((commitment, place) =>
    requireBytes(`${argument}.commitments[${place}]`, commitment, POINT),
  );
  return {
    commitments: list,
    bits: requireSize(bits, list.length).bits,
    context: requireBytes(`${argument}.context`, context),
    proof: requireBytes(`${argument}.proof`, proof),
  };
}

/** Reads a proof and derives its challenges; `undefined` when its bytes are none. Points are read with the equation. */
function prepare(statement: Statement & { readonly proof: Uint8Array }): Prepared | undefined {
  const { commitments, bits, proof } = statement;
  const count = commitments.length;
  if (proof.length !== rangeProofSize({ bits, count })) return undefined;
  const pointAt = (place: number): Uint8Array => proof.slice(place * POINT, (place + 1) * POINT);
  const rounds = Math.log2(vectorLength(bits, count));
  const scalarsAt = (3 + 2 * rounds) * POINT;
  const [r, s, delta] = [0, 1, 2].map((place) =>
    readScalar(proof.subarray(scalarsAt + place * SCALAR, scalarsAt + (place + 1) * SCALAR)),
  );
  if (r === undefined || s === undefined || delta === undefined) return undefined;

  const transcript = beginTranscript(statement);
  const a = pointAt(0);
  transcript.append('A', a);
  const [y, z] = [transcript.challenge('y'), transcript.challenge('z')];
  const [roundsLeft, roundsRight, challenges]: [Uint8Array[], Uint8Array[], bigint[]] = [[], [], []];
  for (let round = 0; round < rounds; round++) {
    const [left, right] = [pointAt(1 + 2 * round), pointAt(2 + 2 * round)];
    transcript.append('L', left);
    transcript.append('R', right);
    challenges.push(transcript.challenge('e'));
    roundsLeft.push(left);
    roundsRight.push(right);
  }
  const [a1, b] = [pointAt(1 + 2 * rounds), pointAt(2 + 2 * rounds)];
  transcript.append('A1', a1);
  transcript.append('B', b);
  const last = transcript.challenge('last');
  transcript.append('answers', proof.subarray(scalarsAt));
  const equation = { field: SCALARS, bits, count, y, z, rounds: challenges, last, r, s, delta };
  return { equation, commitments, a, roundsLeft, roundsRight, a1, b, digest: transcript.state() };
}

/** Whether proofs hold, all of them together. */
function holds(proofs: readonly Prepared[]): boolean {
  const terms: Term[] = [];
  let [value, blinding] = [0n, 0n];
  const [left, right]: [bigint[], bigint[]] = [[], []];
  for (const [place, weight] of weightsOf(proofs).entries()) {
    const proof = proofs[place] as Prepared;
    const coefficients = rangeCoefficients(proof.equation, weight);
    value += coefficients.value;
    blinding += coefficients.blinding;
    for (const [i, coefficient] of coefficients.left.entries()) left[i] = (left[i] ?? 0n) + coefficient;
    for (const [i, coefficient] of coefficients.right.entries()) right[i] = (right[i] ?? 0n) + coefficient;
    terms.push(...ownTerms(proof, coefficients));
  }
  const add = (points: readonly Uint8Array[], scalars: readonly bigint[]): void => {
    for (const [i, scalar] of scalars.entries())
      terms.push({ scalar: SCALARS.reduce(scalar), point: points[i] as Uint8Array });
  };
  add([valueGenerator(), BASE], [value, blinding]);
  add(leftGenerators(left.length), left);
  add(rightGenerators(right.length), right);
  return isZeroSum(terms);
}

/** The terms whose points are the proof's own. */
function ownTerms(proof: Prepared, coefficients: RangeCoefficients): Term[] {
  const pair = (points: readonly Uint8Array[], scalars: readonly bigint[]): Term[] =>
    points.map((point, i) => ({ scalar: scalars[i] as bigint, point }));
  return [
    ...pair([proof.a, proof.a1, proof.b], [coefficients.a, coefficients.a1, coefficients.b]),
    ...pair(proof.commitments, coefficients.commitments),
    ...pair(proof.roundsLeft, coefficients.roundsLeft),
    ...pair(proof.roundsRight, coefficients.roundsRight),
  ];
}

/** Weights of 128 bits that nobody can know before all proofs are fixed: they are a hash of them. */
function weightsOf(proofs: readonly Prepared[]): readonly bigint[] {
  if (proofs.length === 1) return [1n];
  const crypto = currentCrypto();
  const seed = crypto.taggedHash('biscol/zk/batch', concatBytes(...proofs.map(({ digest }) => digest)));
  return proofs.map((_, place) => {
    const hash = crypto.taggedHash('biscol/zk/batch-weight', concatBytes(seed, countBytes(place)));
    return readNumber(hash.subarray(0, 16)) + 1n;
  });
}

/**
 * Whether a range proof holds: one multi-scalar multiplication.
 *
 * @returns `false` for whatever is not the proof of these commitments, bits and context, in its only encoding.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT` for arguments of the wrong type, and commitments that are not 33 bytes.
 */
export function verifyRange(options: VerifyRangeOptions): boolean {
  const prepared = prepare(requireStatement('options', options));
  return prepared !== undefined && holds([prepared]);
}

/**
 * Verifies many range proofs together, of any sizes, by one multi-scalar multiplication, in which the generators count
 * once. Where it fails, the failing ones are found by halving.
 *
 * @returns Places of the proofs that do not hold, ascending; empty when all do.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT` as {@link verifyRange}.
 */
export function verifyRanges(proofs: readonly VerifyRangeOptions[]): readonly number[] {
  const all = requireList('proofs', proofs).map((proof, place) => prepare(requireStatement(`proofs[${place}]`, proof)));
  const failed: number[] = [];
  const search = (places: readonly number[]): void => {
    if (places.length === 0 || holds(places.map((place) => all[place] as Prepared))) return;
    if (places.length === 1) failed.push(...places);
    const middle = places.length >> 1;
    if (middle > 0) for (const half of [places.slice(0, middle), places.slice(middle)]) search(half);
  };
  const [readable, unreadable]: [number[], number[]] = [[], []];
  for (const [place, prepared] of all.entries()) (prepared === undefined ? unreadable : readable).push(place);
  search(readable);
  return [...failed, ...unreadable].toSorted((left, right) => left - right);
}
