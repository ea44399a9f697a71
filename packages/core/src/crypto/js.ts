import { pippenger } from '@noble/curves/abstract/curve.js';
import { schnorr, secp256k1 } from '@noble/curves/secp256k1.js';
import { sha256 } from '@noble/hashes/sha2.js';
import type { BatchItem, CryptoEngine } from '../ports/crypto.ts';
import {
  isCompressed,
  requireBatch,
  requireBytes,
  requireOneOf,
  requirePoint,
  requirePoints,
  requireTerms,
} from './arguments.ts';
import { jsHashes } from './js-hashes.ts';
import { evenPoint, ORDER, readScalar, withoutHybrid, writeScalar } from './points.ts';

const { Point } = secp256k1;
type Point = InstanceType<typeof Point>;

/** The point, or nothing when the bytes are none. */
function readPoint(publicKey: Uint8Array): Point | undefined {
  const plain = withoutHybrid(publicKey);
  if (plain === undefined) return undefined;
  try {
    return Point.fromBytes(plain);
  } catch {
    return undefined;
  }
}

function write(point: Point, compressed = true): Uint8Array | undefined {
  return point.is0() ? undefined : point.toBytes(compressed);
}

/** A scalar from 0 to n-1. */
function scalar(bytes: Uint8Array): bigint | undefined {
  const value = readScalar(bytes);
  return value < ORDER ? value : undefined;
}

/** A scalar from 1 to n-1. */
function secret(bytes: Uint8Array): bigint | undefined {
  const value = scalar(bytes);
  return value === 0n ? undefined : value;
}

/** Multiples of public points need no constant time, and zero times G is allowed here. */
function multiply(point: Point, factor: bigint): Point {
  return factor === 0n ? Point.ZERO : point.multiplyUnsafe(factor);
}

function isTrue(check: () => boolean): boolean {
  try {
    return check();
  } catch {
    // noble throws for what is merely invalid; lengths and types were checked before.
    return false;
  }
}

/** Answers the failing indices of a batch, one check at a time. */
export function verifyOneByOne(engine: CryptoEngine, items: readonly BatchItem[]): readonly number[] {
  requireBatch(items);
  const failed: number[] = [];
  items.forEach((item, index) => {
    const holds =
      item.kind === 'schnorr'
        ? engine.schnorrVerify(item.signature, item.message, item.xOnlyPublicKey)
        : engine.xOnlyTweakAddCheck(item.tweakedXOnly, item.parity, item.internalXOnly, item.tweak);
    if (!holds) failed.push(index);
  });
  return failed;
}

/**
 * The engine in plain JavaScript, on @noble/curves and @noble/hashes: always there, about twenty times slower on
 * curve operations than the others. It is the current engine until another is loaded.
 *
 * @example
 * ```ts
 * import { jsCrypto, toHex } from '@bitcoin-enterprise/core';
 *
 * toHex(jsCrypto.hash160(new Uint8Array(33))).length; // => 40
 * ```
 */
export const jsCrypto: CryptoEngine = /* @__PURE__ */ Object.freeze<CryptoEngine>({
  name: 'js',
  ...jsHashes,

  isSecretKey(secretKey) {
    requireBytes('secretKey', secretKey, 32);
    return secret(secretKey) !== undefined;
  },
  isPublicKey(publicKey) {
    requireBytes('publicKey', publicKey);
    return (publicKey.length === 33 || publicKey.length === 65) && readPoint(publicKey) !== undefined;
  },
  isXOnlyPublicKey(xOnly) {
    requireBytes('xOnly', xOnly, 32);
    return readPoint(evenPoint(xOnly)) !== undefined;
  },
  publicKey(secretKey, options) {
    requireBytes('secretKey', secretKey, 32);
    const compressed = isCompressed(options);
    return secret(secretKey) === undefined ? undefined : secp256k1.getPublicKey(secretKey, compressed);
  },
  publicKeyConvert(publicKey, options) {
    requirePoint('publicKey', publicKey);
    const compressed = isCompressed(options);
    return readPoint(publicKey)?.toBytes(compressed);
  },

  ecdsaSign(messageHash, secretKey, extraEntropy) {
    requireBytes('messageHash', messageHash, 32);
    requireBytes('secretKey', secretKey, 32);
    if (extraEntropy !== undefined) requireBytes('extraEntropy', extraEntropy, 32);
    if (secret(secretKey) === undefined) return undefined;
    return secp256k1.sign(messageHash, secretKey, { prehash: false, lowS: true, extraEntropy: extraEntropy ?? false });
  },
  ecdsaVerify(signature, messageHash, publicKey) {
    requireBytes('signature', signature, 64);
    requireBytes('messageHash', messageHash, 32);
    requirePoint('publicKey', publicKey);
    const plain = withoutHybrid(publicKey);
    if (plain === undefined) return false;
    return isTrue(() => secp256k1.verify(signature, messageHash, plain, { prehash: false, lowS: false }));
  },
  ecdsaSignRecoverable(messageHash, secretKey) {
    requireBytes('messageHash', messageHash, 32);
    requireBytes('secretKey', secretKey, 32);
    if (secret(secretKey) === undefined) return undefined;
    const options = { prehash: false, lowS: true, extraEntropy: false, format: 'recovered' } as const;
    const recovered = secp256k1.sign(messageHash, secretKey, options);
    return { signature: recovered.slice(1), recoveryId: recovered[0] as number };
  },
  ecdsaRecover(signature, recoveryId, messageHash) {
    requireBytes('signature', signature, 64);
    requireOneOf('recoveryId', recoveryId, [0, 1, 2, 3]);
    requireBytes('messageHash', messageHash, 32);
    const recovered = new Uint8Array(65);
    recovered[0] = recoveryId;
    recovered.set(signature, 1);
    try {
      return secp256k1.recoverPublicKey(recovered, messageHash, { prehash: false });
    } catch {
      return undefined;
    }
  },

  schnorrSign(message, secretKey, auxiliaryRandom) {
    requireBytes('message', message);
    requireBytes('secretKey', secretKey, 32);
    if (auxiliaryRandom !== undefined) requireBytes('auxiliaryRandom', auxiliaryRandom, 32);
    if (secret(secretKey) === undefined) return undefined;
    return schnorr.sign(message, secretKey, auxiliaryRandom ?? new Uint8Array(32));
  },
  schnorrVerify(signature, message, xOnlyPublicKey) {
    requireBytes('signature', signature, 64);
    requireBytes('message', message);
    requireBytes('xOnlyPublicKey', xOnlyPublicKey, 32);
    return isTrue(() => schnorr.verify(signature, message, xOnlyPublicKey));
  },
  verifyBatch: (items) => verifyOneByOne(jsCrypto, items),

  xOnlyTweakAdd(xOnlyPublicKey, tweak) {
    requireBytes('xOnlyPublicKey', xOnlyPublicKey, 32);
    requireBytes('tweak', tweak, 32);
    const key = jsCrypto.publicKeyTweakAdd(evenPoint(xOnlyPublicKey), tweak);
    return key === undefined ? undefined : { xOnlyPublicKey: key.slice(1), parity: key[0] === 3 ? 1 : 0 };
  },
  xOnlyTweakAddCheck(tweakedXOnly, parity, internalXOnly, tweak) {
    requireBytes('tweakedXOnly', tweakedXOnly, 32);
    requireOneOf('parity', parity, [0, 1]);
    requireBytes('internalXOnly', internalXOnly, 32);
    requireBytes('tweak', tweak, 32);
    const result = jsCrypto.xOnlyTweakAdd(internalXOnly, tweak);
    return result?.parity === parity && result.xOnlyPublicKey.every((byte, i) => byte === tweakedXOnly[i]);
  },

  secretKeyTweakAdd(secretKey, tweak) {
    requireBytes('secretKey', secretKey, 32);
    requireBytes('tweak', tweak, 32);
    const [key, added] = [secret(secretKey), scalar(tweak)];
    if (key === undefined || added === undefined) return undefined;
    const sum = (key + added) % ORDER;
    return sum === 0n ? undefined : writeScalar(sum);
  },
  secretKeyTweakMul(secretKey, tweak) {
    requireBytes('secretKey', secretKey, 32);
    requireBytes('tweak', tweak, 32);
    const [key, factor] = [secret(secretKey), secret(tweak)];
    return key === undefined || factor === undefined ? undefined : writeScalar((key * factor) % ORDER);
  },
  secretKeyNegate(secretKey) {
    requireBytes('secretKey', secretKey, 32);
    const key = secret(secretKey);
    return key === undefined ? undefined : writeScalar(ORDER - key);
  },
  publicKeyTweakAdd(publicKey, tweak) {
    requirePoint('publicKey', publicKey);
    requireBytes('tweak', tweak, 32);
    const [point, added] = [readPoint(publicKey), scalar(tweak)];
    return point === undefined || added === undefined ? undefined : write(point.add(multiply(Point.BASE, added)));
  },
  publicKeyTweakMul(publicKey, tweak) {
    requirePoint('publicKey', publicKey);
    requireBytes('tweak', tweak, 32);
    const [point, factor] = [readPoint(publicKey), secret(tweak)];
    return point === undefined || factor === undefined ? undefined : write(multiply(point, factor));
  },
  publicKeyNegate(publicKey) {
    requirePoint('publicKey', publicKey);
    return readPoint(publicKey)?.negate().toBytes(true);
  },
  publicKeyCombine(publicKeys) {
    requirePoints('publicKeys', publicKeys);
    let sum: Point = Point.ZERO;
    for (const publicKey of publicKeys) {
      const point = readPoint(publicKey);
      if (point === undefined) return undefined;
      sum = sum.add(point);
    }
    return write(sum);
  },
  multiScalarMultiply(given) {
    const terms = requireTerms(given);
    const points: Point[] = [];
    const factors: bigint[] = [];
    for (const term of terms) {
      const [factor, point] = [scalar(term.scalar), readPoint(term.point)];
      if (factor === undefined || point === undefined) return undefined;
      points.push(point);
      factors.push(factor);
    }
    return points.length === 0 ? undefined : write(pippenger(Point, points, factors));
  },
  ecdh(secretKey, publicKey) {
    requireBytes('secretKey', secretKey, 32);
    requirePoint('publicKey', publicKey);
    const [key, point] = [secret(secretKey), readPoint(publicKey)];
    return key === undefined || point === undefined ? undefined : sha256(point.multiply(key).toBytes(true));
  },
});
