import { invalidArgument } from '../errors.ts';
import { requireBytes, requireObject, throwIfAborted } from '../model/checks.ts';
import { decodeDerSignature, encodeDerSignature } from '../model/der-signature.ts';
import { isP256LowS, toP256LowS } from '../model/p256-order.ts';
import type { ReceiptSigner, ReceiptVerifier } from '../ports/signer.ts';
import { type KeyOptions, named, signingFailed } from './signers.ts';

const curve = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const scheme = { name: 'ECDSA', hash: 'SHA-256' } as const;

/**
 * A signer over NIST P-256 through WebCrypto, with signatures in DER as sigstore reads them, low-S.
 *
 * @param keys - A key pair of `crypto.subtle.generateKey`; the private key may be unextractable, the public one not.
 * @throws {@link ReceiptsError} `RECEIPTS_INVALID_ARGUMENT` for keys of another algorithm.
 *
 * @example
 * ```ts
 * import { p256Signer, p256Verifier } from '@bitcoin-enterprise/receipts';
 *
 * const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
 * const signer = await p256Signer(await crypto.subtle.generateKey(algorithm, false, ['sign', 'verify']));
 * const verifier = await p256Verifier(signer.publicKey);
 * await verifier.verify(Uint8Array.of(1), await signer.sign(Uint8Array.of(1))); // => true
 * ```
 */
export async function p256Signer(keys: CryptoKeyPair, options: KeyOptions = {}): Promise<ReceiptSigner> {
  requireObject('keys', keys);
  const publicKey = await exported(keys);
  const common = named('ecdsa-p256-sha256', publicKey, options);
  return {
    ...common,
    sign: async (bytes, call) => {
      throwIfAborted('sign', call?.signal);
      requireBytes('bytes', bytes);
      try {
        const raw = await crypto.subtle.sign(scheme, keys.privateKey, new Uint8Array(bytes));
        return encodeDerSignature(toP256LowS(new Uint8Array(raw)));
      } catch (cause) {
        throw signingFailed(common.keyId, common.algorithm, cause);
      }
    },
  };
}

/** Settings of {@link p256Verifier}. */
export interface P256VerifierOptions extends KeyOptions {
  /**
   * What is made of a high-S signature: anybody can make one from the low-S one of the same message and back, and
   * many signers (WebCrypto, HSMs, sigstore) give either. `accept` when absent; `refuse` leaves one signature for a
   * message and nonce. A receipt does not depend on it: the log's entry binds the bytes of the signature.
   */
  readonly highS?: 'accept' | 'refuse';
}

/**
 * A verifier of a NIST P-256 public key.
 *
 * @param publicKey - SubjectPublicKeyInfo in DER.
 * @throws {@link ReceiptsError} `RECEIPTS_INVALID_ARGUMENT` for bytes that are none.
 */
export async function p256Verifier(publicKey: Uint8Array, options: P256VerifierOptions = {}): Promise<ReceiptVerifier> {
  requireBytes('publicKey', publicKey);
  requireObject('options', options);
  const { highS = 'accept' } = options;
  if (highS !== 'accept' && highS !== 'refuse') throw invalidArgument('options.highS', "'accept' or 'refuse'", highS);
  const key = await imported(new Uint8Array(publicKey));
  // A point has several spellings in DER; in one of them, two verifiers of one key are seen to be one.
  const spki = new Uint8Array(await crypto.subtle.exportKey('spki', key));
  return {
    ...named('ecdsa-p256-sha256', spki, options),
    verify: async (bytes, signature) => {
      const raw = decodeDerSignature(signature);
      if (raw === undefined || (highS === 'refuse' && !isP256LowS(raw))) return false;
      return crypto.subtle.verify(scheme, key, raw, new Uint8Array(bytes));
    },
  };
}

async function imported(spki: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  try {
    return await crypto.subtle.importKey('spki', spki, curve, true, ['verify']);
  } catch {
    throw invalidArgument('publicKey', 'a P-256 key in SPKI form', spki);
  }
}

async function exported(keys: CryptoKeyPair): Promise<Uint8Array> {
  try {
    const spki = new Uint8Array(await crypto.subtle.exportKey('spki', keys.publicKey));
    await imported(spki);
    return spki;
  } catch {
    throw invalidArgument('keys', 'a key pair of ECDSA over P-256', keys);
  }
}
