import { concatBytes, currentCrypto, type Entropy, webEntropy } from '@bitcoin-enterprise/core';
import { requireBytes, requireObject } from '../../checks.ts';
import { invalidArgument } from '../../errors.ts';
import { entropyBytes } from '../../keys/entropy.ts';
import { SecretBytes } from '../../keys/secret-bytes.ts';
import { addPoints, isPoint, multiplyBase, type Point, POINT_LENGTH } from '../math/points.ts';
import { isZero, reduceSecret, wipe } from '../math/scalars.ts';
import { type ContributionKind, contributionInvalid, requireBytesList, requireSecret } from './checks.ts';

/** Length of a public nonce: two points. */
export const PUBLIC_NONCE_LENGTH = 66;
const SCALAR_LENGTH = 32;

/** Settings of {@link createMusigNonce}: each that is known makes a bad source of randomness less of a danger. */
export interface MusigNonceOptions {
  /** Of the signer, 33 bytes; the nonce signs for no other one. */
  readonly publicKey: Uint8Array;
  /** 32 bytes. */
  readonly secretKey?: SecretBytes;
  /** The key that will sign, 32 bytes. */
  readonly xOnlyPublicKey?: Uint8Array;
  /** Any length. */
  readonly message?: Uint8Array;
  /** Whatever else is known of the session, below 4 GiB. */
  readonly extra?: Uint8Array;
  /** Where the 32 random bytes come from; the runtime's when absent. */
  readonly entropy?: Entropy;
}

/** A nonce: its public half is for everybody, its secret half signs once. */
export interface MusigNonce {
  /** 66 bytes. */
  readonly publicNonce: Uint8Array;
  /** 97 bytes: wiped by the signature that it makes. */
  readonly secretNonce: SecretBytes;
}

/**
 * A nonce for one signature (BIP327, NonceGen). Whoever signs twice with it has given his secret key away: leave it to a
 * nonce vault, which has it by {@link createVaultNonce}, unless the process keeps it in memory and signs at once.
 *
 * @throws WalletError `WALLET_INVALID_ARGUMENT`.
 */
export function createMusigNonce(options: MusigNonceOptions): MusigNonce {
  const given = requireObject<MusigNonceOptions>('options', options);
  const { secretKey, xOnlyPublicKey = new Uint8Array(), message, extra = new Uint8Array() } = given;
  const publicKey = requireBytes('options.publicKey', given.publicKey, POINT_LENGTH);
  if (!isPoint(publicKey)) throw invalidArgument('options.publicKey', 'a public key', publicKey);
  if (given.xOnlyPublicKey !== undefined) requireBytes('options.xOnlyPublicKey', xOnlyPublicKey, 32);
  if (message !== undefined) requireBytes('options.message', message);
  requireBytes('options.extra', extra);
  const { entropy = webEntropy() } = given;

  const random = new Uint8Array(entropyBytes(entropy, 32));
  const mixed = secretKey === undefined ? random : mixedSecret(requireSecret('options.secretKey', secretKey), random);
  const seed = concatBytes(
    mixed,
    Uint8Array.of(publicKey.length),
    publicKey,
    Uint8Array.of(xOnlyPublicKey.length),
    xOnlyPublicKey,
    message === undefined ? Uint8Array.of(0) : concatBytes(Uint8Array.of(1), lengthOf(message, 8), message),
    lengthOf(extra, 4),
    extra,
  );
  wipe(random, mixed);
  return nonceOf('MuSig/nonce', seed, publicKey);
}

/** The two secret scalars of a seed, and their points (BIP327, NonceGen and DeterministicSign). The seed is wiped. */
export function nonceOf(tag: string, seed: Uint8Array, publicKey: Uint8Array): MusigNonce {
  const secret = new Uint8Array(2 * SCALAR_LENGTH + POINT_LENGTH);
  const points: Uint8Array[] = [];
  for (const half of [0, 1]) {
    const preimage = concatBytes(seed, Uint8Array.of(half));
    const hash = currentCrypto().taggedHash(tag, preimage);
    const scalar = reduceSecret(hash);
    const point = multiplyBase(scalar);
    if (point === undefined) throw invalidArgument('options', 'a source of randomness', half);
    points.push(point);
    secret.set(scalar, half * SCALAR_LENGTH);
    wipe(preimage, hash, scalar);
  }
  secret.set(publicKey, 2 * SCALAR_LENGTH);
  const secretNonce = new SecretBytes(secret);
  wipe(seed, secret);
  return { publicNonce: concatBytes(...points), secretNonce };
}

/** A secret key, masked by randomness (BIP327). */
export function mixedSecret(secretKey: SecretBytes, random: Uint8Array): Uint8Array {
  const mask = currentCrypto().taggedHash('MuSig/aux', random);
  return secretKey.use((secret) => {
    requireBytes('secretKey', secret, SCALAR_LENGTH);
    return mask.map((byte, at) => byte ^ (secret[at] as number));
  });
}

/**
 * The nonces of all signers as one (BIP327, NonceAgg).
 *
 * @param publicNonces - 66 bytes each, in the order of the keys.
 * @returns 66 bytes; a half that is the point at infinity is zeros.
 * @throws WalletError `WALLET_CONTRIBUTION_INVALID` with the index of a nonce that is none, `WALLET_INVALID_ARGUMENT`.
 */
export function aggregateMusigNonces(publicNonces: readonly Uint8Array[]): Uint8Array {
  const nonces = requireBytesList('publicNonces', publicNonces, PUBLIC_NONCE_LENGTH);
  const sum = new Uint8Array(PUBLIC_NONCE_LENGTH);
  for (const start of [0, POINT_LENGTH]) {
    const half = addPoints(...nonces.map((nonce) => nonce.slice(start, start + POINT_LENGTH)));
    // No sum: the points cancel each other out, or one is none. A single nonce was not looked at.
    if (half === undefined || nonces.length === 1)
      for (const [signer, nonce] of nonces.entries()) nonceHalves(nonce, 'public nonce', signer);
    sum.set(half ?? [], start);
  }
  return sum;
}

/** The two points of a nonce. */
export function nonceHalves(
  nonce: Uint8Array,
  kind: ContributionKind,
  signer?: number,
): readonly [Uint8Array, Uint8Array] {
  const [first, second] = [nonce.slice(0, POINT_LENGTH), nonce.slice(POINT_LENGTH)];
  if (!isPoint(first) || !isPoint(second)) throw contributionInvalid(kind, signer);
  return [first, second];
}

/** The two points of an aggregate nonce, of which both may be at infinity. */
export function aggregateNonceHalves(nonce: Uint8Array): readonly [Point, Point] {
  const half = (start: number): Point => {
    const bytes = new Uint8Array(nonce.subarray(start, start + POINT_LENGTH));
    return isZero(bytes) ? undefined : bytes;
  };
  return [half(0), half(POINT_LENGTH)];
}

/** A length, big endian. */
export function lengthOf(bytes: Uint8Array, width: 4 | 8): Uint8Array {
  const encoded = new Uint8Array(width);
  new DataView(encoded.buffer).setUint32(width - 4, bytes.length);
  return encoded;
}
