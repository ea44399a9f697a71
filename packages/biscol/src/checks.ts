import { isBytes, SuiteError } from '@bitcoin-enterprise/core';
import { invalidArgument } from './errors.ts';

/** Throws unless a value is an object, and returns it with fields that are still to be checked. */
export function requireObject<Fields extends object>(argument: string, value: unknown): Partial<Fields> {
  if (typeof value !== 'object' || value === null) throw invalidArgument(argument, 'an object', value);
  return value;
}

/** Throws unless a value is a list without holes, and returns it. */
export function requireList(argument: string, value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw invalidArgument(argument, 'a list', value);
  for (let place = 0; place < value.length; place++)
    if (!(place in value)) throw invalidArgument(`${argument}[${place}]`, 'there', undefined);
  return value;
}

/** Throws unless a value is bytes, of one length if it is given. */
export function requireBytes(argument: string, value: unknown, length?: number): Uint8Array {
  const isRight = isBytes(value) && (length === undefined || value.length === length);
  if (!isRight) throw invalidArgument(argument, length === undefined ? 'a Uint8Array' : `${length} bytes`, value);
  return value;
}

/** Throws unless a value is a whole number of a range, both ends included. */
export function requireInteger(argument: string, value: unknown, least: number, most: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most)
    throw invalidArgument(argument, `a whole number of ${least} to ${most}`, value);
  return value;
}

/** Throws unless a value is a text that is not empty. */
export function requireText(argument: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') throw invalidArgument(argument, 'a text', value);
  return value;
}

/** Throws unless a value is a function, and returns it. */
export function requireFunction(argument: string, value: unknown): (...parameters: never[]) => unknown {
  if (typeof value !== 'function') throw invalidArgument(argument, 'a function', value);
  return value as (...parameters: never[]) => unknown;
}

/**
 * Runs what takes apart values that this package made: a value that only looks like one is a bug of the caller, and
 * answered as such.
 *
 * @param expected - What the argument has to be.
 */
export function guarded<Result>(argument: string, expected: string, run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    if (error instanceof SuiteError) throw error;
    throw invalidArgument(argument, expected, undefined, error);
  }
}
