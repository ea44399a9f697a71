import { SuiteError } from '@bitcoin-enterprise/core';
import { invalidArgument } from '../errors.ts';

/**
 * Runs what works on values of many parts that others made: where one of them is not what its type says, the error has a
 * code all the same.
 */
export function coded<Result>(argument: string, expected: string, action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    if (error instanceof SuiteError || typeof (error as { readonly code?: unknown } | null)?.code === 'string')
      throw error;
    throw invalidArgument(argument, expected, error);
  }
}
