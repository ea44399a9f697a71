import { describeValue, SuiteError } from '@bitcoin-enterprise/core';

/** The errors of this package: code → the facts that come with it. This comment becomes docs/errors.md. */
export interface ConfigErrors {
  /** An argument of the wrong type or shape: a bug of the caller. `got` describes the value without repeating it. */
  readonly CONFIG_INVALID_ARGUMENT: { readonly argument: string; readonly expected: string; readonly got: string };
  /** A file that cannot be read. */
  readonly CONFIG_FILE_UNREADABLE: {
    readonly file: string;
    /** The system's code: `ENOENT`, `EACCES`, `EISDIR`, … */
    readonly reason: string;
  };
  /** A file whose extension names a format that is not read. */
  readonly CONFIG_FORMAT_UNKNOWN: { readonly file: string; readonly supported: readonly string[] };
  /** A text that is not what its format asks for, or no UTF-8. */
  readonly CONFIG_TEXT_MALFORMED: {
    /** The file or the variable. */
    readonly source: string;
    /** Where the text stops making sense, both from 1; 0 when it is no UTF-8. */
    readonly line: number;
    readonly column: number;
  };
  /** JSON that programs read differently: a name twice in one object, or a number that a double does not hold. */
  readonly CONFIG_TEXT_AMBIGUOUS: {
    /** The file or the variable. */
    readonly source: string;
    readonly reason: 'repeated-name' | 'number';
    /** Which field; in a variable, which one inside of it. */
    readonly path: string;
    /** Where it is, both from 1. */
    readonly line: number;
    readonly column: number;
  };
  /** Settings of a size that no settings have. */
  readonly CONFIG_TOO_LARGE: {
    readonly source: string;
    readonly limit: 'bytes' | 'depth' | 'fields';
    readonly maximum: number;
  };
  /** A field with a name that could change what all objects are: `__proto__`, `constructor`, `prototype`. */
  readonly CONFIG_NAME_FORBIDDEN: { readonly source: string; readonly path: string };
  /** Variables of the environment that contradict each other, or whose name names no field. */
  readonly CONFIG_VARIABLE_INVALID: { readonly variable: string; readonly reason: 'empty-segment' | 'field-and-group' };
  /** Fields that are not what the app's schema asks for; all of them, up to 50. Never their values. */
  readonly CONFIG_FIELD_INVALID: { readonly problems: readonly FieldProblem[] };
  /** A secret that could not be fetched from where the reference says. */
  readonly CONFIG_SECRET_UNRESOLVED: {
    readonly path: string;
    /** What the reference begins with; empty when that names no resolver. */
    readonly scheme: string;
    readonly reason: 'malformed' | 'unknown-scheme' | 'absent' | 'too-large' | 'failed';
  };
  /** The load was ended by its AbortSignal. */
  readonly CONFIG_ABORTED: { readonly call: string };
}

/** One field that is wrong. */
export interface FieldProblem {
  /** Where: `rpc.url`, `peers[0].host`; empty for the settings as a whole. */
  readonly path: string;
  /** What it had to be. */
  readonly expected: string;
  /** Where the value came from; `absent` when there was none. */
  readonly source: string;
}

/** An error of this package. */
export class ConfigError<Code extends keyof ConfigErrors = keyof ConfigErrors> extends SuiteError<
  Code,
  ConfigErrors[Code]
> {
  override readonly name: string = 'ConfigError';
}

/** Makes the error for an argument of the wrong type; the value is described, never repeated. */
export function invalidArgument(
  argument: string,
  expected: string,
  value: unknown,
): ConfigError<'CONFIG_INVALID_ARGUMENT'> {
  const got = describeValue(value);
  return new ConfigError('CONFIG_INVALID_ARGUMENT', `expected ${argument} to be ${expected}, got ${got}`, {
    details: { argument, expected, got },
  });
}

declare module '@bitcoin-enterprise/core' {
  // oxlint-disable-next-line typescript/no-empty-object-type
  interface ErrorDetails extends ConfigErrors {}
}
