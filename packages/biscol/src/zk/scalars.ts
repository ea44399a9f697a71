import { concatBytes, currentCrypto, type Entropy, isBytes } from '@bitcoin-enterprise/core';
import { invalidArgument } from '../errors.ts';
import { createField, type Field } from './field.ts';

/** The order of secp256k1. */
export const ORDER = 0xffff_ffff_ffff_ffff_ffff_ffff_ffff_fffe_baae_dce6_af48_a03b_bfd2_5e8c_d036_4141n;

/** Scalars of secp256k1. */
export const SCALARS: Field = /* @__PURE__ */ createField(ORDER);

const WORD = 1n << 64n;

/** Bytes as a number, big endian. */
export function readNumber(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let value = 0n;
  let at = 0;
  for (; at + 8 <= bytes.length; at += 8) value = value * WORD + view.getBigUint64(at);
  for (; at < bytes.length; at++) value = value * 256n + BigInt(bytes[at] as number);
  return value;
}

/** A number of 0 to 2^256-1 as 32 bytes, big endian. */
export function writeNumber(value: bigint): Uint8Array {
  const bytes = new Uint8Array(32);
  const view = new DataView(bytes.buffer);
  for (let at = 24, rest = value; at >= 0; at -= 8, rest >>= 64n) view.setBigUint64(at, rest & (WORD - 1n));
  return bytes;
}

/** A scalar in its only encoding; `undefined` from the order on. */
export function readScalar(bytes: Uint8Array): bigint | undefined {
  const value = readNumber(bytes);
  return value < ORDER ? value : undefined;
}

/** Random bytes of a source that may be the caller's own: as many as asked for, or a code. */
export function randomBytes(entropy: Entropy, length: number): Uint8Array {
  const bytes = typeof entropy?.bytes === 'function' ? entropy.bytes(length) : undefined;
  if (!isBytes(bytes) || bytes.length !== length)
    throw invalidArgument('options.entropy', `a source of ${length} bytes`, entropy);
  return bytes;
}

/**
 * Nonces that nobody can foresee: hashes of fresh randomness together with the secrets and the state of the proof, so
 * that a source that repeats itself does not repeat a nonce for another statement.
 */
export function createNonces(entropy: Entropy, state: Uint8Array, secrets: readonly bigint[]): () => bigint {
  const crypto = currentCrypto();
  const seed = crypto.taggedHash(
    'biscol/zk/nonce-seed',
    concatBytes(randomBytes(entropy, 32), state, ...secrets.map(writeNumber)),
  );
  let counter = 0;
  return () => {
    const index = new Uint8Array(4);
    new DataView(index.buffer).setUint32(0, counter++);
    // 512 bits, so that the remainder has no bias.
    const wide = [0, 1].map((half) =>
      crypto.taggedHash('biscol/zk/nonce', concatBytes(seed, index, Uint8Array.of(half))),
    );
    const nonce = readNumber(concatBytes(...wide)) % ORDER;
    return nonce === 0n ? 1n : nonce;
  };
}
