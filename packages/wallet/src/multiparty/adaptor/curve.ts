import { concatBytes, currentCrypto } from '@bitcoin-enterprise/core';
import { addPoints, isPoint, multiplyPoint, type Point, POINT_LENGTH } from '../math/points.ts';
import { GROUP_ORDER, modOrder, numberOf, scalarBytes } from '../math/scalars.ts';
import { requireBytes } from '../../checks.ts';
import { invalidArgument } from '../../errors.ts';

/**
 * `base * G + factor * P` of public numbers, in one operation of the engine.
 *
 * Recovery of an ECDSA key is `(s * R - m * G) / r`: with `R = P`, `s = factor * r` and `m = -base * r` that is the
 * combination, sign and all, for two thirds of what two multiplications cost. The point is one of the curve.
 */
export function combine(base: bigint, factor: bigint, point: Uint8Array): Point {
  const r = numberOf(point.subarray(1));
  if (factor === 0n || r >= GROUP_ORDER)
    return addPoints(currentCrypto().publicKey(scalarBytes(base)), multiplyPoint(point, factor));
  const signature = concatBytes(point.subarray(1), scalarBytes(modOrder(factor * r)));
  return currentCrypto().ecdsaRecover(signature, (point[0] as number) & 1, scalarBytes(modOrder(-base * r)));
}

/** The same x, the other y; public data, and no operation of the engine. */
export function opposite(point: Uint8Array): Uint8Array {
  const other = new Uint8Array(point);
  other[0] = (other[0] as number) ^ 1;
  return other;
}

/** Throws unless a value is a point in its short form. */
export function requirePoint(argument: string, value: unknown): Uint8Array {
  const point = requireBytes(argument, value, POINT_LENGTH);
  if (!isPoint(point)) throw invalidArgument(argument, 'a point of the curve', value);
  return new Uint8Array(point);
}
