/** One promise of a port: a sentence, and a run that throws when an adapter breaks it. */
export interface Promised<T> {
  /** The promise as a sentence of behaviour. */
  readonly name: string;
  /**
   * Checks it against a fresh adapter.
   *
   * @param make - Makes the adapter under test; called as often as the check needs one.
   */
  run(make: () => T | Promise<T>): Promise<void> | void;
}

/** The promises of a port, which nobody can change. */
export function promises<T>(...list: readonly Promised<T>[]): ReadonlyArray<Promised<T>> {
  return Object.freeze(list.map((promised) => Object.freeze(promised)));
}

/** A promise of a port that was broken. */
export class BrokenPromise extends Error {
  override readonly name: string = 'BrokenPromise';
}

/**
 * Requires a condition.
 *
 * @throws {@link BrokenPromise} with the text when it does not hold.
 */
export function ensure(condition: boolean, text: string): asserts condition {
  if (!condition) throw new BrokenPromise(text);
}

/**
 * Requires two values to be alike: primitives by `Object.is`, byte arrays, arrays and plain objects by content.
 *
 * @throws {@link BrokenPromise} that shows both.
 */
export function ensureEqual(actual: unknown, expected: unknown, what = 'values'): void {
  if (!alike(actual, expected)) throw new BrokenPromise(`${what}: expected ${show(expected)}, got ${show(actual)}`);
}

/**
 * Requires a call to fail with a code.
 *
 * @returns The error that came.
 * @throws {@link BrokenPromise} when it succeeds or fails otherwise.
 */
export async function ensureThrows(call: () => unknown, code: string): Promise<unknown> {
  try {
    await call();
  } catch (error) {
    const got = typeof error === 'object' && error !== null && 'code' in error ? error.code : String(error);
    if (got !== code) throw new BrokenPromise(`expected an error ${code}, got ${String(got)}`);
    return error;
  }
  throw new BrokenPromise(`expected an error ${code}, got an answer`);
}

function alike(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (a instanceof Uint8Array !== b instanceof Uint8Array || Array.isArray(a) !== Array.isArray(b)) return false;
  const left = a as Readonly<Record<string, unknown>>;
  const right = b as Readonly<Record<string, unknown>>;
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length && keys.every((key) => key in right && alike(left[key], right[key]));
}

function show(value: unknown): string {
  if (value instanceof Uint8Array)
    return `0x${Array.from(value, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
  if (typeof value === 'bigint') return `${value}n`;
  if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`;
  if (typeof value === 'object' && value !== null)
    return `{ ${Object.entries(value)
      .map(([key, item]) => `${key}: ${show(item)}`)
      .join(', ')} }`;
  return typeof value === 'string' ? `'${value}'` : String(value);
}
