import { currentCrypto, type Entropy, isBytes, webEntropy } from '@bitcoin-enterprise/core';
import { requireBytes } from '../../checks.ts';
import { invalidArgument, WalletError } from '../../errors.ts';
import { entropyBytes } from '../../keys/entropy.ts';
import type { SecretBytes } from '../../keys/secret-bytes.ts';
import { inverseOf, multiplySecret, numberOf, reduceSecret, wipe } from '../math/scalars.ts';
import { requireSecret } from '../musig/checks.ts';

/** What completes a pre-signature: 32 bytes, bare when they are public, as those of an oracle. */
export type AdaptorSecret = Uint8Array | SecretBytes;

/** Lends a secret of an adaptor to a function. */
export function useAdaptorSecret<Result>(value: unknown, action: (secret: Uint8Array) => Result): Result {
  const checked = (secret: unknown): Result => {
    const bytes = requireBytes('options.secret', secret, 32);
    if (!currentCrypto().isSecretKey(bytes)) throw invalidArgument('options.secret', 'a number of 1 to n-1', secret);
    return action(bytes);
  };
  return isBytes(value) ? checked(value) : requireSecret('options.secret', value).use(checked);
}

/** Lends a secret key to a function. */
export function useSecretKey<Result>(value: unknown, action: (secret: Uint8Array) => Result): Result {
  return requireSecret('options.secretKey', value).use((secret) => {
    requireBytes('options.secretKey', secret, 32);
    if (!currentCrypto().isSecretKey(secret)) throw invalidArgument('options.secretKey', 'a secret key', secret);
    return action(secret);
  });
}

/**
 * A secret number for one pre-signature: a hash of the secret key under a random mask and of all that is signed, so
 * that neither bad randomness nor a message that is signed twice gives the same one to two different equations.
 */
export function nonceFor(tag: string, secret: Uint8Array, facts: Uint8Array, entropy: unknown): Uint8Array {
  const crypto = currentCrypto();
  const random = new Uint8Array(entropyBytes((entropy ?? webEntropy()) as Entropy, 32));
  const mask = crypto.taggedHash(`${tag}/aux`, random);
  const preimage = new Uint8Array(32 + facts.length);
  for (let at = 0; at < 32; at++) preimage[at] = (mask[at] as number) ^ (secret[at] as number);
  preimage.set(facts, 32);
  const hash = crypto.taggedHash(`${tag}/nonce`, preimage);
  const nonce = reduceSecret(hash);
  wipe(random, mask, preimage, hash);
  if (!crypto.isSecretKey(nonce)) throw invalidArgument('options.entropy', 'a source of randomness', entropy);
  return nonce;
}

/**
 * What a secret is multiplied with to give 1. It is inverted under a mask, for the arithmetic of JavaScript takes times
 * that depend on its numbers, and leaves them in memory.
 */
export function inverseOfSecret(secret: Uint8Array): Uint8Array {
  const random = new Uint8Array(entropyBytes(webEntropy(), 32));
  const mask = reduceSecret(random);
  const masked = currentCrypto().secretKeyTweakMul(secret, mask);
  if (masked === undefined) throw invalidArgument('entropy', 'a source of randomness', random.length);
  const inverse = multiplySecret(mask, inverseOf(numberOf(masked)));
  wipe(random, mask);
  return inverse;
}

/** The error of bytes that are no pre-signature. */
export function presignatureInvalid(kind: 'schnorr' | 'ecdsa'): WalletError<'WALLET_PRESIGNATURE_INVALID'> {
  return new WalletError('WALLET_PRESIGNATURE_INVALID', `expected a pre-signature (${kind}), got other bytes`, {
    details: { kind },
  });
}

/** The error of a signature and a pre-signature that do not go together. */
export function adaptorMismatch(kind: 'schnorr' | 'ecdsa'): WalletError<'WALLET_ADAPTOR_MISMATCH'> {
  return new WalletError(
    'WALLET_ADAPTOR_MISMATCH',
    'expected the signature that completes this pre-signature with the secret of this point, got another',
    { details: { kind } },
  );
}

/** The error of a pre-signature that this computer made and that does not verify. */
export function presignatureFaulty(signer: string): WalletError<'WALLET_SIGNER_ANSWER_INVALID'> {
  return new WalletError('WALLET_SIGNER_ANSWER_INVALID', 'expected a pre-signature that verifies, got another', {
    details: { signer, reason: 'the computer made a mistake' },
  });
}
