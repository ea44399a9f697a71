import {
  concatBytes,
  currentCrypto,
  decodeBase58Check,
  encodeBase58Check,
  equalBytes,
  hasCode,
} from '@bitcoin-enterprise/core';
import { DescriptorsError } from '../errors.ts';

/** From here on a step is hardened (BIP32). */
export const HARDENED = 0x8000_0000;

/** Which networks an extended key is written for: all test networks write theirs alike. */
export type ExtendedKeyNetwork = 'main' | 'test';

/** BIP32: the first 4 bytes, as a number. */
const VERSIONS = {
  main: { public: 0x0488_b21e, private: 0x0488_ade4 },
  test: { public: 0x0435_87cf, private: 0x0435_8394 },
} as const;

/** BIP32: the depth is one byte. */
export const MAXIMUM_KEY_DEPTH = 255;

/** What an extended key is made of. */
export interface ExtendedKeyParts {
  readonly network: ExtendedKeyNetwork;
  /** Steps from the master key, 0 to 255. */
  readonly depth: number;
  /** 4 bytes; zeros of a master key. */
  readonly parentFingerprint: Uint8Array;
  /** The last step, 0 to 2³²-1. */
  readonly childNumber: number;
  /** 32 bytes. */
  readonly chainCode: Uint8Array;
  /** 33 bytes. */
  readonly publicKey: Uint8Array;
}

/** An extended key of BIP32. Its secret, if it has one, is never printed but by `toPrivateString`. */
export class ExtendedKey {
  readonly network: ExtendedKeyNetwork;
  readonly depth: number;
  readonly parentFingerprint: Uint8Array;
  readonly childNumber: number;
  readonly chainCode: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly #secretKey: Uint8Array | undefined;
  #fingerprint: Uint8Array | undefined;
  #text: string | undefined;

  /** @param secretKey - 32 bytes, that of `parts.publicKey`. */
  constructor(parts: ExtendedKeyParts, secretKey: Uint8Array | undefined) {
    this.network = parts.network;
    this.depth = parts.depth;
    this.parentFingerprint = parts.parentFingerprint;
    this.childNumber = parts.childNumber;
    this.chainCode = parts.chainCode;
    this.publicKey = parts.publicKey;
    this.#secretKey = secretKey;
  }

  /** Whether it can make hardened steps. */
  get hasSecretKey(): boolean {
    return this.#secretKey !== undefined;
  }

  /** First 4 bytes of the HASH160 of the public key. */
  get fingerprint(): Uint8Array {
    this.#fingerprint ??= currentCrypto().hash160(this.publicKey).subarray(0, 4);
    return this.#fingerprint;
  }

  /** A copy of the secret key, 32 bytes. */
  secretKey(): Uint8Array | undefined {
    return this.#secretKey === undefined ? undefined : new Uint8Array(this.#secretKey);
  }

  /** The same key without its secret. */
  neutered(): ExtendedKey {
    return this.#secretKey === undefined ? this : new ExtendedKey(this, undefined);
  }

  /**
   * One step down (BIP32, CKDpriv and CKDpub).
   *
   * @param step - 0 to 2³²-1; hardened from 2³¹ on.
   * @throws DescriptorsError `DESCRIPTORS_DERIVATION_HARDENED` for a hardened step without a secret,
   * `DESCRIPTORS_INDEX_INVALID` for the one step in 2¹²⁷ that has no key, or below a depth of 255.
   */
  child(step: number): ExtendedKey {
    const crypto = currentCrypto();
    if (this.depth === MAXIMUM_KEY_DEPTH) throw noKey(step, `at most ${MAXIMUM_KEY_DEPTH} steps from the master key`);
    if (step >= HARDENED && this.#secretKey === undefined) throw hardenedStep(step);
    const secret = this.#secretKey;
    const data = new Uint8Array(37);
    if (step >= HARDENED && secret !== undefined) data.set(secret, 1);
    else data.set(this.publicKey);
    writeUint32(data, 33, step);
    const digest = crypto.hmacSha512(this.chainCode, data);
    const tweak = digest.subarray(0, 32);
    const childSecret = secret === undefined ? undefined : crypto.secretKeyTweakAdd(secret, tweak);
    const publicKey =
      secret === undefined
        ? crypto.publicKeyTweakAdd(this.publicKey, tweak)
        : childSecret === undefined
          ? undefined
          : crypto.publicKey(childSecret);
    if (publicKey === undefined) throw noKey(step, 'a step that has a key');
    const { network, depth, fingerprint: parentFingerprint } = this;
    const chainCode = digest.slice(32);
    return new ExtendedKey(
      { network, depth: depth + 1, parentFingerprint, childNumber: step, chainCode, publicKey },
      childSecret,
    );
  }

  /** As `xpub…` or `tpub…`. */
  toString(): string {
    this.#text ??= this.#encode(VERSIONS[this.network].public, this.publicKey);
    return this.#text;
  }

  /** As `xprv…` or `tprv…`; as `toString` without a secret. */
  toPrivateString(): string {
    if (this.#secretKey === undefined) return this.toString();
    return this.#encode(VERSIONS[this.network].private, concatBytes(Uint8Array.of(0), this.#secretKey));
  }

  /** The public text: secrets stay out of JSON. */
  toJSON(): string {
    return this.toString();
  }

  #encode(version: number, key: Uint8Array): string {
    const bytes = new Uint8Array(78);
    writeUint32(bytes, 0, version);
    bytes[4] = this.depth;
    bytes.set(this.parentFingerprint, 5);
    writeUint32(bytes, 9, this.childNumber);
    bytes.set(this.chainCode, 13);
    bytes.set(key, 45);
    return encodeBase58Check(bytes);
  }
}

/**
 * Reads an extended key of BIP32: `xpub`, `xprv`, `tpub` or `tprv`.
 *
 * @returns `undefined` for a text that is none: another version, a checksum that does not fit, a master key with a
 * parent, a key that is none.
 */
export function decodeExtendedKey(text: string): ExtendedKey | undefined {
  // 78 bytes are 111 characters; 112 at the most.
  if (text.length < 100 || text.length > 115) return undefined;
  const bytes = payloadOf(text);
  if (bytes?.length !== 78) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, 78);
  const version = view.getUint32(0);
  const network = version === VERSIONS.main.public || version === VERSIONS.main.private ? 'main' : 'test';
  const isPrivate = version === VERSIONS[network].private;
  if (!isPrivate && version !== VERSIONS[network].public) return undefined;
  const depth = bytes[4] as number;
  const parentFingerprint = bytes.slice(5, 9);
  const childNumber = view.getUint32(9);
  if (depth === 0 && (childNumber !== 0 || !equalBytes(parentFingerprint, new Uint8Array(4)))) return undefined;
  const chainCode = bytes.slice(13, 45);
  const key = bytes.slice(isPrivate ? 46 : 45);
  const crypto = currentCrypto();
  if (isPrivate && (bytes[45] !== 0 || !crypto.isSecretKey(key))) return undefined;
  const publicKey = isPrivate ? crypto.publicKey(key) : isCompressed(key) && crypto.isPublicKey(key) ? key : undefined;
  if (publicKey === undefined) return undefined;
  const parts = { network, depth, parentFingerprint, childNumber, chainCode, publicKey } as const;
  return new ExtendedKey(parts, isPrivate ? key : undefined);
}

/** A hardened step without a secret. */
export function hardenedStep(step: number): DescriptorsError<'DESCRIPTORS_DERIVATION_HARDENED'> {
  return new DescriptorsError(
    'DESCRIPTORS_DERIVATION_HARDENED',
    `expected a private key for the hardened step ${step - HARDENED}h, got a public one`,
    { details: { step: step - HARDENED }, hint: 'derive with the private descriptor, or normalise it first' },
  );
}

function noKey(step: number, expected: string): DescriptorsError<'DESCRIPTORS_INDEX_INVALID'> {
  return new DescriptorsError('DESCRIPTORS_INDEX_INVALID', `expected ${expected}, got step ${step}`, {
    details: { expected, got: String(step) },
  });
}

function isCompressed(key: Uint8Array): boolean {
  return key[0] === 2 || key[0] === 3;
}

/** Writes a number of 32 bits, big endian. */
export function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = (value >>> 16) & 0xff;
  bytes[at + 2] = (value >>> 8) & 0xff;
  bytes[at + 3] = value & 0xff;
}

function payloadOf(text: string): Uint8Array | undefined {
  try {
    return decodeBase58Check(text);
  } catch (error) {
    // The lower error is left out: its position would tell about a secret.
    if (hasCode(error, 'CORE_BASE58_INVALID')) return undefined;
    throw error;
  }
}
