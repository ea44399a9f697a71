import { ed25519 } from '@noble/curves/ed25519.js';
import { cryptoArgumentError, requireBytes, requireOptions } from '../crypto/arguments.ts';
import { describeValue } from '../errors.ts';

/**
 * Which signatures count as valid; the two differ only on bytes that no honest signer makes.
 *
 * `strict`: points must be encoded canonically and the key must not be of small order, so that no signature fits two
 * messages or two keys. That is what evidence needs, and the default. `zip215`: what consensus between many
 * implementations needs; encodings that are not canonical and keys of small order pass. Both check the equation with
 * the cofactor (RFC 8032 §5.1.7), and both refuse an S that is not below the group order.
 */
export type Ed25519Rule = 'strict' | 'zip215';

/** Settings of {@link ed25519Verify}. */
export interface Ed25519VerifyOptions {
  /** `strict` when absent. */
  readonly rule?: Ed25519Rule;
}

/**
 * The public key of an Ed25519 secret key (RFC 8032 §5.1.5), 32 bytes.
 *
 * @param secretKey - The 32-byte seed; any value is a key.
 * @throws CoreError `CORE_CRYPTO_INVALID_ARGUMENT` for another type or length.
 *
 * @example
 * ```ts
 * import { ed25519PublicKey } from '@bitcoin-enterprise/core/ed25519';
 *
 * ed25519PublicKey(new Uint8Array(32).fill(1)).length; // => 32
 * ```
 */
export function ed25519PublicKey(secretKey: Uint8Array): Uint8Array {
  requireBytes('secretKey', secretKey, 32);
  return ed25519.getPublicKey(plain(secretKey));
}

/**
 * Whether 32 bytes are a public key under the strict rule: a point, canonically encoded, not of small order.
 *
 * @throws CoreError `CORE_CRYPTO_INVALID_ARGUMENT` for another type or length.
 *
 * @example
 * ```ts
 * import { ed25519PublicKey, isEd25519PublicKey } from '@bitcoin-enterprise/core/ed25519';
 *
 * isEd25519PublicKey(ed25519PublicKey(new Uint8Array(32).fill(1))); // => true
 * isEd25519PublicKey(new Uint8Array(32)); // => false
 * ```
 */
export function isEd25519PublicKey(publicKey: Uint8Array): boolean {
  requireBytes('publicKey', publicKey, 32);
  try {
    return !ed25519.Point.fromBytes(plain(publicKey), false).isSmallOrder();
  } catch {
    return false;
  }
}

/**
 * Signs a message with Ed25519 (RFC 8032 §5.1.6): deterministic, 64 bytes.
 *
 * @param message - Any length; it is signed as it is, not its hash.
 * @param secretKey - The 32-byte seed.
 * @throws CoreError `CORE_CRYPTO_INVALID_ARGUMENT` for another type or length.
 *
 * @example
 * ```ts
 * import { ed25519PublicKey, ed25519Sign, ed25519Verify } from '@bitcoin-enterprise/core/ed25519';
 *
 * const secretKey = new Uint8Array(32).fill(1);
 * const message = Uint8Array.of(1, 2, 3);
 * ed25519Verify(ed25519Sign(message, secretKey), message, ed25519PublicKey(secretKey)); // => true
 * ```
 */
export function ed25519Sign(message: Uint8Array, secretKey: Uint8Array): Uint8Array {
  requireBytes('message', message);
  requireBytes('secretKey', secretKey, 32);
  return ed25519.sign(plain(message), plain(secretKey));
}

/**
 * Whether a signature over a message was made by the secret key of a public key.
 *
 * @param signature - 64 bytes.
 * @param publicKey - 32 bytes; bytes that are no point answer `false`.
 * @throws CoreError `CORE_CRYPTO_INVALID_ARGUMENT` for another type or length, or an unknown rule.
 *
 * @example
 * ```ts
 * import { ed25519Verify } from '@bitcoin-enterprise/core/ed25519';
 *
 * ed25519Verify(new Uint8Array(64), new Uint8Array(0), new Uint8Array(32)); // => false
 * ed25519Verify(new Uint8Array(63), new Uint8Array(0), new Uint8Array(32)); // => throws CORE_CRYPTO_INVALID_ARGUMENT
 * ```
 */
export function ed25519Verify(
  signature: Uint8Array,
  message: Uint8Array,
  publicKey: Uint8Array,
  options: Ed25519VerifyOptions = {},
): boolean {
  requireBytes('signature', signature, 64);
  requireBytes('message', message);
  requireBytes('publicKey', publicKey, 32);
  requireOptions(options);
  const { rule = 'strict' } = options;
  if (rule !== 'strict' && rule !== 'zip215')
    throw cryptoArgumentError('options.rule', "'strict' or 'zip215'", describeValue(rule));
  return ed25519.verify(plain(signature), plain(message), plain(publicKey), { zip215: rule === 'zip215' });
}

/** The same bytes of the plain class: noble refuses arrays of another realm, and a `Buffer` shares its memory. */
function plain(bytes: Uint8Array): Uint8Array {
  return bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes);
}
