import { CoreError } from '../errors.ts';
import type { CryptoEngine } from '../ports/crypto.ts';

/**
 * Outside Node there is no tiny-secp256k1: it compiles 1.2 MB synchronously when imported, which browsers refuse.
 *
 * @throws {@link CoreError} `CORE_CRYPTO_ENGINE_UNAVAILABLE`
 */
export function loadTiny(): Promise<CryptoEngine> {
  const reason = 'it needs Node';
  const error = new CoreError('CORE_CRYPTO_ENGINE_UNAVAILABLE', `expected the package tiny-secp256k1, but ${reason}`, {
    details: { engine: 'tiny', reason },
  });
  return Promise.reject(error);
}
