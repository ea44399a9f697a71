import { currentCrypto, toHex } from '@bitcoin-enterprise/core';
import { taprootOutput } from '@bitcoin-enterprise/script';
import { createKeyRing, type KeyRing } from '@bitcoin-enterprise/wallet';

/** The secret key of somebody in a test: 32 equal bytes. */
export function secretOf(n: number): Uint8Array {
  return new Uint8Array(32).fill(n);
}

/** Their public key, 33 bytes in hexadecimal. */
export function keyOf(n: number): string {
  return toHex(currentCrypto().publicKey(secretOf(n)) as Uint8Array);
}

/** Where they are paid: another key of theirs. */
export function scriptOf(n: number): Uint8Array {
  const key = currentCrypto().publicKey(secretOf(n + 100)) as Uint8Array;
  return taprootOutput({ internalKey: key.subarray(1) }).scriptPubKey;
}

/** Them as a party. */
export function personOf(n: number): { readonly key: string; readonly payTo: Uint8Array } {
  return { key: keyOf(n), payTo: scriptOf(n) };
}

/** A ring of their keys. */
export function ringOf(...people: readonly number[]): KeyRing {
  return createKeyRing({ secretKeys: people.map(secretOf) });
}
