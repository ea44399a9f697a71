import { type CryptoEngine, currentCrypto } from '@bitcoin-enterprise/core';
import { requireBytes } from './checks.ts';

/** Length of every hash of the tree. */
export const HASH_LENGTH = 32;

/** The two hashes of RFC 6962 §2.1, on one engine; a leaf can never pass for a node, nor a node for a leaf. */
export interface TreeHasher {
  /** SHA-256 of `0x00 || entry`. */
  leaf(entry: Uint8Array): Uint8Array;
  /** The same of an entry that {@link prefixed} has copied. */
  prefixedLeaf(prefixed: Uint8Array): Uint8Array;
  /** SHA-256 of `0x01 || left || right`. */
  node(left: Uint8Array, right: Uint8Array): Uint8Array;
}

/**
 * The hashes of the tree on an engine.
 *
 * @param crypto - The engine; the current one when absent.
 */
export function treeHasher(crypto: CryptoEngine = currentCrypto()): TreeHasher {
  // One buffer for all nodes: they are hashed one at a time, and an engine keeps nothing of what it hashes.
  const pair = new Uint8Array(1 + 2 * HASH_LENGTH);
  pair[0] = 1;
  return {
    leaf: (entry) => crypto.sha256(prefixed(entry)),
    prefixedLeaf: (bytes) => crypto.sha256(bytes),
    node(left, right) {
      pair.set(left, 1);
      pair.set(right, 1 + HASH_LENGTH);
      return crypto.sha256(pair);
    },
  };
}

/** A copy of an entry behind the zero byte that makes it a leaf: it is hashed as it stands, and its rest is the entry. */
export function prefixed(entry: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(1 + entry.length);
  bytes.set(entry, 1);
  return bytes;
}

/**
 * The hash of an entry as a leaf of the tree.
 *
 * @example
 * ```ts
 * import { toHex } from '@bitcoin-enterprise/core';
 * import { leafHash } from '@bitcoin-enterprise/receipts';
 *
 * toHex(leafHash(new Uint8Array(0))).slice(0, 8); // => '6e340b9c'
 * ```
 */
export function leafHash(entry: Uint8Array): Uint8Array {
  requireBytes('entry', entry);
  return treeHasher().leaf(entry);
}

/** The hash of two nodes of the tree. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  requireBytes('left', left, HASH_LENGTH);
  requireBytes('right', right, HASH_LENGTH);
  return treeHasher().node(left, right);
}

/** The root of a tree without entries: SHA-256 of nothing. */
export function emptyRoot(): Uint8Array {
  return currentCrypto().sha256(new Uint8Array(0));
}
