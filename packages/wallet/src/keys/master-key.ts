import { currentCrypto } from '@bitcoin-enterprise/core';
import { ExtendedKey, type ExtendedKeyNetwork } from '@bitcoin-enterprise/descriptors';
import { requireObject } from '../checks.ts';
import { invalidArgument, WalletError } from '../errors.ts';
import { readDerivationPath } from './derivation-path.ts';
import { SecretBytes } from './secret-bytes.ts';

/** BIP32: the key of the HMAC that makes a master key. */
const SALT: Uint8Array = /* @__PURE__ */ new TextEncoder().encode('Bitcoin seed');

/** Settings of {@link masterKey}. */
export interface MasterKeyOptions {
  /** For which networks its texts are written: `main`, or `test` for all others. */
  readonly network: ExtendedKeyNetwork;
}

/**
 * The master key of a seed (BIP32).
 *
 * The key keeps its secret for itself, in memory that cannot be wiped: make it late, and let go of it soon.
 *
 * @param seed - 16 to 64 bytes: of a {@link Mnemonic}, or of another source of full strength.
 * @throws WalletError `WALLET_SECRET_WIPED`, `WALLET_INVALID_ARGUMENT`; `WALLET_EXTENDED_KEY_INVALID` for the one seed
 * in 2¹²⁷ that has no key.
 *
 * @example
 * ```ts
 * import { masterKey, SecretBytes } from '@bitcoin-enterprise/wallet/keys';
 *
 * const seed = new SecretBytes(new Uint8Array(32).fill(1));
 * String(masterKey(seed, { network: 'main' })).slice(0, 4); // => 'xpub'
 * ```
 */
export function masterKey(seed: SecretBytes, options: MasterKeyOptions): ExtendedKey {
  if (!(seed instanceof SecretBytes)) throw invalidArgument('seed', 'SecretBytes', seed);
  const network = requireKeyNetwork(requireObject<MasterKeyOptions>('options', options).network);
  return seed.use((bytes) => {
    if (bytes.length < 16 || bytes.length > 64) throw invalidArgument('seed', '16 to 64 bytes', bytes);
    const crypto = currentCrypto();
    const digest = crypto.hmacSha512(SALT, bytes);
    const secretKey = digest.slice(0, 32);
    const chainCode = digest.slice(32);
    digest.fill(0);
    const publicKey = crypto.publicKey(secretKey);
    if (publicKey === undefined) throw extendedKeyInvalid('a seed without a key');
    const parts = { network, depth: 0, parentFingerprint: new Uint8Array(4), childNumber: 0, chainCode, publicKey };
    return new ExtendedKey(parts, secretKey);
  });
}

/**
 * Follows a path down from a key (BIP32).
 *
 * @param path - As text or as steps of 0 to 2³²-1, hardened from 2³¹ on.
 * @throws WalletError `WALLET_PATH_INVALID`, `WALLET_INVALID_ARGUMENT`; DescriptorsError
 * `DESCRIPTORS_DERIVATION_HARDENED` for a hardened step from a public key.
 *
 * @example
 * ```ts
 * import { deriveKey, masterKey, SecretBytes } from '@bitcoin-enterprise/wallet/keys';
 *
 * const master = masterKey(new SecretBytes(new Uint8Array(32)), { network: 'main' });
 * deriveKey(master, "m/84'/0'/0'").depth; // => 3
 * ```
 */
export function deriveKey(key: ExtendedKey, path: string | readonly number[]): ExtendedKey {
  const from = requireExtendedKey('key', key);
  return readDerivationPath(path).reduce((parent, step) => parent.child(step), from);
}

/** Throws `WALLET_INVALID_ARGUMENT` unless a value is an extended key. */
export function requireExtendedKey(argument: string, value: unknown): ExtendedKey {
  if (!(value instanceof ExtendedKey)) throw invalidArgument(argument, 'an ExtendedKey', value);
  return value;
}

/** Throws `WALLET_INVALID_ARGUMENT` unless a value names the networks of extended keys. */
export function requireKeyNetwork(value: unknown): ExtendedKeyNetwork {
  if (value !== 'main' && value !== 'test') throw invalidArgument('options.network', "'main' or 'test'", value);
  return value;
}

/** Makes the error for a text or a seed that is no extended key. */
export function extendedKeyInvalid(reason: string): WalletError<'WALLET_EXTENDED_KEY_INVALID'> {
  return new WalletError('WALLET_EXTENDED_KEY_INVALID', `expected an extended key, got ${reason}`, {
    details: { reason },
  });
}
