import { compareBytes, concatBytes, type CryptoEngine, equalBytes, toHex } from '@bitcoin-enterprise/core';
import type { DerivedKey, HashFunction } from '@bitcoin-enterprise/descriptors';

/** The keys of a page: one secret for each name, all from one seed. For play only: a seed of words that anybody can guess. */
export class PlayWallet {
  readonly #crypto: CryptoEngine;
  readonly #seed: string;
  readonly #secrets = new Map<string, Uint8Array>();
  readonly #names = new Map<string, string>();

  constructor(seed: string, crypto: CryptoEngine) {
    this.#seed = seed;
    this.#crypto = crypto;
  }

  /** The public key of a name, 33 bytes in hexadecimal: a key expression. */
  publicKeyOf(name: string): string {
    const bytes = new TextEncoder().encode(JSON.stringify([this.#seed, name]));
    const secret = this.#crypto.taggedHash('policy-playground/key', bytes);
    const key = this.#crypto.publicKey(secret);
    if (key === undefined) throw new Error('a hash that is no secret key: choose another name');
    this.#secrets.set(xOnlyHex(key), secret);
    this.#names.set(xOnlyHex(key), name);
    return toHex(key);
  }

  /** The name of a key that this wallet made; `undefined` for others. */
  nameOf(key: DerivedKey): string | undefined {
    return this.#names.get(xOnlyHex(key.bytes));
  }

  /**
   * The secret of a key of this wallet, or of an aggregate of such keys; `undefined` for others.
   *
   * Signers who do not share a page run MuSig2 (BIP327) and get a signature of the same size for the same key. Here all
   * secrets are in one place, so that their sum signs at once.
   */
  secretOf(key: DerivedKey): Uint8Array | undefined {
    return key.participants.length === 0
      ? this.#secrets.get(xOnlyHex(key.bytes))
      : this.#aggregateSecret(key.participants);
  }

  #aggregateSecret(participants: readonly DerivedKey[]): Uint8Array | undefined {
    const crypto = this.#crypto;
    // BIP390: the keys are sorted before they aggregate.
    const sorted = [...participants].sort((left, right) => compareBytes(left.publicKey, right.publicKey));
    const keys = sorted.map(({ publicKey }) => publicKey);
    const [first] = keys;
    if (first === undefined) return undefined;
    const second = keys.find((key) => !equalBytes(key, first));
    const listHash = crypto.taggedHash('KeyAgg list', concatBytes(...keys));
    let sum: Uint8Array | undefined;
    for (const [place, participant] of sorted.entries()) {
      const key = keys[place] as Uint8Array;
      const secret = this.secretOf(participant);
      if (secret === undefined) return undefined;
      const isSecond = second !== undefined && equalBytes(key, second);
      const coefficient = crypto.taggedHash('KeyAgg coefficient', concatBytes(listHash, key));
      const term = isSecond ? secret : crypto.secretKeyTweakMul(secret, coefficient);
      if (term === undefined) return undefined;
      sum = sum === undefined ? term : crypto.secretKeyTweakAdd(sum, term);
      if (sum === undefined) return undefined;
    }
    return sum;
  }
}

/** A secret that the examples hide behind a hash, 32 bytes. */
export function examplePreimage(crypto: CryptoEngine): Uint8Array {
  return crypto.sha256(new TextEncoder().encode('policy-playground preimage'));
}

/** A hash of miniscript. */
export function hashOf(hashFunction: HashFunction, preimage: Uint8Array, crypto: CryptoEngine): Uint8Array {
  return crypto[hashFunction](preimage);
}

/** The preimage of a hash when it is that of the examples. */
export function knownPreimage(
  hashFunction: HashFunction,
  hash: Uint8Array,
  crypto: CryptoEngine,
): Uint8Array | undefined {
  const preimage = examplePreimage(crypto);
  return equalBytes(hashOf(hashFunction, preimage, crypto), hash) ? preimage : undefined;
}

function xOnlyHex(key: Uint8Array): string {
  return toHex(key.length === 33 ? key.subarray(1) : key);
}
