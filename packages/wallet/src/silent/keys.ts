import { currentCrypto, type NetworkName } from '@bitcoin-enterprise/core';
import { Descriptor, ExtendedKey } from '@bitcoin-enterprise/descriptors';
import { requireBytes, requireInteger, requireObject } from '../checks.ts';
import { invalidArgument, type WalletError } from '../errors.ts';
import { SecretBytes } from '../keys/secret-bytes.ts';
import { encodeSilentAddress, requireCompressedKey } from './address.ts';
import { publicKeyOf, requireSecret } from './secret-arithmetic.ts';

/** What finds silent payments. The scan key cannot spend, but whoever has it sees all payments. */
export interface SilentScanKeys {
  readonly scanKey: SecretBytes;
  /** 33 bytes, without label. */
  readonly spendPublicKey: Uint8Array;
}

/** What finds and spends silent payments. */
export interface SilentKeys extends SilentScanKeys {
  readonly spendKey: SecretBytes;
}

/** The label of change (BIP352); nobody may be given an address with it. */
export const SILENT_CHANGE_LABEL = 0;

const HARDENED = 0x8000_0000;

/** Which keys of a master key are meant. */
export interface SilentAccountOptions {
  /** `main` is coin type 0, all others are 1. */
  readonly network: NetworkName;
  /** 0 to 2³¹-1; 0 when absent. */
  readonly account?: number;
}

/**
 * The keys of a silent payment account: `m/352h/coinh/accounth/1h/0` scans, `…/0h/0` spends (BIP352).
 *
 * @param master - The master key, with its secret.
 * @throws WalletError `WALLET_INVALID_ARGUMENT` for a key without secret or below the master key.
 */
export function deriveSilentKeys(master: ExtendedKey, options: SilentAccountOptions): SilentKeys {
  if (!(master instanceof ExtendedKey)) throw invalidArgument('master', 'an extended key', master);
  if (!master.hasSecretKey || master.depth !== 0)
    throw invalidArgument('master', 'a master key with its secret', 'another extended key');
  const { network, account = 0 } = requireObject<SilentAccountOptions>('options', options);
  if (typeof network !== 'string') throw invalidArgument('options.network', 'the name of a network', network);
  requireInteger('options.account', account, 0, HARDENED - 1);
  const at = [352, network === 'main' ? 0 : 1, account].reduce((key, step) => key.child(HARDENED + step), master);
  const secretAt = (branch: number): SecretBytes => {
    const secret = at
      .child(HARDENED + branch)
      .child(0)
      .secretKey() as Uint8Array;
    const kept = new SecretBytes(secret);
    secret.fill(0);
    return kept;
  };
  const spendKey = secretAt(0);
  return { scanKey: secretAt(1), spendKey, spendPublicKey: publicKeyOfSecret('spendKey', spendKey) };
}

/**
 * The scan keys of an `sp()` descriptor (BIP392).
 *
 * @throws WalletError `WALLET_INVALID_ARGUMENT` for another descriptor.
 *
 * @example
 * ```ts no-run
 * import { parseDescriptor } from '@bitcoin-enterprise/descriptors';
 * import { silentKeysOfDescriptor, SilentScanner } from '@bitcoin-enterprise/wallet/silent';
 *
 * declare const text: string;
 *
 * const scanner = new SilentScanner(silentKeysOfDescriptor(parseDescriptor(text)));
 * ```
 */
export function silentKeysOfDescriptor(descriptor: Descriptor): SilentScanKeys {
  if (!(descriptor instanceof Descriptor)) throw invalidArgument('descriptor', 'a descriptor', descriptor);
  const { node } = descriptor;
  if (node.name !== 'sp') throw invalidArgument('descriptor', 'an sp() descriptor', `${node.name}()`);
  const secret = node.scanKey.deriveSecretKey(0);
  if (secret === undefined) throw invalidArgument('descriptor', 'an sp() descriptor with the scan key', 'one without');
  const scanKey = new SecretBytes(secret);
  secret.fill(0);
  return { scanKey, spendPublicKey: node.spendKey.derive(0).publicKey };
}

/** Which address of a receiver is meant. */
export interface SilentAddressOptions {
  readonly network: NetworkName;
  /** 1 to 2³²-1; the address has none when absent. */
  readonly label?: number;
}

/**
 * The address of a receiver, with a label if one is given (BIP352).
 *
 * @throws WalletError `WALLET_INVALID_ARGUMENT`, also for the label 0, which is for change; `WALLET_SECRET_WIPED`.
 *
 * @example
 * ```ts
 * import { currentCrypto } from '@bitcoin-enterprise/core';
 * import { SecretBytes } from '@bitcoin-enterprise/wallet/keys';
 * import { silentAddressOf } from '@bitcoin-enterprise/wallet/silent';
 *
 * const scanKey = new SecretBytes(new Uint8Array(32).fill(1));
 * const spendPublicKey = currentCrypto().publicKey(new Uint8Array(32).fill(2)) ?? new Uint8Array(33);
 * silentAddressOf({ scanKey, spendPublicKey }, { network: 'regtest', label: 1 }).slice(0, 5); // => 'tsp1q'
 * ```
 */
export function silentAddressOf(keys: SilentScanKeys, options: SilentAddressOptions): string {
  const { network, label } = requireObject<SilentAddressOptions>('options', options);
  if (label !== undefined) requireInteger('options.label', label, 1, 0xffff_ffff);
  return addressWith(keys, network as NetworkName, label);
}

/** The address that the owner pays change to: of label 0. Never hand it out (BIP352). Throws as `silentAddressOf`. */
export function silentChangeAddressOf(keys: SilentScanKeys, network: NetworkName): string {
  return addressWith(keys, network, SILENT_CHANGE_LABEL);
}

function addressWith(keys: SilentScanKeys, network: NetworkName, label: number | undefined): string {
  const { scanKey, spendPublicKey } = requireScanKeys(keys);
  const scanPublicKey = publicKeyOfSecret('keys.scanKey', scanKey);
  const labelled = label === undefined ? spendPublicKey : labelSpendKey(spendPublicKey, silentLabel(scanKey, label));
  return encodeSilentAddress({ scanPublicKey, spendPublicKey: labelled }, network);
}

/** A label as a number of the curve and as a point. */
export interface SilentLabel {
  /** 32 bytes: what is added to the secret key. */
  readonly tweak: Uint8Array;
  /** 33 bytes: what is added to the public key. */
  readonly publicKey: Uint8Array;
}

/** `hash(b_scan || m)` and its point (BIP352). */
export function silentLabel(scanKey: SecretBytes, label: number): SilentLabel {
  const data = new Uint8Array(36);
  scanKey.use((secret) => data.set(secret));
  new DataView(data.buffer).setUint32(32, label);
  const tweak = currentCrypto().taggedHash('BIP0352/Label', data);
  data.fill(0);
  const publicKey = currentCrypto().publicKey(tweak);
  if (publicKey === undefined) throw noLabel(label);
  return { tweak, publicKey };
}

function labelSpendKey(spendPublicKey: Uint8Array, { tweak }: SilentLabel): Uint8Array {
  const labelled = currentCrypto().publicKeyTweakAdd(spendPublicKey, tweak);
  if (labelled === undefined) throw noLabel(-1);
  return labelled;
}

/**
 * The secret key of an output that was found: `b_spend + tweak` (BIP352). It signs as a Taproot **output** key, without
 * the tweak of BIP341.
 *
 * @param tweak - Of the found output, 32 bytes; a label is in it already.
 * @throws WalletError `WALLET_SECRET_WIPED`, `WALLET_INVALID_ARGUMENT`.
 */
export function silentOutputKey(spendKey: SecretBytes, tweak: Uint8Array): SecretBytes {
  requireBytes('tweak', tweak, 32);
  return requireSecret('spendKey', spendKey).use((secret) => {
    const sum = currentCrypto().secretKeyTweakAdd(secret, tweak);
    if (sum === undefined) throw invalidArgument('tweak', 'a tweak of this spend key', tweak);
    const key = new SecretBytes(sum);
    sum.fill(0);
    return key;
  });
}

/** Throws unless a value holds the keys of a scanner, and returns it. */
export function requireScanKeys(keys: SilentScanKeys): SilentScanKeys {
  const { scanKey, spendPublicKey } = requireObject<SilentScanKeys>('keys', keys);
  return {
    scanKey: requireSecret('keys.scanKey', scanKey),
    spendPublicKey: requireCompressedKey('keys.spendPublicKey', spendPublicKey),
  };
}

function publicKeyOfSecret(argument: string, secret: SecretBytes): Uint8Array {
  return secret.use((bytes) => publicKeyOf(argument, bytes));
}

function noLabel(label: number): WalletError<'WALLET_INVALID_ARGUMENT'> {
  return invalidArgument('label', 'a label that has a key', label);
}
