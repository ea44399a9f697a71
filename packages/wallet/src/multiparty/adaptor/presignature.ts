import { concatBytes, equalBytes } from '@bitcoin-enterprise/core';
import { requireBytes, requireList, requireObject } from '../../checks.ts';
import { hasEvenY, isPoint, multiplyBase, POINT_LENGTH, xOf } from '../math/points.ts';
import { addSecret, isScalar, modOrder, multiplySecret, negateSecret } from '../math/scalars.ts';
import { failedOf } from './batch.ts';
import { requirePoint } from './curve.ts';
import {
  isPresignature,
  SCHNORR_PRESIGNATURE_LENGTH,
  type SchnorrPresignatureFacts,
  type SchnorrPresignatureItem,
} from './equation.ts';
import { type AdaptorSecret, adaptorMismatch, presignatureInvalid, useAdaptorSecret } from './secrets.ts';

/**
 * Whether a pre-signature becomes a signature of BIP340 with the secret of its adaptor point: whoever holds a valid one
 * and learns the secret can sign, and whoever then sees the signature learns the secret.
 *
 * @param presignature - 65 bytes of {@link presignSchnorr} or {@link aggregateMusigPresignature}.
 * @throws WalletError `WALLET_INVALID_ARGUMENT` for a wrong type or length, and for an adaptor point that is none.
 */
export function verifySchnorrPresignature(presignature: Uint8Array, facts: SchnorrPresignatureFacts): boolean {
  const given = requireObject<SchnorrPresignatureFacts>('facts', facts);
  return isPresignature(requireBytes('presignature', presignature, SCHNORR_PRESIGNATURE_LENGTH), {
    message: requireBytes('facts.message', given.message),
    xOnlyPublicKey: requireBytes('facts.xOnlyPublicKey', given.xOnlyPublicKey, 32),
    adaptorPoint: requirePoint('facts.adaptorPoint', given.adaptorPoint),
  });
}

/**
 * Verifies many pre-signatures at once, which costs half of what it costs one by one.
 *
 * @returns Indices of those that do not hold, ascending; empty when all do.
 * @throws WalletError `WALLET_INVALID_ARGUMENT`, as {@link verifySchnorrPresignature}.
 */
export function verifySchnorrPresignatures(items: readonly SchnorrPresignatureItem[]): readonly number[] {
  return failedOf(Array.from(requireList('items', items), (item, index) => requireItem(`items[${index}]`, item)));
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

/** Throws unless a value is an item by its form; whether its points are some is seen later. */
function requireItem(argument: string, value: unknown): SchnorrPresignatureItem {
  const item = requireObject<SchnorrPresignatureItem>(argument, value);
  return {
    presignature: requireBytes(`${argument}.presignature`, item.presignature, SCHNORR_PRESIGNATURE_LENGTH),
    message: requireBytes(`${argument}.message`, item.message),
    xOnlyPublicKey: requireBytes(`${argument}.xOnlyPublicKey`, item.xOnlyPublicKey, 32),
    adaptorPoint: requireBytes(`${argument}.adaptorPoint`, item.adaptorPoint, POINT_LENGTH),
  };
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
