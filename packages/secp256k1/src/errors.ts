import { isBytes, isList, sizeOf, typedArrayName } from './bytes.ts';

/** The errors of this package: code → the facts that come with it. */
export interface Secp256k1Errors {
  /** An argument of the wrong type or length: a bug of the caller. */
  readonly SECP256K1_INVALID_ARGUMENT: { readonly argument: string; readonly expected: string; readonly got: string };
  /** The WebAssembly module was not built, or this runtime cannot compile it. */
  readonly SECP256K1_MODULE_UNAVAILABLE: { readonly variant: string };
  /** A module was handed in that is not this package's. */
  readonly SECP256K1_MODULE_MISMATCH: { readonly missing: string };
  /** The module's memory cannot grow as far as the input needs. */
  readonly SECP256K1_OUT_OF_MEMORY: { readonly bytes: number };
}

/** How a {@link Secp256k1Error} is made up beside its code and text. */
export interface Secp256k1ErrorOptions<Details> {
  /** Facts for a program. */
  readonly details: Details;
  /** What to do about it. */
  readonly hint?: string;
  /** The lower error. */
  readonly cause?: unknown;
}

/** Something this package could not do; branch on `code`, which also opens the message. */
export class Secp256k1Error<Code extends keyof Secp256k1Errors = keyof Secp256k1Errors> extends Error {
  override readonly name: string = 'Secp256k1Error';
  readonly code: Code;
  readonly details: Secp256k1Errors[Code];
  readonly hint: string | undefined;
  /** Whether the same call may succeed later: never here. */
  readonly retryable: boolean = false;

  constructor(code: Code, text: string, options: Secp256k1ErrorOptions<Secp256k1Errors[Code]>) {
    super(`${code}: ${text}`, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details;
    this.hint = options.hint;
  }
}

/** Says in a few words what a value is, without its content: it may be a secret. */
export function describe(value: unknown): string {
  if (value === null) return 'null';
  if (isBytes(value)) return `Uint8Array of ${sizeOf(value)} bytes`;
  const name = typedArrayName(value);
  if (name !== undefined) return name === 'Uint8Array' ? 'Uint8Array that is detached or altered' : name;
  if (isList(value)) return 'array';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return typeof value;
}
