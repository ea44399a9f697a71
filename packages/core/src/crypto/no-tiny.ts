import type { CryptoEngine } from '../ports/crypto.ts';

/** Outside Node there is no tiny-secp256k1: it compiles 1.2 MB synchronously when imported, which browsers refuse. */
export const tinyCrypto: CryptoEngine | undefined = undefined;
