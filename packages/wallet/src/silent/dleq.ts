import { concatBytes, currentCrypto, type Entropy, equalBytes, parseHex, webEntropy } from '@bitcoin-enterprise/core';
import { requireBytes, requireObject } from '../checks.ts';
import { invalidArgument } from '../errors.ts';
import { entropyBytes } from '../keys/entropy.ts';
import type { SecretBytes } from '../keys/secret-bytes.ts';
import { requireCompressedKey } from './address.ts';
import { multiplyBySecret, requireSecret } from './secret-arithmetic.ts';

/** The generator of secp256k1. */
const GENERATOR = /* @__PURE__ */ parseHex('0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798');
/** The order of the group, big endian. */
const ORDER = /* @__PURE__ */ parseHex('fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141');

/** What a proof is made of. */
export interface DleqProofOptions {
  /** `a`, 32 bytes. */
  readonly secretKey: SecretBytes;
  /** `B`, 33 bytes. */
  readonly point: Uint8Array;
  /** 32 bytes that the proof covers besides. */
  readonly message?: Uint8Array;
  /** `r`, 32 bytes, new for each proof; taken from `entropy` when absent. */
  readonly auxiliaryRandom?: Uint8Array;
  /** Where random bytes come from; that of the platform when absent. */
  readonly entropy?: Entropy;
  /** `G`, 33 bytes; that of secp256k1 when absent. */
  readonly generator?: Uint8Array;
}

/** A proof and what it is about. */
export interface DleqProof {
  /** `A = a·G`, 33 bytes. */
  readonly publicKey: Uint8Array;
  /** `C = a·B`, 33 bytes. */
  readonly share: Uint8Array;
  /** 64 bytes. */
  readonly proof: Uint8Array;
}

/**
 * Proves that `a·G` and `a·B` have the same `a`, without telling it (BIP374, GenerateProof).
 *
 * @throws WalletError `WALLET_INVALID_ARGUMENT`, `WALLET_SECRET_WIPED`.
 *
 * @example
 * ```ts
 * import { currentCrypto } from '@bitcoin-enterprise/core';
 * import { SecretBytes } from '@bitcoin-enterprise/wallet/keys';
 * import { createDleqProof, verifyDleqProof } from '@bitcoin-enterprise/wallet/silent';
 *
 * const point = currentCrypto().publicKey(new Uint8Array(32).fill(2)) ?? new Uint8Array(33);
 * const made = createDleqProof({ secretKey: new SecretBytes(new Uint8Array(32).fill(1)), point });
 * verifyDleqProof({ ...made, point }); // => true
 * ```
 */
export function createDleqProof(options: DleqProofOptions): DleqProof {
  const {
    secretKey,
    point,
    message,
    entropy = webEntropy(),
    generator = GENERATOR,
  } = requireObject<DleqProofOptions>('options', options);
  const auxiliaryRandom = options.auxiliaryRandom ?? entropyBytes(entropy, 32);
  requireBytes('options.auxiliaryRandom', auxiliaryRandom, 32);
  requireCompressedKey('options.point', point);
  requireCompressedKey('options.generator', generator);
  if (message !== undefined) requireBytes('options.message', message, 32);
  return requireSecret('options.secretKey', secretKey).use((secret) =>
    prove(secret, { point: point as Uint8Array, message, auxiliaryRandom, entropy, generator }),
  );
}

interface Statement {
  readonly point: Uint8Array;
  readonly message: Uint8Array | undefined;
  readonly auxiliaryRandom: Uint8Array;
  readonly entropy: Entropy;
  readonly generator: Uint8Array;
}

function prove(secret: Uint8Array, statement: Statement): DleqProof {
  const { point, message = new Uint8Array(), auxiliaryRandom, entropy, generator } = statement;
  const crypto = currentCrypto();
  if (secret.length !== 32 || !crypto.isSecretKey(secret))
    throw invalidArgument('options.secretKey', 'a secret key of 32 bytes', secret);
  const times = (base: Uint8Array, scalar: Uint8Array): Uint8Array =>
    equalBytes(base, GENERATOR)
      ? (crypto.publicKey(scalar) as Uint8Array)
      : (multiplyBySecret(base, scalar, entropy) as Uint8Array);
  const publicKey = times(generator, secret);
  const share = times(point, secret);
  const masked = crypto.taggedHash('BIP0374/aux', auxiliaryRandom).map((byte, i) => byte ^ (secret[i] as number));
  const nonce = reduce(crypto.taggedHash('BIP0374/nonce', concatBytes(masked, publicKey, share, message)));
  masked.fill(0);
  // Zero has a chance of one in 2²⁵⁶ (BIP374 fails too).
  if (nonce === undefined) throw invalidArgument('options.auxiliaryRandom', 'other random bytes', auxiliaryRandom);
  const e = challenge([publicKey, point, share, generator, times(generator, nonce), times(point, nonce)], message);
  const scaled = reduce(e);
  const product = scaled === undefined ? undefined : crypto.secretKeyTweakMul(secret, scaled);
  const s = (product === undefined ? nonce : crypto.secretKeyTweakAdd(nonce, product)) ?? new Uint8Array(32);
  const proof = concatBytes(e, s);
  for (const bytes of [nonce, product]) bytes?.fill(0);
  // BIP374 checks its own proof: a fault in between could tell the secret.
  if (!verifyDleqProof({ publicKey, point, share, proof, generator, ...(message.length === 0 ? {} : { message }) }))
    throw invalidArgument('options', 'what a proof can be made of', statement);
  return { publicKey, share, proof };
}

/** What a proof is checked against. */
export interface VerifyDleqOptions extends DleqProof {
  /** `B`, 33 bytes. */
  readonly point: Uint8Array;
  /** 32 bytes that the proof covers besides. */
  readonly message?: Uint8Array;
  /** `G`, 33 bytes; that of secp256k1 when absent. */
  readonly generator?: Uint8Array;
}

/**
 * Whether a proof holds (BIP374, VerifyProof).
 *
 * @returns `false` also for points that are none.
 * @throws WalletError `WALLET_INVALID_ARGUMENT` for bytes of the wrong length.
 */
export function verifyDleqProof(options: VerifyDleqOptions): boolean {
  const {
    publicKey,
    point,
    share,
    proof,
    message,
    generator = GENERATOR,
  } = requireObject<VerifyDleqOptions>('options', options);
  const points = [publicKey, point, share, generator].map((key) => requireBytes('options, each point', key, 33));
  const bytes = requireBytes('options.proof', proof, 64);
  if (message !== undefined) requireBytes('options.message', message, 32);
  const crypto = currentCrypto();
  if (!points.every((key) => crypto.isPublicKey(key))) return false;
  const [a, b, c, g] = points as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  const e = bytes.slice(0, 32);
  const s = bytes.slice(32);
  if (!isBelowOrder(s)) return false;
  const r1 = difference([s, g], [e, a]);
  const r2 = difference([s, b], [e, c]);
  if (r1 === undefined || r2 === undefined) return false;
  return equalBytes(e, challenge([a, b, c, g, r1, r2], message ?? new Uint8Array()));
}

/** `s·P - e·Q`; `undefined` at infinity. */
function difference(
  [s, p]: readonly [Uint8Array, Uint8Array],
  [e, q]: readonly [Uint8Array, Uint8Array],
): Uint8Array | undefined {
  const crypto = currentCrypto();
  const scaled = reduce(e);
  const minus = scaled === undefined ? undefined : crypto.secretKeyNegate(scaled);
  const left = isZero(s) ? undefined : crypto.publicKeyTweakMul(p, s);
  const right = minus === undefined ? undefined : crypto.publicKeyTweakMul(q, minus);
  return crypto.publicKeyCombine([left, right].flatMap((key) => key ?? []));
}

function challenge(points: readonly Uint8Array[], message: Uint8Array): Uint8Array {
  return currentCrypto().taggedHash('BIP0374/challenge', concatBytes(...points, message));
}

/** A hash modulo the order; `undefined` for zero. */
function reduce(hash: Uint8Array): Uint8Array | undefined {
  const reduced = new Uint8Array(hash);
  if (!isBelowOrder(hash)) {
    // Below 2·n, as n is above 2²⁵⁵: one subtraction does.
    let borrow = 0;
    for (let i = 31; i >= 0; i--) {
      const rest = (hash[i] as number) - (ORDER[i] as number) - borrow;
      borrow = rest < 0 ? 1 : 0;
      reduced[i] = rest & 0xff;
    }
  }
  return isZero(reduced) ? undefined : reduced;
}

function isBelowOrder(scalar: Uint8Array): boolean {
  for (let i = 0; i < 32; i++) {
    const rest = (scalar[i] as number) - (ORDER[i] as number);
    if (rest !== 0) return rest < 0;
  }
  return false;
}

function isZero(scalar: Uint8Array): boolean {
  return scalar.every((byte) => byte === 0);
}
