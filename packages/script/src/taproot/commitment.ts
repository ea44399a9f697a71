import { type CryptoEngine, currentCrypto } from '@bitcoin-enterprise/core';
import { requireBytes, requireCrypto, requireInteger, requireObject } from '../errors.ts';
import { compactSizeLength, writeCompactSize } from '../codec/scanner.ts';

/** Leaf version of tapscript (BIP342). */
export const TAPSCRIPT_LEAF_VERSION = 0xc0;
/** Bytes of a control block without its path: leaf version and parity, internal key. */
export const CONTROL_BASE_SIZE = 33;
/** Bytes of each step of a control block's path. */
export const CONTROL_NODE_SIZE = 32;
/** Deepest leaf that BIP341 allows. */
export const MAXIMUM_TREE_DEPTH = 128;
/** Bytes of the longest control block. */
export const CONTROL_MAXIMUM_SIZE: number = CONTROL_BASE_SIZE + CONTROL_NODE_SIZE * MAXIMUM_TREE_DEPTH;

/** How a leaf hash is made. */
export interface TapLeafHashOptions {
  /** Even, `0xc0` (tapscript) when absent. */
  readonly leafVersion?: number;
  readonly crypto?: CryptoEngine;
}

/** Hash of a leaf script with its version (BIP341 `TapLeaf`), 32 bytes. */
export function tapLeafHash(script: Uint8Array, options: TapLeafHashOptions = {}): Uint8Array {
  const { leafVersion = TAPSCRIPT_LEAF_VERSION, crypto = currentCrypto() } = requireObject(
    options,
    'options',
  ) as TapLeafHashOptions;
  requireBytes(script, 'script');
  requireInteger(leafVersion, 'leafVersion', 0, 0xff);
  requireCrypto(crypto);
  const message = new Uint8Array(1 + compactSizeLength(script.length) + script.length);
  message[0] = leafVersion;
  message.set(script, writeCompactSize(message, 1, script.length));
  return crypto.taggedHash('TapLeaf', message);
}

/** Hash of two nodes of a tree, the smaller first (BIP341 `TapBranch`), 32 bytes. */
export function tapBranchHash(left: Uint8Array, right: Uint8Array, crypto: CryptoEngine = currentCrypto()): Uint8Array {
  requireBytes(left, 'left', 32);
  requireBytes(right, 'right', 32);
  return branchHash(new Uint8Array(64), left, right, 0, requireCrypto(crypto));
}

/** Hashes a node with the one that lies at an offset of `right`; the message is the caller's, to be used again. */
function branchHash(
  message: Uint8Array,
  left: Uint8Array,
  right: Uint8Array,
  rightOffset: number,
  crypto: CryptoEngine,
): Uint8Array {
  const ordered = isBefore(left, right, rightOffset);
  const [leftAt, rightAt] = ordered ? [0, 32] : [32, 0];
  for (let i = 0; i < 32; i++) {
    message[leftAt + i] = left[i] as number;
    message[rightAt + i] = right[rightOffset + i] as number;
  }
  return crypto.taggedHash('TapBranch', message);
}

/** The tweak that commits a key to a tree, or to none (BIP341 `TapTweak`), 32 bytes. */
export function tapTweakHash(
  internalXOnly: Uint8Array,
  merkleRoot: Uint8Array | undefined,
  crypto: CryptoEngine = currentCrypto(),
): Uint8Array {
  requireBytes(internalXOnly, 'internalXOnly', 32);
  requireCrypto(crypto);
  if (merkleRoot === undefined) return crypto.taggedHash('TapTweak', internalXOnly);
  const message = new Uint8Array(64);
  message.set(internalXOnly);
  message.set(requireBytes(merkleRoot, 'merkleRoot', 32), 32);
  return crypto.taggedHash('TapTweak', message);
}

/** Root of the tree that a control block leads a leaf hash to. */
export function taprootMerkleRoot(
  control: Uint8Array,
  leafHash: Uint8Array,
  crypto: CryptoEngine = currentCrypto(),
): Uint8Array {
  requireBytes(control, 'control');
  requireCrypto(crypto);
  let node = requireBytes(leafHash, 'leafHash', 32);
  const message = new Uint8Array(64);
  for (let offset = CONTROL_BASE_SIZE; offset + CONTROL_NODE_SIZE <= control.length; offset += CONTROL_NODE_SIZE)
    node = branchHash(message, node, control, offset, crypto);
  return node;
}

function isBefore(left: Uint8Array, right: Uint8Array, rightOffset: number): boolean {
  for (let i = 0; i < 32; i++) {
    const difference = (left[i] as number) - (right[rightOffset + i] as number);
    if (difference !== 0) return difference < 0;
  }
  return true;
}
