import { assertBytes, type CryptoEngine, currentCrypto, toHex } from '@bitcoin-enterprise/core';
import { ed25519PublicKey, ed25519Sign } from '@bitcoin-enterprise/core/ed25519';
import { invalidArgument, ReceiptsError } from '../errors.ts';
import { requireBytes, requireObject, requireText, throwIfAborted } from '../model/checks.ts';
import { ed25519Check } from './ed25519-check.ts';
import type { ReceiptSigner, ReceiptVerifier, SignatureAlgorithm } from '../ports/signer.ts';

/** Settings of a signer or verifier. */
export interface KeyOptions {
  /** Name of the key; {@link keyIdOf} the key when absent. */
  readonly keyId?: string;
}

/** Settings of a signer or verifier over secp256k1. */
export interface Secp256k1Options extends KeyOptions {
  /** The engine; the current one at each call when absent. */
  readonly crypto?: CryptoEngine;
}

const SCHNORR_TAG = 'bitcoin-enterprise/receipt';

/**
 * The key id of a public key: SHA-256 of `<algorithm>\n<key>`, hexadecimal.
 *
 * @example
 * ```ts
 * import { keyIdOf } from '@bitcoin-enterprise/receipts';
 *
 * keyIdOf('ed25519', new Uint8Array(32)).length; // => 64
 * ```
 */
export function keyIdOf(algorithm: SignatureAlgorithm, publicKey: Uint8Array): string {
  requireText('algorithm', algorithm);
  assertBytes('publicKey', publicKey);
  const head = new TextEncoder().encode(`${algorithm}\n`);
  const named = new Uint8Array(head.length + publicKey.length);
  named.set(head);
  named.set(publicKey, head.length);
  return toHex(currentCrypto().sha256(named));
}

/**
 * A signer with an Ed25519 key in memory.
 *
 * @param secretKey - The 32-byte seed; it is copied, and never shows in JSON or logs.
 *
 * @example
 * ```ts
 * import { ed25519Signer, ed25519Verifier } from '@bitcoin-enterprise/receipts';
 *
 * const signer = ed25519Signer(new Uint8Array(32).fill(7));
 * const message = Uint8Array.of(1, 2, 3);
 * const verifier = ed25519Verifier(signer.publicKey);
 * await verifier.verify(message, await signer.sign(message)); // => true
 * ```
 */
export function ed25519Signer(secretKey: Uint8Array, options: KeyOptions = {}): ReceiptSigner {
  requireBytes('secretKey', secretKey, 32);
  const seed = new Uint8Array(secretKey);
  const publicKey = ed25519PublicKey(seed);
  return {
    ...named('ed25519', publicKey, options),
    sign: async (bytes, call) => {
      throwIfAborted('sign', call?.signal);
      return ed25519Sign(bytes, seed);
    },
  };
}

/** A verifier of an Ed25519 public key, 32 bytes; canonical encodings only, no keys of small order. */
export function ed25519Verifier(publicKey: Uint8Array, options: KeyOptions = {}): ReceiptVerifier {
  requireBytes('publicKey', publicKey, 32);
  const key = new Uint8Array(publicKey);
  return { ...named('ed25519', key, options), verify: ed25519Check(key) };
}

/**
 * A signer over secp256k1: BIP340 (`schnorr-secp256k1`) or ECDSA.
 *
 * @param secretKey - 32 bytes, 1 to n-1; copied.
 * @throws {@link ReceiptsError} `RECEIPTS_INVALID_ARGUMENT` when it is no secret key.
 */
export function secp256k1Signer(
  secretKey: Uint8Array,
  options: Secp256k1Options & { readonly algorithm?: 'schnorr-secp256k1' | 'ecdsa-secp256k1-sha256' } = {},
): ReceiptSigner {
  requireBytes('secretKey', secretKey, 32);
  requireObject('options', options);
  const { algorithm = 'schnorr-secp256k1', crypto } = options;
  const engine = (): CryptoEngine => crypto ?? currentCrypto();
  const secret = new Uint8Array(secretKey);
  const point = engine().publicKey(secret);
  if (point === undefined) throw invalidArgument('secretKey', 'a secret key of secp256k1', secretKey);
  const isSchnorr = algorithm === 'schnorr-secp256k1';
  const common = named(algorithm, isSchnorr ? point.slice(1) : point, options);
  return {
    ...common,
    sign: async (bytes, call) => {
      throwIfAborted('sign', call?.signal);
      const signature = isSchnorr
        ? engine().schnorrSign(engine().taggedHash(SCHNORR_TAG, bytes), secret)
        : engine().ecdsaSign(engine().sha256(bytes), secret);
      if (signature === undefined) throw signingFailed(common.keyId, algorithm);
      return signature;
    },
  };
}

/**
 * A verifier over secp256k1: a key of 32 bytes is a BIP340 one, one of 33 bytes is for ECDSA. High-S signatures are
 * refused, since they can be made from low-S ones by anybody.
 */
export function secp256k1Verifier(publicKey: Uint8Array, options: Secp256k1Options = {}): ReceiptVerifier {
  requireBytes('publicKey', publicKey);
  requireObject('options', options);
  const { crypto } = options;
  const engine = (): CryptoEngine => crypto ?? currentCrypto();
  const key = new Uint8Array(publicKey);
  const isSchnorr = key.length === 32;
  if (isSchnorr ? !engine().isXOnlyPublicKey(key) : key.length !== 33 || !engine().isPublicKey(key))
    throw invalidArgument('publicKey', 'a BIP340 key of 32 bytes or a compressed key of 33', publicKey);
  return {
    ...named(isSchnorr ? 'schnorr-secp256k1' : 'ecdsa-secp256k1-sha256', key, options),
    verify: async (bytes, signature) => {
      if (signature.length !== 64) return false;
      if (isSchnorr) return engine().schnorrVerify(signature, engine().taggedHash(SCHNORR_TAG, bytes), key);
      return isLowS(signature) && engine().ecdsaVerify(signature, engine().sha256(bytes), key);
    },
  };
}

/** (n - 1) / 2 of secp256k1, big endian. */
const HALF_ORDER = '7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0';

function isLowS(signature: Uint8Array): boolean {
  return toHex(signature.subarray(32)) <= HALF_ORDER;
}

/** The fields that signers and verifiers share. */
export function named(
  algorithm: SignatureAlgorithm,
  publicKey: Uint8Array,
  options: KeyOptions,
): { readonly algorithm: SignatureAlgorithm; readonly publicKey: Uint8Array; readonly keyId: string } {
  requireObject('options', options);
  const { keyId = keyIdOf(algorithm, publicKey) } = options;
  requireText('options.keyId', keyId);
  return { algorithm, publicKey, keyId };
}

/** The error of a signer that has no signature to give. */
export function signingFailed(
  keyId: string,
  algorithm: SignatureAlgorithm,
  cause?: unknown,
): ReceiptsError<'RECEIPTS_SIGNING_FAILED'> {
  return new ReceiptsError('RECEIPTS_SIGNING_FAILED', `expected a signature of ${algorithm}, got none`, {
    details: { keyId, algorithm },
    ...(cause === undefined ? {} : { cause }),
  });
}
