import { concatBytes, currentCrypto } from '@bitcoin-enterprise/core';
import { modOrder, numberOf, reduceWideSecret, scalarBytes } from '../math/scalars.ts';

/**
 * The ciphersuite of RFC 9591 that signs for Taproot: that for secp256k1 and SHA-256 with the hashes of BIP340, as the
 * libraries of the Zcash Foundation and noble have it.
 */
export const FROST_SUITE = 'FROST-secp256k1-SHA256-TR-v1';

const WIDE_LENGTH = 48;

/** H1: binding factors. Of public data. */
export function hashToBindingFactor(data: Uint8Array): bigint {
  return modOrder(numberOf(expand(data, 'rho')));
}

/** H3: secret nonces. */
export function hashToNonce(data: Uint8Array): Uint8Array {
  const wide = expand(data, 'nonce');
  const nonce = reduceWideSecret(wide);
  wide.fill(0);
  return nonce;
}

/** H4: the message. */
export function hashMessage(data: Uint8Array): Uint8Array {
  return currentCrypto().sha256(concatBytes(tagOf('msg'), data));
}

/** H5: the list of nonces. */
export function hashNonces(data: Uint8Array): Uint8Array {
  return currentCrypto().sha256(concatBytes(tagOf('com'), data));
}

/** The challenge of a proof of possession. Of public data. */
export function hashToProofChallenge(data: Uint8Array): bigint {
  return modOrder(numberOf(expand(data, 'dkg')));
}

/** An identifier as the suite hashes it. */
export function identifierBytes(identifier: number): Uint8Array {
  return scalarBytes(BigInt(identifier));
}

function tagOf(purpose: string): Uint8Array {
  return new TextEncoder().encode(FROST_SUITE + purpose);
}

/** `expand_message_xmd` of RFC 9380 with SHA-256, 48 bytes. */
function expand(message: Uint8Array, purpose: string): Uint8Array {
  const { sha256 } = currentCrypto();
  const tag = tagOf(purpose);
  const suffix = concatBytes(tag, Uint8Array.of(tag.length));
  const first = sha256(concatBytes(new Uint8Array(64), message, Uint8Array.of(0, WIDE_LENGTH, 0), suffix));
  const left = sha256(concatBytes(first, Uint8Array.of(1), suffix));
  const mixed = first.map((byte, at) => byte ^ (left[at] as number));
  const right = sha256(concatBytes(mixed, Uint8Array.of(2), suffix));
  return concatBytes(left, right.subarray(0, WIDE_LENGTH - 32));
}
