import { concatBytes, currentCrypto, equalBytes } from '@bitcoin-enterprise/core';
import { requireBytes, requireInteger, requireList, requireObject } from '../../checks.ts';
import { invalidArgument, WalletError } from '../../errors.ts';
import type { SecretBytes } from '../../keys/secret-bytes.ts';
import { combine } from '../adaptor/curve.ts';
import { hasEvenY, multiplyBase, negatePoint, type Point, xOf } from '../math/points.ts';
import {
  addSecret,
  isScalar,
  modOrder,
  multiplySecret,
  negateSecret,
  numberOf,
  parseScalar,
  scalarBytes,
  wipe,
} from '../math/scalars.ts';
import { contributionInvalid, requireBytesList, requireSecret } from './checks.ts';
import { isSecretNegated, keyCoefficient, type MusigKeys, requireKeys, tweakShare } from './keys.ts';
import { aggregateMusigNonces, lengthOf, mixedSecret, nonceHalves, nonceOf, PUBLIC_NONCE_LENGTH } from './nonces.ts';
import { createMusigSession, effectiveNonce, type MusigSession, requireSession, valuesOf } from './session.ts';

const SCALAR_LENGTH = 32;
const SECRET_NONCE_LENGTH = 97;

/** Settings of {@link signMusig}. */
export interface SignMusigOptions {
  /** 32 bytes. */
  readonly secretKey: SecretBytes;
  /** 97 bytes. */
  readonly secretNonce: SecretBytes;
  /** Its public half, 66 bytes: is computed when absent. */
  readonly publicNonce?: Uint8Array;
}

/**
 * A partial signature (BIP327, Sign). The secret nonce is wiped, whatever comes of it.
 *
 * @returns 32 bytes, already verified: a faulty computer gives no key away.
 * @throws WalletError `WALLET_NONCE_SPENT` for a nonce that signed before, `WALLET_KEY_UNKNOWN` when the signer is no
 * participant, `WALLET_INVALID_ARGUMENT`.
 *
 * @example Two signers in one process
 * ```ts
 * import { currentCrypto } from '@bitcoin-enterprise/core';
 * import { SecretBytes } from '@bitcoin-enterprise/wallet/keys';
 * import * as musig from '@bitcoin-enterprise/wallet/multiparty';
 *
 * const signers = [1, 2].map((n) => ({ secretKey: new SecretBytes(new Uint8Array(32).fill(n)) }))
 *   .map(({ secretKey }) => ({ secretKey, publicKey: secretKey.use((key) => currentCrypto().publicKey(key)) as Uint8Array }));
 * const keys = musig.aggregateMusigKeys(signers.map(({ publicKey }) => publicKey));
 * const nonces = signers.map((signer) => musig.createMusigNonce(signer));
 * const aggregateNonce = musig.aggregateMusigNonces(nonces.map(({ publicNonce }) => publicNonce));
 * const message = new Uint8Array(32);
 * const session = musig.createMusigSession(keys, { aggregateNonce, message });
 * const partials = signers.map(({ secretKey }, at) => {
 *   return musig.signMusig(session, { secretKey, ...(nonces[at] as musig.MusigNonce) });
 * });
 * const signature = musig.aggregateMusigSignatures(session, partials);
 * currentCrypto().schnorrVerify(signature, message, keys.xOnlyPublicKey); // => true
 * ```
 */
export function signMusig(session: MusigSession, options: SignMusigOptions): Uint8Array {
  requireSession('session', session);
  const given = requireObject<SignMusigOptions>('options', options);
  const { publicNonce } = given;
  if (publicNonce !== undefined) requireBytes('options.publicNonce', publicNonce, PUBLIC_NONCE_LENGTH);
  const secretNonce = requireSecret('options.secretNonce', given.secretNonce);
  const secretKey = requireSecret('options.secretKey', given.secretKey);
  if (secretNonce.isWiped) throw nonceSpent('the secret nonce that was passed');
  try {
    return secretNonce.use((nonce) => secretKey.use((secret) => signWith(session, { nonce, secret, publicNonce })));
  } finally {
    secretNonce.wipe();
  }
}

/** {@link signMusig} with bare secrets, which the caller wipes. */
export function signWith(
  session: MusigSession,
  facts: {
    readonly nonce: Uint8Array;
    readonly secret: Uint8Array;
    readonly publicNonce: Uint8Array | undefined;
  },
): Uint8Array {
  const { nonce, secret } = facts;
  const crypto = currentCrypto();
  requireBytes('secretKey', secret, SCALAR_LENGTH);
  requireBytes('secretNonce', nonce, SECRET_NONCE_LENGTH);
  const [first, second] = [nonce.subarray(0, SCALAR_LENGTH), nonce.subarray(SCALAR_LENGTH, 2 * SCALAR_LENGTH)];
  if (!crypto.isSecretKey(first) || !crypto.isSecretKey(second)) throw nonceSpent('the secret nonce that was passed');
  const publicKey = multiplyBase(secret);
  // A nonce that was made for another key of the same signer could sign for this one as well: BIP327 forbids it.
  if (publicKey === undefined || !equalBytes(publicKey, nonce.subarray(2 * SCALAR_LENGTH)))
    throw invalidArgument('options.secretKey', 'the key that the nonce was made for', secret);

  const { keys } = session;
  const { nonceCoefficient, finalNonce, challenge } = valuesOf(session);
  const factor = modOrder(challenge * keyCoefficient(keys, publicKey));
  const bound = multiplySecret(second, nonceCoefficient);
  const nonceSum = addSecret(first, bound);
  const nonceShare = hasEvenY(finalNonce) ? nonceSum : negateSecret(nonceSum);
  const keyShare = multiplySecret(secret, isSecretNegated(keys) ? modOrder(-factor) : factor);
  const partial = addSecret(nonceShare, keyShare);
  const publicNonce =
    facts.publicNonce === undefined
      ? ([multiplyBase(first), multiplyBase(second)] as const)
      : nonceHalves(facts.publicNonce, 'public nonce');
  wipe(bound, nonceSum, nonceShare, keyShare);
  if (!isPartialValid(session, { partial, publicNonce, publicKey }))
    throw new WalletError('WALLET_SIGNER_ANSWER_INVALID', 'expected a partial signature that verifies, got another', {
      details: { signer: 'musig', reason: 'the computer made a mistake' },
    });
  return partial;
}

/**
 * Whether a partial signature is right (BIP327, PartialSigVerify): says who lies when the whole signature is wrong.
 *
 * @param options - `signer`: index of the key. `publicNonce`: of that signer, 66 bytes. `signature`: 32 bytes.
 * @throws WalletError `WALLET_CONTRIBUTION_INVALID` when the nonce is none, `WALLET_INVALID_ARGUMENT`.
 */
export function verifyMusigPartial(
  session: MusigSession,
  options: { readonly signer: number; readonly publicNonce: Uint8Array; readonly signature: Uint8Array },
): boolean {
  const { keys } = requireSession('session', session);
  const given = requireObject<{ signer: number; publicNonce: Uint8Array; signature: Uint8Array }>('options', options);
  const signer = requireInteger('options.signer', given.signer, 0, keys.publicKeys.length - 1);
  const nonce = requireBytes('options.publicNonce', given.publicNonce, PUBLIC_NONCE_LENGTH);
  const partial = requireBytes('options.signature', given.signature, SCALAR_LENGTH);
  const publicNonce = nonceHalves(nonce, 'public nonce', signer);
  const publicKey = keys.publicKeys[signer] as Uint8Array;
  return isPartialValid(session, { partial, publicNonce, publicKey });
}

/**
 * The whole signature (BIP327, PartialSigAgg). It is not verified: with `schnorrVerify` of the engine you know whether
 * everybody was honest, with {@link verifyMusigPartial} who was not.
 *
 * @param partials - 32 bytes of each signer, in the order of the keys.
 * @returns 64 bytes (BIP340).
 * @throws WalletError `WALLET_CONTRIBUTION_INVALID` with the index of a number from the group order up,
 * `WALLET_SESSION_STATE` for a session with an adaptor point, `WALLET_INVALID_ARGUMENT`.
 */
export function aggregateMusigSignatures(session: MusigSession, partials: readonly Uint8Array[]): Uint8Array {
  const { adaptorPoint } = requireSession('session', session);
  if (adaptorPoint !== undefined) throw sessionState('a session without an adaptor point', 'one with');
  return concatBytes(xOf(valuesOf(session).finalNonce), sumOfPartials(session, partials));
}

/**
 * The whole pre-signature of a session with an adaptor point. It is not verified: `verifySchnorrPresignature` under the
 * aggregate key says whether everybody was honest, {@link verifyMusigPartial} who was not. `completeSchnorr` makes the
 * signature of it.
 *
 * @param partials - 32 bytes of each signer, in the order of the keys.
 * @returns 65 bytes, as those of `presignSchnorr`.
 * @throws WalletError `WALLET_CONTRIBUTION_INVALID` with the index of a number from the group order up,
 * `WALLET_SESSION_STATE` for a session without an adaptor point, `WALLET_INVALID_ARGUMENT`.
 */
export function aggregateMusigPresignature(session: MusigSession, partials: readonly Uint8Array[]): Uint8Array {
  const { adaptorPoint } = requireSession('session', session);
  if (adaptorPoint === undefined) throw sessionState('a session with an adaptor point', 'one without');
  return concatBytes(valuesOf(session).finalNonce, sumOfPartials(session, partials));
}

function sumOfPartials(session: MusigSession, partials: readonly Uint8Array[]): Uint8Array {
  const { keys } = session;
  if (requireList('partials', partials).length !== keys.publicKeys.length)
    throw invalidArgument('partials', `a list of ${keys.publicKeys.length}`, partials);
  let sum = valuesOf(session).challenge * tweakShare(keys);
  for (const [signer, partial] of requireBytesList('partials', partials, SCALAR_LENGTH).entries()) {
    const value = parseScalar(partial);
    if (value === undefined) throw contributionInvalid('partial signature', signer);
    sum += value;
  }
  return scalarBytes(modOrder(sum));
}

function sessionState(expected: string, got: string): WalletError<'WALLET_SESSION_STATE'> {
  return new WalletError('WALLET_SESSION_STATE', `expected ${expected}, got ${got}`, { details: { expected, got } });
}

/** Settings of {@link signMusigDeterministically}. */
export interface DeterministicMusigOptions {
  readonly secretKey: SecretBytes;
  /** Of all other signers together, 66 bytes. */
  readonly aggregateOtherNonce: Uint8Array;
  readonly message: Uint8Array;
  /** 32 bytes that protect against an attacker with a probe at the device. */
  readonly random?: Uint8Array;
}

/**
 * Signs last and without keeping a nonce: it follows from everything else (BIP327, DeterministicSign). One signer of a
 * session at most may do so.
 *
 * @returns The nonce of 66 bytes for the others, and the partial signature of 32 bytes.
 * @throws WalletError `WALLET_CONTRIBUTION_INVALID` when the nonce of the others is none, `WALLET_KEY_UNKNOWN`,
 * `WALLET_INVALID_ARGUMENT`.
 */
export function signMusigDeterministically(
  keys: MusigKeys,
  options: DeterministicMusigOptions,
): { readonly publicNonce: Uint8Array; readonly signature: Uint8Array } {
  requireKeys('keys', keys);
  const given = requireObject<DeterministicMusigOptions>('options', options);
  const secretKey = requireSecret('options.secretKey', given.secretKey);
  const others = requireBytes('options.aggregateOtherNonce', given.aggregateOtherNonce, PUBLIC_NONCE_LENGTH);
  const message = requireBytes('options.message', given.message);
  const { random } = given;
  if (random !== undefined) requireBytes('options.random', random, SCALAR_LENGTH);
  const publicKey = secretKey.use((secret) => multiplyBase(requireBytes('secretKey', secret, SCALAR_LENGTH)));
  if (publicKey === undefined) throw invalidArgument('options.secretKey', 'a secret key', secretKey);
  keyCoefficient(keys, publicKey);
  nonceHalves(others, 'aggregate nonce');

  const mixed =
    random === undefined ? secretKey.use((secret) => new Uint8Array(secret)) : mixedSecret(secretKey, random);
  const seed = concatBytes(mixed, others, keys.xOnlyPublicKey, lengthOf(message, 8), message);
  wipe(mixed);
  const { publicNonce, secretNonce } = nonceOf('MuSig/deterministic/nonce', seed, publicKey);
  const session = createMusigSession(keys, { aggregateNonce: aggregateMusigNonces([publicNonce, others]), message });
  return { publicNonce, signature: signMusig(session, { secretKey, secretNonce }) };
}

function isPartialValid(
  session: MusigSession,
  facts: {
    readonly partial: Uint8Array;
    readonly publicNonce: readonly [Point, Point];
    readonly publicKey: Uint8Array;
  },
): boolean {
  const { partial, publicNonce, publicKey } = facts;
  const { keys } = session;
  const { finalNonce, challenge } = valuesOf(session);
  if (!isScalar(partial)) return false;
  const effective = effectiveNonce(session, publicNonce);
  const expected = hasEvenY(finalNonce) ? effective : negatePoint(effective);
  const factor = modOrder(challenge * keyCoefficient(keys, publicKey));
  // A partial signature is for everybody to see: it may pass through public arithmetic.
  const actual = combine(numberOf(partial), isSecretNegated(keys) ? factor : modOrder(-factor), publicKey);
  return expected === undefined || actual === undefined ? expected === actual : equalBytes(expected, actual);
}

/** The error of a nonce that will not sign. */
export function nonceSpent(token: string): WalletError<'WALLET_NONCE_SPENT'> {
  return new WalletError('WALLET_NONCE_SPENT', 'expected a nonce that signed nothing yet, got another', {
    details: { token },
    hint: 'Begin the session again with fresh nonces of all signers.',
  });
}
