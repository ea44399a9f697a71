import type { Clock } from '../ports/clock.ts';
import { unixMilliseconds, unixSeconds } from '../units/times.ts';

/** A clock that stands still until it is told to move. */
export interface ManualClock extends Clock {
  /** Moves forward by milliseconds, 0 or more. */
  advanceMs(milliseconds: number): void;
  /** Sets the wall time in Unix milliseconds, also back, as a clock step does; the monotonic time stays. */
  setMs(milliseconds: number): void;
}

/**
 * Makes a clock for tests.
 *
 * @param startMs - Unix milliseconds at the start; 2023-11-14T22:13:20Z when absent.
 *
 * @example
 * ```ts
 * import { createManualClock } from '@bitcoin-enterprise/core/testing';
 *
 * const clock = createManualClock();
 * clock.advanceMs(5_000);
 * clock.now(); // => 1_700_000_005
 * ```
 */
export function createManualClock(startMs = 1_700_000_000_000): ManualClock {
  let wallMs = unixMilliseconds(startMs);
  let elapsedMs = 0;
  return {
    now: () => unixSeconds(Math.floor(wallMs / 1_000)),
    nowMs: () => wallMs,
    monotonicMs: () => elapsedMs,
    advanceMs(milliseconds) {
      wallMs = unixMilliseconds(wallMs + unixMilliseconds(milliseconds));
      elapsedMs += milliseconds;
    },
    setMs(milliseconds) {
      wallMs = unixMilliseconds(milliseconds);
    },
  };
}
