/**
 * The crypto engine port: every curve and hash operation of the suite, bytes in, bytes out, synchronous.
 *
 * Conventions: 32-byte secret keys and scalars big endian; public keys in SEC 1 form (33 compressed, 65
 * uncompressed, 65 hybrid accepted as input); x-only keys of 32 bytes (BIP340); ECDSA signatures as 64 bytes `r || s`.
 * A result is always a fresh array. An argument of the wrong length or type throws `CORE_CRYPTO_INVALID_ARGUMENT`
 * (a bug of the caller); a verification of well-formed arguments answers `false`, it never throws; an operation
 * with no answer (an invalid point, the point at infinity, a tweak that overflows) returns `undefined`.
 */
export interface CryptoEngine {
  /** Which engine this is. */
  readonly name: 'wasm' | 'tiny' | 'js';

  /** SHA-256, 32 bytes. */
  sha256(data: Uint8Array): Uint8Array;
  /** SHA-256 applied twice, 32 bytes: transaction and block ids. */
  hash256(data: Uint8Array): Uint8Array;
  /** SHA-1, 20 bytes: `OP_SHA1`. */
  sha1(data: Uint8Array): Uint8Array;
  /** RIPEMD-160, 20 bytes: `OP_RIPEMD160`. */
  ripemd160(data: Uint8Array): Uint8Array;
  /** RIPEMD-160 of SHA-256, 20 bytes: key and script hashes. */
  hash160(data: Uint8Array): Uint8Array;
  /** SHA-512, 64 bytes. */
  sha512(data: Uint8Array): Uint8Array;
  /** HMAC with SHA-256, 32 bytes. */
  hmacSha256(key: Uint8Array, data: Uint8Array): Uint8Array;
  /** HMAC with SHA-512, 64 bytes: BIP32. */
  hmacSha512(key: Uint8Array, data: Uint8Array): Uint8Array;
  /** BIP340 tagged hash, `sha256(sha256(tag) || sha256(tag) || data)`. */
  taggedHash(tag: string, data: Uint8Array): Uint8Array;
  /**
   * SHA-256d of each consecutive 64-byte pair of `pairs`, concatenated: one level of a Merkle tree. A length that is
   * no multiple of 64 is an invalid argument.
   */
  hash256Pairs(pairs: Uint8Array): Uint8Array;

  /** Whether 32 bytes are a secret key: 1 to n-1. */
  isSecretKey(secretKey: Uint8Array): boolean;
  /** Whether bytes of any length encode a point on the curve (33, 65, hybrid 65). */
  isPublicKey(publicKey: Uint8Array): boolean;
  /** Whether 32 bytes are the x coordinate of a point (BIP340 `lift_x`). */
  isXOnlyPublicKey(xOnly: Uint8Array): boolean;
  /** Public key of a secret key; compressed unless told otherwise. */
  publicKey(secretKey: Uint8Array, options?: { readonly compressed?: boolean }): Uint8Array | undefined;
  /** The same point in the form asked for. */
  publicKeyConvert(publicKey: Uint8Array, options?: { readonly compressed?: boolean }): Uint8Array | undefined;

  /** ECDSA signature, RFC 6979 nonce, low S; `extraEntropy` of 32 bytes is mixed in. */
  ecdsaSign(messageHash: Uint8Array, secretKey: Uint8Array, extraEntropy?: Uint8Array): Uint8Array | undefined;
  /** ECDSA verification that accepts both S forms (consensus); the low-S rule is the caller's. */
  ecdsaVerify(signature: Uint8Array, messageHash: Uint8Array, publicKey: Uint8Array): boolean;
  /** ECDSA signature with its recovery id, 0 to 3. */
  ecdsaSignRecoverable(
    messageHash: Uint8Array,
    secretKey: Uint8Array,
  ): { readonly signature: Uint8Array; readonly recoveryId: number } | undefined;
  /** Compressed public key that made a signature. */
  ecdsaRecover(signature: Uint8Array, recoveryId: number, messageHash: Uint8Array): Uint8Array | undefined;

  /** BIP340 signature; `auxiliaryRandom` is 32 bytes, zeros when absent. */
  schnorrSign(message: Uint8Array, secretKey: Uint8Array, auxiliaryRandom?: Uint8Array): Uint8Array | undefined;
  /** BIP340 verification; the message may have any length. */
  schnorrVerify(signature: Uint8Array, message: Uint8Array, xOnlyPublicKey: Uint8Array): boolean;
  /**
   * Verifies many BIP340 signatures and Taproot tweaks at once and names the ones that fail. With the `wasm` engine
   * a batch of 1,000 costs less than half of single checks; items are public data, nothing here is constant time.
   *
   * @returns Indices of the failing items, ascending; empty when all hold.
   */
  verifyBatch(items: readonly BatchItem[]): readonly number[];
  /**
   * Begins to verify a batch beside the caller's own work, where the engine has a thread that is idle; the items are
   * copied.
   *
   * @returns What waits for the answer of `verifyBatch`; `undefined` when nobody is idle, or the batch is too small to
   * be worth it: the items are then still the caller's to verify.
   */
  beginBatch?(items: readonly BatchItem[]): (() => readonly number[]) | undefined;

  /** `P + tweak*G` of an x-only key: the Taproot output key and its parity. */
  xOnlyTweakAdd(
    xOnlyPublicKey: Uint8Array,
    tweak: Uint8Array,
  ): { readonly xOnlyPublicKey: Uint8Array; readonly parity: 0 | 1 } | undefined;
  /** Whether `tweakedXOnly` with `parity` is `internal + tweak*G`: the control block check of BIP341. */
  xOnlyTweakAddCheck(tweakedXOnly: Uint8Array, parity: number, internalXOnly: Uint8Array, tweak: Uint8Array): boolean;

  /**
   * Sum of a secret key (1 to n-1) and a tweak (0 to n-1) mod n; `undefined` when it is zero or an input is out of
   * range.
   */
  secretKeyTweakAdd(secretKey: Uint8Array, tweak: Uint8Array): Uint8Array | undefined;
  /** Product of a secret key and a tweak mod n, both 1 to n-1; `undefined` when one is out of range. */
  secretKeyTweakMul(secretKey: Uint8Array, tweak: Uint8Array): Uint8Array | undefined;
  /** `n - secretKey`. */
  secretKeyNegate(secretKey: Uint8Array): Uint8Array | undefined;
  /** `P + tweak*G`, compressed; the tweak is 0 to n-1. */
  publicKeyTweakAdd(publicKey: Uint8Array, tweak: Uint8Array): Uint8Array | undefined;
  /** `tweak*P`, compressed; the tweak is 1 to n-1. */
  publicKeyTweakMul(publicKey: Uint8Array, tweak: Uint8Array): Uint8Array | undefined;
  /** `-P`, compressed. */
  publicKeyNegate(publicKey: Uint8Array): Uint8Array | undefined;
  /**
   * Sum of points, compressed: key and nonce aggregation of MuSig2. `undefined` at infinity, so also of no points, and
   * when one is no point.
   */
  publicKeyCombine(publicKeys: readonly Uint8Array[]): Uint8Array | undefined;
  /**
   * Sum of `scalar*point` over many terms, compressed: multi-scalar multiplication, the heart of proofs that are
   * checked by one equation of points. For public data only: nothing here is constant time. With the `wasm` engine a
   * sum of 150 terms costs a fraction of 150 products.
   *
   * @returns `undefined` at infinity, so also of no terms; and also when a scalar is n or more, or a point is none. So
   * `undefined` does not mean that a sum vanishes: who asks that adds a known point and compares.
   */
  multiScalarMultiply(terms: readonly ScalarTerm[]): Uint8Array | undefined;
  /** SHA-256 of the compressed shared point. */
  ecdh(secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined;
}

/** One term of a multi-scalar multiplication. */
export interface ScalarTerm {
  /** 32 bytes, 0 to n-1. */
  readonly scalar: Uint8Array;
  /** A public key of 33 or 65 bytes; 65 spare a square root. */
  readonly point: Uint8Array;
}

/** One check of a batch: a BIP340 signature, or a Taproot commitment. */
export type BatchItem =
  | {
      readonly kind: 'schnorr';
      /** 64 bytes. */
      readonly signature: Uint8Array;
      readonly message: Uint8Array;
      /** 32 bytes. */
      readonly xOnlyPublicKey: Uint8Array;
    }
  | {
      readonly kind: 'tweak';
      /** The output key, 32 bytes. */
      readonly tweakedXOnly: Uint8Array;
      /** Of the output key's y: 0 or 1. */
      readonly parity: number;
      /** The internal key, 32 bytes. */
      readonly internalXOnly: Uint8Array;
      /** 32 bytes. */
      readonly tweak: Uint8Array;
    };
