import { currentCrypto, toHex } from '@bitcoin-enterprise/core';
import type { ExtendedKey } from '@bitcoin-enterprise/descriptors';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { requireBytes, requireInteger, requireObject, requireText } from '../checks.ts';
import { invalidArgument } from '../errors.ts';
import { derivationPathText, HARDENED_STEP } from './derivation-path.ts';
import { deriveKey } from './master-key.ts';

/**
 * How wallets number the accounts of an EVM chain: `bip44` changes the last step (`m/44'/60'/0'/0/i`), as MetaMask and
 * ethers do; `ledger-live` the account (`m/44'/60'/i'/0/0`); `ledger-legacy` has one step less (`m/44'/60'/0'/i`).
 */
export type EvmLayout = 'bip44' | 'ledger-live' | 'ledger-legacy';

/** An account of an EVM chain. */
export interface EvmAccount {
  /** With its checksum (EIP-55). */
  readonly address: string;
  /** 33 bytes. */
  readonly publicKey: Uint8Array;
  /** `m/44'/60'/0'/0/0`. */
  readonly path: string;
  /** With its secret, if the master key has one. */
  readonly key: ExtendedKey;
}

/**
 * An account of an EVM chain.
 *
 * @param options - `index`: 0 to 2³¹-1, 0 when absent; `layout`: `bip44` when absent.
 * @throws WalletError `WALLET_INVALID_ARGUMENT`; DescriptorsError `DESCRIPTORS_DERIVATION_HARDENED` without a secret.
 *
 * @example
 * ```ts
 * import { evmAccount, masterKey, readMnemonic } from '@bitcoin-enterprise/wallet/keys';
 *
 * const words = 'test test test test test test test test test test test junk';
 * const master = masterKey(await (await readMnemonic(words)).seed(), { network: 'main' });
 * evmAccount(master).address; // => '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266'
 * ```
 */
export function evmAccount(
  master: ExtendedKey,
  options: { readonly index?: number; readonly layout?: EvmLayout } = {},
): EvmAccount {
  const { index = 0, layout = 'bip44' } = requireObject<{ readonly index?: number; readonly layout?: EvmLayout }>(
    'options',
    options,
  );
  const path = pathOf(layout, requireInteger('options.index', index, 0, HARDENED_STEP - 1));
  const key = deriveKey(master, path);
  const { publicKey } = key;
  return { address: evmAddress(publicKey), publicKey, path: derivationPathText(path, { marker: "'" }), key };
}

/**
 * The address of a public key: the last 20 bytes of Keccak-256 of its coordinates, with its checksum (EIP-55).
 *
 * @param publicKey - 33 or 65 bytes.
 * @throws WalletError `WALLET_INVALID_ARGUMENT`.
 */
export function evmAddress(publicKey: Uint8Array): string {
  const full = currentCrypto().publicKeyConvert(requireBytes('publicKey', publicKey), { compressed: false });
  if (full === undefined) throw invalidArgument('publicKey', 'a public key', publicKey);
  return checksumAddress(`0x${toHex(keccak_256(full.subarray(1)).subarray(12))}`);
}

/**
 * Writes an address with its checksum: which letters are capital (EIP-55).
 *
 * @param address - `0x` and 40 hexadecimal digits, of either case: a checksum that it has is not looked at.
 * @param options - `chainId` for the checksum of EIP-1191, which differs between chains; few wallets want it.
 * @throws WalletError `WALLET_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts
 * import { checksumAddress } from '@bitcoin-enterprise/wallet/keys';
 *
 * checksumAddress('0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed'); // => '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed'
 * ```
 */
export function checksumAddress(address: string, options: { readonly chainId?: number } = {}): string {
  const digits = digitsOf(address);
  const { chainId } = requireObject<{ readonly chainId?: number }>('options', options);
  const prefix =
    chainId === undefined ? '' : `${requireInteger('options.chainId', chainId, 1, Number.MAX_SAFE_INTEGER)}0x`;
  const hash = keccak_256(new TextEncoder().encode(`${prefix}${digits}`));
  let text = '0x';
  for (let i = 0; i < digits.length; i++) {
    const nibble = ((hash[i >> 1] as number) >> (i % 2 === 0 ? 4 : 0)) & 15;
    text += nibble >= 8 ? digits.charAt(i).toUpperCase() : digits.charAt(i);
  }
  return text;
}

/**
 * Whether a text is an address whose checksum holds (EIP-55; EIP-1191 with a `chainId`). One without capital letters,
 * or of capital letters alone, has no checksum and is not valid here.
 */
export function isChecksumAddress(address: string, options: { readonly chainId?: number } = {}): boolean {
  const text = requireText('address', address);
  return /^0x[0-9a-fA-F]{40}$/.test(text) && checksumAddress(text, options) === text;
}

function digitsOf(address: unknown): string {
  const [, digits] = /^0x([0-9a-fA-F]{40})$/.exec(requireText('address', address)) ?? [];
  if (digits === undefined) throw invalidArgument('address', '0x and 40 hexadecimal digits', address);
  return digits.toLowerCase();
}

function pathOf(layout: unknown, index: number): number[] {
  const [purpose, coin, zero] = [44, 60, 0].map((step) => step + HARDENED_STEP) as [number, number, number];
  if (layout === 'bip44') return [purpose, coin, zero, 0, index];
  if (layout === 'ledger-live') return [purpose, coin, index + HARDENED_STEP, 0, 0];
  if (layout === 'ledger-legacy') return [purpose, coin, zero, index];
  throw invalidArgument('options.layout', "'bip44', 'ledger-live' or 'ledger-legacy'", layout);
}
