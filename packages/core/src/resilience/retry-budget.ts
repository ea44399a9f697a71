import type { Clock } from '../ports/clock.ts';
import { requireNumber, requireOptions, worldOf } from './arguments.ts';

/** What {@link createRetryBudget} may be told. */
export interface RetryBudgetOptions {
  /** Retries for each call, 0 to 1: 0.1 when absent, one retry for ten calls. */
  readonly share?: number;
  /** Retries a second that are allowed however few the calls are; 1 when absent. */
  readonly minimumPerSecond?: number;
  /** The most retries that can be saved up, and those at hand at the start; 10 when absent. */
  readonly burst?: number;
  /** What the seconds are measured with. */
  readonly clock?: Clock;
}

/**
 * What all retries of a process, or all to one system, are paid from: when a system fails for everybody, retries stay a
 * small share of the calls instead of multiplying them.
 */
export interface RetryBudget {
  /** Counts a call, which pays for its share of a retry. */
  deposit(): void;
  /** Takes one retry; `false` when there is none. */
  withdraw(): boolean;
  /** Retries at hand, a fraction included. */
  available(): number;
}

/**
 * Makes a retry budget, to be shared by policies. In any stretch of time there are at most
 * `burst + share * calls + minimumPerSecond * seconds` retries.
 *
 * @throws CoreError `CORE_INVALID_ARGUMENT`, `CORE_UNIT_OUT_OF_RANGE`.
 *
 * @example
 * ```ts
 * import { createRetryBudget } from '@bitcoin-enterprise/core/resilience';
 *
 * const budget = createRetryBudget({ share: 0.5, minimumPerSecond: 0, burst: 1 });
 * [budget.withdraw(), budget.withdraw()]; // => [true, false]
 * budget.deposit();
 * budget.deposit();
 * budget.withdraw(); // => true
 * ```
 */
export function createRetryBudget(options: RetryBudgetOptions = {}): RetryBudget {
  requireOptions('options', options);
  const { share = 0.1, minimumPerSecond = 1, burst = 10 } = options;
  requireNumber('options.share', share, 0, 1);
  requireNumber('options.minimumPerSecond', minimumPerSecond, 0, 1e9);
  requireNumber('options.burst', burst, 0, 1e9);
  const { clock } = worldOf(options);
  const bucket = createBucket({ clock, perSecond: minimumPerSecond, burst });
  return {
    deposit: () => bucket.put(share),
    withdraw: () => bucket.take(),
    available: () => bucket.level(),
  };
}

/** A token bucket: fills with time and by hand, never beyond its size. */
export interface Bucket {
  put(tokens: number): void;
  /** Takes one token, when there is one. */
  take(): boolean;
  level(): number;
  /** Milliseconds until it holds as many tokens by time alone; `Infinity` when it never will. */
  waitMs(tokens: number): number;
}

/** Ten additions of a tenth are a shade less than one. */
const ROUNDING = 1e-9;

/** Makes a token bucket that is full. */
export function createBucket(options: {
  readonly clock: Clock;
  readonly perSecond: number;
  readonly burst: number;
}): Bucket {
  const { clock, perSecond, burst } = options;
  let tokens = burst;
  let filledMs = clock.monotonicMs();
  const level = (): number => {
    const nowMs = clock.monotonicMs();
    tokens = Math.min(burst, tokens + (Math.max(0, nowMs - filledMs) * perSecond) / 1_000);
    filledMs = nowMs;
    return tokens;
  };
  return {
    level,
    put(more) {
      tokens = Math.min(burst, level() + more);
    },
    take() {
      if (level() < 1 - ROUNDING) return false;
      tokens = Math.max(0, tokens - 1);
      return true;
    },
    waitMs(wanted) {
      const missing = wanted - level();
      if (missing <= ROUNDING) return 0;
      return (missing * 1_000) / perSecond;
    },
  };
}
