import { parseHex } from '@bitcoin-enterprise/core';
import { requireText } from '../../checks.ts';
import { WalletError } from '../../errors.ts';

/** Makes the error for a keystore that cannot be read. The reason names a field, never what stands in it. */
export function keystoreInvalid(reason: string): WalletError<'WALLET_KEYSTORE_INVALID'> {
  return new WalletError('WALLET_KEYSTORE_INVALID', `expected a keystore, got ${reason}`, { details: { reason } });
}

/** Parses the JSON of a keystore of at most so many characters; what the parser would say of it stays out. */
export function parseKeystoreJson(text: unknown, maximum: number): unknown {
  const given = requireText('text', text);
  if (given.length > maximum) throw keystoreInvalid(`more than ${maximum} characters`);
  try {
    return JSON.parse(given) as unknown;
  } catch {
    throw keystoreInvalid('no JSON');
  }
}

/** Requires an object with these fields, and no others. */
export function readFields(path: string, value: unknown, names: readonly string[]): Readonly<Record<string, unknown>> {
  const fields = readObject(path, value);
  for (const name of names) if (!Object.hasOwn(fields, name)) throw keystoreInvalid(`no ${path}.${name}`);
  if (Object.keys(fields).length > names.length) throw keystoreInvalid(`an unknown field in ${path}`);
  return fields;
}

/** Requires an object, of any fields; ask for them with `Object.hasOwn`. */
export function readObject(path: string, value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw keystoreInvalid(`no object at ${path}`);
  return value as Readonly<Record<string, unknown>>;
}

/** Requires a whole number of a range. */
export function readNumber(path: string, value: unknown, least: number, most: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most)
    throw keystoreInvalid(`${path} outside of ${least} to ${most}`);
  return value;
}

/** Requires hexadecimal of so many bytes, of either case. */
export function readHex(path: string, value: unknown, least: number, most: number = least): Uint8Array {
  if (
    typeof value !== 'string' ||
    value.length < 2 * least ||
    value.length > 2 * most ||
    value.length % 2 !== 0 ||
    !/^[0-9a-f]*$/i.test(value)
  )
    throw keystoreInvalid(`no hexadecimal of ${least === most ? least : `${least} to ${most}`} bytes at ${path}`);
  return parseHex(value);
}
