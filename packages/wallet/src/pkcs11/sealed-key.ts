import { parseHex, toHex } from '@bitcoin-enterprise/core';
import { requireBytes, requireObject, requireText } from '../checks.ts';
import { invalidArgument, WalletError } from '../errors.ts';
import type { SealMechanism, SealedRecord } from './protocol.ts';

/**
 * A secret that only one token can open: encrypted there with an AES key that never leaves it. Public; keep it in a
 * file or a database. Who has it and the token with its PIN has the key: a backup is this and the token's own backup.
 */
export interface SealedKey {
  /** `key`: one secret key; `master`: a master key with its chain code (BIP32), which signs for all keys below it. */
  readonly kind: 'key' | 'master';
  /** 33 bytes. */
  readonly publicKey: Uint8Array;
  /** Label of the key of the token that sealed it. */
  readonly wrappingKey: string;
  readonly mechanism: SealMechanism;
  /** 12 bytes of `aes-gcm`, 16 of `aes-cbc-pad`. */
  readonly iv: Uint8Array;
  readonly sealed: Uint8Array;
}

const FORMAT = 'bitcoin-enterprise-sealed-key';
/** A label of at most 256 characters, and some hundred digits. */
const MAXIMUM_TEXT = 4_096;

/**
 * Writes a sealed key as JSON.
 *
 * @throws WalletError `WALLET_INVALID_ARGUMENT`.
 */
export function printSealedKey(key: SealedKey): string {
  const { kind, publicKey, wrappingKey, mechanism, iv, sealed } = requireSealedKey('key', key);
  return JSON.stringify({
    format: FORMAT,
    version: 1,
    kind,
    publicKey: toHex(publicKey),
    wrappingKey,
    mechanism,
    iv: toHex(iv),
    sealed: toHex(sealed),
  });
}

/**
 * Reads what {@link printSealedKey} wrote.
 *
 * @throws WalletError `WALLET_KEYSTORE_INVALID`, `WALLET_INVALID_ARGUMENT`.
 */
export function readSealedKey(text: string): SealedKey {
  const given = requireText('text', text);
  try {
    if (given.length > MAXIMUM_TEXT) throw new Error('too long');
    const fields = JSON.parse(given) as Readonly<Record<string, unknown>>;
    if (fields['format'] !== FORMAT || fields['version'] !== 1 || Object.keys(fields).length !== 8)
      throw new Error('another format');
    return requireSealedKey('text', {
      ...fields,
      publicKey: parseHex(fields['publicKey'] as string),
      iv: parseHex(fields['iv'] as string),
      sealed: parseHex(fields['sealed'] as string),
    });
  } catch {
    throw new WalletError('WALLET_KEYSTORE_INVALID', 'expected a sealed key, got another text', {
      details: { reason: 'no sealed key' },
    });
  }
}

/** Throws `WALLET_INVALID_ARGUMENT` unless a value is a sealed key; copies it. */
export function requireSealedKey(argument: string, value: unknown): SealedRecord {
  const key = requireObject<SealedKey>(argument, value);
  const { kind, wrappingKey, mechanism } = key;
  if (kind !== 'key' && kind !== 'master') throw invalidArgument(`${argument}.kind`, "'key' or 'master'", kind);
  const how = requireMechanism(`${argument}.mechanism`, mechanism);
  const plain = kind === 'key' ? 32 : 64;
  return {
    kind,
    publicKey: new Uint8Array(requireBytes(`${argument}.publicKey`, key.publicKey, 33)),
    wrappingKey: requireLabel(`${argument}.wrappingKey`, wrappingKey),
    mechanism: how,
    iv: new Uint8Array(requireBytes(`${argument}.iv`, key.iv, how === 'aes-gcm' ? 12 : 16)),
    // A tag, or a block of padding: 16 bytes either way.
    sealed: new Uint8Array(requireBytes(`${argument}.sealed`, key.sealed, plain + 16)),
  };
}

/** Throws `WALLET_INVALID_ARGUMENT` unless a value is a way to seal. */
export function requireMechanism(argument: string, value: unknown): SealMechanism {
  if (value !== 'aes-gcm' && value !== 'aes-cbc-pad')
    throw invalidArgument(argument, "'aes-gcm' or 'aes-cbc-pad'", value);
  return value;
}

/** Throws `WALLET_INVALID_ARGUMENT` unless a value can label an object of a token. */
export function requireLabel(argument: string, value: unknown): string {
  const isLabel = typeof value === 'string' && value.length > 0 && value.length <= 256;
  if (!isLabel) throw invalidArgument(argument, 'a label of 1 to 256 characters', value);
  return value;
}
