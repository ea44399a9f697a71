import { fieldOf } from './arguments.ts';

/**
 * Whether an error says that the same call may succeed later: its own field `retryable`. An error that says nothing,
 * as those of other libraries do, is not retried.
 *
 * @param error - Anything that was caught.
 *
 * @example
 * ```ts
 * import { isRetryable } from '@bitcoin-enterprise/core/resilience';
 *
 * isRetryable(new TypeError('fetch failed')); // => false
 * isRetryable({ retryable: true }); // => true
 * ```
 */
export function isRetryable(error: unknown): boolean {
  return fieldOf(error, 'retryable') === true;
}

/**
 * The stable name of an error for counters and logs: its code, else the name of its class, else the kind of value.
 * Never its text, which may hold anything.
 *
 * @example
 * ```ts
 * import { errorType } from '@bitcoin-enterprise/core/resilience';
 *
 * errorType(new RangeError('secret')); // => 'RangeError'
 * ```
 */
export function errorType(error: unknown): string {
  for (const field of ['code', 'name']) {
    const name = fieldOf(error, field);
    // A name is an identifier; a text that is none could hold anything, and would be a series of its own.
    if (typeof name === 'string' && /^\w{1,80}$/.test(name)) return name;
  }
  return error === null ? 'null' : typeof error;
}

/** How long a server asked to be left alone: `details.retryAfterMs`, milliseconds; 0 when it said nothing. */
export function retryAfterMsOf(error: unknown): number {
  const value = fieldOf(fieldOf(error, 'details'), 'retryAfterMs');
  return typeof value === 'number' && value > 0 && Number.isFinite(value) ? value : 0;
}
