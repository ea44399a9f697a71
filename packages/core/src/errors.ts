import { isBytes, isList, isRealUint8Array, isRecord, sizeOf } from './codecs/is-bytes.ts';

/** The facts of an error beside its code and text. */
export interface SuiteErrorOptions<Details extends object> {
  /** What a program needs in order to act; never a secret, never whole input. */
  readonly details: Details;
  /** What the reader should do about it. */
  readonly hint?: string;
  /** Whether the same call may succeed later; `false` when absent. */
  readonly retryable?: boolean;
  /** The lower error behind this one. */
  readonly cause?: unknown;
}

/** An error as plain JSON: what a log line or an API answer may carry. */
export interface SuiteErrorJson {
  readonly name: string;
  readonly code: string;
  readonly message: string;
  /** Details with bigints as decimal strings and byte arrays as their length. */
  readonly details: Readonly<Record<string, unknown>>;
  readonly hint?: string;
  readonly retryable: boolean;
  /** Code, else class name, of the lower error; its text may hold anything, so it stays out. */
  readonly cause?: string;
}

/**
 * The base of every error the suite throws: a stable `code`, typed `details`, a hint, and whether waiting helps.
 *
 * Test it with {@link hasCode}, never with `instanceof`: two copies of this package must still match. The message
 * opens with the code, because own properties do not survive `postMessage`.
 *
 * @example
 * ```ts
 * import { SuiteError } from '@bitcoin-enterprise/core';
 *
 * new SuiteError('APP_DOOR_SHUT', 'expected an open door, got a shut one', { details: {} }).message;
 * // => 'APP_DOOR_SHUT: expected an open door, got a shut one'
 * ```
 */
export class SuiteError<Code extends string = string, Details extends object = object> extends Error {
  override readonly name: string = 'SuiteError';
  /** Names the problem for good; a code is never reused for another one. */
  readonly code: Code;
  /** The facts of this case. */
  readonly details: Details;
  /** What to do about it. */
  readonly hint: string | undefined;
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;

  /**
   * @param code - `PKG_THING_PROBLEM`.
   * @param text - What was expected and what came.
   * @param options - Details and the rest.
   */
  constructor(code: Code, text: string, options: SuiteErrorOptions<Details>) {
    super(`${code}: ${text}`, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details;
    this.hint = options.hint;
    this.retryable = options.retryable ?? false;
  }

  /** The error as JSON: no bigint, no bytes, no stack, no text of foreign errors. */
  toJSON(): SuiteErrorJson {
    return {
      name: this.name,
      code: this.code,
      message: this.message,
      details: jsonSafe(this.details, 0) as Readonly<Record<string, unknown>>,
      ...(this.hint === undefined ? {} : { hint: this.hint }),
      retryable: this.retryable,
      ...(this.cause === undefined ? {} : { cause: nameOfCause(this.cause) }),
    };
  }
}

/**
 * The errors of this package: code → the facts that come with it. This comment becomes docs/errors.md.
 */
export interface CoreErrors {
  /** An argument of the wrong type or shape: a bug of the caller. `got` describes the value without repeating it. */
  readonly CORE_INVALID_ARGUMENT: InvalidArgument;
  /** A crypto engine was handed an argument of the wrong type or length: a bug of the caller. */
  readonly CORE_CRYPTO_INVALID_ARGUMENT: InvalidArgument;
  /** A crypto engine could not be loaded in this runtime. */
  readonly CORE_CRYPTO_ENGINE_UNAVAILABLE: { readonly engine: string; readonly reason: string };
  /** The runtime offers no source of secure randomness. */
  readonly CORE_ENTROPY_UNAVAILABLE: { readonly reason: string };
  /** An amount below zero or above 21 million BTC. */
  readonly CORE_AMOUNT_OUT_OF_RANGE: { readonly value: bigint };
  /** A text that is no amount: more than eight decimals, an exponent, a stray character. */
  readonly CORE_AMOUNT_INVALID: { readonly length: number };
  /** A number outside the range of its unit, or not whole. */
  readonly CORE_UNIT_OUT_OF_RANGE: {
    readonly unit: string;
    readonly value: number | bigint;
    readonly minimum: number | bigint;
    readonly maximum: number | bigint;
  };
  /** A text that is not hexadecimal, or not of the length asked for. */
  readonly CORE_HEX_INVALID: {
    readonly reason: 'odd-length' | 'digit' | 'length';
    /** Index of the first bad character, or the length of the text. */
    readonly position: number;
  };
  /** Fewer bytes than a field needs. */
  readonly CORE_BYTES_TRUNCATED: {
    readonly offset: number;
    readonly needed: number;
    readonly available: number;
  };
  /** A compact size that is cut short, longer than it must be, or above the limit. */
  readonly CORE_COMPACT_SIZE_INVALID: {
    readonly reason: 'truncated' | 'non-canonical' | 'too-large';
    readonly offset: number;
  };
  /** A text that is not Base58, or whose checksum is wrong. */
  readonly CORE_BASE58_INVALID: {
    readonly reason: 'character' | 'checksum' | 'too-short' | 'too-long';
    /** Index of the first bad character, or the length of the text. */
    readonly position: number;
  };
  /** A text that is neither Bech32 nor Bech32m (BIP173, BIP350). */
  readonly CORE_BECH32_INVALID: {
    readonly reason: 'character' | 'mixed-case' | 'separator' | 'length' | 'checksum' | 'padding' | 'value';
    /** Index of the first bad character, or the length of the text. */
    readonly position: number;
  };
  /** A text that is no Bitcoin address. */
  readonly CORE_ADDRESS_INVALID: {
    readonly reason:
      | 'empty'
      | 'format'
      | 'length'
      | 'network'
      | 'witness-version'
      | 'witness-program'
      | 'checksum-variant';
  };
  /** An address of another network than the one asked for. */
  readonly CORE_ADDRESS_WRONG_NETWORK: { readonly expected: string; readonly possible: readonly string[] };
  /** A scriptPubKey that no address form can carry. */
  readonly CORE_ADDRESS_NO_FORM: { readonly scriptLength: number };
  /** A call that was not answered in time: one attempt of it, or all of it before its deadline. */
  readonly CORE_TIMEOUT: {
    /** Name of the policy. */
    readonly policy: string;
    readonly scope: 'attempt' | 'deadline';
    /** How long it was given, in milliseconds; how much was left, where that did not suffice for another attempt. */
    readonly limitMs: number;
  };
  /** A call that was ended by its AbortSignal; the cause is the reason of the signal. */
  readonly CORE_ABORTED: { readonly policy: string };
  /** A call that was not made, for those before it failed; the breaker lets one through to probe after the wait. */
  readonly CORE_CIRCUIT_OPEN: { readonly policy: string; readonly retryAfterMs: number };
  /** A call that was not made, for as many as may be are under way and waiting. */
  readonly CORE_BULKHEAD_FULL: { readonly policy: string; readonly concurrency: number; readonly queue: number };
  /** A call that was not made, for it would be one too many in this time. */
  readonly CORE_RATE_LIMITED: { readonly policy: string; readonly retryAfterMs: number };
  /** A failed call that is not tried again, for retries have used up their share; the cause is its last error. */
  readonly CORE_RETRY_BUDGET_SPENT: { readonly policy: string; readonly attempts: number };
  /** A text that is no secret key in wallet import format. */
  readonly CORE_WIF_INVALID: { readonly reason: 'format' | 'length' | 'network' | 'compression' | 'key' };
}

/** Which argument, what it had to be, and what kind of value came instead. */
export interface InvalidArgument {
  readonly argument: string;
  readonly expected: string;
  /** Type and length only; see {@link describeValue}. */
  readonly got: string;
}

/** An error of this package. */
export class CoreError<Code extends keyof CoreErrors = keyof CoreErrors> extends SuiteError<Code, CoreErrors[Code]> {
  override readonly name: string = 'CoreError';
}

/**
 * Error details by code, as {@link hasCode} types them. Packages and apps add theirs by declaration merging:
 * `declare module '@bitcoin-enterprise/core' { interface ErrorDetails extends MyErrors {} }`.
 */
// oxlint-disable-next-line typescript/no-empty-object-type
export interface ErrorDetails extends CoreErrors {}

/** Details of a code; of one that nobody declared, a record to look into. */
export type DetailsOf<Code extends string> = Code extends keyof ErrorDetails
  ? ErrorDetails[Code]
  : Readonly<Record<string, unknown>>;

/** An error that carries one of the codes, from whichever copy of the package. */
export type CodedError<Code extends string> = Code extends string
  ? Error & {
      readonly code: Code;
      readonly details: DetailsOf<Code>;
      readonly hint?: string | undefined;
      readonly retryable: boolean;
    }
  : never;

/**
 * Tells whether an error carries one of the codes, and narrows it.
 *
 * @param error - Anything that was caught.
 * @param codes - The codes looked for.
 *
 * @example
 * ```ts
 * import { hasCode, parseHex } from '@bitcoin-enterprise/core';
 *
 * try {
 *   parseHex('0g');
 * } catch (error) {
 *   hasCode(error, 'CORE_HEX_INVALID') && error.details.position; // => 1
 * }
 * ```
 */
export function hasCode<Code extends string>(error: unknown, ...codes: readonly Code[]): error is CodedError<Code> {
  const code = fieldOf(error, 'code');
  return typeof code === 'string' && (codes as readonly string[]).includes(code);
}

/**
 * Describes a value by type and length alone, so that an error text never repeats a secret.
 *
 * @example
 * ```ts
 * import { describeValue } from '@bitcoin-enterprise/core';
 *
 * describeValue(new Uint8Array(31)); // => 'Uint8Array of 31 bytes'
 * describeValue('abc'); // => 'string of 3 characters'
 * ```
 */
export function describeValue(value: unknown): string {
  if (value === null) return 'null';
  if (isBytes(value)) return `Uint8Array of ${value.length} bytes`;
  if (isRealUint8Array(value)) return 'Uint8Array that is detached or altered';
  if (isList(value)) return `array of ${Number(fieldOf(value, 'length'))}`;
  switch (typeof value) {
    case 'string':
      return `string of ${value.length} characters`;
    case 'number':
      return Number.isNaN(value) ? 'NaN' : Number.isInteger(value) ? 'whole number' : 'number that is not whole';
    default:
      return typeof value;
  }
}

/**
 * Makes the error for an argument of the wrong type.
 *
 * @param argument - Name of the argument, with its path: `options.time`.
 * @param expected - What it had to be.
 * @param value - What came; described, never repeated.
 *
 * @example
 * ```ts
 * import { invalidArgument } from '@bitcoin-enterprise/core';
 *
 * invalidArgument('bytes', 'a Uint8Array', 'abc').message;
 * // => 'CORE_INVALID_ARGUMENT: expected bytes to be a Uint8Array, got string of 3 characters'
 * ```
 */
export function invalidArgument(
  argument: string,
  expected: string,
  value: unknown,
): CoreError<'CORE_INVALID_ARGUMENT'> {
  const details = {
    argument: textOr(argument, 'argument'),
    expected: textOr(expected, 'valid'),
    got: describeValue(value),
  };
  const text = `expected ${details.argument} to be ${details.expected}, got ${details.got}`;
  return new CoreError('CORE_INVALID_ARGUMENT', text, { details });
}

/**
 * Requires a byte array.
 *
 * @param argument - Its name, for the error.
 * @throws {@link CoreError} `CORE_INVALID_ARGUMENT` for anything but a Uint8Array, or one of another length.
 */
export function assertBytes(argument: string, value: unknown, length?: number): asserts value is Uint8Array {
  if (!isBytes(value) || (length !== undefined && sizeOf(value) !== length))
    throw invalidArgument(
      argument,
      typeof length === 'number' ? `a Uint8Array of ${length} bytes` : 'a Uint8Array',
      value,
    );
}

/**
 * Requires an object, of which the caller then reads and checks the fields: options, a record of parts.
 *
 * @throws {@link CoreError} `CORE_INVALID_ARGUMENT` for anything else, arrays and bytes included: a value in the place
 * of options would be ignored silently.
 */
export function assertObject(argument: string, value: unknown): asserts value is object {
  if (!isRecord(value)) throw invalidArgument(argument, 'an object', value);
}

const MAX_JSON_DEPTH = 6;

function jsonSafe(value: unknown, depth: number): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (ArrayBuffer.isView(value)) return isRealUint8Array(value) ? describeValue(value) : 'bytes';
  if (typeof value === 'function' || typeof value === 'symbol') return typeof value;
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= MAX_JSON_DEPTH) return 'too deep';
  try {
    if (Array.isArray(value)) return value.map((item) => jsonSafe(item, depth + 1));
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, jsonSafe(item, depth + 1)]));
  } catch {
    // A revoked proxy, a getter that throws.
    return 'unreadable';
  }
}

/** A field of anything; `undefined` when it has none or cannot be read. */
function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  try {
    return (value as Readonly<Record<string, unknown>>)[name];
  } catch {
    return undefined;
  }
}

/** Names are written by developers, who may get them wrong too. */
function textOr(value: unknown, other: string): string {
  return typeof value === 'string' ? value : other;
}

function nameOfCause(cause: unknown): string {
  if (typeof cause !== 'object' || cause === null) return typeof cause;
  return textOr(fieldOf(cause, 'code'), textOr(fieldOf(cause, 'name'), 'object'));
}
