import { concatBytes, currentCrypto, parseHex } from '@bitcoin-enterprise/core';
import { requireBytes, requireObject } from '../../checks.ts';
import { invalidArgument } from '../../errors.ts';
import { requirePoint } from '../adaptor/curve.ts';
import { addPoints, isPoint, multiplyPoint, type Point, POINT_LENGTH, xOf } from '../math/points.ts';
import { modOrder, numberOf } from '../math/scalars.ts';
import { contributionInvalid } from './checks.ts';
import { type MusigKeys, requireKeys } from './keys.ts';
import { aggregateNonceHalves, PUBLIC_NONCE_LENGTH } from './nonces.ts';

const VALUES: unique symbol = Symbol('MusigSession');
/** The base point. */
const GENERATOR: Uint8Array = /* @__PURE__ */ parseHex(
  '0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798',
);

/** What is signed by which keys with which nonces (BIP327, the session context). Made by {@link createMusigSession}. */
export interface MusigSession {
  readonly keys: MusigKeys;
  /** Any length; 32 bytes in transactions. */
  readonly message: Uint8Array;
  /** 66 bytes. */
  readonly aggregateNonce: Uint8Array;
  /** Whose secret completes the signature, 33 bytes; absent in a session that ends with a signature. */
  readonly adaptorPoint?: Uint8Array;
  /** For the functions here. */
  readonly [VALUES]: SessionValues;
}

interface SessionValues {
  /** BIP327's b. */
  readonly nonceCoefficient: bigint;
  /** BIP327's R, with the adaptor point in it. */
  readonly finalNonce: Uint8Array;
  /** BIP340's e. */
  readonly challenge: bigint;
}

/**
 * Fixes what a signature is made of (BIP327, GetSessionValues).
 *
 * @param keys - Aggregated, with all tweaks.
 * @param options - `aggregateNonce`: 66 bytes of {@link aggregateMusigNonces}. `message`: what is signed.
 * `adaptorPoint`: whose secret will complete the signature, 33 bytes: the session then ends with
 * {@link aggregateMusigPresignature}. It is added to the first half of the nonce before that is hashed, so that it is
 * bound as a nonce is.
 * @throws WalletError `WALLET_CONTRIBUTION_INVALID` when the aggregate nonce is none, `WALLET_INVALID_ARGUMENT`.
 */
export function createMusigSession(
  keys: MusigKeys,
  options: { readonly aggregateNonce: Uint8Array; readonly message: Uint8Array; readonly adaptorPoint?: Uint8Array },
): MusigSession {
  requireKeys('keys', keys);
  const given = requireObject<{ aggregateNonce: Uint8Array; message: Uint8Array; adaptorPoint: Uint8Array }>(
    'options',
    options,
  );
  const aggregateNonce = new Uint8Array(
    requireBytes('options.aggregateNonce', given.aggregateNonce, PUBLIC_NONCE_LENGTH),
  );
  const message = new Uint8Array(requireBytes('options.message', given.message));
  const { adaptorPoint } = given;
  const adaptor =
    adaptorPoint === undefined ? {} : { adaptorPoint: requirePoint('options.adaptorPoint', adaptorPoint) };
  const crypto = currentCrypto();
  const { xOnlyPublicKey } = keys;
  const bindingNonce = withAdaptor(aggregateNonce, adaptor.adaptorPoint);
  const nonceCoefficient = modOrder(
    numberOf(crypto.taggedHash('MuSig/noncecoef', concatBytes(bindingNonce, xOnlyPublicKey, message))),
  );
  const [first, second] = aggregateNonceHalves(bindingNonce);
  const bound = multiplyPoint(second, nonceCoefficient);
  const sum = addPoints(first, bound);
  // Checked by the sum itself, unless there was none to make.
  if (sum === undefined || first === undefined || bound === undefined)
    for (const half of [first, second])
      if (half !== undefined && !isPoint(half)) throw contributionInvalid('aggregate nonce');
  // Of honest signers it is never infinity; the base point lets the session go on until the liar is found (BIP327).
  const finalNonce = sum ?? GENERATOR;
  const challenge = modOrder(
    numberOf(crypto.taggedHash('BIP0340/challenge', concatBytes(xOf(finalNonce), xOnlyPublicKey, message))),
  );
  const session = { keys, message, aggregateNonce, ...adaptor };
  Object.defineProperty(session, VALUES, { value: { nonceCoefficient, finalNonce, challenge } });
  return session as MusigSession;
}

/** The nonce of all signers with the adaptor point in its first half. */
function withAdaptor(aggregateNonce: Uint8Array, adaptorPoint: Uint8Array | undefined): Uint8Array {
  if (adaptorPoint === undefined) return aggregateNonce;
  const [first] = aggregateNonceHalves(aggregateNonce);
  const sum = addPoints(first, adaptorPoint);
  // No sum: they cancel each other out, or the nonce is none. Its second half is looked at where it is multiplied.
  if (sum === undefined && first !== undefined && !isPoint(first)) throw contributionInvalid('aggregate nonce');
  return concatBytes(sum ?? new Uint8Array(POINT_LENGTH), aggregateNonce.subarray(POINT_LENGTH));
}

/** The numbers of a session. */
export function valuesOf(session: MusigSession): SessionValues {
  return session[VALUES];
}

/** What a signer's public nonce counts for in a session. */
export function effectiveNonce(session: MusigSession, [first, second]: readonly [Point, Point]): Point {
  return addPoints(first, multiplyPoint(second, valuesOf(session).nonceCoefficient));
}

/** Throws unless a value was made here. */
export function requireSession(argument: string, value: unknown): MusigSession {
  const session = requireObject<MusigSession>(argument, value);
  if (session[VALUES] === undefined) throw invalidArgument(argument, 'a session of createMusigSession', value);
  return session as MusigSession;
}
