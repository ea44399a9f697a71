/** Reads what callers pass, with Core's words where it is not what it should be. */
import { displayHash, parseDisplayHash, parseHex } from '@bitcoin-enterprise/core';
import { TransactionView } from '@bitcoin-enterprise/script';
import { jsonType } from './json.ts';
import { RpcCode, RpcError } from './rpc-error.ts';

/** An error of {@link RpcCode} `INVALID_PARAMETER`. */
export function invalidParameter(message: string): RpcError {
  return new RpcError(RpcCode.INVALID_PARAMETER, message);
}

/** A hash in display form, as 32 bytes in internal order. */
export function readHash(value: unknown, name: string): Uint8Array {
  if (typeof value !== 'string') throw typeError(value, 'string');
  // Lengths are those of UTF-8, and a text of C ends where it says so.
  const length = Buffer.byteLength(value);
  if (length !== 64) throw invalidParameter(`${name} must be of length 64 (not ${length}, for '${value}')`);
  if (!/^[0-9a-fA-F]{64}$/.test(value)) throw invalidParameter(`${name} must be hexadecimal string (not '${value}')`);
  return parseDisplayHash(value.toLowerCase());
}

/** Bytes from hex. */
export function readHex(value: unknown, name: string): Uint8Array {
  if (typeof value !== 'string') throw typeError(value, 'string');
  if (!/^(?:[0-9a-fA-F]{2})+$/.test(value))
    throw invalidParameter(`${name} must be hexadecimal string (not '${value}')`);
  return parseHex(value.toLowerCase());
}

type IntRange = 'int' | 'uint' | 'long';

/** Ranges of whole numbers, as Core's types have them. */
const RANGES: Readonly<Record<IntRange, readonly [least: number, most: number]>> = {
  int: [-0x8000_0000, 0x7fff_ffff],
  uint: [0, 0xffff_ffff],
  long: [-(2 ** 63), 2 ** 63 - 1_024],
};

/** A whole number of a range, `int` when absent; anything else is Core's complaint about numbers. */
export function readInt(value: unknown, options: { readonly absent?: number; readonly range?: IntRange } = {}): number {
  if (value === undefined && options.absent !== undefined) return options.absent;
  if (typeof value !== 'number') throw typeError(value, 'number');
  const [least, most] = RANGES[options.range ?? 'int'];
  if (!Number.isInteger(value) || value < least || value > most)
    throw new RpcError(RpcCode.MISC, 'JSON integer out of range');
  return value;
}

/** Verbosity: a number, or the `true` and `false` of earlier versions. */
export function readVerbosity(value: unknown, absent: number): number {
  if (value === undefined) return absent;
  return typeof value === 'boolean' ? Number(value) : readInt(value);
}

/** Beyond this Core's numbers with a fixed point end. */
const MAX_FIXED_POINT = 10n ** 18n;

/** An amount, given as a number or a text of bitcoin with up to eight decimals, in satoshis. */
export function readAmount(value: unknown): bigint {
  if (typeof value !== 'number' && typeof value !== 'string')
    throw new RpcError(RpcCode.TYPE, 'Amount is not a number or string');
  const text = typeof value === 'number' && !/e/.test(String(value)) ? String(value) : plain(value);
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
  const [, sign = '', whole = '', fraction = ''] = match ?? [];
  if (match === null || fraction.length > 8 || (whole.length > 1 && whole.startsWith('0')))
    throw new RpcError(RpcCode.TYPE, 'Invalid amount');
  const amount = BigInt(whole + fraction.padEnd(8, '0'));
  if (amount >= MAX_FIXED_POINT) throw new RpcError(RpcCode.TYPE, 'Invalid amount');
  if ((sign !== '' && amount > 0n) || amount > 2_100_000_000_000_000n)
    throw new RpcError(RpcCode.TYPE, 'Amount out of range');
  return amount;
}

/** A number with an exponent, written out; what does not come out even in satoshis keeps its ninth decimal. */
function plain(value: number | string): string {
  const number = Number(value);
  const isWritten = /^-?\d+(?:\.\d+)?e[+-]?\d+$/i.test(String(value)) && Number.isFinite(number);
  if (!isWritten || (number !== 0 && Math.abs(number) < 1e-12)) return String(value);
  return number.toFixed(12).replace(/0{1,4}$/, '');
}

/** A transaction from hex; Core tries both forms, with witness first. */
export function readTransaction(
  value: unknown,
  failure = 'TX decode failed. Make sure the tx has at least one input.',
): TransactionView {
  if (typeof value !== 'string') throw typeError(value, 'string');
  try {
    return decodeTransaction(value);
  } catch {
    throw new RpcError(RpcCode.DESERIALIZATION, failure);
  }
}

/** A transaction from hex, in whichever form it can be read. */
export function decodeTransaction(text: string, options: { readonly witness?: boolean } = {}): TransactionView {
  const bytes = parseHex(text.toLowerCase());
  if (options.witness !== undefined) return TransactionView.of(bytes, { witness: options.witness });
  try {
    return TransactionView.of(bytes);
  } catch {
    return TransactionView.of(bytes, { witness: false });
  }
}

/** Core's complaint about a type. */
export function typeError(value: unknown, expected: string): RpcError {
  return new RpcError(RpcCode.TYPE, `JSON value of type ${jsonType(value)} is not of expected type ${expected}`);
}

/** A hash as Core shows it. */
export function hashJson(hash: Uint8Array): string {
  return displayHash(hash);
}
