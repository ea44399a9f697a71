import type { Arguments } from './arguments.ts';
import { sizeOf } from './bytes.ts';
import type { Exports } from './exports.ts';
import type { Memory } from './memory.ts';

/** Which form of a public key is wanted. */
export interface KeyForm {
  /** 33 bytes when true, as by default; 65 when false. */
  readonly compressed?: boolean;
}

/** Curve operations, bytes in, bytes out; `undefined` and `false` mean "no such thing", never "bad call". */
export interface Curve {
  /** Blinds signing anew with 32 bytes of entropy: a defence against side channels, without effect on results. */
  randomize(entropy: Uint8Array): void;

  /** Whether 32 bytes are a secret key: 1 to n-1. */
  isSecretKey(secretKey: Uint8Array): boolean;
  /** Whether bytes of any length encode a point of the curve (33, 65, hybrid 65). */
  isPublicKey(publicKey: Uint8Array): boolean;
  /** Whether 32 bytes are the x coordinate of a point. */
  isXOnlyPublicKey(xOnly: Uint8Array): boolean;
  /** Public key of a secret key. */
  publicKey(secretKey: Uint8Array, options?: KeyForm): Uint8Array | undefined;
  /** The same point in the form asked for. */
  publicKeyConvert(publicKey: Uint8Array, options?: KeyForm): Uint8Array | undefined;

  /** ECDSA signature of 64 bytes `r || s`, RFC 6979 nonce, low S; `extraEntropy` of 32 bytes is mixed in. */
  ecdsaSign(messageHash: Uint8Array, secretKey: Uint8Array, extraEntropy?: Uint8Array): Uint8Array | undefined;
  /** ECDSA verification; high S is accepted. */
  ecdsaVerify(signature: Uint8Array, messageHash: Uint8Array, publicKey: Uint8Array): boolean;
  /** ECDSA signature with its recovery id, 0 to 3. */
  ecdsaSignRecoverable(
    messageHash: Uint8Array,
    secretKey: Uint8Array,
  ): { readonly signature: Uint8Array; readonly recoveryId: number } | undefined;
  /** Compressed public key that made a signature. */
  ecdsaRecover(signature: Uint8Array, recoveryId: number, messageHash: Uint8Array): Uint8Array | undefined;

  /** BIP340 signature of 64 bytes; `auxiliaryRandom` is 32 bytes, zeros when absent. */
  schnorrSign(message: Uint8Array, secretKey: Uint8Array, auxiliaryRandom?: Uint8Array): Uint8Array | undefined;
  /** BIP340 verification; the message may have any length. */
  schnorrVerify(signature: Uint8Array, message: Uint8Array, xOnlyPublicKey: Uint8Array): boolean;

  /** `P + tweak*G` of an x-only key, with the parity of the result. */
  xOnlyTweakAdd(
    xOnlyPublicKey: Uint8Array,
    tweak: Uint8Array,
  ): { readonly xOnlyPublicKey: Uint8Array; readonly parity: 0 | 1 } | undefined;
  /** Whether `tweakedXOnly` with `parity` is `internal + tweak*G`. */
  xOnlyTweakAddCheck(tweakedXOnly: Uint8Array, parity: number, internalXOnly: Uint8Array, tweak: Uint8Array): boolean;

  /** Key plus tweak mod n; the tweak may be zero, the result may not. */
  secretKeyTweakAdd(secretKey: Uint8Array, tweak: Uint8Array): Uint8Array | undefined;
  /** Key times tweak mod n. */
  secretKeyTweakMul(secretKey: Uint8Array, tweak: Uint8Array): Uint8Array | undefined;
  /** n minus key. */
  secretKeyNegate(secretKey: Uint8Array): Uint8Array | undefined;
  /** `P + tweak*G`, compressed. */
  publicKeyTweakAdd(publicKey: Uint8Array, tweak: Uint8Array): Uint8Array | undefined;
  /** `tweak*P`, compressed. */
  publicKeyTweakMul(publicKey: Uint8Array, tweak: Uint8Array): Uint8Array | undefined;
  /** `-P`, compressed. */
  publicKeyNegate(publicKey: Uint8Array): Uint8Array | undefined;
  /** Sum of points, compressed; `undefined` at infinity, so also of no points. */
  publicKeyCombine(publicKeys: readonly Uint8Array[]): Uint8Array | undefined;
  /** SHA-256 of the compressed shared point. */
  ecdh(secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined;
}

/** Binds the curve operations to an instance. */
export function bindCurve(exports: Exports, memory: Memory, check: Arguments): Curve {
  const [slot0, slot1, slot2, slot3] = memory.slot;
  const { sized, point, bytes } = check;

  const written = (length: number): Uint8Array | undefined => (length === 0 ? undefined : memory.read(slot1, length));
  const secret = (ok: number): Uint8Array | undefined => {
    const value = memory.readSecret(slot2, 32);
    return ok === 0 ? undefined : value;
  };
  const form = (options: KeyForm | undefined): number => {
    if (options === undefined) return 1;
    check.options(options);
    const { compressed = true } = options;
    if (typeof compressed !== 'boolean') return check.reject('options.compressed', 'a boolean', compressed);
    return compressed ? 1 : 0;
  };

  return {
    randomize(entropy) {
      sized(entropy, 32, 'entropy');
      memory.bytes.set(entropy, slot0);
      exports.randomize();
    },

    isSecretKey(secretKey) {
      sized(secretKey, 32, 'secretKey');
      memory.bytes.set(secretKey, slot0);
      return exports.secret_key_valid() === 1;
    },
    isPublicKey(publicKey) {
      bytes(publicKey, 'publicKey');
      const size = sizeOf(publicKey);
      if (size !== 33 && size !== 65) return false;
      memory.bytes.set(publicKey, slot0);
      return exports.public_key_valid(size) === 1;
    },
    isXOnlyPublicKey(xOnly) {
      sized(xOnly, 32, 'xOnly');
      memory.bytes.set(xOnly, slot0);
      return exports.x_only_valid() === 1;
    },
    publicKey(secretKey, options) {
      sized(secretKey, 32, 'secretKey');
      const compressed = form(options);
      memory.bytes.set(secretKey, slot0);
      return written(exports.public_key_create(compressed));
    },
    publicKeyConvert(publicKey, options) {
      point(publicKey, 'publicKey');
      const compressed = form(options);
      memory.bytes.set(publicKey, slot0);
      return written(exports.public_key_convert(sizeOf(publicKey), compressed));
    },

    ecdsaSign(messageHash, secretKey, extraEntropy) {
      sized(messageHash, 32, 'messageHash');
      sized(secretKey, 32, 'secretKey');
      if (extraEntropy !== undefined) {
        sized(extraEntropy, 32, 'extraEntropy');
        memory.bytes.set(extraEntropy, slot2);
      }
      memory.bytes.set(messageHash, slot0);
      memory.bytes.set(secretKey, slot1);
      return exports.ecdsa_sign(extraEntropy === undefined ? 0 : 1) === 1 ? memory.read(slot3, 64) : undefined;
    },
    ecdsaVerify(signature, messageHash, publicKey) {
      sized(signature, 64, 'signature');
      sized(messageHash, 32, 'messageHash');
      point(publicKey, 'publicKey');
      memory.bytes.set(signature, slot0);
      memory.bytes.set(messageHash, slot1);
      memory.bytes.set(publicKey, slot2);
      return exports.ecdsa_verify(sizeOf(publicKey)) === 1;
    },
    ecdsaSignRecoverable(messageHash, secretKey) {
      sized(messageHash, 32, 'messageHash');
      sized(secretKey, 32, 'secretKey');
      memory.bytes.set(messageHash, slot0);
      memory.bytes.set(secretKey, slot1);
      const recoveryId = exports.ecdsa_sign_recoverable();
      return recoveryId < 0 ? undefined : { signature: memory.read(slot3, 64), recoveryId };
    },
    ecdsaRecover(signature, recoveryId, messageHash) {
      sized(signature, 64, 'signature');
      if (!Number.isInteger(recoveryId) || recoveryId < 0 || recoveryId > 3)
        check.reject('recoveryId', '0, 1, 2 or 3', recoveryId);
      sized(messageHash, 32, 'messageHash');
      memory.bytes.set(signature, slot0);
      memory.bytes.set(messageHash, slot1);
      return written(exports.ecdsa_recover(recoveryId));
    },

    schnorrSign(message, secretKey, auxiliaryRandom) {
      bytes(message, 'message');
      sized(secretKey, 32, 'secretKey');
      if (auxiliaryRandom !== undefined) sized(auxiliaryRandom, 32, 'auxiliaryRandom');
      const at = memory.put(message);
      memory.bytes.set(secretKey, slot0);
      if (auxiliaryRandom !== undefined) memory.bytes.set(auxiliaryRandom, slot1);
      const ok = exports.schnorr_sign(at, sizeOf(message), auxiliaryRandom === undefined ? 0 : 1);
      return ok === 1 ? memory.read(slot2, 64) : undefined;
    },
    schnorrVerify(signature, message, xOnlyPublicKey) {
      sized(signature, 64, 'signature');
      bytes(message, 'message');
      sized(xOnlyPublicKey, 32, 'xOnlyPublicKey');
      const at = memory.put(message);
      memory.bytes.set(signature, slot0);
      memory.bytes.set(xOnlyPublicKey, slot1);
      return exports.schnorr_verify(at, sizeOf(message)) === 1;
    },

    xOnlyTweakAdd(xOnlyPublicKey, tweak) {
      sized(xOnlyPublicKey, 32, 'xOnlyPublicKey');
      sized(tweak, 32, 'tweak');
      memory.bytes.set(xOnlyPublicKey, slot0);
      memory.bytes.set(tweak, slot1);
      const parity = exports.x_only_tweak_add();
      return parity < 0 ? undefined : { xOnlyPublicKey: memory.read(slot1, 32), parity: parity === 1 ? 1 : 0 };
    },
    xOnlyTweakAddCheck(tweakedXOnly, parity, internalXOnly, tweak) {
      sized(tweakedXOnly, 32, 'tweakedXOnly');
      if (parity !== 0 && parity !== 1) check.reject('parity', '0 or 1', parity);
      sized(internalXOnly, 32, 'internalXOnly');
      sized(tweak, 32, 'tweak');
      memory.bytes.set(tweakedXOnly, slot0);
      memory.bytes.set(internalXOnly, slot1);
      memory.bytes.set(tweak, slot2);
      return exports.x_only_tweak_add_check(parity) === 1;
    },

    secretKeyTweakAdd(secretKey, tweak) {
      sized(secretKey, 32, 'secretKey');
      sized(tweak, 32, 'tweak');
      memory.bytes.set(secretKey, slot0);
      memory.bytes.set(tweak, slot1);
      return secret(exports.secret_key_tweak_add());
    },
    secretKeyTweakMul(secretKey, tweak) {
      sized(secretKey, 32, 'secretKey');
      sized(tweak, 32, 'tweak');
      memory.bytes.set(secretKey, slot0);
      memory.bytes.set(tweak, slot1);
      return secret(exports.secret_key_tweak_mul());
    },
    secretKeyNegate(secretKey) {
      sized(secretKey, 32, 'secretKey');
      memory.bytes.set(secretKey, slot0);
      return secret(exports.secret_key_negate());
    },
    publicKeyTweakAdd(publicKey, tweak) {
      point(publicKey, 'publicKey');
      sized(tweak, 32, 'tweak');
      memory.bytes.set(publicKey, slot0);
      memory.bytes.set(tweak, slot2);
      return written(exports.public_key_tweak_add(sizeOf(publicKey)));
    },
    publicKeyTweakMul(publicKey, tweak) {
      point(publicKey, 'publicKey');
      sized(tweak, 32, 'tweak');
      memory.bytes.set(publicKey, slot0);
      memory.bytes.set(tweak, slot2);
      return written(exports.public_key_tweak_mul(sizeOf(publicKey)));
    },
    publicKeyNegate(publicKey) {
      point(publicKey, 'publicKey');
      memory.bytes.set(publicKey, slot0);
      return written(exports.public_key_negate(sizeOf(publicKey)));
    },
    publicKeyCombine(publicKeys) {
      check.list(publicKeys, 'publicKeys');
      const keys: Uint8Array[] = [];
      // Indexed, not forEach: a hole in the array is a wrong value too. Read once: what was checked is what is copied.
      for (let i = 0; i < publicKeys.length; i++) {
        const key = publicKeys[i] as Uint8Array;
        point(key, `publicKeys[${i}]`);
        keys.push(key);
      }
      memory.reserve(66 * keys.length);
      keys.forEach((key, i) => {
        const at = memory.arena + 66 * i;
        memory.bytes[at] = sizeOf(key);
        memory.bytes.set(key, at + 1);
      });
      return written(exports.public_key_combine(memory.arena, keys.length));
    },
    ecdh(secretKey, publicKey) {
      sized(secretKey, 32, 'secretKey');
      point(publicKey, 'publicKey');
      memory.bytes.set(secretKey, slot0);
      memory.bytes.set(publicKey, slot1);
      return secret(exports.ecdh(sizeOf(publicKey)));
    },
  };
}
