import { type CryptoEngine, SuiteError, isBytes } from '@bitcoin-enterprise/core';

/** The errors of this package: code → the facts that come with it. This comment becomes docs/errors.md. */
export interface ScriptErrors {
  /** An argument of the wrong type or shape: a bug of the caller. `got` describes the value without repeating it. */
  readonly SCRIPT_INVALID_ARGUMENT: {
    readonly argument: string;
    readonly expected: string;
    readonly got: string;
  };
  /** Bytes that end before the structure they announce. */
  readonly SCRIPT_BYTES_TRUNCATED: { readonly offset: number; readonly needed: number; readonly available: number };
  /** Bytes left over behind a complete structure. */
  readonly SCRIPT_BYTES_TRAILING: { readonly offset: number; readonly extra: number };
  /** A serialisation that Bitcoin's rules of encoding refuse. */
  readonly SCRIPT_ENCODING_INVALID: {
    readonly offset: number;
    readonly reason:
      | 'compact-size-non-canonical'
      | 'compact-size-too-large'
      | 'superfluous-witness'
      | 'unknown-transaction-flag';
  };
  /** An input index that the transaction does not have. */
  readonly SCRIPT_INPUT_INDEX_OUT_OF_RANGE: { readonly inputIndex: number; readonly inputs: number };
  /** Not exactly one spent output per input. */
  readonly SCRIPT_SPENT_OUTPUTS_MISMATCH: { readonly inputs: number; readonly spentOutputs: number };
  /** A verification flag that Bitcoin Core does not have. */
  readonly SCRIPT_FLAG_UNKNOWN: { readonly flag: string };
  /** A sighash type that the signature version does not define, or SIGHASH_SINGLE without its output. */
  readonly SCRIPT_SIGHASH_TYPE_INVALID: { readonly hashType: number; readonly reason: 'undefined' | 'no-output' };
  /** A script source with a word or a push that cannot be assembled. */
  readonly SCRIPT_ASSEMBLY_INVALID: { readonly position: number; readonly reason: string };
  /** A Taproot tree that cannot be built. */
  readonly SCRIPT_TAPROOT_INVALID: {
    readonly reason:
      | 'depth'
      | 'leaves'
      | 'leaf-version'
      | 'internal-key'
      | 'tweak'
      | 'empty'
      | 'leaf-not-found'
      | 'control-block';
  };
}

/** An input to this package that cannot be what it claims to be. */
export class ScriptError<Code extends keyof ScriptErrors = keyof ScriptErrors> extends SuiteError<
  Code,
  ScriptErrors[Code]
> {
  override readonly name: string = 'ScriptError';
}

/** The error of an argument of the wrong type: says what kind of value came, never the value. */
export function invalidArgument(
  argument: string,
  expected: string,
  value: unknown,
): ScriptError<'SCRIPT_INVALID_ARGUMENT'> {
  const got = kindOf(value);
  return new ScriptError('SCRIPT_INVALID_ARGUMENT', `expected ${argument} to be ${expected}, got ${got}`, {
    details: { argument, expected, got },
    hint: `Pass ${expected} as ${argument}.`,
  });
}

/** Throws unless a value is a byte array, and returns it. */
export function requireBytes(value: unknown, argument: string, length?: number): Uint8Array {
  if (!isBytes(value) || (length !== undefined && value.length !== length))
    throw invalidArgument(argument, length === undefined ? 'a Uint8Array' : `a Uint8Array of ${length} bytes`, value);
  return value;
}

/** Throws unless a value is a whole number within bounds, and returns it. */
export function requireInteger(value: unknown, argument: string, minimum: number, maximum: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < minimum || value > maximum)
    throw invalidArgument(argument, `a whole number from ${minimum} to ${maximum}`, value);
  return value;
}

/** Throws unless a value is an object with named fields, not bytes and not a list, and returns it. */
export function requireObject(value: unknown, argument: string): Readonly<Record<string, unknown>> {
  if (!isRecord(value)) throw invalidArgument(argument, 'an object', value);
  return value;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || isList(value)) return false;
  try {
    // A revoked proxy throws on any touch, this one included; what is asked for does not matter.
    Reflect.getPrototypeOf(value);
    return true;
  } catch {
    return false;
  }
}

/** Throws unless a value is a list, and returns its elements; holes become `undefined`. */
export function requireList(value: unknown, argument: string): readonly unknown[] {
  if (!isList(value)) throw invalidArgument(argument, 'an array', value);
  return Array.from(value);
}

/** `Array.isArray` that answers for a revoked proxy too. */
function isList(value: unknown): value is readonly unknown[] {
  try {
    return Array.isArray(value);
  } catch {
    return false;
  }
}

/** Throws unless a value is a crypto engine, and returns it. */
export function requireCrypto(value: unknown): CryptoEngine {
  const engine = requireObject(value, 'crypto') as Partial<CryptoEngine>;
  if (typeof engine.sha256 !== 'function' || typeof engine.schnorrVerify !== 'function')
    throw invalidArgument('crypto', 'a CryptoEngine', value);
  return engine as CryptoEngine;
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (isBytes(value)) return `a Uint8Array of ${value.length} bytes`;
  if (isList(value)) return `an array of ${value.length}`;
  if (typeof value === 'number') return Number.isFinite(value) ? 'another number' : String(value);
  return typeof value === 'object' ? 'another object' : `a value of type ${typeof value}`;
}

declare module '@bitcoin-enterprise/core' {
  // oxlint-disable-next-line typescript/no-empty-object-type
  interface ErrorDetails extends ScriptErrors {}
}
