import { currentCrypto, type Entropy, webEntropy } from '@bitcoin-enterprise/core';
import { requireObject } from '../checks.ts';
import { invalidArgument } from '../errors.ts';
import type { SecretBytes } from '../keys/secret-bytes.ts';

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
  for (;;) {
    const mask = entropy.bytes(32);
    if (!crypto.isSecretKey(mask)) continue;
    const minus = crypto.secretKeyNegate(mask);
    const rest = minus === undefined ? undefined : crypto.secretKeyTweakAdd(secret, minus);
    const [left, right] = [mask, rest].map((part) =>
      part === undefined ? undefined : crypto.publicKeyTweakMul(point, part),
    );
    for (const part of [mask, minus, rest]) part?.fill(0);
    return left === undefined || right === undefined ? undefined : crypto.publicKeyCombine([left, right]);
  }
}
