import { CoreError } from '../errors.ts';
import type { Entropy } from '../ports/entropy.ts';
import { assertWhole } from '../units/brand.ts';

/** The most bytes one call gives: the quota of WebCrypto's `getRandomValues`. */
const MAX_ENTROPY_BYTES = 65_536;

/**
 * Secure randomness from WebCrypto.
 *
 * @throws {@link CoreError} `CORE_ENTROPY_UNAVAILABLE` when the runtime has no `crypto.getRandomValues`.
 *
 * @example
 * ```ts
 * import { webEntropy } from '@bitcoin-enterprise/core';
 *
 * webEntropy().bytes(32).length; // => 32
 * ```
 */
export function webEntropy(): Entropy {
  const source: Crypto | undefined = globalThis.crypto;
  if (typeof source?.getRandomValues !== 'function')
    throw new CoreError('CORE_ENTROPY_UNAVAILABLE', 'expected crypto.getRandomValues, got a runtime without it', {
      details: { reason: 'no WebCrypto' },
      hint: 'Pass an Entropy of your own.',
    });
  return {
    bytes(length) {
      assertWhole('number of random bytes', length, 0, MAX_ENTROPY_BYTES);
      return source.getRandomValues(new Uint8Array(length));
    },
  };
}
