import { concatBytes, currentCrypto, type Entropy, equalBytes } from '@bitcoin-enterprise/core';
import { requireBytes, requireObject } from '../../checks.ts';
import type { SecretBytes } from '../../keys/secret-bytes.ts';
import { multiplyBySecret } from '../../silent/secret-arithmetic.ts';
import { isPoint, multiplyBase, POINT_LENGTH } from '../math/points.ts';
import {
  addSecret,
  GROUP_ORDER,
  inverseOf,
  modOrder,
  multiplySecret,
  negateSecret,
  numberOf,
  parseScalar,
  scalarBytes,
  wipe,
} from '../math/scalars.ts';
import { combine, opposite, requirePoint } from './curve.ts';
import { isDleq, proveDleq } from './dleq.ts';
import {
  type AdaptorSecret,
  adaptorMismatch,
  inverseOfSecret,
  nonceFor,
  presignatureFaulty,
  presignatureInvalid,
  useAdaptorSecret,
  useSecretKey,
} from './secrets.ts';

/** Length of a pre-signature of ECDSA: two points, a number, and a proof of two numbers. */
const LENGTH = 162;
const SCALAR_LENGTH = 32;
const HALF_ORDER = GROUP_ORDER >> 1n;

/** Settings of {@link presignEcdsa}. */
export interface PresignEcdsaOptions {
  /** 32 bytes. */
  readonly secretKey: SecretBytes;
  /** 32 bytes. */
  readonly messageHash: Uint8Array;
  /** Whose secret will complete the signature, 33 bytes. */
  readonly adaptorPoint: Uint8Array;
  /** Where 64 random bytes come from; the runtime's when absent. */
  readonly entropy?: Entropy;
}

/** What a pre-signature of ECDSA is verified against. */
export interface EcdsaPresignatureFacts {
  /** 32 bytes. */
  readonly messageHash: Uint8Array;
  /** 33 bytes. */
  readonly publicKey: Uint8Array;
  /** 33 bytes. */
  readonly adaptorPoint: Uint8Array;
}

/**
 * Signs with ECDSA up to a secret that somebody else has (dlcspecs, `ecdsa_adaptor_encrypt`): for outputs of before
 * Taproot; {@link presignSchnorr} is shorter and faster.
 *
 * @returns 162 bytes, already verified.
 * @throws WalletError `WALLET_INVALID_ARGUMENT`, `WALLET_SECRET_WIPED`.
 *
 * @example
 * ```ts
 * import { currentCrypto } from '@bitcoin-enterprise/core';
 * import { SecretBytes } from '@bitcoin-enterprise/wallet/keys';
 * import { completeEcdsa, presignEcdsa } from '@bitcoin-enterprise/wallet/multiparty';
 *
 * const secretKey = new SecretBytes(new Uint8Array(32).fill(1));
 * const publicKey = secretKey.use((key) => currentCrypto().publicKey(key) as Uint8Array);
 * const secret = new Uint8Array(32).fill(2);
 * const adaptorPoint = currentCrypto().publicKey(secret) as Uint8Array;
 * const messageHash = new Uint8Array(32);
 *
 * const signature = completeEcdsa(presignEcdsa({ secretKey, messageHash, adaptorPoint }), { secret });
 * currentCrypto().ecdsaVerify(signature, messageHash, publicKey); // => true
 * ```
 */
export function presignEcdsa(options: PresignEcdsaOptions): Uint8Array {
  const given = requireObject<PresignEcdsaOptions>('options', options);
  const messageHash = requireBytes('options.messageHash', given.messageHash, 32);
  const adaptorPoint = requirePoint('options.adaptorPoint', given.adaptorPoint);
  const { entropy } = given;
  return useSecretKey(given.secretKey, (secret) => {
    const publicKey = multiplyBase(secret) as Uint8Array;
    const facts = concatBytes(publicKey, adaptorPoint, messageHash);
    const nonce = nonceFor('bitcoin-enterprise/adaptor-ecdsa', secret, facts, entropy);
    const ofGenerator = multiplyBase(nonce) as Uint8Array;
    const ofPoint = multiplyBySecret(adaptorPoint, nonce) as Uint8Array;
    const proof = proveDleq(nonce, { ofGenerator, point: adaptorPoint, ofPoint }, entropy);
    const signed = multiplySecret(secret, xScalar(ofPoint));
    const sum = addSecret(signed, scalarBytes(modOrder(numberOf(messageHash))));
    const inverse = inverseOfSecret(nonce);
    const number = currentCrypto().secretKeyTweakMul(inverse, sum) ?? new Uint8Array(SCALAR_LENGTH);
    wipe(nonce, signed, sum, inverse);
    const presignature = concatBytes(ofPoint, ofGenerator, number, proof);
    if (!isEcdsaPresignature(presignature, { messageHash, publicKey, adaptorPoint })) throw presignatureFaulty('ecdsa');
    return presignature;
  });
}

/**
 * Whether a pre-signature becomes a signature of ECDSA with the secret of its adaptor point (dlcspecs,
 * `ecdsa_adaptor_verify`).
 *
 * @param presignature - 162 bytes.
 * @throws WalletError `WALLET_INVALID_ARGUMENT` for a wrong type or length, and for points that are none.
 */
export function verifyEcdsaPresignature(presignature: Uint8Array, facts: EcdsaPresignatureFacts): boolean {
  const given = requireObject<EcdsaPresignatureFacts>('facts', facts);
  const bytes = requireBytes('presignature', presignature, LENGTH);
  return isEcdsaPresignature(bytes, {
    messageHash: requireBytes('facts.messageHash', given.messageHash, 32),
    publicKey: requirePoint('facts.publicKey', given.publicKey),
    adaptorPoint: requirePoint('facts.adaptorPoint', given.adaptorPoint),
  });
}

/**
 * Completes a pre-signature of ECDSA (dlcspecs, `ecdsa_adaptor_decrypt`).
 *
 * @param presignature - 162 bytes.
 * @param options - `secret`: of the adaptor point, 32 bytes.
 * @returns `r || s` with a low s (BIP62), 64 bytes; it verifies if the pre-signature did and the secret is the right one.
 * @throws WalletError `WALLET_PRESIGNATURE_INVALID`, `WALLET_INVALID_ARGUMENT`.
 */
export function completeEcdsa(presignature: Uint8Array, options: { readonly secret: AdaptorSecret }): Uint8Array {
  const { ofPoint, number } = partsOf(requireBytes('presignature', presignature, LENGTH));
  const { secret } = requireObject<{ secret: AdaptorSecret }>('options', options);
  if (!isPoint(ofPoint) || !currentCrypto().isSecretKey(number)) throw presignatureInvalid('ecdsa');
  return useAdaptorSecret(secret, (value) => {
    const inverse = inverseOfSecret(value);
    const s = currentCrypto().secretKeyTweakMul(number, inverse) as Uint8Array;
    wipe(inverse);
    return concatBytes(scalarBytes(xScalar(ofPoint)), numberOf(s) > HALF_ORDER ? negateSecret(s) : s);
  });
}

/**
 * The secret of an adaptor point, from the signature of ECDSA that it completed (dlcspecs, `ecdsa_adaptor_recover`).
 *
 * @param presignature - 162 bytes.
 * @param options - `signature`: `r || s`, 64 bytes. `adaptorPoint`: 33 bytes.
 * @returns 32 bytes; they are public by then.
 * @throws WalletError `WALLET_ADAPTOR_MISMATCH` when the signature does not come from this pre-signature and point,
 * `WALLET_PRESIGNATURE_INVALID`, `WALLET_INVALID_ARGUMENT`.
 */
export function extractEcdsaSecret(
  presignature: Uint8Array,
  options: { readonly signature: Uint8Array; readonly adaptorPoint: Uint8Array },
): Uint8Array {
  const { ofPoint, number } = partsOf(requireBytes('presignature', presignature, LENGTH));
  const given = requireObject<{ signature: Uint8Array; adaptorPoint: Uint8Array }>('options', options);
  const signature = requireBytes('options.signature', given.signature, 64);
  const adaptorPoint = requirePoint('options.adaptorPoint', given.adaptorPoint);
  if (!isPoint(ofPoint) || !currentCrypto().isSecretKey(number)) throw presignatureInvalid('ecdsa');
  const s = parseScalar(signature.subarray(32));
  if (s === undefined || s === 0n || numberOf(signature.subarray(0, 32)) !== xScalar(ofPoint))
    throw adaptorMismatch('ecdsa');
  const secret = multiplySecret(number, inverseOf(s));
  const point = multiplyBase(secret) as Uint8Array;
  if (equalBytes(point, adaptorPoint)) return secret;
  // The signature was given a low s, which is the other sign of the secret.
  if (equalBytes(opposite(point), adaptorPoint)) return negateSecret(secret);
  throw adaptorMismatch('ecdsa');
}

function isEcdsaPresignature(presignature: Uint8Array, facts: EcdsaPresignatureFacts): boolean {
  const { messageHash, publicKey, adaptorPoint } = facts;
  const { ofPoint, ofGenerator, number, proof } = partsOf(presignature);
  const scalar = parseScalar(number);
  if (!isPoint(ofPoint) || !isPoint(ofGenerator) || scalar === undefined || scalar === 0n) return false;
  const r = xScalar(ofPoint);
  const inverse = inverseOf(scalar);
  const implied = combine(modOrder(inverse * numberOf(messageHash)), modOrder(inverse * r), publicKey);
  if (r === 0n || implied === undefined || !equalBytes(implied, ofGenerator)) return false;
  return isDleq(proof, { ofGenerator, point: adaptorPoint, ofPoint });
}

/** `R`, `R_a`, `s_a` and the proof, in the words of dlcspecs. */
function partsOf(presignature: Uint8Array): {
  readonly ofPoint: Uint8Array;
  readonly ofGenerator: Uint8Array;
  readonly number: Uint8Array;
  readonly proof: Uint8Array;
} {
  const part = (from: number, to: number): Uint8Array => new Uint8Array(presignature.subarray(from, to));
  const numberAt = 2 * POINT_LENGTH;
  return {
    ofPoint: part(0, POINT_LENGTH),
    ofGenerator: part(POINT_LENGTH, numberAt),
    number: part(numberAt, numberAt + SCALAR_LENGTH),
    proof: part(numberAt + SCALAR_LENGTH, LENGTH),
  };
}

/** ECDSA's r of a nonce. */
function xScalar(nonce: Uint8Array): bigint {
  return modOrder(numberOf(nonce.subarray(1)));
}
