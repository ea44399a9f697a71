import { currentCrypto, parseHex, toHex } from '@bitcoin-enterprise/core';

/** Order of the group of secp256k1. */
export const GROUP_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

const LENGTH = 32;
const ORDER_BYTES: Uint8Array = /* @__PURE__ */ parseHex(GROUP_ORDER.toString(16));
/** What the upper half of a wide number stands for: 2^256 mod n. */
const TWO_TO_256 = (1n << 256n) % GROUP_ORDER;

// Public scalars: hashes of public data, coefficients, challenges. BigInt is not constant time, and its digits stay in
// memory: nothing secret may pass through these.

/** Bytes as a number, big endian; public data alone. */
export function numberOf(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${toHex(bytes)}`);
}

/** The remainder from 0 to n-1. */
export function modOrder(value: bigint): bigint {
  const rest = value % GROUP_ORDER;
  return rest < 0n ? rest + GROUP_ORDER : rest;
}

/** 32 bytes big endian of 0 to n-1. */
export function scalarBytes(value: bigint): Uint8Array {
  return parseHex(value.toString(16).padStart(LENGTH * 2, '0'));
}

/** The scalar that 32 bytes encode; `undefined` from n up. */
export function parseScalar(bytes: Uint8Array): bigint | undefined {
  const value = numberOf(bytes);
  return value < GROUP_ORDER ? value : undefined;
}

/** What a scalar is multiplied with to give 1; public data alone. */
export function inverseOf(value: bigint): bigint {
  let [a, b] = [modOrder(value), GROUP_ORDER];
  let [x, y] = [1n, 0n];
  while (a !== 0n) {
    const quotient = b / a;
    [a, b] = [b - quotient * a, a];
    [x, y] = [y - quotient * x, x];
  }
  return modOrder(y);
}

// Secret scalars: 32 bytes from 0 to n-1, handled by the crypto engine alone. It knows no zero, so that zero is handled
// here; a secret is zero with a chance of 2^-256, so that the branch tells nothing.

/** The sum of two secret scalars. */
export function addSecret(left: Uint8Array, right: Uint8Array): Uint8Array {
  if (isZero(left)) return new Uint8Array(right);
  if (isZero(right)) return new Uint8Array(left);
  return currentCrypto().secretKeyTweakAdd(left, right) ?? new Uint8Array(LENGTH);
}

/** A secret scalar times a public one. */
export function multiplySecret(secret: Uint8Array, factor: bigint): Uint8Array {
  if (factor === 0n || isZero(secret)) return new Uint8Array(LENGTH);
  return currentCrypto().secretKeyTweakMul(secret, scalarBytes(factor)) ?? new Uint8Array(LENGTH);
}

/** The negative of a secret scalar. */
export function negateSecret(secret: Uint8Array): Uint8Array {
  return currentCrypto().secretKeyNegate(secret) ?? new Uint8Array(LENGTH);
}

/** Whether 32 bytes, which may be secret, are a scalar of 0 to n-1. */
export function isScalar(bytes: Uint8Array): boolean {
  return currentCrypto().isSecretKey(bytes) || isZero(bytes);
}

/** Whether bytes are all zero, without saying where the first other one is. */
export function isZero(bytes: Uint8Array): boolean {
  let seen = 0;
  for (const byte of bytes) seen |= byte;
  return seen === 0;
}

/** 32 secret bytes mod n: a hash that is at least n, once in 2^128, must not be told apart by an error. */
export function reduceSecret(bytes: Uint8Array): Uint8Array {
  const rest = new Uint8Array(LENGTH);
  let borrow = 0;
  for (let at = LENGTH - 1; at >= 0; at--) {
    const digit = (bytes[at] as number) - (ORDER_BYTES[at] as number) - borrow;
    rest[at] = digit & 0xff;
    borrow = digit < 0 ? 1 : 0;
  }
  // 2n is above 2^256, so that one subtraction is enough. With a borrow the number was below n: it stays.
  const keep = -borrow & 0xff;
  for (let at = 0; at < LENGTH; at++) rest[at] = ((bytes[at] as number) & keep) | ((rest[at] as number) & ~keep);
  return rest;
}

/** 48 secret bytes mod n (RFC 9380, `hash_to_field`). */
export function reduceWideSecret(bytes: Uint8Array): Uint8Array {
  const high = new Uint8Array(LENGTH);
  high.set(bytes.subarray(0, 16), 16);
  const low = reduceSecret(bytes.subarray(16));
  const shifted = multiplySecret(high, TWO_TO_256);
  const sum = addSecret(shifted, low);
  wipe(high, low, shifted);
  return sum;
}

/** Overwrites secrets with zeros. */
export function wipe(...secrets: readonly Uint8Array[]): void {
  for (const secret of secrets) secret.fill(0);
}
