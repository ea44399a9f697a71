import { sha256 } from '@noble/hashes/sha2.js';
import type { Entropy } from '../ports/entropy.ts';
import { assertWhole } from '../units/brand.ts';

/**
 * Bytes that look random and are the same for the same seed. For tests only: whoever knows the seed knows them all.
 *
 * @param seed - Any text.
 *
 * @example
 * ```ts
 * import { createSeededEntropy } from '@bitcoin-enterprise/core/testing';
 *
 * createSeededEntropy('a').bytes(4).length; // => 4
 * ```
 */
export function createSeededEntropy(seed: string): Entropy {
  const encoder = new TextEncoder();
  let counter = 0;
  return {
    bytes(length) {
      assertWhole('number of random bytes', length, 0, 65_536);
      const bytes = new Uint8Array(length);
      for (let offset = 0; offset < length; offset += 32) {
        const block = sha256(encoder.encode(`${counter++} ${seed}`));
        bytes.set(block.subarray(0, Math.min(32, length - offset)), offset);
      }
      return bytes;
    },
  };
}
