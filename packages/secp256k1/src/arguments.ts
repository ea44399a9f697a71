import { isBytes, isList, isRecord, sizeOf } from './bytes.ts';
import { describe, Secp256k1Error } from './errors.ts';

/** Makes the error for a bad argument; a wrapper with codes of its own hands in another. */
export type InvalidArgument = (argument: string, expected: string, got: string) => Error;

/** The error of this package for a bad argument. */
export const invalidArgument: InvalidArgument = (argument, expected, got) =>
  new Secp256k1Error('SECP256K1_INVALID_ARGUMENT', `${argument}: expected ${expected}, got ${got}`, {
    details: { argument, expected, got },
    hint: 'pass a Uint8Array of the stated length',
  });

/** The checks of all arguments, bound to the error they raise. */
export interface Arguments {
  /** Bytes of any length. */
  bytes(value: unknown, argument: string): void;
  /** Bytes of exactly `length`. */
  sized(value: unknown, length: number, argument: string): void;
  /** A public key: 33 or 65 bytes. */
  point(value: unknown, argument: string): void;
  /** Options, or nothing. */
  options(value: unknown): void;
  /** An array. */
  list(value: unknown, argument: string): void;
  /** Any argument that failed a check made elsewhere. */
  reject(argument: string, expected: string, value: unknown): never;
}

/** Binds the checks to an error. */
function checks(invalid: InvalidArgument): Arguments {
  const reject = (argument: string, expected: string, value: unknown): never => {
    throw invalid(argument, expected, describe(value));
  };
  return {
    bytes(value, argument) {
      if (!isBytes(value)) reject(argument, 'a Uint8Array', value);
    },
    sized(value, length, argument) {
      if (!isBytes(value) || sizeOf(value) !== length) reject(argument, `${length} bytes`, value);
    },
    point(value, argument) {
      const size = isBytes(value) ? sizeOf(value) : 0;
      if (size !== 33 && size !== 65) reject(argument, '33 or 65 bytes', value);
    },
    options(value) {
      if (value !== undefined && !isRecord(value)) reject('options', 'an object', value);
    },
    list(value, argument) {
      if (!isList(value)) reject(argument, 'an array', value);
    },
    reject,
  };
}

/** Checks options of which one may name the error of the checks, and binds them to it. */
export function checksFor(options: { readonly invalidArgument?: InvalidArgument }): Arguments {
  const own = checks(invalidArgument);
  if (!isRecord(options)) return own.reject('options', 'an object', options);
  const { invalidArgument: invalid } = options;
  if (invalid === undefined) return own;
  return typeof invalid === 'function' ? checks(invalid) : own.reject('options.invalidArgument', 'a function', invalid);
}
