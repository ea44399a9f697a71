import {
  concatBytes,
  currentCrypto,
  decodeBech32,
  encodeBech32,
  fromWords,
  hasCode,
  type NetworkName,
  toWords,
} from '@bitcoin-enterprise/core';
import { requireBytes, requireObject } from '../checks.ts';
import { invalidArgument, WalletError } from '../errors.ts';

/** BIP352 recommends this limit, for later versions may add to the keys. */
const MAXIMUM_CHARACTERS = 1_023;
const KEYS_LENGTH = 66;
/** Reserved for a change that older wallets cannot pay (BIP352). */
const INCOMPATIBLE_VERSION = 31;

const TEST_NETWORKS: readonly NetworkName[] = ['test', 'testnet4', 'signet', 'regtest'];

/** The keys of a silent payment address. */
export interface SilentAddressKeys {
  /** 33 bytes. */
  readonly scanPublicKey: Uint8Array;
  /** 33 bytes, with the label in it if there is one. */
  readonly spendPublicKey: Uint8Array;
}

/** A silent payment address taken apart. */
export interface SilentAddress extends SilentAddressKeys {
  /** 0 to 30. */
  readonly version: number;
  /** The networks that write this address so. */
  readonly networks: readonly NetworkName[];
}

/**
 * Writes the keys of a receiver as a silent payment address of version 0 (BIP352).
 *
 * @returns `sp1q…`, or `tsp1q…` for the test networks.
 * @throws WalletError `WALLET_INVALID_ARGUMENT` for keys that are none.
 *
 * @example
 * ```ts
 * import { parseHex } from '@bitcoin-enterprise/core';
 * import { encodeSilentAddress } from '@bitcoin-enterprise/wallet/silent';
 *
 * const scanPublicKey = parseHex('0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798');
 * encodeSilentAddress({ scanPublicKey, spendPublicKey: scanPublicKey }, 'main').slice(0, 4); // => 'sp1q'
 * ```
 */
export function encodeSilentAddress(keys: SilentAddressKeys, network: NetworkName): string {
  const { scanPublicKey, spendPublicKey } = requireObject<SilentAddressKeys>('keys', keys);
  const bytes = concatBytes(
    requireCompressedKey('keys.scanPublicKey', scanPublicKey),
    requireCompressedKey('keys.spendPublicKey', spendPublicKey),
  );
  if (network !== 'main' && !TEST_NETWORKS.includes(network))
    throw invalidArgument('network', 'the name of a network', network);
  const prefix = network === 'main' ? 'sp' : 'tsp';
  const words = concatBytes(Uint8Array.of(0), toWords(bytes));
  return encodeBech32({ prefix, words, variant: 'bech32m' }, { maxCharacters: MAXIMUM_CHARACTERS });
}

/**
 * Reads a silent payment address (BIP352). What later versions, 1 to 30, add behind the two keys is left out.
 *
 * @param network - Where it has to belong; any network when absent.
 * @throws WalletError `WALLET_SILENT_ADDRESS_INVALID`.
 *
 * @example
 * ```ts
 * import { decodeSilentAddress } from '@bitcoin-enterprise/wallet/silent';
 *
 * decodeSilentAddress(
 *   'sp1qqgste7k9hx0qftg6qmwlkqtwuy6cycyavzmzj85c6qdfhjdpdjtdgqjuexzk6murw56suy3e0rd2cgqvycxttddwsvgxe2usfpxumr70xc9pkqwv',
 *   'main',
 * ).version; // => 0
 * ```
 */
export function decodeSilentAddress(text: string, network?: NetworkName): SilentAddress {
  if (typeof text !== 'string') throw invalidArgument('text', 'a text', text);
  const { prefix, version, bytes } = partsOf(text);
  if (version === INCOMPATIBLE_VERSION) throw invalid('version');
  if (version === 0 ? bytes.length !== KEYS_LENGTH : bytes.length < KEYS_LENGTH) throw invalid('length');
  const scanPublicKey = bytes.slice(0, 33);
  const spendPublicKey = bytes.slice(33, KEYS_LENGTH);
  for (const key of [scanPublicKey, spendPublicKey]) if (!isCompressedKey(key)) throw invalid('key');
  const networks: readonly NetworkName[] = prefix === 'sp' ? ['main'] : TEST_NETWORKS;
  if (network !== undefined && !networks.includes(network)) throw invalid('network');
  return { version, networks, scanPublicKey, spendPublicKey };
}

function partsOf(text: string): { readonly prefix: string; readonly version: number; readonly bytes: Uint8Array } {
  try {
    const { prefix, words, variant } = decodeBech32(text, { maxCharacters: MAXIMUM_CHARACTERS });
    if (prefix !== 'sp' && prefix !== 'tsp') throw invalid('prefix');
    if (variant !== 'bech32m') throw invalid('checksum');
    const [version] = words;
    if (version === undefined) throw invalid('length');
    return { prefix, version, bytes: fromWords(words.subarray(1)) };
  } catch (cause) {
    if (hasCode(cause, 'CORE_BECH32_INVALID')) throw invalid(cause.details.reason);
    throw cause;
  }
}

/** Whether bytes are a public key of 33 bytes. */
export function isCompressedKey(key: Uint8Array): boolean {
  return key.length === 33 && (key[0] === 2 || key[0] === 3) && currentCrypto().isPublicKey(key);
}

/** Throws unless a value is a public key of 33 bytes, and returns it. */
export function requireCompressedKey(argument: string, value: unknown): Uint8Array {
  const key = requireBytes(argument, value, 33);
  if (!isCompressedKey(key)) throw invalidArgument(argument, 'a public key of 33 bytes', value);
  return key;
}

function invalid(reason: string): WalletError<'WALLET_SILENT_ADDRESS_INVALID'> {
  return new WalletError(
    'WALLET_SILENT_ADDRESS_INVALID',
    `expected a silent payment address, got a problem of ${reason}`,
    { details: { reason } },
  );
}
