import { concatBytes, currentCrypto, equalBytes } from '@bitcoin-enterprise/core';
import { addPoints, hasEvenY, POINT_LENGTH, xOf } from '../math/points.ts';
import { modOrder, numberOf, parseScalar } from '../math/scalars.ts';
import { combine, opposite } from './curve.ts';

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

/** Whether a pre-signature holds; its length is right, and the adaptor point is one. */
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
