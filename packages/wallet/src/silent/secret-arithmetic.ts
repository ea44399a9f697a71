import { currentCrypto, type Entropy, webEntropy } from '@bitcoin-enterprise/core';
import { requireObject } from '../checks.ts';
import { invalidArgument } from '../errors.ts';
import { entropyBytes } from '../keys/entropy.ts';
import type { SecretBytes } from '../keys/secret-bytes.ts';

/** One source in 2¹²⁷ has no scalar the first time; one that has none so often is no source. */
const MOST_TRIES = 8;

/** Throws unless a value lends secret bytes: SecretBytes, of whichever copy of this package. */
export function requireSecret(argument: string, value: unknown): SecretBytes {
  const secret = requireObject<SecretBytes>(argument, value);
  if (typeof secret.use !== 'function') throw invalidArgument(argument, 'SecretBytes', value);
  return secret as SecretBytes;
}

/**
 * A sum of secrets, of which zero is `undefined`: on the way it may pass through zero.
 *
 * @returns `undefined` for zero; the caller wipes the sum.
 */
export function addSecrets(secrets: readonly Uint8Array[]): Uint8Array | undefined {
  let sum: Uint8Array | undefined;
  for (const secret of secrets) {
    const before = sum;
    sum = before === undefined ? new Uint8Array(secret) : currentCrypto().secretKeyTweakAdd(before, secret);
    before?.fill(0);
  }
  return sum;
}

/** `secret * G`. */
export function publicKeyOf(argument: string, secret: Uint8Array): Uint8Array {
  const publicKey = secret.length === 32 ? currentCrypto().publicKey(secret) : undefined;
  if (publicKey === undefined) throw invalidArgument(argument, 'a secret key of 32 bytes', secret);
  return publicKey;
}

/**
 * `secret * point`. The engine multiplies points in a time that depends on the scalar, so that a long-lived secret is
 * multiplied in two parts that are new each time.
 */
export function multiplyBySecret(
  point: Uint8Array,
  secret: Uint8Array,
  entropy: Entropy = webEntropy(),
): Uint8Array | undefined {
  const crypto = currentCrypto();
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const mask = new Uint8Array(entropyBytes(entropy, 32));
    const minus = crypto.secretKeyNegate(mask);
    const rest = minus === undefined ? undefined : crypto.secretKeyTweakAdd(secret, minus);
    // No scalar, or the secret itself: other parts are needed.
    if (minus === undefined || rest === undefined) continue;
    const [left, right] = [mask, rest].map((part) => crypto.publicKeyTweakMul(point, part));
    for (const part of [mask, minus, rest]) part.fill(0);
    return left === undefined || right === undefined ? undefined : crypto.publicKeyCombine([left, right]);
  }
  throw invalidArgument('options.entropy', 'a source of randomness', entropy);
}
