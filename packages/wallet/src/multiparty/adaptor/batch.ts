import { concatBytes, currentCrypto, equalBytes, parseHex, type ScalarTerm, toHex } from '@bitcoin-enterprise/core';
import { hasEvenY, POINT_LENGTH } from '../math/points.ts';
import { modOrder, numberOf, parseScalar, scalarBytes } from '../math/scalars.ts';
import { opposite, requirePoint } from './curve.ts';
import { challengeOf, isPresignature, type SchnorrPresignatureItem } from './equation.ts';

/** From there on a sum of points gains nothing more. */
const MOST_TOGETHER = 1_024;
/** So few are verified one by one. */
const LEAST_TOGETHER = 8;

const GENERATOR: Uint8Array = /* @__PURE__ */ parseHex(
  '0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798',
);

/** Indices of the pre-signatures that do not hold, ascending; throws for an adaptor point that is none. */
export function failedOf(items: readonly SchnorrPresignatureItem[]): readonly number[] {
  const failed: number[] = [];
  for (let from = 0; from < items.length; from += MOST_TOGETHER)
    findFailed(items, [from, Math.min(from + MOST_TOGETHER, items.length)], failed);
  return failed;
}

/** Adds the indices of a range that do not hold: halves it until they are known. */
function findFailed(
  items: readonly SchnorrPresignatureItem[],
  [from, to]: readonly [number, number],
  failed: number[],
): void {
  if (to - from >= LEAST_TOGETHER) {
    if (holdTogether(items.slice(from, to))) return;
    const middle = (from + to) >> 1;
    findFailed(items, [from, middle], failed);
    findFailed(items, [middle, to], failed);
    return;
  }
  for (let index = from; index < to; index++) {
    const { presignature, adaptorPoint, ...facts } = items[index] as SchnorrPresignatureItem;
    const point = requirePoint(`items[${index}].adaptorPoint`, adaptorPoint);
    if (!isPresignature(presignature, { ...facts, adaptorPoint: point })) failed.push(index);
  }
}

/**
 * Whether many pre-signatures hold, by one sum of points: each one's equation, `s'*G - e*P + T - R = 0` with T of the
 * sign that R has, times a random number. The numbers are a hash of all that is verified, so that nobody can choose
 * pre-signatures whose errors cancel each other out.
 *
 * @returns `false` also when there is a point that is none.
 */
function holdTogether(items: readonly SchnorrPresignatureItem[]): boolean {
  const crypto = currentCrypto();
  const digests = items.map(({ presignature, xOnlyPublicKey, adaptorPoint, message }) =>
    crypto.sha256(concatBytes(presignature, xOnlyPublicKey, adaptorPoint, crypto.sha256(message))),
  );
  const seed = crypto.taggedHash('bitcoin-enterprise/presignature-batch', concatBytes(...digests));
  const keys = new Map<string, { readonly point: Uint8Array; factor: bigint }>();
  const terms: ScalarTerm[] = [];
  // One G more than there is, for a sum of nothing cannot be told from one that does not exist.
  let base = 1n;
  for (const [index, { presignature, xOnlyPublicKey, adaptorPoint, message }] of items.entries()) {
    const nonce = presignature.subarray(0, POINT_LENGTH);
    const number = parseScalar(presignature.subarray(POINT_LENGTH));
    if (number === undefined || (nonce[0] !== 2 && nonce[0] !== 3)) return false;
    const scalar = new Uint8Array(32);
    scalar.set(crypto.sha256(concatBytes(seed, digests[index] as Uint8Array, indexBytes(index))).subarray(0, 16), 16);
    const random = numberOf(scalar);
    base += random * number;
    const name = toHex(xOnlyPublicKey);
    const key = keys.get(name) ?? { point: concatBytes(Uint8Array.of(2), xOnlyPublicKey), factor: 0n };
    key.factor -= random * challengeOf(nonce, xOnlyPublicKey, message);
    keys.set(name, key);
    const even = hasEvenY(nonce);
    terms.push(
      { scalar, point: even ? adaptorPoint : opposite(adaptorPoint) },
      // Minus the nonce, whose y BIP340 takes for even.
      { scalar, point: even ? opposite(nonce) : nonce },
    );
  }
  for (const { point, factor } of keys.values()) terms.push({ scalar: scalarBytes(modOrder(factor)), point });
  terms.push({ scalar: scalarBytes(modOrder(base)), point: GENERATOR });
  const sum = crypto.multiScalarMultiply(terms);
  return sum !== undefined && equalBytes(sum, GENERATOR);
}

function indexBytes(index: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, index);
  return bytes;
}
