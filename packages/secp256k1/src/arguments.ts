import { describe, Secp256k1Error } from './errors.ts';

/** Makes the error for a bad argument; a wrapper with codes of its own hands in another. */
export type InvalidArgument = (argument: string, expected: string, got: string) => Error;

/** The error of this package for a bad argument. */
export const invalidArgument: InvalidArgument = (argument, expected, got) =>
  new Secp256k1Error('SECP256K1_INVALID_ARGUMENT', `${argument}: expected ${expected}, got ${got}`, {
    details: { argument, expected, got },
    hint: 'pass a Uint8Array of the stated length',
  });

function isBytes(value: unknown): value is Uint8Array {
  // The second test admits an array of another realm (a vm context, an iframe).
  return value instanceof Uint8Array || (ArrayBuffer.isView(value) && value.constructor.name === 'Uint8Array');
}

/** The checks of all arguments, bound to the error they raise. */
export interface Arguments {
  /** Bytes of any length. */
  bytes(value: unknown, argument: string): void;
  /** Bytes of exactly `length`. */
  sized(value: unknown, length: number, argument: string): void;
  /** A public key: 33 or 65 bytes. */
  point(value: unknown, argument: string): void;
  /** An array. */
  list(value: unknown, argument: string): void;
  /** Any argument that failed a check made elsewhere. */
  reject(argument: string, expected: string, value: unknown): never;
}

/** Binds the checks to an error. */
export function checks(invalid: InvalidArgument): Arguments {
  const reject = (argument: string, expected: string, value: unknown): never => {
    throw invalid(argument, expected, describe(value));
  };
  return {
    bytes(value, argument) {
      if (!isBytes(value)) reject(argument, 'a Uint8Array', value);
    },
    sized(value, length, argument) {
      if (!isBytes(value) || value.length !== length) reject(argument, `${length} bytes`, value);
    },
    point(value, argument) {
      if (!isBytes(value) || (value.length !== 33 && value.length !== 65)) reject(argument, '33 or 65 bytes', value);
    },
    list(value, argument) {
      if (!Array.isArray(value)) reject(argument, 'an array', value);
    },
    reject,
  };
}
