import { currentCrypto } from '@bitcoin-enterprise/core';
import { scalarBytes } from './scalars.ts';

/** A point as 33 bytes; `undefined` is the point at infinity, which has no such form. Public data alone. */
export type Point = Uint8Array | undefined;

/** Length of a point. */
export const POINT_LENGTH = 33;

/** Whether bytes are a point in its short form. */
export function isPoint(bytes: Uint8Array): boolean {
  return bytes.length === POINT_LENGTH && currentCrypto().isPublicKey(bytes);
}

/** Sum of points. */
export function addPoints(...points: readonly Point[]): Point {
  const finite = points.filter((point) => point !== undefined);
  return finite.length <= 1 ? finite[0] : currentCrypto().publicKeyCombine(finite);
}

/** A point times a public scalar of 0 to n-1. */
export function multiplyPoint(point: Point, factor: bigint): Point {
  if (point === undefined || factor === 0n) return undefined;
  return factor === 1n ? point : currentCrypto().publicKeyTweakMul(point, scalarBytes(factor));
}

/** The base point times a scalar of 0 to n-1, which may be secret. */
export function multiplyBase(scalar: Uint8Array): Point {
  return currentCrypto().publicKey(scalar);
}

/** The same x, the other y. */
export function negatePoint(point: Point): Point {
  return point === undefined ? undefined : currentCrypto().publicKeyNegate(point);
}

/** Whether y is even: what BIP340 takes a key of 32 bytes for. */
export function hasEvenY(point: Uint8Array): boolean {
  return point[0] === 2;
}

/** The point of an x coordinate whose y is even. */
export function evenPoint(point: Uint8Array): Uint8Array {
  const even = new Uint8Array(point);
  even[0] = 2;
  return even;
}

/** Its x coordinate, 32 bytes. */
export function xOf(point: Uint8Array): Uint8Array {
  return new Uint8Array(point.subarray(1));
}
