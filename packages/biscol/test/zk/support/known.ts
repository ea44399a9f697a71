import { currentCrypto } from '@bitcoin-enterprise/core';
import { createSeededEntropy } from '@bitcoin-enterprise/core/testing';
import { SecretBytes } from '@bitcoin-enterprise/wallet/multiparty';
import type { Opening } from '../../../src/zk/index.ts';
import { writeNumber } from '../../../src/zk/scalars.ts';

/** The seed of everything random in these tests; `BE_SEED=n` repeats a run. */
export const seed: number = Number(process.env['BE_SEED'] ?? 64);

/** Whether the long counts are wanted. */
export const isLong: boolean = process.env['BE_LONG'] === '1';

/** Bytes that are the same in every run. */
export const entropy = createSeededEntropy(`zk ${seed}`);

/** A scalar as a secret. */
export function secretOf(value: bigint): SecretBytes {
  return new SecretBytes(writeNumber(value));
}

/** An opening with a blinding of its own. */
export function openingOf(value: bigint, name = ''): Opening {
  const hash = currentCrypto().sha256(new TextEncoder().encode(`${seed} ${name} ${value}`));
  return { value, blinding: new SecretBytes(hash) };
}

/** The public key of a secret. */
export function keyOf(secret: SecretBytes): Uint8Array {
  return secret.use((bytes) => currentCrypto().publicKey(bytes)) as Uint8Array;
}

/** A copy with one bit changed. */
export function flipBit(bytes: Uint8Array, bit: number): Uint8Array {
  return bytes.with(bit >> 3, (bytes[bit >> 3] as number) ^ (1 << (bit & 7)));
}
