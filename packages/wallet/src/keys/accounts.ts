import { type NetworkName, NETWORKS, toHex } from '@bitcoin-enterprise/core';
import { descriptorChecksum, type ExtendedKey, type KeyOrigin } from '@bitcoin-enterprise/descriptors';
import { requireInteger, requireList, requireObject } from '../checks.ts';
import { invalidArgument } from '../errors.ts';
import { derivationPathText, HARDENED_STEP } from './derivation-path.ts';
import { deriveKey, requireExtendedKey } from './master-key.ts';

/**
 * The script of an account of one key: `pkh` of BIP44, `sh-wpkh` of BIP49, `wpkh` of BIP84, `tr` of BIP86.
 */
export type AccountScript = 'pkh' | 'sh-wpkh' | 'wpkh' | 'tr';

/** The script of an account of several keys: `sh` of BIP45's kind, `sh-wsh`, `wsh`. */
export type MultisigScript = 'sh' | 'sh-wsh' | 'wsh';

const PURPOSES: Readonly<Record<AccountScript, number>> = { pkh: 44, 'sh-wpkh': 49, wpkh: 84, tr: 86 };
/** BIP48: the step behind the account. */
const BIP48_SCRIPTS: Readonly<Record<'sh-wsh' | 'wsh', number>> = { 'sh-wsh': 1, wsh: 2 };
/** BIP387 and consensus: keys of a bare `multi` in P2SH and of one in P2WSH. */
const MAXIMUM_KEYS: Readonly<Record<MultisigScript, number>> = { sh: 15, 'sh-wsh': 20, wsh: 20 };

/** The scripts of accounts of one key, in the order of their BIPs. */
export const ACCOUNT_SCRIPTS: readonly AccountScript[] = /* @__PURE__ */ Object.freeze(
  /* @__PURE__ */ Object.keys(PURPOSES) as AccountScript[],
);

/** Which account of a master key. */
export interface AccountOptions {
  readonly script: AccountScript;
  /** Must be the one of the master key: `main`, or any other. */
  readonly network: NetworkName;
  /** 0 to 2³¹-1; 0 when absent. */
  readonly account?: number;
}

/** The key of an account and where it comes from. */
export interface AccountKey {
  readonly key: ExtendedKey;
  readonly origin: KeyOrigin;
}

/**
 * The path of an account: `m/84h/0h/0h` (BIP44, 49, 84, 86; the coin of all test networks is 1, SLIP-44).
 *
 * @throws WalletError `WALLET_INVALID_ARGUMENT`.
 */
export function accountPath(options: AccountOptions): number[] {
  const { script, network, account = 0 } = requireObject<AccountOptions>('options', options);
  if (typeof script !== 'string' || !Object.hasOwn(PURPOSES, script))
    throw invalidArgument('options.script', `one of ${ACCOUNT_SCRIPTS.join(', ')}`, script);
  return hardened(
    PURPOSES[script],
    coinType(network as NetworkName),
    requireInteger('options.account', account, 0, HARDENED_STEP - 1),
  );
}

/**
 * The key of an account, with its secret if the master key has one.
 *
 * @param master - A master key with its secret.
 * @throws WalletError `WALLET_INVALID_ARGUMENT`; DescriptorsError `DESCRIPTORS_DERIVATION_HARDENED` without a secret.
 */
export function accountKey(master: ExtendedKey, options: AccountOptions): AccountKey {
  const path = accountPath(options);
  return keyAt(requireMaster(master, options.network), path);
}

/**
 * The descriptor of an account of one key, receiving and change in one (BIP389): public, with origin and checksum.
 *
 * @param master - A master key with its secret, of the same network.
 * @throws WalletError `WALLET_INVALID_ARGUMENT`; DescriptorsError `DESCRIPTORS_DERIVATION_HARDENED` without a secret.
 *
 * @example The account of a mnemonic, as Bitcoin Core or Sparrow import it
 * ```ts
 * import { accountDescriptor, masterKey, readMnemonic } from '@bitcoin-enterprise/wallet/keys';
 *
 * const words = 'abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about';
 * const seed = await (await readMnemonic(words)).seed();
 * const master = masterKey(seed, { network: 'main' });
 * accountDescriptor(master, { script: 'tr', network: 'main' }).slice(0, 32); // => 'tr([73c5da0a/86h/0h/0h]xpub6BgBg'
 * ```
 */
export function accountDescriptor(master: ExtendedKey, options: AccountOptions): string {
  const { script } = requireObject<AccountOptions>('options', options);
  const text = keyText(accountKey(master, options));
  return withChecksum(script === 'sh-wpkh' ? `sh(wpkh(${text}))` : `${script}(${text})`);
}

/** Which account of a cosigner. */
export interface CosignerOptions {
  /** BIP48 for `sh-wsh` and `wsh`, each with a path of its own; BIP87 for all scripts. */
  readonly scheme: 'bip48' | 'bip87';
  /** Of BIP48 alone. */
  readonly script?: 'sh-wsh' | 'wsh';
  /** Must be the one of the master key. */
  readonly network: NetworkName;
  /** 0 to 2³¹-1; 0 when absent. */
  readonly account?: number;
}

/**
 * The key that a cosigner brings to a multisig account: `m/48h/0h/0h/2h` (BIP48) or `m/87h/0h/0h` (BIP87). Hand
 * {@link cosignerText} of it to the others.
 *
 * @throws WalletError `WALLET_INVALID_ARGUMENT`; DescriptorsError `DESCRIPTORS_DERIVATION_HARDENED` without a secret.
 */
export function cosignerKey(master: ExtendedKey, options: CosignerOptions): AccountKey {
  const { scheme, script, network, account = 0 } = requireObject<CosignerOptions>('options', options);
  const steps = [coinType(network as NetworkName), requireInteger('options.account', account, 0, HARDENED_STEP - 1)];
  const from = requireMaster(master, network as NetworkName);
  if (scheme === 'bip87') return keyAt(from, hardened(87, ...steps));
  if (scheme !== 'bip48') throw invalidArgument('options.scheme', "'bip48' or 'bip87'", scheme);
  if (script !== 'sh-wsh' && script !== 'wsh')
    throw invalidArgument('options.script', "'sh-wsh' or 'wsh', for BIP48 has no other", script);
  return keyAt(from, hardened(48, ...steps, BIP48_SCRIPTS[script]));
}

/** The public text of an account key with its origin, as cosigners hand it around: `[d34db33f/48h/0h/0h/2h]xpub…`. */
export function cosignerText(key: AccountKey): string {
  const { key: extended, origin } = requireObject<AccountKey>('key', key);
  const public_ = requireExtendedKey('key.key', extended);
  const { fingerprint, path } = requireObject<KeyOrigin>('key.origin', origin) as KeyOrigin;
  return `[${toHex(fingerprint)}${derivationPathText(path).slice(1)}]${public_.toString()}`;
}

/** Which multisig account. */
export interface MultisigOptions {
  readonly script: MultisigScript;
  /** How many of the keys must sign: 1 to their number. */
  readonly threshold: number;
  /** Of all cosigners: as {@link cosignerKey} makes them, or their texts. 15 at most in `sh`, 20 in others. */
  readonly keys: readonly (AccountKey | string)[];
}

/**
 * The descriptor of a multisig account, receiving and change in one; keys are sorted (BIP67), so that their order does
 * not matter.
 *
 * @returns A descriptor text; `parseDescriptor` says whether the texts of the cosigners are keys.
 * @throws WalletError `WALLET_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts
 * import { cosignerKey, masterKey, multisigDescriptor, SecretBytes } from '@bitcoin-enterprise/wallet/keys';
 *
 * const keys = [1, 2, 3].map((fill) =>
 *   cosignerKey(masterKey(new SecretBytes(new Uint8Array(32).fill(fill)), { network: 'main' }), {
 *     scheme: 'bip87',
 *     network: 'main',
 *   }),
 * );
 * multisigDescriptor({ script: 'wsh', threshold: 2, keys }).slice(0, 18); // => 'wsh(sortedmulti(2,'
 * ```
 */
export function multisigDescriptor(options: MultisigOptions): string {
  const { script, threshold, keys } = requireObject<MultisigOptions>('options', options);
  if (typeof script !== 'string' || !Object.hasOwn(MAXIMUM_KEYS, script))
    throw invalidArgument('options.script', "'sh', 'sh-wsh' or 'wsh'", script);
  const texts = requireList('options.keys', keys).map((key) => {
    const text = typeof key === 'string' ? key : cosignerText(key as AccountKey);
    if (!/^\[[0-9a-f]{8}(?:\/\d+['h]?)*\][xt]pub[1-9A-HJ-NP-Za-km-z]+$/.test(text))
      throw invalidArgument('options.keys', 'keys with their origin', key);
    return `${text}/<0;1>/*`;
  });
  if (texts.length === 0 || texts.length > MAXIMUM_KEYS[script] || new Set(texts).size < texts.length)
    throw invalidArgument('options.keys', `1 to ${MAXIMUM_KEYS[script]} different keys`, keys);
  const multi = `sortedmulti(${requireInteger('options.threshold', threshold, 1, texts.length)},${texts.join(',')})`;
  return withChecksum(script === 'sh-wsh' ? `sh(wsh(${multi}))` : `${script}(${multi})`);
}

/** SLIP-44: 0 is Bitcoin, 1 all test networks. */
function coinType(network: NetworkName): number {
  if (typeof network !== 'string' || !Object.hasOwn(NETWORKS, network))
    throw invalidArgument('options.network', `one of ${Object.keys(NETWORKS).join(', ')}`, network);
  return network === 'main' ? 0 : 1;
}

function requireMaster(master: unknown, network: NetworkName): ExtendedKey {
  const key = requireExtendedKey('master', master);
  if (key.depth !== 0) throw invalidArgument('master', 'a master key, of depth 0', key);
  if ((coinType(network) === 0) !== (key.network === 'main'))
    throw invalidArgument('options.network', 'the one of the master key', network);
  return key;
}

function keyAt(master: ExtendedKey, path: readonly number[]): AccountKey {
  return { key: deriveKey(master, path), origin: { fingerprint: master.fingerprint, path } };
}

function hardened(...steps: readonly number[]): number[] {
  return steps.map((step) => step + HARDENED_STEP);
}

function keyText(key: AccountKey): string {
  return `${cosignerText(key)}/<0;1>/*`;
}

function withChecksum(text: string): string {
  return `${text}#${descriptorChecksum(text)}`;
}
