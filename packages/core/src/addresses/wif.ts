import { decodeBase58Check, encodeBase58Check } from '../codecs/base58.ts';
import { compareBytes, concatBytes } from '../codecs/bytes.ts';
import { parseHex } from '../codecs/hex.ts';
import { assertBytes, assertObject, CoreError, type CoreErrors, hasCode, invalidArgument } from '../errors.ts';
import { networkNamed, type NetworkName, networksWhere } from './networks.ts';

/** A secret key as wallets export it. */
export interface WalletKey {
  /** 32 bytes, 1 to n-1. */
  readonly secretKey: Uint8Array;
  /** Whether its public key is meant in compressed form. */
  readonly compressed: boolean;
  /** The networks that write this key so. */
  readonly networks: readonly NetworkName[];
}

/** Order of the curve, n (SEC 2, secp256k1). */
const ORDER: Uint8Array = /* @__PURE__ */ parseHex('fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141');

/**
 * Writes a secret key in wallet import format.
 *
 * @param secretKey - 32 bytes, 1 to n-1.
 * @param options - `network`, and `compressed`: whether the public key is meant compressed, `true` when absent.
 * @throws {@link CoreError} `CORE_WIF_INVALID` for a number that is no secret key.
 *
 * @example
 * ```ts
 * import { encodeWif } from '@bitcoin-enterprise/core';
 *
 * encodeWif(new Uint8Array(32).fill(1), { network: 'regtest' }).length; // => 52
 * ```
 */
export function encodeWif(
  secretKey: Uint8Array,
  options: {
    /** Where the key is for. */
    readonly network: NetworkName;
    /** Whether its public key is meant in compressed form. */
    readonly compressed?: boolean;
  },
): string {
  assertObject('options', options);
  const { network, compressed = true } = options;
  assertBytes('secretKey', secretKey, 32);
  if (!isSecretKey(secretKey)) throw invalid('key');
  const { secretKeyPrefix } = networkNamed(network);
  const suffix = compressed ? Uint8Array.of(1) : new Uint8Array(0);
  return encodeBase58Check(concatBytes(Uint8Array.of(secretKeyPrefix), secretKey, suffix));
}

/**
 * Reads a secret key in wallet import format. Errors never repeat the text.
 *
 * @throws {@link CoreError} `CORE_WIF_INVALID` with the reason.
 *
 * @example
 * ```ts
 * import { decodeWif, encodeWif } from '@bitcoin-enterprise/core';
 *
 * decodeWif(encodeWif(new Uint8Array(32).fill(1), { network: 'main' })).compressed; // => true
 * ```
 */
export function decodeWif(text: string): WalletKey {
  if (typeof text !== 'string') throw invalidArgument('text', 'a string', text);
  // 52 characters at most: nothing longer is worth converting.
  if (text.length > 52) throw invalid('length');
  const payload = payloadOf(text);
  if (payload.length !== 33 && payload.length !== 34) throw invalid('length');
  if (payload.length === 34 && payload[33] !== 1) throw invalid('compression');
  const networks = networksWhere((network) => network.secretKeyPrefix === payload[0]);
  if (networks.length === 0) throw invalid('network');
  const secretKey = payload.slice(1, 33);
  if (!isSecretKey(secretKey)) throw invalid('key');
  return { secretKey, compressed: payload.length === 34, networks };
}

function payloadOf(text: string): Uint8Array {
  try {
    return decodeBase58Check(text);
  } catch (error) {
    // The lower error is left out: its position would tell about a secret.
    if (hasCode(error, 'CORE_BASE58_INVALID')) throw invalid('format');
    throw error;
  }
}

function isSecretKey(secretKey: Uint8Array): boolean {
  return compareBytes(secretKey, ORDER) < 0 && secretKey.some((byte) => byte !== 0);
}

function invalid(reason: CoreErrors['CORE_WIF_INVALID']['reason']): CoreError<'CORE_WIF_INVALID'> {
  return new CoreError(
    'CORE_WIF_INVALID',
    `expected a secret key in wallet import format, got a problem of ${reason}`,
    {
      details: { reason },
    },
  );
}
