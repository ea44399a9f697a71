import { concatBytes, currentCrypto, type Entropy, equalBytes, webEntropy } from '@bitcoin-enterprise/core';
import { requireBytes, requireFunction, requireInteger, requireList, requireObject } from '../../checks.ts';
import { invalidArgument, WalletError } from '../../errors.ts';
import { SecretBytes } from '../../keys/secret-bytes.ts';
import { contributionInvalid } from '../musig/checks.ts';
import { lengthOf } from '../musig/nonces.ts';
import { nonceSpent } from '../musig/signatures.ts';
import {
  addPoints,
  hasEvenY,
  isPoint,
  multiplyBase,
  multiplyPoint,
  negatePoint,
  POINT_LENGTH,
  xOf,
} from '../math/points.ts';
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
import type { NonceVault } from '../vault/nonce-vault.ts';
import { nonceToken } from '../vault/nonce-vault.ts';
import { lagrange } from './dealer.ts';
import {
  evenGroup,
  evenSecret,
  frostBlame,
  type FrostGroup,
  type FrostShare,
  requireGroup,
  requireShare,
} from './group.ts';
import { requireDifferent } from './polynomial.ts';
import { hashMessage, hashNonces, hashToBindingFactor, hashToNonce, identifierBytes } from './suite.ts';

const VALUES: unique symbol = Symbol('FrostSession');
const NONCE_LENGTH = 2 * POINT_LENGTH;
const SCALAR_LENGTH = 32;

/** A participant's public nonce. */
export interface FrostNonce {
  readonly identifier: number;
  /** 66 bytes: the hiding and the binding one. */
  readonly publicNonce: Uint8Array;
}

/** What is signed, by whom, with which nonces. Made by {@link createFrostSession}. */
export interface FrostSession {
  readonly group: FrostGroup;
  readonly message: Uint8Array;
  /** Of those who sign, by identifier. */
  readonly nonces: readonly FrostNonce[];
  /** For the functions here. */
  readonly [VALUES]: SessionValues;
}

interface SessionValues {
  readonly even: FrostGroup;
  /** By identifier. */
  readonly bindingFactors: ReadonlyMap<number, bigint>;
  /** The nonce of the signature. */
  readonly finalNonce: Uint8Array;
  readonly challenge: bigint;
}

/** A participant's part of a signature. */
export interface FrostSignatureShare {
  readonly identifier: number;
  /** 32 bytes. */
  readonly signature: Uint8Array;
}

/**
 * A nonce for one signature (RFC 9591, commit), whose secret half goes to a vault.
 *
 * @throws WalletError `WALLET_INVALID_ARGUMENT`, `WALLET_VAULT_STALE`; those of the vault's stores.
 */
export async function createFrostNonce(
  vault: NonceVault,
  options: { readonly share: FrostShare; readonly entropy?: Entropy },
): Promise<FrostNonce> {
  requireFunction('vault.make', requireObject<NonceVault>('vault', vault).make);
  const given = requireObject<{ share: FrostShare; entropy: Entropy }>('options', options);
  const share = requireShare('options.share', given.share);
  const { entropy = webEntropy() } = given;
  requireFunction('options.entropy.bytes', requireObject<Entropy>('options.entropy', entropy).bytes);
  const { publicNonce, secretNonce } = frostNonceOf(share, entropy);
  await vault.make([{ publicNonce, secretNonce }]);
  return { identifier: share.identifier, publicNonce };
}

/** A nonce, both halves. */
export function frostNonceOf(
  { secretShare }: FrostShare,
  entropy: Entropy,
): { readonly publicNonce: Uint8Array; readonly secretNonce: SecretBytes } {
  const secret = new Uint8Array(2 * SCALAR_LENGTH);
  const points: Uint8Array[] = [];
  for (const half of [0, 1]) {
    const preimage = secretShare.use((share) =>
      concatBytes(requireBytes('entropy.bytes(32)', entropy.bytes(32), 32), share),
    );
    const nonce = hashToNonce(preimage);
    points.push(multiplyBase(nonce) as Uint8Array);
    secret.set(nonce, half * SCALAR_LENGTH);
    wipe(preimage, nonce);
  }
  requireDifferent(points, entropy);
  const secretNonce = new SecretBytes(secret);
  secret.fill(0);
  return { publicNonce: concatBytes(...points), secretNonce };
}

/**
 * Fixes what a signature is made of (RFC 9591, sections 4.3 to 4.6, with the challenge of BIP340).
 *
 * @param group - Tweaked already, if its key is.
 * @param options - `nonces`: of those who sign, `threshold` at least, in any order. `message`: what is signed.
 * @throws WalletError `WALLET_CONTRIBUTION_INVALID` with the identifier whose nonce is none, `WALLET_INVALID_ARGUMENT`.
 */
export function createFrostSession(
  group: FrostGroup,
  options: { readonly nonces: readonly FrostNonce[]; readonly message: Uint8Array },
): FrostSession {
  const { threshold, verifyingShares, xOnlyPublicKey } = requireGroup('group', group);
  const given = requireObject<{ nonces: readonly FrostNonce[]; message: Uint8Array }>('options', options);
  const message = new Uint8Array(requireBytes('options.message', given.message));
  const nonces = requireList('options.nonces', given.nonces)
    .map((one, index): FrostNonce => {
      const nonce = requireObject<FrostNonce>(`options.nonces[${index}]`, one);
      return {
        identifier: requireInteger(`options.nonces[${index}].identifier`, nonce.identifier, 1, verifyingShares.length),
        publicNonce: new Uint8Array(
          requireBytes(`options.nonces[${index}].publicNonce`, nonce.publicNonce, NONCE_LENGTH),
        ),
      };
    })
    .toSorted((one, other) => one.identifier - other.identifier);
  if (nonces.length < threshold || new Set(nonces.map(({ identifier }) => identifier)).size !== nonces.length)
    throw invalidArgument('options.nonces', `one nonce each of ${threshold} participants at least`, given.nonces);
  for (const { identifier, publicNonce } of nonces)
    if (!halvesOf(publicNonce).every(isPoint)) throw contributionInvalid('public nonce', identifier);

  const even = evenGroup(group);
  const list = concatBytes(
    ...nonces.flatMap(({ identifier, publicNonce }) => [identifierBytes(identifier), publicNonce]),
  );
  const prefix = concatBytes(even.publicKey, hashMessage(message), hashNonces(list));
  const bindingFactors = new Map(
    nonces.map(({ identifier }) => [identifier, hashToBindingFactor(concatBytes(prefix, identifierBytes(identifier)))]),
  );
  const finalNonce = addPoints(
    ...nonces.flatMap(({ identifier, publicNonce }) => {
      const [hiding, binding] = halvesOf(publicNonce);
      return [hiding, multiplyPoint(binding, bindingFactors.get(identifier) ?? 0n)];
    }),
  );
  // Somebody would have to know the hash before it is computed.
  if (finalNonce === undefined) throw invalidArgument('options.nonces', 'nonces whose sum is a point', given.nonces);
  const challenge = modOrder(
    numberOf(currentCrypto().taggedHash('BIP0340/challenge', concatBytes(xOf(finalNonce), xOnlyPublicKey, message))),
  );
  const session: Omit<FrostSession, typeof VALUES> = { group, message, nonces };
  Object.defineProperty(session, VALUES, { value: { even, bindingFactors, finalNonce, challenge } });
  return session as FrostSession;
}

/**
 * A participant's part of a signature (RFC 9591, sign), with a nonce of a vault: the same answer for the same session,
 * none for another.
 *
 * @returns 32 bytes, already verified.
 * @throws WalletError `WALLET_NONCE_SPENT`, `WALLET_VAULT_STALE`, `WALLET_KEY_UNKNOWN` when the participant is not among
 * those who sign, `WALLET_INVALID_ARGUMENT`; those of the vault's stores.
 */
export async function signFrost(
  vault: NonceVault,
  options: { readonly session: FrostSession; readonly share: FrostShare },
): Promise<FrostSignatureShare> {
  requireFunction('vault.sign', requireObject<NonceVault>('vault', vault).sign);
  const given = requireObject<{ session: FrostSession; share: FrostShare }>('options', options);
  const session = requireFrostSession('options.session', given.session);
  const share = requireShare('options.share', given.share);
  if (!equalBytes(share.group.publicKey, session.group.publicKey))
    throw invalidArgument('options.share', 'a share of the key that signs', share);
  const { identifier } = share;
  const own = nonceIn(session, identifier);
  const signature = await vault.sign(nonceToken(own.publicNonce), {
    session: frostDigest(session, share),
    sign: (secretNonce) => frostSignatureOf(session, { share, secretNonce }),
  });
  return { identifier, signature };
}

/** {@link signFrost} with a bare nonce, which the caller wipes. */
export function frostSignatureOf(
  session: FrostSession,
  { share, secretNonce }: { readonly share: FrostShare; readonly secretNonce: Uint8Array },
): Uint8Array {
  const { identifier } = share;
  const { bindingFactors, finalNonce, challenge } = session[VALUES];
  requireBytes('secretNonce', secretNonce, 2 * SCALAR_LENGTH);
  const [hiding, binding] = [secretNonce.subarray(0, SCALAR_LENGTH), secretNonce.subarray(SCALAR_LENGTH)];
  const crypto = currentCrypto();
  if (!crypto.isSecretKey(hiding) || !crypto.isSecretKey(binding)) throw nonceSpent('the secret nonce that was passed');
  const weight = modOrder(challenge * lagrange(identifiersOf(session), identifier));
  const bound = multiplySecret(binding, bindingFactors.get(identifier) ?? 0n);
  const sum = addSecret(hiding, bound);
  const nonceShare = hasEvenY(finalNonce) ? sum : negateSecret(sum);
  const keyShare = evenSecret(share, (secret) => multiplySecret(secret, weight));
  const signature = addSecret(nonceShare, keyShare);
  wipe(bound, sum, nonceShare, keyShare);
  if (!isFrostShareValid(session, { identifier, signature }))
    throw new WalletError('WALLET_SIGNER_ANSWER_INVALID', 'expected a signature share that verifies, got another', {
      details: { signer: 'frost', reason: 'another share or nonce, or the computer made a mistake' },
    });
  return signature;
}

/**
 * Whether a participant's part of a signature is right (RFC 9591, verify_signature_share).
 *
 * @throws WalletError `WALLET_KEY_UNKNOWN` when the participant is not among those who sign, `WALLET_INVALID_ARGUMENT`.
 */
export function verifyFrostShare(session: FrostSession, share: FrostSignatureShare): boolean {
  requireFrostSession('session', session);
  return isFrostShareValid(session, requireSignatureShare('share', share));
}

/**
 * The whole signature (RFC 9591, aggregate): checked, and whose fault it is when it is wrong.
 *
 * @param shares - One of each who signs.
 * @returns 64 bytes (BIP340).
 * @throws WalletError `WALLET_CONTRIBUTION_INVALID` with the identifier of a wrong one, `WALLET_INVALID_ARGUMENT`.
 */
export function aggregateFrostSignature(session: FrostSession, shares: readonly FrostSignatureShare[]): Uint8Array {
  const { group, message } = requireFrostSession('session', session);
  const list = requireList('shares', shares).map((share, index) => requireSignatureShare(`shares[${index}]`, share));
  const wanted = identifiersOf(session);
  const isWhole = wanted.every((identifier) => list.some((share) => share.identifier === identifier));
  if (!isWhole || list.length !== wanted.length) throw invalidArgument('shares', 'one share of each who signs', shares);
  const { finalNonce } = session[VALUES];
  const values = list.map(({ signature }) => parseScalar(signature));
  if (values.every((value) => value !== undefined)) {
    const sum = modOrder(values.reduce((total, value) => total + value, 0n));
    const signature = concatBytes(xOf(finalNonce), scalarBytes(sum));
    if (currentCrypto().schnorrVerify(signature, message, group.xOnlyPublicKey)) return signature;
  }
  throw frostBlame('signature share', blamedFor(session, list));
}

/** Those whose share is wrong. */
export function blamedFor(session: FrostSession, shares: readonly FrostSignatureShare[]): readonly number[] {
  return shares.filter((share) => !isFrostShareValid(session, share)).map(({ identifier }) => identifier);
}

/** A hash of everything that a participant's part of a signature depends on, 32 bytes. */
export function frostDigest({ group, message, nonces }: FrostSession, { identifier }: FrostShare): Uint8Array {
  return currentCrypto().taggedHash(
    'bitcoin-enterprise/frost-session',
    concatBytes(
      group.publicKey,
      // Of this share: a refreshed one is another.
      group.verifyingShares[identifier - 1] as Uint8Array,
      Uint8Array.of(identifier, nonces.length),
      ...nonces.flatMap((nonce) => [Uint8Array.of(nonce.identifier), nonce.publicNonce]),
      lengthOf(message, 8),
      message,
    ),
  );
}

/** Throws unless a value was made here. */
export function requireFrostSession(argument: string, value: unknown): FrostSession {
  const session = requireObject<FrostSession>(argument, value);
  if (session[VALUES] === undefined) throw invalidArgument(argument, 'a session of createFrostSession', value);
  return session as FrostSession;
}

function isFrostShareValid(session: FrostSession, { identifier, signature }: FrostSignatureShare): boolean {
  const { even, bindingFactors, finalNonce, challenge } = session[VALUES];
  const [hiding, binding] = halvesOf(nonceIn(session, identifier).publicNonce);
  if (!isScalar(signature)) return false;
  const nonce = addPoints(hiding, multiplyPoint(binding, bindingFactors.get(identifier) ?? 0n));
  const weight = modOrder(challenge * lagrange(identifiersOf(session), identifier));
  const expected = addPoints(
    hasEvenY(finalNonce) ? nonce : negatePoint(nonce),
    multiplyPoint(even.verifyingShares[identifier - 1], weight),
  );
  const actual = multiplyBase(signature);
  return expected === undefined || actual === undefined ? expected === actual : equalBytes(expected, actual);
}

function nonceIn({ nonces }: FrostSession, identifier: number): FrostNonce {
  const nonce = nonces.find((one) => one.identifier === identifier);
  if (nonce === undefined)
    throw new WalletError('WALLET_KEY_UNKNOWN', `expected a participant who signs, got ${identifier}`, {
      details: { key: String(identifier) },
    });
  return nonce;
}

function identifiersOf({ nonces }: FrostSession): readonly number[] {
  return nonces.map(({ identifier }) => identifier);
}

function halvesOf(publicNonce: Uint8Array): readonly [Uint8Array, Uint8Array] {
  return [publicNonce.slice(0, POINT_LENGTH), publicNonce.slice(POINT_LENGTH)];
}

function requireSignatureShare(argument: string, value: unknown): FrostSignatureShare {
  const { identifier, signature } = requireObject<FrostSignatureShare>(argument, value);
  return {
    identifier: requireInteger(`${argument}.identifier`, identifier, 1, 255),
    signature: requireBytes(`${argument}.signature`, signature, SCALAR_LENGTH),
  };
}
