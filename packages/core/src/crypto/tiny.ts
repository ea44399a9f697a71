import type * as TinySecp256k1 from 'tiny-secp256k1';
import { isBytes, sizeOf } from '../codecs/is-bytes.ts';
import { CoreError } from '../errors.ts';
import type { CryptoEngine } from '../ports/crypto.ts';
import { isCompressed, requireBytes, requireOneOf, requirePoint, requirePoints } from './arguments.ts';
import { jsHashes } from './js-hashes.ts';
import { jsCrypto, verifyOneByOne } from './js.ts';
import { withoutHybrid, writeScalar, ORDER } from './points.ts';

/** The library, from when {@link loadTiny} has found it: an optional peer, which may not be there. */
let tiny: typeof TinySecp256k1;

/**
 * The library throws a TypeError for what is merely invalid; lengths and types were checked before. Anything else is a
 * fault of its module, which must not pass for an answer.
 */
function attempt<Result>(call: () => Result | null): Result | undefined {
  try {
    return call() ?? undefined;
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    const reason = error instanceof Error ? error.message : String(error);
    throw new CoreError('CORE_CRYPTO_ENGINE_UNAVAILABLE', `tiny-secp256k1 has failed: ${reason}`, {
      details: { engine: 'tiny', reason },
      cause: error,
    });
  }
}

/** The library knows no bytes of another realm, such as the one that a test runner gives its tests. */
function own(bytes: Uint8Array): Uint8Array {
  return bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes);
}

/**
 * A public key in a form that the library reads, if it is a point.
 *
 * Its module throws through its own frames when it reads a key that is none, and its stack never gets back what they
 * held: some three thousand such calls, and it answers nothing any more. So no key goes in that was not asked about
 * first, which does not throw.
 */
function pointOf(publicKey: Uint8Array): Uint8Array | undefined {
  const plain = withoutHybrid(publicKey);
  return plain !== undefined && attempt(() => tiny.isPoint(own(plain))) === true ? plain : undefined;
}

/** Whether x-only keys are points; see {@link pointOf}. */
function arePoints(...xOnly: readonly Uint8Array[]): boolean {
  return xOnly.every((key) => attempt(() => tiny.isXOnlyPoint(own(key))) === true);
}

const minusOne = writeScalar(ORDER - 1n);

/** The engine on tiny-secp256k1; what that library lacks comes from the JavaScript engine. */
const tinyCrypto: CryptoEngine = /* @__PURE__ */ Object.freeze<CryptoEngine>({
  name: 'tiny',
  ...jsHashes,

  isSecretKey(secretKey) {
    requireBytes('secretKey', secretKey, 32);
    return attempt(() => tiny.isPrivate(own(secretKey))) === true;
  },
  isPublicKey(publicKey) {
    requireBytes('publicKey', publicKey);
    if (publicKey.length !== 33 && publicKey.length !== 65) return false;
    return pointOf(publicKey) !== undefined;
  },
  isXOnlyPublicKey(xOnly) {
    requireBytes('xOnly', xOnly, 32);
    return arePoints(xOnly);
  },
  publicKey(secretKey, options) {
    requireBytes('secretKey', secretKey, 32);
    const compressed = isCompressed(options);
    return attempt(() => tiny.pointFromScalar(own(secretKey), compressed));
  },
  publicKeyConvert(publicKey, options) {
    requirePoint('publicKey', publicKey);
    const compressed = isCompressed(options);
    const plain = pointOf(publicKey);
    return plain === undefined ? undefined : attempt(() => tiny.pointCompress(own(plain), compressed));
  },

  ecdsaSign(messageHash, secretKey, extraEntropy) {
    requireBytes('messageHash', messageHash, 32);
    requireBytes('secretKey', secretKey, 32);
    if (extraEntropy !== undefined) requireBytes('extraEntropy', extraEntropy, 32);
    return attempt(() => tiny.sign(own(messageHash), own(secretKey), extraEntropy && own(extraEntropy)));
  },
  ecdsaVerify(signature, messageHash, publicKey) {
    requireBytes('signature', signature, 64);
    requireBytes('messageHash', messageHash, 32);
    requirePoint('publicKey', publicKey);
    const plain = pointOf(publicKey);
    return (
      plain !== undefined && attempt(() => tiny.verify(own(messageHash), own(plain), own(signature), false)) === true
    );
  },
  ecdsaSignRecoverable(messageHash, secretKey) {
    requireBytes('messageHash', messageHash, 32);
    requireBytes('secretKey', secretKey, 32);
    const result = attempt(() => tiny.signRecoverable(own(messageHash), own(secretKey)));
    return result && { signature: result.signature, recoveryId: result.recoveryId };
  },
  ecdsaRecover(signature, recoveryId, messageHash) {
    requireBytes('signature', signature, 64);
    requireOneOf('recoveryId', recoveryId, [0, 1, 2, 3]);
    requireBytes('messageHash', messageHash, 32);
    // The library asks whether r is an x coordinate, where with these ids r + n is the one.
    if (recoveryId >= 2) return jsCrypto.ecdsaRecover(signature, recoveryId, messageHash);
    return attempt(() =>
      tiny.recover(own(messageHash), own(signature), recoveryId as TinySecp256k1.RecoveryIdType, true),
    );
  },

  schnorrSign(message, secretKey, auxiliaryRandom) {
    // The library knows messages of 32 bytes only.
    if (!isBytes(message) || sizeOf(message) !== 32) return jsCrypto.schnorrSign(message, secretKey, auxiliaryRandom);
    requireBytes('secretKey', secretKey, 32);
    if (auxiliaryRandom !== undefined) requireBytes('auxiliaryRandom', auxiliaryRandom, 32);
    return attempt(() => tiny.signSchnorr(own(message), own(secretKey), own(auxiliaryRandom ?? new Uint8Array(32))));
  },
  schnorrVerify(signature, message, xOnlyPublicKey) {
    if (!isBytes(message) || sizeOf(message) !== 32) return jsCrypto.schnorrVerify(signature, message, xOnlyPublicKey);
    requireBytes('signature', signature, 64);
    requireBytes('xOnlyPublicKey', xOnlyPublicKey, 32);
    return (
      arePoints(xOnlyPublicKey) &&
      attempt(() => tiny.verifySchnorr(own(message), own(xOnlyPublicKey), own(signature))) === true
    );
  },
  verifyBatch: (items) => verifyOneByOne(tinyCrypto, items),

  xOnlyTweakAdd(xOnlyPublicKey, tweak) {
    requireBytes('xOnlyPublicKey', xOnlyPublicKey, 32);
    requireBytes('tweak', tweak, 32);
    if (!arePoints(xOnlyPublicKey)) return undefined;
    const result = attempt(() => tiny.xOnlyPointAddTweak(own(xOnlyPublicKey), own(tweak)));
    return result === undefined ? undefined : { xOnlyPublicKey: result.xOnlyPubkey, parity: result.parity };
  },
  xOnlyTweakAddCheck(tweakedXOnly, parity, internalXOnly, tweak) {
    requireBytes('tweakedXOnly', tweakedXOnly, 32);
    requireOneOf('parity', parity, [0, 1]);
    requireBytes('internalXOnly', internalXOnly, 32);
    requireBytes('tweak', tweak, 32);
    const wanted = parity as TinySecp256k1.TweakParity;
    return (
      arePoints(internalXOnly, tweakedXOnly) &&
      attempt(() => tiny.xOnlyPointAddTweakCheck(own(internalXOnly), own(tweak), own(tweakedXOnly), wanted)) === true
    );
  },

  secretKeyTweakAdd(secretKey, tweak) {
    requireBytes('secretKey', secretKey, 32);
    requireBytes('tweak', tweak, 32);
    return attempt(() => tiny.privateAdd(own(secretKey), own(tweak)));
  },
  secretKeyTweakMul: jsCrypto.secretKeyTweakMul,
  secretKeyNegate(secretKey) {
    requireBytes('secretKey', secretKey, 32);
    return attempt(() => tiny.privateNegate(own(secretKey)));
  },
  publicKeyTweakAdd(publicKey, tweak) {
    requirePoint('publicKey', publicKey);
    requireBytes('tweak', tweak, 32);
    const plain = pointOf(publicKey);
    return plain === undefined ? undefined : attempt(() => tiny.pointAddScalar(own(plain), own(tweak), true));
  },
  publicKeyTweakMul(publicKey, tweak) {
    requirePoint('publicKey', publicKey);
    requireBytes('tweak', tweak, 32);
    const plain = pointOf(publicKey);
    return plain === undefined ? undefined : attempt(() => tiny.pointMultiply(own(plain), own(tweak), true));
  },
  publicKeyNegate(publicKey) {
    requirePoint('publicKey', publicKey);
    return tinyCrypto.publicKeyTweakMul(publicKey, minusOne);
  },
  publicKeyCombine(publicKeys) {
    requirePoints('publicKeys', publicKeys);
    // Nothing stands for the point at infinity, which the library cannot write down.
    let sum: Uint8Array | undefined;
    for (const publicKey of publicKeys) {
      const point = tinyCrypto.publicKeyConvert(publicKey);
      if (point === undefined) return undefined;
      const before = sum;
      sum = before === undefined ? point : attempt(() => tiny.pointAdd(before, point, true));
    }
    return sum;
  },
  multiScalarMultiply: jsCrypto.multiScalarMultiply,
  ecdh(secretKey, publicKey) {
    requireBytes('secretKey', secretKey, 32);
    requirePoint('publicKey', publicKey);
    const shared = tinyCrypto.publicKeyTweakMul(publicKey, secretKey);
    return shared === undefined ? undefined : jsHashes.sha256(shared);
  },
});

/**
 * Loads tiny-secp256k1, which compiles its module as it is imported.
 *
 * @throws {@link CoreError} `CORE_CRYPTO_ENGINE_UNAVAILABLE` when it is not installed, or its module does not compile.
 */
export async function loadTiny(): Promise<CryptoEngine> {
  try {
    // Inside of a try, where bundlers take a package that is absent for one that may be.
    tiny = await import('tiny-secp256k1');
  } catch (cause) {
    const isAbsent = cause instanceof Error && 'code' in cause && cause.code === 'ERR_MODULE_NOT_FOUND';
    const reason = isAbsent ? 'it is not installed' : 'it cannot be loaded';
    throw new CoreError('CORE_CRYPTO_ENGINE_UNAVAILABLE', `expected the package tiny-secp256k1, but ${reason}`, {
      details: { engine: 'tiny', reason },
      ...(isAbsent ? { hint: 'npm install tiny-secp256k1, an optional peer of @bitcoin-enterprise/core' } : {}),
      cause,
    });
  }
  return tinyCrypto;
}
