import { decodeWif, type NetworkName } from '@bitcoin-enterprise/core';
import { SecretBytes } from './secret-bytes.ts';

/** A secret key that was exported from another wallet. */
export interface ImportedKey {
  /** 32 bytes; the caller wipes it. */
  readonly secretKey: SecretBytes;
  /** Whether its public key is meant in compressed form. */
  readonly compressed: boolean;
  /** The networks that write this key so. */
  readonly networks: readonly NetworkName[];
}

/**
 * Reads a secret key in wallet import format.
 *
 * @throws CoreError `CORE_WIF_INVALID`, `CORE_INVALID_ARGUMENT`; never with the text.
 *
 * @example
 * ```ts
 * import { encodeWif } from '@bitcoin-enterprise/core';
 * import { importWif } from '@bitcoin-enterprise/wallet/keys';
 *
 * importWif(encodeWif(new Uint8Array(32).fill(1), { network: 'main' })).compressed; // => true
 * ```
 */
export function importWif(text: string): ImportedKey {
  const { secretKey: bytes, compressed, networks } = decodeWif(text);
  const secretKey = new SecretBytes(bytes);
  bytes.fill(0);
  return { secretKey, compressed, networks };
}
