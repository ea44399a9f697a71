import { type Entropy, webEntropy } from '@bitcoin-enterprise/core';
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { requireList, requireObject } from '../../checks.ts';
import { invalidArgument, WalletError } from '../../errors.ts';
import { entropyBytes } from '../entropy.ts';
import { offHeap } from '../off-heap.ts';
import { SecretBytes } from '../secret-bytes.ts';
import {
  associatedData,
  entryFault,
  type KeystoreEntry,
  type KeystoreSecretKind,
  MAXIMUM_SECRET_LENGTH,
  MAXIMUM_SECRETS,
  NONCE_LENGTH,
  parseKeystore,
  printKeystore,
  SALT_LENGTH,
  TAG_LENGTH,
} from './format.ts';
import {
  type KdfCallOptions,
  keyOfPassword,
  type KeystoreKdf,
  passwordBytes,
  requireKdf,
  SCRYPT_DEFAULT,
  watch,
} from './kdf.ts';

/** A secret to be kept. */
export interface KeystoreSecret {
  /** Names it in its keystore: 1 to 128 characters. */
  readonly id: string;
  readonly kind: KeystoreSecretKind;
  /** 1 to 4,096 bytes. */
  readonly secret: SecretBytes;
  /** Public: up to 32 texts by name. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** A secret that was unlocked; the caller wipes it. */
export interface OpenedSecret extends KeystoreEntry {
  readonly secret: SecretBytes;
}

/** Settings of {@link sealKeystore}. */
export interface SealKeystoreOptions extends KdfCallOptions {
  /** A text that a person types, not empty, normalised to NFKC; or bytes that a machine keeps. */
  readonly password: string | SecretBytes;
  /** {@link SCRYPT_DEFAULT} when absent; {@link ARGON2ID_DEFAULT} is the other good one. */
  readonly kdf?: KeystoreKdf;
  /** That of the system when absent. */
  readonly entropy?: Entropy;
}

/** Settings of {@link openKeystore}. */
export interface OpenKeystoreOptions extends KdfCallOptions {
  readonly password: string | SecretBytes;
}

/** Settings of {@link changeKeystorePassword}. */
export interface ChangePasswordOptions extends SealKeystoreOptions {
  readonly newPassword: string | SecretBytes;
}

/**
 * Encrypts secrets with a password: a JSON text, to be stored anywhere; the README of the package has its format.
 *
 * All secrets are encrypted together with XChaCha20-Poly1305 under a key that scrypt or Argon2id makes; everything else
 * in the text is authenticated, so that nobody without the password can alter, add or take away an entry.
 *
 * @param secrets - 1 to 256 of them, each with an id of its own.
 * @throws WalletError `WALLET_INVALID_ARGUMENT`, `WALLET_SECRET_WIPED`, `WALLET_ABORTED`.
 *
 * @example
 * ```ts
 * import { openKeystore, sealKeystore, SecretBytes } from '@bitcoin-enterprise/wallet/keys';
 *
 * const kdf = { name: 'scrypt', n: 2 ** 14, r: 8, p: 1 } as const; // weak: leave it out
 * const secret = new SecretBytes(new Uint8Array(32).fill(7));
 * const text = await sealKeystore([{ id: 'main', kind: 'seed', secret }], { password: 'correct horse', kdf });
 * const [opened] = await openKeystore(text, { password: 'correct horse' });
 * opened?.secret.use((bytes) => bytes[0]); // => 7
 * await openKeystore(text, { password: 'wrong horse' }); // => throws WALLET_KEYSTORE_LOCKED
 * ```
 */
export async function sealKeystore(secrets: readonly KeystoreSecret[], options: SealKeystoreOptions): Promise<string> {
  const entries = requireSecrets(secrets);
  const { password, kdf = SCRYPT_DEFAULT, entropy = webEntropy(), ...call } = optionsOf<SealKeystoreOptions>(options);
  const parameters = requireKdf('options.kdf', kdf);
  const salt = new Uint8Array(entropyBytes(entropy, SALT_LENGTH));
  const nonce = new Uint8Array(entropyBytes(entropy, NONCE_LENGTH));
  const head = { kdf: parameters, salt, nonce, entries: entries.map(({ entry }) => entry) };
  const typed = passwordOf('options.password', password);
  let key: Uint8Array | undefined;
  const plain = offHeap(head.entries.reduce((sum, { length }) => sum + length, 0));
  try {
    key = await keyOfPassword(parameters, { ...call, call: 'sealKeystore', password: typed, salt });
    let offset = 0;
    for (const { secret } of entries) offset += secret.use((bytes) => (plain.set(bytes, offset), bytes.length));
    // The cipher puts what it encrypts there first.
    const output = offHeap(plain.length + TAG_LENGTH);
    const sealed = xchacha20poly1305(key, nonce, associatedData(head)).encrypt(plain, output);
    return printKeystore({ ...head, sealed });
  } finally {
    for (const secret of [typed, key, plain]) secret?.fill(0);
  }
}

/**
 * Decrypts a keystore. Takes what its parameters cost, at most 1 GiB and some seconds, without blocking others.
 *
 * @throws WalletError `WALLET_KEYSTORE_INVALID` for another format, an unknown field or parameters beyond their bounds;
 * `WALLET_KEYSTORE_LOCKED` for a wrong password, or a text that was altered; `WALLET_ABORTED`,
 * `WALLET_INVALID_ARGUMENT`.
 */
export async function openKeystore(text: string, options: OpenKeystoreOptions): Promise<readonly OpenedSecret[]> {
  const file = parseKeystore(text);
  const { password, ...call } = optionsOf<OpenKeystoreOptions>(options);
  const typed = passwordOf('options.password', password);
  let key: Uint8Array | undefined;
  let plain: Uint8Array | undefined;
  try {
    key = await keyOfPassword(file.kdf, { ...call, call: 'openKeystore', password: typed, salt: file.salt });
    plain = decrypt({ key, nonce: file.nonce, data: associatedData(file), sealed: file.sealed });
    let offset = 0;
    const opened: OpenedSecret[] = [];
    for (const entry of file.entries) {
      opened.push({ ...entry, secret: new SecretBytes(plain.subarray(offset, offset + entry.length)) });
      offset += entry.length;
    }
    return opened;
  } finally {
    for (const secret of [typed, key, plain]) secret?.fill(0);
  }
}

/**
 * What is public in a keystore. Nothing proves it before {@link openKeystore} does.
 *
 * @throws WalletError `WALLET_KEYSTORE_INVALID`, `WALLET_INVALID_ARGUMENT`.
 */
export function readKeystore(text: string): { readonly kdf: KeystoreKdf; readonly entries: readonly KeystoreEntry[] } {
  const { kdf, entries } = parseKeystore(text);
  return { kdf, entries };
}

/**
 * Encrypts a keystore with another password, and with the default parameters of today unless told otherwise. The old
 * text opens with the old password as long as somebody has a copy.
 *
 * @throws WalletError as {@link openKeystore} and {@link sealKeystore}.
 */
export async function changeKeystorePassword(text: string, options: ChangePasswordOptions): Promise<string> {
  const { password, newPassword, ...rest } = optionsOf<ChangePasswordOptions>(options);
  passwordOf('options.newPassword', newPassword).fill(0);
  const { onProgress, signal } = rest;
  watch({ call: 'changeKeystorePassword', ...rest });
  const half = (from: number) =>
    onProgress === undefined ? {} : { onProgress: (done: number) => onProgress(from + done / 2) };
  const common = signal === undefined ? {} : { signal };
  const opened = await openKeystore(text, { ...common, ...half(0), password: password as string });
  try {
    return await sealKeystore(opened, { ...rest, ...half(0.5), password: newPassword as string });
  } finally {
    for (const { secret } of opened) secret.wipe();
  }
}

/** Decrypts, or says that it does not open: whether the password or the text is at fault nobody can tell. */
function decrypt(parts: {
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
  readonly data: Uint8Array;
  readonly sealed: Uint8Array;
}): Uint8Array {
  const output = offHeap(parts.sealed.length - TAG_LENGTH);
  try {
    return xchacha20poly1305(parts.key, parts.nonce, parts.data).decrypt(parts.sealed, output);
  } catch {
    output.fill(0);
    throw keystoreLocked();
  }
}

/** Makes the error for a password that does not open. */
export function keystoreLocked(): WalletError<'WALLET_KEYSTORE_LOCKED'> {
  return new WalletError('WALLET_KEYSTORE_LOCKED', 'expected the password of the keystore, got another', {
    details: { reason: 'password' },
    hint: 'A file that was altered answers the same.',
  });
}

function requireSecrets(secrets: unknown): readonly { readonly entry: KeystoreEntry; readonly secret: SecretBytes }[] {
  const list = requireList('secrets', secrets);
  const ids = new Set<unknown>();
  const entries = list.map((row, place) => {
    const argument = `secrets[${place}]`;
    const { id, kind, secret, metadata = {} } = requireObject<KeystoreSecret>(argument, row);
    const fault = ids.has(id) ? 'id' : entryFault({ id, kind, metadata });
    if (fault !== undefined)
      throw invalidArgument(`${argument}.${fault}`, 'one that a keystore has', { id, kind, metadata }[fault as 'id']);
    ids.add(id);
    if (!(secret instanceof SecretBytes)) throw invalidArgument(`${argument}.secret`, 'SecretBytes', secret);
    const length = secret.use((bytes) => bytes.length);
    if (length === 0 || length > MAXIMUM_SECRET_LENGTH)
      throw invalidArgument(`${argument}.secret`, `1 to ${MAXIMUM_SECRET_LENGTH} bytes`, secret);
    return { entry: { id: id as string, kind: kind as KeystoreSecretKind, length, metadata: { ...metadata } }, secret };
  });
  if (entries.length === 0 || entries.length > MAXIMUM_SECRETS)
    throw invalidArgument('secrets', `1 to ${MAXIMUM_SECRETS} secrets`, list);
  return entries;
}

function optionsOf<Options extends object>(options: unknown): Partial<Options> {
  return requireObject<Options>('options', options);
}

function passwordOf(argument: string, value: unknown): Uint8Array {
  const bytes = passwordBytes(argument, value);
  if (bytes.length === 0) throw invalidArgument(argument, 'a password that is not empty', value);
  return bytes;
}
