import { currentCrypto, type Entropy, equalBytes, toHex, webEntropy } from '@bitcoin-enterprise/core';
import type { ExtendedKey } from '@bitcoin-enterprise/descriptors';
import { requireBytes, requireList, requireObject } from '../checks.ts';
import { invalidArgument, WalletError } from '../errors.ts';
import { SecretBytes } from '../keys/secret-bytes.ts';
import type { DigestRequest, KeyReference } from './ports.ts';

/** What a ring is made of. */
export interface KeyRingOptions {
  /** Extended keys with their secrets: a master key, or one further down with where it comes from. */
  readonly extendedKeys?: readonly (
    | ExtendedKey
    | { readonly key: ExtendedKey; readonly origin: KeyReference['origin'] }
  )[];
  /** Secret keys of 32 bytes; they are copied. */
  readonly secretKeys?: readonly Uint8Array[];
  /** For the auxiliary randomness of BIP340; the runtime's when absent. */
  readonly entropy?: Entropy;
  /** Whether ECDSA signatures are ground to a low R, which makes them at most 71 bytes; yes when absent. */
  readonly lowR?: boolean;
}

/** Secret keys in memory, and what they sign. Shows nothing of them in JSON or logs. */
export interface KeyRing {
  /** Public keys of `secretKeys`, 33 bytes each. */
  readonly publicKeys: readonly Uint8Array[];
  /** Whether a key is held, or derived from one that is. */
  holds(key: KeyReference): boolean;
  /**
   * Lends the secret key of a key to a function.
   *
   * @returns What the function returned; `undefined` when the key is not held.
   */
  withSecretKey<Result>(key: KeyReference, action: (secretKey: Uint8Array) => Result): Result | undefined;
  /**
   * Signs: ECDSA with a low S (and low R), or BIP340; 64 bytes.
   *
   * @throws WalletError `WALLET_KEY_UNKNOWN`, `WALLET_SECRET_WIPED`.
   */
  sign(request: DigestRequest): Uint8Array;
  /** Overwrites all secrets, for good. */
  wipe(): void;
}

/** More derived keys than that are forgotten again. */
const MOST_DERIVED = 10_000;

/**
 * Makes a ring of secret keys in memory.
 *
 * @throws WalletError `WALLET_INVALID_ARGUMENT` for keys without secrets.
 *
 * @example
 * ```ts
 * import { createKeyRing } from '@bitcoin-enterprise/wallet';
 *
 * const ring = createKeyRing({ secretKeys: [new Uint8Array(32).fill(1)] });
 * const [publicKey] = ring.publicKeys;
 * publicKey !== undefined && ring.holds({ publicKey }); // => true
 * ring.wipe();
 * ```
 */
export function createKeyRing(options: KeyRingOptions): KeyRing {
  const {
    extendedKeys = [],
    secretKeys = [],
    entropy = webEntropy(),
    lowR = true,
  } = requireObject<KeyRingOptions>('options', options);
  const singles = requireList('options.secretKeys', secretKeys).map((key, i) =>
    singleKey(key, `options.secretKeys[${i}]`),
  );
  const roots = requireList('options.extendedKeys', extendedKeys).map((root, i) =>
    rootKey(root as ExtendedKey, `options.extendedKeys[${i}]`),
  );
  const derived = new Map<string, HeldKey>();
  let isWiped = false;

  const find = (key: KeyReference): HeldKey | undefined => {
    if (isWiped) throw wiped();
    const single = singles.find(({ publicKey }) => isSame(publicKey, key.publicKey));
    if (single !== undefined) return single;
    if (key.origin === undefined || roots.length === 0) return undefined;
    const name = toHex(key.publicKey);
    const known = derived.get(name);
    if (known !== undefined) return known;
    const found = deriveFrom(roots, key);
    if (found === undefined) return undefined;
    if (derived.size >= MOST_DERIVED) {
      for (const old of derived.values()) old.secret.wipe();
      derived.clear();
    }
    derived.set(name, found);
    return found;
  };

  return {
    publicKeys: singles.map(({ publicKey }) => publicKey),
    holds: (key) => find(key) !== undefined,
    withSecretKey: (key, action) => find(key)?.secret.use(action),
    sign(request) {
      requireRequest(request);
      const held = find(request.key);
      if (held === undefined)
        throw new WalletError('WALLET_KEY_UNKNOWN', 'expected a key of this ring, got another', {
          details: { key: toHex(request.key.publicKey) },
        });
      return held.secret.use((bytes) =>
        request.scheme === 'ecdsa'
          ? signEcdsa(request.digest, bytes, lowR)
          : signSchnorr(request, bytes, held.publicKey, entropy),
      );
    },
    wipe() {
      isWiped = true;
      for (const { secret } of singles) secret.wipe();
      for (const { secret } of derived.values()) secret.wipe();
      derived.clear();
    },
  };
}

/** Throws unless a value asks for a signature. */
export function requireRequest(value: unknown): DigestRequest {
  const { key, scheme, digest, tweak } = requireObject<DigestRequest>('request', value);
  requireBytes('request.key.publicKey', requireObject<KeyReference>('request.key', key).publicKey);
  if (scheme !== 'ecdsa' && scheme !== 'schnorr')
    throw invalidArgument('request.scheme', "'ecdsa' or 'schnorr'", scheme);
  requireBytes('request.digest', digest, 32);
  if (tweak !== undefined) requireBytes('request.tweak', tweak, 32);
  return value as DigestRequest;
}

interface Root {
  readonly key: ExtendedKey;
  readonly fingerprint: Uint8Array;
  readonly path: readonly number[];
}

/** A secret key and its public key of 33 bytes. */
interface HeldKey {
  readonly publicKey: Uint8Array;
  readonly secret: SecretBytes;
}

function singleKey(value: unknown, argument: string): HeldKey {
  const bytes = requireBytes(argument, value, 32);
  const publicKey = currentCrypto().publicKey(bytes);
  if (publicKey === undefined) throw invalidArgument(argument, 'a secret key of 1 to n-1', value);
  return { publicKey, secret: new SecretBytes(bytes) };
}

function rootKey(value: NonNullable<KeyRingOptions['extendedKeys']>[number], argument: string): Root {
  requireObject(argument, value);
  const key = 'key' in value ? value.key : value;
  const origin = 'key' in value ? value.origin : undefined;
  if (requireObject<ExtendedKey>(argument, key).hasSecretKey !== true)
    throw invalidArgument(argument, 'an extended key with its secret', value);
  return { key, fingerprint: origin?.fingerprint ?? key.fingerprint, path: origin?.path ?? [] };
}

/** The same key, or the same x coordinate where one is of Taproot. */
function isSame(held: Uint8Array, wanted: Uint8Array): boolean {
  if (wanted.length === 33) return equalBytes(held, wanted);
  if (wanted.length === 32) return equalBytes(held.subarray(1), wanted);
  return equalBytes(held.subarray(1), wanted.subarray(1, 33)) && (held[0] as number) % 2 === (wanted[64] as number) % 2;
}

function deriveFrom(roots: readonly Root[], { publicKey, origin }: KeyReference): HeldKey | undefined {
  if (origin === undefined) return undefined;
  for (const { key, fingerprint, path } of roots) {
    const isAbove = path.length <= origin.path.length && path.every((step, i) => step === origin.path[i]);
    if (!isAbove || !equalBytes(fingerprint, origin.fingerprint)) continue;
    let child = key;
    for (const step of origin.path.slice(path.length)) child = child.child(step);
    if (!isSame(child.publicKey, publicKey)) continue;
    const secret = child.secretKey();
    if (secret === undefined) continue;
    const held = { publicKey: child.publicKey, secret: new SecretBytes(secret) };
    secret.fill(0);
    return held;
  }
  return undefined;
}

/** RFC 6979; a further nonce while R is high, as Bitcoin Core counts them. */
function signEcdsa(digest: Uint8Array, secretKey: Uint8Array, lowR: boolean): Uint8Array {
  const crypto = currentCrypto();
  let extra: Uint8Array | undefined;
  for (let counter = 1; ; counter++) {
    const signature = crypto.ecdsaSign(digest, secretKey, extra);
    if (signature === undefined) throw invalidArgument('digest', '32 bytes that can be signed', digest);
    if (!lowR || (signature[0] as number) < 0x80) return signature;
    extra = new Uint8Array(32);
    new DataView(extra.buffer).setUint32(0, counter, true);
  }
}

function signSchnorr(
  { key, digest, tweak }: DigestRequest,
  secretKey: Uint8Array,
  publicKey: Uint8Array,
  entropy: Entropy,
): Uint8Array {
  const crypto = currentCrypto();
  const auxiliary = entropy.bytes(32);
  if (tweak === undefined) return required(crypto.schnorrSign(digest, secretKey, auxiliary));
  // A key of 32 bytes stands for the one with an even y (BIP341); one of 33 is tweaked as it is (BIP352).
  const isOdd = key.publicKey.length === 32 && publicKey[0] === 3;
  const even = isOdd ? crypto.secretKeyNegate(secretKey) : new Uint8Array(secretKey);
  const tweaked = crypto.secretKeyTweakAdd(required(even), tweak);
  even?.fill(0);
  const signature = crypto.schnorrSign(digest, required(tweaked), auxiliary);
  tweaked?.fill(0);
  return required(signature);
}

function required(bytes: Uint8Array | undefined): Uint8Array {
  if (bytes === undefined) throw invalidArgument('tweak', 'a tweak that leaves a secret key', bytes);
  return bytes;
}

function wiped(): WalletError<'WALLET_SECRET_WIPED'> {
  return new WalletError('WALLET_SECRET_WIPED', 'expected a ring with its keys, got one that was wiped', {
    details: { what: 'key ring' },
  });
}
