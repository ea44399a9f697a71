import { concatBytes, currentCrypto, equalBytes } from '@bitcoin-enterprise/core';
import { requireBytes, requireList, requireObject } from '../../checks.ts';
import { addPoints, hasEvenY, isPoint, multiplyBase, POINT_LENGTH, xOf } from '../math/points.ts';
import { addSecret, isScalar, modOrder, multiplySecret, negateSecret, numberOf, parseScalar } from '../math/scalars.ts';
import { combine, opposite, requirePoint } from './curve.ts';
import { type AdaptorSecret, adaptorMismatch, presignatureInvalid, useAdaptorSecret } from './secrets.ts';

/** Length of a pre-signature of BIP340: the nonce with the adaptor point in it, and a number. */
export const SCHNORR_PRESIGNATURE_LENGTH = 65;

/** What a pre-signature of BIP340 is verified against. */
export interface SchnorrPresignatureFacts {
  /** Any length; 32 bytes in transactions. */
  readonly message: Uint8Array;
  /** Of the signer, or of all signers together, 32 bytes. */
  readonly xOnlyPublicKey: Uint8Array;
  /** Whose secret completes the signature, 33 bytes. */
  readonly adaptorPoint: Uint8Array;
}

/** One check of {@link verifySchnorrPresignatures}. */
export interface SchnorrPresignatureItem extends SchnorrPresignatureFacts {
  /** 65 bytes. */
  readonly presignature: Uint8Array;
}

/** BIP340's e. */
export function challengeOf(nonce: Uint8Array, xOnlyPublicKey: Uint8Array, message: Uint8Array): bigint {
  const bytes = concatBytes(xOf(nonce), xOnlyPublicKey, message);
  return modOrder(numberOf(currentCrypto().taggedHash('BIP0340/challenge', bytes)));
}

/**
 * Whether a pre-signature becomes a signature of BIP340 with the secret of its adaptor point: whoever holds a valid one
 * and learns the secret can sign, and whoever then sees the signature learns the secret.
 *
 * @param presignature - 65 bytes of {@link presignSchnorr} or {@link aggregateMusigPresignature}.
 * @throws WalletError `WALLET_INVALID_ARGUMENT` for a wrong type or length, and for an adaptor point that is none.
 */
export function verifySchnorrPresignature(presignature: Uint8Array, facts: SchnorrPresignatureFacts): boolean {
  const given = requireObject<SchnorrPresignatureFacts>('facts', facts);
  const bytes = requireBytes('presignature', presignature, SCHNORR_PRESIGNATURE_LENGTH);
  const message = requireBytes('facts.message', given.message);
  const xOnlyPublicKey = requireBytes('facts.xOnlyPublicKey', given.xOnlyPublicKey, 32);
  return isPresignature(bytes, {
    message,
    xOnlyPublicKey,
    adaptorPoint: requirePoint('facts.adaptorPoint', given.adaptorPoint),
  });
}

/**
 * Verifies many pre-signatures.
 *
 * @returns Indices of those that do not hold, ascending; empty when all do.
 * @throws WalletError `WALLET_INVALID_ARGUMENT`, as {@link verifySchnorrPresignature}.
 */
export function verifySchnorrPresignatures(items: readonly SchnorrPresignatureItem[]): readonly number[] {
  const failed: number[] = [];
  for (const [index, item] of requireList('items', items).entries()) {
    const { presignature, ...facts } = requireObject<SchnorrPresignatureItem>(`items[${index}]`, item);
    if (!verifySchnorrPresignature(presignature as Uint8Array, facts as SchnorrPresignatureFacts)) failed.push(index);
  }
  return failed;
}

/**
 * Completes a pre-signature. The answer verifies if the pre-signature did and the secret is that of its adaptor point.
 *
 * @param presignature - 65 bytes.
 * @param options - `secret`: of the adaptor point, 32 bytes.
 * @returns A signature of BIP340, 64 bytes.
 * @throws WalletError `WALLET_PRESIGNATURE_INVALID`, `WALLET_INVALID_ARGUMENT`.
 */
export function completeSchnorr(presignature: Uint8Array, options: { readonly secret: AdaptorSecret }): Uint8Array {
  const { nonce, number } = parsePresignature(presignature);
  const { secret } = requireObject<{ secret: AdaptorSecret }>('options', options);
  return useAdaptorSecret(secret, (value) => {
    const share = hasEvenY(nonce) ? new Uint8Array(value) : negateSecret(value);
    const sum = addSecret(number, share);
    share.fill(0);
    return concatBytes(xOf(nonce), sum);
  });
}

/**
 * The secret of an adaptor point, from the signature that it completed.
 *
 * @param presignature - 65 bytes.
 * @param options - `signature`: 64 bytes, as it was seen on the chain. `adaptorPoint`: 33 bytes.
 * @returns 32 bytes; they are public by then.
 * @throws WalletError `WALLET_ADAPTOR_MISMATCH` when the signature does not come from this pre-signature and point,
 * `WALLET_PRESIGNATURE_INVALID`, `WALLET_INVALID_ARGUMENT`.
 */
export function extractSchnorrSecret(
  presignature: Uint8Array,
  options: { readonly signature: Uint8Array; readonly adaptorPoint: Uint8Array },
): Uint8Array {
  const { nonce, number } = parsePresignature(presignature);
  const given = requireObject<{ signature: Uint8Array; adaptorPoint: Uint8Array }>('options', options);
  const signature = requireBytes('options.signature', given.signature, 64);
  const adaptorPoint = requirePoint('options.adaptorPoint', given.adaptorPoint);
  const total = new Uint8Array(signature.subarray(32));
  if (!isScalar(total) || !equalBytes(signature.subarray(0, 32), xOf(nonce))) throw adaptorMismatch('schnorr');
  const difference = addSecret(total, multiplySecret(number, modOrder(-1n)));
  const secret = hasEvenY(nonce) ? difference : negateSecret(difference);
  const point = multiplyBase(secret);
  if (point === undefined || !equalBytes(point, adaptorPoint)) throw adaptorMismatch('schnorr');
  return secret;
}

/** {@link verifySchnorrPresignature} of checked arguments. */
export function isPresignature(presignature: Uint8Array, facts: SchnorrPresignatureFacts): boolean {
  const { message, xOnlyPublicKey, adaptorPoint } = facts;
  const nonce = presignature.subarray(0, POINT_LENGTH);
  const number = parseScalar(presignature.subarray(POINT_LENGTH));
  if ((nonce[0] !== 2 && nonce[0] !== 3) || number === undefined) return false;
  if (!currentCrypto().isXOnlyPublicKey(xOnlyPublicKey)) return false;
  const publicKey = concatBytes(Uint8Array.of(2), xOnlyPublicKey);
  const challenge = challengeOf(nonce, xOnlyPublicKey, message);
  // s'*G - e*P is the signer's own nonce, of the sign that BIP340 gives the whole: with the adaptor it must be that one.
  const own = combine(number, modOrder(-challenge), publicKey);
  const whole = addPoints(own, hasEvenY(nonce) ? adaptorPoint : opposite(adaptorPoint));
  return whole !== undefined && hasEvenY(whole) && equalBytes(whole.subarray(1), nonce.subarray(1));
}

function parsePresignature(value: unknown): { readonly nonce: Uint8Array; readonly number: Uint8Array } {
  const bytes = requireBytes('presignature', value, SCHNORR_PRESIGNATURE_LENGTH);
  const [nonce, number] = [
    new Uint8Array(bytes.subarray(0, POINT_LENGTH)),
    new Uint8Array(bytes.subarray(POINT_LENGTH)),
  ];
  if (!isPoint(nonce) || !isScalar(number)) throw presignatureInvalid('schnorr');
  return { nonce, number };
}
