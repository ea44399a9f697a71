import type { Clock } from '../ports/clock.ts';
import { unixMilliseconds, unixSeconds } from '../units/times.ts';

/**
 * The clock of the runtime.
 *
 * @example
 * ```ts
 * import { systemClock } from '@bitcoin-enterprise/core';
 *
 * systemClock().now() > 1_700_000_000; // => true
 * ```
 */
export function systemClock(): Clock {
  return {
    now: () => unixSeconds(Math.floor(Date.now() / 1_000)),
    nowMs: () => unixMilliseconds(Date.now()),
    monotonicMs: () => performance.now(),
  };
}
