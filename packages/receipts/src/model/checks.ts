import { isBytes } from '@bitcoin-enterprise/core';
import { invalidArgument, ReceiptsError } from '../errors.ts';

/** Requires bytes, of `length` if one is given; `RECEIPTS_INVALID_ARGUMENT` otherwise. */
export function requireBytes(argument: string, value: unknown, length?: number): asserts value is Uint8Array {
  if (!isBytes(value) || (length !== undefined && value.length !== length))
    throw invalidArgument(argument, length === undefined ? 'a Uint8Array' : `${length} bytes`, value);
}

/** Requires a string. */
export function requireText(argument: string, value: unknown): asserts value is string {
  if (typeof value !== 'string') throw invalidArgument(argument, 'a string', value);
}

/** Requires a whole number from 0 to 2^53 - 1, or to `maximum`. */
export function requireCount(argument: string, value: unknown, minimum = 0): asserts value is number {
  if (!Number.isSafeInteger(value) || (value as number) < minimum)
    throw invalidArgument(argument, `a whole number from ${minimum}`, value);
}

/** Requires an array; holes and wrong items are for the caller to find. */
export function requireList(argument: string, value: unknown): asserts value is readonly unknown[] {
  if (!isList(value)) throw invalidArgument(argument, 'an array', value);
}

/** Requires an object that is no array and no bytes. */
export function requireObject(argument: string, value: unknown): asserts value is object {
  if (!isObject(value)) throw invalidArgument(argument, 'an object', value);
}

/** Requires an object with these methods. */
export function requireMethods(argument: string, value: unknown, names: readonly string[]): asserts value is object {
  requireObject(argument, value);
  for (const name of names)
    if (typeof fieldOf(value, name) !== 'function') throw invalidArgument(`${argument}.${name}`, 'a function', value);
}

/** Whether a value is an array; a revoked proxy is none. */
export function isList(value: unknown): value is readonly unknown[] {
  try {
    return Array.isArray(value);
  } catch {
    return false;
  }
}

/** Whether a value is an object that is no array and no bytes. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !ArrayBuffer.isView(value) && !isList(value);
}

/** A field of anything; `undefined` when it has none or reading it throws. */
export function fieldOf(value: unknown, name: string): unknown {
  try {
    return isObject(value) ? value[name] : undefined;
  } catch {
    return undefined;
  }
}

/** Throws `RECEIPTS_ABORTED` once a signal was aborted. */
export function throwIfAborted(call: string, signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return;
  const details = { call };
  throw new ReceiptsError('RECEIPTS_ABORTED', `${call} was aborted`, { details, cause: signal.reason });
}

/** What a promise gives, unless a signal is aborted first: `RECEIPTS_ABORTED` then, while the work goes on unheard. */
export function unlessAborted<Value>(
  call: string,
  work: Promise<Value>,
  options: { readonly signal?: AbortSignal },
): Promise<Value> {
  const { signal } = options;
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      try {
        throwIfAborted(call, signal);
      } catch (error) {
        reject(error);
      }
    };
    signal.addEventListener('abort', stop, { once: true });
    stop();
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
