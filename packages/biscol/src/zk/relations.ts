import { concatBytes, type Entropy, equalBytes, webEntropy } from '@bitcoin-enterprise/core';
import type { SecretBytes } from '@bitcoin-enterprise/wallet/multiparty';
import { requireBytes, requireInteger, requireList, requireObject } from '../checks.ts';
import { invalidArgument } from '../errors.ts';
import { requirePoint, scalarOf } from './commitments.ts';
import { createNonces, readScalar, SCALARS, writeNumber } from './scalars.ts';
import { secretSumOf, sumOf, type Term } from './sums.ts';
import { countBytes, createTranscript, type Transcript } from './transcript.ts';

/** `image = Σ secret * base`, over secrets that are named by their place. */
export interface LinearEquation {
  /** 33 bytes. */
  readonly image: Uint8Array;
  /** One base at least, 33 bytes each. */
  readonly terms: ReadonlyArray<{
    /** Which secret, from 0. */
    readonly secret: number;
    readonly base: Uint8Array;
  }>;
}

/** Equations that hold for the same secrets: what a sigma proof shows knowledge of. */
export interface Relation {
  /** How many secrets there are; each must be in some equation. */
  readonly secrets: number;
  readonly equations: readonly LinearEquation[];
}

/** What a proof is bound to, and made with. */
export interface ProofOptions {
  /** What the proof is for: it holds for these bytes only. None when absent. */
  readonly context?: Uint8Array;
  /** Where random bytes come from; the platform's when absent. */
  readonly entropy?: Entropy;
}

const MOST_SECRETS = 64;
const MOST_EQUATIONS = 64;
const NOTHING = new Uint8Array(0);

/** Throws unless a value is a relation; its points may still be none. */
export function requireRelation(argument: string, value: unknown): Relation {
  const { secrets, equations } = requireObject<Relation>(argument, value);
  const count = requireInteger(`${argument}.secrets`, secrets, 1, MOST_SECRETS);
  const list = requireList(`${argument}.equations`, equations);
  if (list.length === 0 || list.length > MOST_EQUATIONS)
    throw invalidArgument(`${argument}.equations`, `1 to ${MOST_EQUATIONS} equations`, equations);
  const used = new Set<number>();
  const read = list.map((equation, place): LinearEquation => {
    const name = `${argument}.equations[${place}]`;
    const { image, terms } = requireObject<LinearEquation>(name, equation);
    const sum = requireList(`${name}.terms`, terms).map((term) => {
      const { secret, base } = requireObject<LinearEquation['terms'][number]>(`${name}.terms`, term);
      const index = requireInteger(`${name}.terms, each secret`, secret, 0, count - 1);
      used.add(index);
      return { secret: index, base: requirePoint(`${name}.terms, each base`, base) };
    });
    if (sum.length === 0 || sum.length > MOST_SECRETS)
      throw invalidArgument(`${name}.terms`, `1 to ${MOST_SECRETS} terms`, terms);
    return { image: requirePoint(`${name}.image`, image), terms: sum };
  });
  if (used.size !== count) throw invalidArgument(`${argument}.equations`, 'equations of every secret', equations);
  return { secrets: count, equations: read };
}

/** All of a relation, in one encoding. */
export function relationBytes({ secrets, equations }: Relation): Uint8Array {
  return concatBytes(
    countBytes(secrets, equations.length),
    ...equations.flatMap(({ image, terms }) => [
      image,
      countBytes(terms.length),
      ...terms.flatMap(({ secret, base }) => [countBytes(secret), base]),
    ]),
  );
}

/** Both sides of an equation but its image, for scalars in place of the secrets. */
function termsOf(equation: LinearEquation, scalars: readonly bigint[]): Term[] {
  return equation.terms.map(({ secret, base }) => ({ scalar: scalars[secret] as bigint, point: base }));
}

/** `Σ scalar * base` of each equation, for scalars that are secret, or public without nonces; `undefined` at infinity. */
export function imagesOf(
  { equations }: Relation,
  scalars: readonly bigint[],
  nonce?: () => bigint,
): readonly Uint8Array[] | undefined {
  const images = equations.map((equation) => {
    const terms = termsOf(equation, scalars);
    return nonce === undefined ? sumOf(terms) : secretSumOf(terms, nonce);
  });
  return images.every((image) => image !== undefined) ? images : undefined;
}

/** `Σ response * base - challenge * image` of each equation; `undefined` where one is infinity. */
export function announced(
  { equations }: Relation,
  responses: readonly bigint[],
  challenge: bigint,
): readonly Uint8Array[] | undefined {
  const points = equations.map((equation) =>
    sumOf([...termsOf(equation, responses), { scalar: SCALARS.reduce(-challenge), point: equation.image }]),
  );
  return points.every((point) => point !== undefined) ? points : undefined;
}

/** Whether the equations hold for secret scalars. */
export function holdsFor(relation: Relation, scalars: readonly bigint[], nonce: () => bigint): boolean {
  const images = imagesOf(relation, scalars, nonce);
  return (
    images !== undefined &&
    relation.equations.every(({ image }, place) => equalBytes(image, images[place] as Uint8Array))
  );
}

/** The scalars of a witness, of which the equations hold. */
export function requireWitness(
  argument: string,
  relation: Relation,
  witness: unknown,
  entropy: Entropy = webEntropy(),
): bigint[] {
  const list = requireList(argument, witness);
  if (list.length !== relation.secrets) throw invalidArgument(argument, `${relation.secrets} secrets`, witness);
  const scalars = list.map((secret, place) => scalarOf(`${argument}[${place}]`, secret, 0n));
  if (!holdsFor(relation, scalars, createNonces(entropy, NOTHING, scalars)))
    throw invalidArgument(argument, 'secrets that the equations hold for', 'others');
  return scalars;
}

function begin(relation: Relation, context: Uint8Array): Transcript {
  const transcript = createTranscript('biscol/zk/relation/1');
  transcript.append('context', context);
  transcript.append('relation', relationBytes(relation));
  return transcript;
}

/** The challenge of all so far and what is announced. */
export function challengeOf(transcript: Transcript, announcements: readonly Uint8Array[]): bigint {
  transcript.append('announcements', concatBytes(...announcements));
  return transcript.challenge('challenge');
}

/**
 * Proves knowledge of secrets that equations hold for, and tells nothing else: Schnorr's proof for any linear relation
 * (a discrete logarithm, an opening, equal logarithms, equal values).
 *
 * @param relation - See {@link keyRelation}, {@link openingRelation}, {@link equalLogsRelation},
 * {@link equalValuesRelation}.
 * @param witness - The secrets in their order, 32 bytes each, 0 to n-1.
 * @returns 32 bytes, and 32 for each secret.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`, also for secrets that the equations do not hold for.
 *
 * @example
 * ```ts
 * import { currentCrypto } from '@bitcoin-enterprise/core';
 * import { createBlinding, keyRelation, proveRelation, verifyRelation } from '@bitcoin-enterprise/biscol/zk';
 *
 * const secret = createBlinding();
 * const publicKey = secret.use((bytes) => currentCrypto().publicKey(bytes)) ?? new Uint8Array(33);
 * const relation = keyRelation(publicKey);
 *
 * verifyRelation(relation, proveRelation(relation, [secret])); // => true
 * ```
 */
export function proveRelation(
  relation: Relation,
  witness: readonly SecretBytes[],
  options: ProofOptions = {},
): Uint8Array {
  const { context = NOTHING, entropy = webEntropy() } = requireObject<ProofOptions>('options', options);
  requireBytes('options.context', context);
  const read = requireRelation('relation', relation);
  const scalars = requireWitness('witness', read, witness, entropy);
  const transcript = begin(read, context);
  const nonce = createNonces(entropy, transcript.state(), scalars);
  const nonces = scalars.map(() => nonce());
  const announcements = imagesOf(read, nonces, nonce);
  // Infinity takes nonces that cancel, one chance in 2^256.
  if (announcements === undefined) throw invalidArgument('options.entropy', 'a source of randomness', entropy);
  const challenge = challengeOf(transcript, announcements);
  const responses = scalars.map((scalar, place) => SCALARS.reduce((nonces[place] as bigint) + challenge * scalar));
  return concatBytes(...[challenge, ...responses].map(writeNumber));
}

/**
 * Whether a proof of a relation holds.
 *
 * @returns `false` for whatever is not a proof of this relation and context.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT` for arguments of the wrong type, and points that are none.
 */
export function verifyRelation(
  relation: Relation,
  proof: Uint8Array,
  options: { readonly context?: Uint8Array } = {},
): boolean {
  const { context = NOTHING } = requireObject<ProofOptions>('options', options);
  requireBytes('options.context', context);
  const read = requireRelation('relation', relation);
  const [challenge, ...responses] = readScalars(requireBytes('proof', proof), read.secrets + 1) ?? [];
  if (challenge === undefined) return false;
  const announcements = announced(read, responses, challenge);
  return announcements !== undefined && challengeOf(begin(read, context), announcements) === challenge;
}

/** So many scalars, each in its only encoding, and nothing else. */
export function readScalars(bytes: Uint8Array, count: number): bigint[] | undefined {
  if (bytes.length !== 32 * count) return undefined;
  const scalars = Array.from({ length: count }, (_, place) => readScalar(bytes.subarray(32 * place, 32 * place + 32)));
  return scalars.every((scalar) => scalar !== undefined) ? scalars : undefined;
}
