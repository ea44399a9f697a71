import { describeValue, SuiteError } from '@bitcoin-enterprise/core';

/** The errors of this package: code → the facts that come with it. This comment becomes docs/errors.md. */
export interface BiscolErrors {
  /** An argument of the wrong type or shape: a bug of the caller. `got` describes the value without repeating it. */
  readonly BISCOL_INVALID_ARGUMENT: { readonly argument: string; readonly expected: string; readonly got: string };
  /** A call that was ended by its AbortSignal. */
  readonly BISCOL_ABORTED: { readonly call: string };
}

/** What went wrong with a contract. */
export class BiscolError<Code extends keyof BiscolErrors = keyof BiscolErrors> extends SuiteError<
  Code,
  BiscolErrors[Code]
> {
  override readonly name: string = 'BiscolError';
}

/** The error of an argument that is not what its type says. */
export function invalidArgument(argument: string, expected: string, got: unknown): BiscolError {
  return new BiscolError('BISCOL_INVALID_ARGUMENT', `expected ${argument} to be ${expected}`, {
    details: { argument, expected, got: describeValue(got) },
  });
}
