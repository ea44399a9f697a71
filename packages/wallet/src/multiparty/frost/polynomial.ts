import { concatBytes, currentCrypto, type Entropy, equalBytes, toHex } from '@bitcoin-enterprise/core';
import { requireBytes } from '../../checks.ts';
import { invalidArgument } from '../../errors.ts';
import { addPoints, evenPoint, hasEvenY, isPoint, multiplyBase, multiplyPoint, type Point } from '../math/points.ts';
import { addSecret, isScalar, multiplySecret, negateSecret, reduceWideSecret, wipe } from '../math/scalars.ts';
import { hashToNonce, hashToProofChallenge, identifierBytes } from './suite.ts';

/** A fresh secret scalar, 1 to n-1. */
export function randomScalar(entropy: Entropy): Uint8Array {
  const wide = new Uint8Array(requireBytes('entropy.bytes(48)', entropy.bytes(48), 48));
  const scalar = reduceWideSecret(wide);
  wide.fill(0);
  if (!currentCrypto().isSecretKey(scalar)) throw invalidArgument('options.entropy', 'a source of randomness', 0);
  return scalar;
}

/** A secret polynomial: its coefficients, the constant one first. The caller wipes them. */
export function randomPolynomial(constant: Uint8Array, threshold: number, entropy: Entropy): readonly Uint8Array[] {
  return [constant, ...Array.from({ length: threshold - 1 }, () => randomScalar(entropy))];
}

/** The value of a secret polynomial at an identifier: a share. */
export function evaluateSecret(coefficients: readonly Uint8Array[], identifier: number): Uint8Array {
  let value = new Uint8Array(32);
  for (const coefficient of coefficients.toReversed()) {
    const scaled = multiplySecret(value, BigInt(identifier));
    const next = addSecret(scaled, coefficient);
    wipe(value, scaled);
    value = new Uint8Array(next);
    wipe(next);
  }
  return value;
}

/** Points of the coefficients: what shares are checked against. */
export function commitTo(coefficients: readonly Uint8Array[]): readonly Uint8Array[] {
  return coefficients.map((coefficient) => multiplyBase(coefficient) as Uint8Array);
}

/**
 * Throws when two secrets are one, by their points: randomness that repeats itself would tell the whole polynomial to
 * whoever has one share, or the share to whoever has one signature.
 */
export function requireDifferent(points: readonly Uint8Array[], entropy: Entropy): void {
  if (new Set(points.map((point) => toHex(point))).size !== points.length)
    throw invalidArgument('options.entropy', 'a source of randomness, which does not repeat itself', entropy);
}

/** The point of the share at an identifier. */
export function evaluateCommitments(commitments: readonly Point[], identifier: number): Point {
  let value: Point;
  for (const commitment of commitments.toReversed())
    value = addPoints(multiplyPoint(value, BigInt(identifier)), commitment);
  return value;
}

/** Whether a share is the one that was committed to. */
export function isShareValid(share: Uint8Array, commitments: readonly Point[], identifier: number): boolean {
  if (!isScalar(share)) return false;
  const [actual, expected] = [multiplyBase(share), evaluateCommitments(commitments, identifier)];
  return actual === undefined || expected === undefined ? actual === expected : equalBytes(actual, expected);
}

/** A proof that somebody knows the secret of his first commitment: nobody can cancel the keys of others out. */
export function provePossession(
  secret: Uint8Array,
  facts: { readonly identifier: number; readonly commitment: Uint8Array; readonly entropy: Entropy },
): Uint8Array {
  const { identifier, commitment, entropy } = facts;
  const fresh = randomScalar(entropy);
  // The secret goes in too: proofs of two secrets never share a nonce, whatever the randomness is.
  const preimage = concatBytes(fresh, secret, identifierBytes(identifier), commitment);
  const random = hashToNonce(preimage);
  wipe(fresh, preimage);
  const point = multiplyBase(random) as Uint8Array;
  const nonce = hasEvenY(point) ? random : negateSecret(random);
  const challenge = hashToProofChallenge(concatBytes(identifierBytes(identifier), commitment, evenPoint(point)));
  const scaled = multiplySecret(secret, challenge);
  const response = addSecret(nonce, scaled);
  wipe(random, nonce, scaled);
  return concatBytes(point.subarray(1), response);
}

/** Whether a proof of {@link provePossession} holds. */
export function isPossessionProved(
  proof: Uint8Array,
  { identifier, commitment }: { readonly identifier: number; readonly commitment: Uint8Array },
): boolean {
  if (proof.length !== 64) return false;
  const point = concatBytes(Uint8Array.of(2), proof.subarray(0, 32));
  const response = proof.subarray(32);
  if (!isPoint(point) || !isPoint(commitment) || !currentCrypto().isSecretKey(response)) return false;
  const challenge = hashToProofChallenge(concatBytes(identifierBytes(identifier), commitment, point));
  const expected = addPoints(point, multiplyPoint(commitment, challenge));
  return expected !== undefined && equalBytes(expected, multiplyBase(response) as Uint8Array);
}
