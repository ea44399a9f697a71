import { concatBytes, type CryptoEngine, equalBytes } from '@bitcoin-enterprise/core';

/** A Merkle root, and whether the list could be another one with repeated entries (CVE-2012-2459). */
export interface MerkleRoot {
  /** 32 bytes in internal order; zeros for an empty list. */
  readonly root: Uint8Array;
  readonly mutated: boolean;
}

/** Merkle root of a list of ids, 32 bytes each, as blocks commit to their transactions. */
export function merkleRoot(ids: readonly Uint8Array[], crypto: CryptoEngine): MerkleRoot {
  if (ids.length === 0) return { root: new Uint8Array(32), mutated: false };
  let level: Uint8Array = new Uint8Array(ids.length * 32);
  for (const [i, id] of ids.entries()) level.set(id, i * 32);
  let mutated = false;
  while (level.length > 32) {
    for (let offset = 0; offset + 64 <= level.length; offset += 64)
      mutated ||= equalBytes(level.subarray(offset, offset + 32), level.subarray(offset + 32, offset + 64));
    // An odd level is completed by repeating its last entry: the very thing that lets a repeated list pass as another.
    if (level.length % 64 !== 0) level = concatBytes(level, level.subarray(-32));
    level = crypto.hash256Pairs(level);
  }
  return { root: level, mutated };
}
