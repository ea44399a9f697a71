import { currentCrypto, type Entropy, equalBytes, isBytes, webEntropy } from '@bitcoin-enterprise/core';
import { SecretBytes } from '@bitcoin-enterprise/wallet/multiparty';
import { requireBytes, requireList, requireObject } from '../checks.ts';
import { invalidArgument } from '../errors.ts';
import { BASE, valueGenerator } from './generators.ts';
import { createNonces, ORDER, readScalar, SCALARS, writeNumber } from './scalars.ts';
import { secretSumOf, sumOf } from './sums.ts';

/** What opens a Pedersen commitment. Both halves are secret. */
export interface Opening {
  /** What is committed to, 0 to n-1; range proofs are about 0 to 2^64-1. */
  readonly value: bigint;
  /** 32 bytes, 1 to n-1, new for each commitment. */
  readonly blinding: SecretBytes;
}

/**
 * A blinding that nobody else has.
 *
 * @param entropy - Where random bytes come from; the platform's when absent.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`; CoreError `CORE_ENTROPY_UNAVAILABLE`.
 */
export function createBlinding(entropy: Entropy = webEntropy()): SecretBytes {
  const nonce = createNonces(entropy, new Uint8Array(32), []);
  return keep(nonce());
}

/** A scalar as a secret. */
function keep(value: bigint): SecretBytes {
  const bytes = writeNumber(value);
  const secret = new SecretBytes(bytes);
  bytes.fill(0);
  return secret;
}

/** The scalar of a secret, `least` to n-1; a code where it is none. */
export function scalarOf(argument: string, secret: unknown, least: 0n | 1n = 1n): bigint {
  const { use } = requireObject<SecretBytes>(argument, secret);
  if (typeof use !== 'function') throw invalidArgument(argument, 'SecretBytes', secret);
  // Of whichever copy of the wallet, or somebody's own: what it lends and returns is checked.
  const value: unknown = (secret as SecretBytes).use((bytes) =>
    isBytes(bytes) && bytes.length === 32 ? readScalar(bytes) : undefined,
  );
  if (typeof value !== 'bigint' || value < least || value >= ORDER)
    throw invalidArgument(argument, `a scalar of 32 bytes, ${least} to n-1`, secret);
  return value;
}

/** Both scalars of an opening. */
export function readOpening(argument: string, opening: unknown): { readonly value: bigint; readonly blinding: bigint } {
  const { value, blinding } = requireObject<Opening>(argument, opening);
  if (typeof value !== 'bigint' || value < 0n || value >= ORDER)
    throw invalidArgument(`${argument}.value`, 'a bigint of 0 to n-1', value);
  return { value, blinding: scalarOf(`${argument}.blinding`, blinding) };
}

/**
 * A Pedersen commitment, `value*H + blinding*G`: it hides the value for good, and binds to it as long as nobody has the
 * discrete logarithm of H, which is a hash (RFC 9380).
 *
 * @returns 33 bytes.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts
 * import { addCommitments, commitTo, createBlinding, opensTo, sumOpenings } from '@bitcoin-enterprise/biscol/zk';
 *
 * const left = { value: 2n, blinding: createBlinding() };
 * const right = { value: 3n, blinding: createBlinding() };
 * const sum = addCommitments([commitTo(left), commitTo(right)]);
 *
 * sum !== undefined && opensTo(sum, sumOpenings([left, right])); // => true
 * ```
 */
export function commitTo(opening: Opening, entropy: Entropy = webEntropy()): Uint8Array {
  const { value, blinding } = readOpening('opening', opening);
  return commit(value, blinding, createNonces(entropy, new Uint8Array(32), [value, blinding]));
}

/** `value*H + blinding*G`; a code at infinity, which nobody meets by chance. */
export function commit(value: bigint, blinding: bigint, nonce: () => bigint): Uint8Array {
  const commitment = secretSumOf(
    [
      { scalar: value, point: valueGenerator() },
      { scalar: blinding, point: BASE },
    ],
    nonce,
  );
  if (commitment === undefined) throw invalidArgument('opening', 'another blinding', 'one that cancels');
  return commitment;
}

/**
 * Whether a commitment opens to a value and a blinding.
 *
 * @returns `false` also for 33 bytes that are no point.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 */
export function opensTo(commitment: Uint8Array, opening: Opening): boolean {
  return equalBytes(requireBytes('commitment', commitment, 33), commitTo(opening));
}

/** Throws unless a value is 33 bytes of a point. */
export function requirePoint(argument: string, value: unknown): Uint8Array {
  const bytes = requireBytes(argument, value, 33);
  if (!currentCrypto().isPublicKey(bytes)) throw invalidArgument(argument, 'a point of 33 bytes', value);
  return bytes;
}

/**
 * The commitment to a sum: of `plus`, less `minus`.
 *
 * @returns 33 bytes; `undefined` at infinity, so also of none.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 */
export function addCommitments(plus: readonly Uint8Array[], minus: readonly Uint8Array[] = []): Uint8Array | undefined {
  const terms = (name: string, list: readonly Uint8Array[], scalar: bigint): { scalar: bigint; point: Uint8Array }[] =>
    requireList(name, list).map((point, place) => ({ scalar, point: requirePoint(`${name}[${place}]`, point) }));
  return sumOf([...terms('plus', plus, 1n), ...terms('minus', minus, ORDER - 1n)]);
}

/**
 * A commitment to `value` more, with the same blinding: what shows `v >= least` is a range proof of `v - least`.
 *
 * @param value - 1-n to n-1; negative to subtract.
 * @returns 33 bytes; `undefined` at infinity.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 */
export function shiftCommitment(commitment: Uint8Array, value: bigint): Uint8Array | undefined {
  if (typeof value !== 'bigint' || value <= -ORDER || value >= ORDER)
    throw invalidArgument('value', 'a bigint of 1-n to n-1', value);
  return sumOf([
    { scalar: 1n, point: requirePoint('commitment', commitment) },
    { scalar: SCALARS.reduce(value), point: valueGenerator() },
  ]);
}

/**
 * What opens the commitment to a sum: of `plus`, less `minus`.
 *
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`, also where the values or the blindings come to less than the range of
 * an opening.
 */
export function sumOpenings(plus: readonly Opening[], minus: readonly Opening[] = []): Opening {
  const [added, taken] = [
    requireList('plus', plus).map((opening, place) => readOpening(`plus[${place}]`, opening)),
    requireList('minus', minus).map((opening, place) => readOpening(`minus[${place}]`, opening)),
  ];
  const total = (pick: (opening: { value: bigint; blinding: bigint }) => bigint): bigint =>
    added.reduce((sum, opening) => sum + pick(opening), 0n) - taken.reduce((sum, opening) => sum + pick(opening), 0n);
  const value = total((opening) => opening.value);
  const blinding = SCALARS.reduce(total((opening) => opening.blinding));
  if (value < 0n || value >= ORDER) throw invalidArgument('minus', 'no more than plus', 'more');
  if (blinding === 0n) throw invalidArgument('minus', 'other blindings than plus', 'the same');
  return { value, blinding: keep(blinding) };
}

/** The blinding of an opening, negated: of the commitment to its negative. */
export function negatedBlinding({ blinding }: Opening): SecretBytes {
  return keep(SCALARS.reduce(-scalarOf('blinding', blinding)));
}
