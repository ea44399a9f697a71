/** What is asked of a token, checked, and whether it has answered that. */
import { compareBytes, currentCrypto } from '@bitcoin-enterprise/core';
import type { KeyOrigin } from '@bitcoin-enterprise/descriptors';
import { requireBytes, requireInteger, requireList, requireObject } from '../checks.ts';
import { invalidArgument } from '../errors.ts';
import { SecretBytes } from '../keys/secret-bytes.ts';
import type { DigestRequest, KeyReference } from '../signers/ports.ts';
import { verifies } from '../signers/psbt-signer.ts';
import type { SealedRecord } from './protocol.ts';
import { withLowS } from './unsealed.ts';

/** Throws unless a value names a key, and returns a copy. */
export function requireReference(argument: string, value: unknown): KeyReference {
  const { publicKey, origin } = requireObject<KeyReference>(argument, value);
  const bytes = requireBytes(`${argument}.publicKey`, publicKey);
  if (bytes.length !== 32 && bytes.length !== 33 && bytes.length !== 65)
    throw invalidArgument(`${argument}.publicKey`, '32, 33 or 65 bytes', publicKey);
  if (origin === undefined) return { publicKey: new Uint8Array(bytes) };
  const { fingerprint, path } = requireObject<KeyOrigin>(`${argument}.origin`, origin);
  return {
    publicKey: new Uint8Array(bytes),
    origin: {
      fingerprint: new Uint8Array(requireBytes(`${argument}.origin.fingerprint`, fingerprint, 4)),
      path: requireList(`${argument}.origin.path`, path).map((step) =>
        requireInteger(`${argument}.origin.path`, step, 0, 0xffff_ffff),
      ),
    },
  };
}

/** Throws unless a value is a digest to be signed, and returns a copy. */
export function requireRequest(argument: string, value: unknown): DigestRequest {
  const { key, scheme, digest, tweak } = requireObject<DigestRequest>(argument, value);
  if (scheme !== 'ecdsa' && scheme !== 'schnorr')
    throw invalidArgument(`${argument}.scheme`, "'ecdsa' or 'schnorr'", scheme);
  if (tweak !== undefined && scheme === 'ecdsa')
    throw invalidArgument(`${argument}.tweak`, 'absent, for ECDSA has none', tweak);
  return {
    key: requireReference(`${argument}.key`, key),
    scheme,
    digest: new Uint8Array(requireBytes(`${argument}.digest`, digest, 32)),
    ...(tweak === undefined ? {} : { tweak: new Uint8Array(requireBytes(`${argument}.tweak`, tweak, 32)) }),
  };
}

/** Whether a signature is that of a request; ECDSA with a low S. */
export function isAnswer(request: DigestRequest, signature: unknown): signature is Uint8Array {
  if (!(signature instanceof Uint8Array) || signature.length !== 64) return false;
  return verifies(request, signature) && (request.scheme === 'schnorr' || withLowS(signature) === signature);
}

/** The key in 33 bytes; `undefined` for one of 32, which has no parity, and for what is no key. */
export function compressed(publicKey: Uint8Array | undefined): Uint8Array | undefined {
  if (publicKey === undefined || publicKey.length === 32) return undefined;
  return currentCrypto().publicKeyConvert(publicKey);
}

/** Whether a key as it was asked for is a key of 33 bytes; one of 32 bytes is either of two. */
export function sameKey(asked: Uint8Array, full: Uint8Array): boolean {
  if (asked.length === 32) return compareBytes(asked, full.subarray(1)) === 0;
  const same = compressed(asked);
  return same !== undefined && compareBytes(same, full) === 0;
}

/** Fingerprint of a sealed master key (BIP32). */
export function fingerprintOf(sealed: SealedRecord): Uint8Array {
  return currentCrypto().hash160(sealed.publicKey).subarray(0, 4);
}

/** A copy of a secret, which the caller wipes. */
export function secretCopy(argument: string, secret: unknown, length: number): Uint8Array {
  if (!(secret instanceof SecretBytes)) throw invalidArgument(argument, 'SecretBytes', secret);
  const copy = secret.use((bytes) => new Uint8Array(bytes));
  if (copy.length === length && currentCrypto().isSecretKey(copy.subarray(0, 32))) return copy;
  copy.fill(0);
  throw invalidArgument(argument, `a secret key in ${length} bytes`, secret);
}
