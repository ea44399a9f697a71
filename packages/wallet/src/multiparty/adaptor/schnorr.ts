import { concatBytes, type Entropy } from '@bitcoin-enterprise/core';
import { requireBytes, requireList, requireObject } from '../../checks.ts';
import { invalidArgument } from '../../errors.ts';
import type { SecretBytes } from '../../keys/secret-bytes.ts';
import { addPoints, hasEvenY, multiplyBase, xOf } from '../math/points.ts';
import { addSecret, multiplySecret, negateSecret, wipe } from '../math/scalars.ts';
import { requirePoint } from './curve.ts';
import { failedOf } from './batch.ts';
import { challengeOf, isPresignature, type SchnorrPresignatureItem } from './equation.ts';
import { nonceFor, presignatureFaulty, useSecretKey } from './secrets.ts';

/** Settings of {@link presignSchnorr}. */
export interface PresignSchnorrOptions {
  /** 32 bytes. */
  readonly secretKey: SecretBytes;
  /** Any length; 32 bytes in transactions. */
  readonly message: Uint8Array;
  /** Whose secret will complete the signature, 33 bytes. */
  readonly adaptorPoint: Uint8Array;
  /** Where 32 random bytes come from; the runtime's when absent. */
  readonly entropy?: Entropy;
}

/**
 * Signs up to a secret that somebody else has: the answer is no signature, but becomes one with the secret of the
 * adaptor point, and the signature then tells the secret (adaptor signatures for BIP340).
 *
 * @returns The pre-signature, already verified: 33 bytes of the nonce with the adaptor point in it, before its sign is
 * turned to even, and 32 bytes of a number.
 * @throws WalletError `WALLET_INVALID_ARGUMENT`, `WALLET_SECRET_WIPED`.
 *
 * @example A signature for a secret
 * ```ts
 * import { currentCrypto } from '@bitcoin-enterprise/core';
 * import { SecretBytes } from '@bitcoin-enterprise/wallet/keys';
 * import {
 *   completeSchnorr, extractSchnorrSecret, presignSchnorr, verifySchnorrPresignature,
 * } from '@bitcoin-enterprise/wallet/multiparty';
 *
 * const secretKey = new SecretBytes(new Uint8Array(32).fill(1));
 * const xOnlyPublicKey = secretKey.use((key) => currentCrypto().publicKey(key) as Uint8Array).subarray(1);
 * const secret = new Uint8Array(32).fill(2); // the other party's
 * const adaptorPoint = currentCrypto().publicKey(secret) as Uint8Array;
 * const message = new Uint8Array(32);
 *
 * const presignature = presignSchnorr({ secretKey, message, adaptorPoint });
 * verifySchnorrPresignature(presignature, { message, xOnlyPublicKey, adaptorPoint }); // => true
 * const signature = completeSchnorr(presignature, { secret });
 * currentCrypto().schnorrVerify(signature, message, xOnlyPublicKey); // => true
 * extractSchnorrSecret(presignature, { signature, adaptorPoint }); // => secret
 * ```
 */
export function presignSchnorr(options: PresignSchnorrOptions): Uint8Array {
  const given = requireObject<PresignSchnorrOptions>('options', options);
  const message = requireBytes('options.message', given.message);
  const adaptorPoint = requirePoint('options.adaptorPoint', given.adaptorPoint);
  return useSecretKey(given.secretKey, (secret) => {
    const signer = signerOf(secret, given.entropy);
    const item = signer.presign({ message, adaptorPoint });
    signer.wipe();
    if (!isPresignature(item.presignature, item)) throw presignatureFaulty('schnorr');
    return item.presignature;
  });
}

/** Settings of {@link presignSchnorrMany}. */
export interface PresignSchnorrManyOptions extends Pick<PresignSchnorrOptions, 'secretKey' | 'entropy'> {
  /** What {@link presignSchnorr} takes one of. */
  readonly items: ReadonlyArray<Pick<PresignSchnorrOptions, 'message' | 'adaptorPoint'>>;
}

/**
 * Many of {@link presignSchnorr} with one key, which costs half as much: they are verified together.
 *
 * @returns 65 bytes for each item, in their order.
 * @throws WalletError `WALLET_INVALID_ARGUMENT`, `WALLET_SECRET_WIPED`.
 */
export function presignSchnorrMany(options: PresignSchnorrManyOptions): readonly Uint8Array[] {
  const given = requireObject<PresignSchnorrManyOptions>('options', options);
  const items = Array.from(requireList('options.items', given.items), (item, index) => {
    const path = `options.items[${index}]`;
    const { message, adaptorPoint } = requireObject<PresignSchnorrOptions>(path, item);
    return {
      message: requireBytes(`${path}.message`, message),
      adaptorPoint: requirePoint(`${path}.adaptorPoint`, adaptorPoint),
    };
  });
  return useSecretKey(given.secretKey, (secret) => {
    const signer = signerOf(secret, given.entropy);
    const made = items.map((item) => signer.presign(item));
    signer.wipe();
    if (failedOf(made).length > 0) throw presignatureFaulty('schnorr');
    return made.map(({ presignature }) => presignature);
  });
}

/** Makes pre-signatures with one key; nobody has verified them. */
interface PresignatureMaker {
  readonly presign: (item: Pick<PresignSchnorrOptions, 'message' | 'adaptorPoint'>) => SchnorrPresignatureItem;
  readonly wipe: () => void;
}

function signerOf(secret: Uint8Array, entropy: unknown): PresignatureMaker {
  const publicKey = multiplyBase(secret) as Uint8Array;
  const xOnlyPublicKey = xOf(publicKey);
  const key = hasEvenY(publicKey) ? new Uint8Array(secret) : negateSecret(secret);
  return {
    presign({ message, adaptorPoint }) {
      const facts = concatBytes(publicKey, adaptorPoint, message);
      const own = nonceFor('bitcoin-enterprise/adaptor-schnorr', secret, facts, entropy);
      const nonce = addPoints(multiplyBase(own), adaptorPoint);
      if (nonce === undefined) throw invalidArgument('options.entropy', 'a source of randomness', entropy);
      const share = hasEvenY(nonce) ? new Uint8Array(own) : negateSecret(own);
      const signed = multiplySecret(key, challengeOf(nonce, xOnlyPublicKey, message));
      const presignature = concatBytes(nonce, addSecret(share, signed));
      wipe(own, share, signed);
      return { presignature, message, xOnlyPublicKey, adaptorPoint };
    },
    wipe: () => wipe(key),
  };
}
