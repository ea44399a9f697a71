import { toHex } from '@bitcoin-enterprise/core';
import { argon2idFault, type KeystoreKdf, scryptFault } from './kdf.ts';
import { keystoreInvalid, parseKeystoreJson, readFields, readHex, readNumber, readObject } from './json.ts';

/** What a secret is: entropy of a mnemonic (BIP39), a seed, a secret key of 32 bytes, the text of an extended key. */
export type KeystoreSecretKind = 'entropy' | 'seed' | 'secret-key' | 'extended-key' | 'other';

/** What everybody may know of a secret; the password guards it against changes, not against readers. */
export interface KeystoreEntry {
  /** Names it in its keystore: 1 to 128 characters. */
  readonly id: string;
  readonly kind: KeystoreSecretKind;
  /** Bytes, 1 to 4,096. */
  readonly length: number;
  /** Up to 32 texts by name: a label, the fingerprint, the derivation path. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** A keystore as it lies in its file, checked. */
export interface KeystoreFile {
  readonly kdf: KeystoreKdf;
  /** 32 bytes. */
  readonly salt: Uint8Array;
  /** 24 bytes. */
  readonly nonce: Uint8Array;
  readonly entries: readonly KeystoreEntry[];
  /** All secrets one after the other, encrypted, and 16 bytes that prove it. */
  readonly sealed: Uint8Array;
}

const FORMAT = 'bitcoin-enterprise-keystore';
const VERSION = 1;
const CIPHER = 'xchacha20-poly1305';
/** 256 secrets of 4 KiB in hexadecimal, and what is public of them. */
const MAXIMUM_TEXT = 8 * 2 ** 20;

export const SALT_LENGTH = 32;
export const NONCE_LENGTH = 24;
export const TAG_LENGTH = 16;
export const MAXIMUM_SECRETS = 256;
export const MAXIMUM_SECRET_LENGTH = 4_096;

const KINDS: ReadonlySet<unknown> = /* @__PURE__ */ new Set(['entropy', 'seed', 'secret-key', 'extended-key', 'other']);

/** What is wrong with an entry, as the field at fault; `undefined` for nothing. */
export function entryFault(entry: {
  readonly id: unknown;
  readonly kind: unknown;
  readonly metadata: unknown;
}): string | undefined {
  const { id, kind, metadata } = entry;
  if (!isText(id, 1, 128)) return 'id';
  if (!KINDS.has(kind)) return 'kind';
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) return 'metadata';
  const texts = Object.entries(metadata);
  const areTexts = texts.every(([name, value]) => isText(name, 1, 64) && isText(value, 0, 1_024));
  return areTexts && texts.length <= 32 ? undefined : 'metadata';
}

/**
 * What the cipher authenticates beside the secrets: all else that the file says, in one order of fields, so that spaces
 * do not matter and no value can change.
 */
export function associatedData(file: Omit<KeystoreFile, 'sealed'>): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(headOf(file)));
}

/** Writes a keystore: JSON, two spaces. */
export function printKeystore(file: KeystoreFile): string {
  return `${JSON.stringify({ ...headOf(file), sealed: toHex(file.sealed) }, undefined, 2)}\n`;
}

/** Reads a keystore: version 1, all fields there and no others, all numbers within bounds. */
export function parseKeystore(text: string): KeystoreFile {
  const fields = readObject('the keystore', parseKeystoreJson(text, MAXIMUM_TEXT));
  if (!Object.hasOwn(fields, 'format') || fields['format'] !== FORMAT) throw keystoreInvalid('another format');
  if (!Object.hasOwn(fields, 'version') || fields['version'] !== VERSION) throw keystoreInvalid('another version');
  const names = ['format', 'version', 'kdf', 'cipher', 'secrets', 'sealed'];
  const { kdf, cipher, secrets, sealed } = readFields('the keystore', fields, names);
  const { name, nonce } = readFields('cipher', cipher, ['name', 'nonce']);
  if (name !== CIPHER) throw keystoreInvalid('another cipher');
  const { parameters, salt } = readKdf(kdf);
  const entries = readEntries(secrets);
  const length = entries.reduce((sum, entry) => sum + entry.length, 0);
  return {
    kdf: parameters,
    salt,
    nonce: readLowerHex('cipher.nonce', nonce, NONCE_LENGTH),
    entries,
    sealed: readLowerHex('sealed', sealed, length + TAG_LENGTH),
  };
}

function headOf(file: Omit<KeystoreFile, 'sealed'>): object {
  const { kdf, salt, nonce, entries } = file;
  const parameters =
    kdf.name === 'scrypt'
      ? { name: kdf.name, n: kdf.n, r: kdf.r, p: kdf.p }
      : { name: kdf.name, memory: kdf.memory, passes: kdf.passes, lanes: kdf.lanes };
  return {
    format: FORMAT,
    version: VERSION,
    kdf: { ...parameters, salt: toHex(salt) },
    cipher: { name: CIPHER, nonce: toHex(nonce) },
    secrets: entries.map(({ id, kind, length, metadata }) => ({ id, kind, length, metadata: sorted(metadata) })),
  };
}

/** In one order, for an object does not promise the order of names that look like numbers. */
function sorted(metadata: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(metadata).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function readKdf(value: unknown): { readonly parameters: KeystoreKdf; readonly salt: Uint8Array } {
  const kind = readObject('kdf', value);
  if (Object.hasOwn(kind, 'name') && kind['name'] === 'scrypt') {
    const { n, r, p, salt } = readFields('kdf', value, ['name', 'n', 'r', 'p', 'salt']);
    const fault = scryptFault({ n, r, p, leastN: 2 ** 14 });
    if (fault !== undefined) throw keystoreInvalid(`kdf.${fault} beyond its bounds`);
    const parameters = { name: 'scrypt', n: n as number, r: r as number, p: p as number } as const;
    return { parameters, salt: readLowerHex('kdf.salt', salt, SALT_LENGTH) };
  }
  if (!Object.hasOwn(kind, 'name') || kind['name'] !== 'argon2id') throw keystoreInvalid('another kdf');
  const { memory, passes, lanes, salt } = readFields('kdf', value, ['name', 'memory', 'passes', 'lanes', 'salt']);
  const fault = argon2idFault({ memory, passes, lanes });
  if (fault !== undefined) throw keystoreInvalid(`kdf.${fault} beyond its bounds`);
  const parameters = {
    name: 'argon2id',
    memory: memory as number,
    passes: passes as number,
    lanes: lanes as number,
  } as const;
  return { parameters, salt: readLowerHex('kdf.salt', salt, SALT_LENGTH) };
}

function readEntries(value: unknown): readonly KeystoreEntry[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAXIMUM_SECRETS)
    throw keystoreInvalid(`no list of 1 to ${MAXIMUM_SECRETS} secrets`);
  const ids = new Set<unknown>();
  return value.map((row: unknown, place) => {
    const path = `secrets[${place}]`;
    const { id, kind, length, metadata } = readFields(path, row, ['id', 'kind', 'length', 'metadata']);
    const fault = ids.has(id) ? 'id' : entryFault({ id, kind, metadata });
    if (fault !== undefined) throw keystoreInvalid(`${path}.${fault} that is none`);
    ids.add(id);
    return {
      id: id as string,
      kind: kind as KeystoreSecretKind,
      length: readNumber(`${path}.length`, length, 1, MAXIMUM_SECRET_LENGTH),
      metadata: Object.freeze({ ...(metadata as Readonly<Record<string, string>>) }),
    };
  });
}

/** The format has one way to write bytes, so that no character of it can be altered. */
function readLowerHex(path: string, value: unknown, length: number): Uint8Array {
  if (typeof value === 'string' && /[A-F]/.test(value)) throw keystoreInvalid(`capitals at ${path}`);
  return readHex(path, value, length);
}

/** A text of so many characters without half a surrogate pair, which UTF-8 cannot write. */
function isText(value: unknown, least: number, most: number): value is string {
  return typeof value === 'string' && value.length >= least && value.length <= most && !/[\uD800-\uDFFF]/u.test(value);
}
