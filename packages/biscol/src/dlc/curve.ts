import { concatBytes, currentCrypto, parseHex, toHex } from '@bitcoin-enterprise/core';

/** Order of the group of secp256k1. */
export const ORDER = 0xffff_ffff_ffff_ffff_ffff_ffff_ffff_fffe_baae_dce6_af48_a03b_bfd2_5e8c_d036_4141n;

/** Bytes as a number from 0 to n-1; public data alone. */
export function scalarOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(bytes)}`) % ORDER;
}

/** 32 bytes of a number below the order. */
export function scalarBytes(value: bigint): Uint8Array {
  return parseHex(value.toString(16).padStart(64, '0'));
}

/** BIP340's e: 32 bytes below the order. */
export function challengeOf(nonce: Uint8Array, publicKey: Uint8Array, message: Uint8Array): Uint8Array {
  const hash = currentCrypto().taggedHash('BIP0340/challenge', concatBytes(nonce, publicKey, message));
  return scalarBytes(scalarOf(hash));
}

/** The point of an x coordinate whose y is even. */
export function evenPoint(x: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(2), x);
}
