import { CoreError } from '../errors.ts';
import {
  requireName,
  requireNumber,
  requireOptions,
  requireOptionalMs,
  requireSignal,
  type World,
  worldOf,
} from './arguments.ts';
import { createBucket } from './retry-budget.ts';
import { openScope } from './scope.ts';

/** What {@link createRateLimit} is told. */
export interface RateLimitOptions extends Pick<World, 'clock' | 'timers'> {
  /** Name for errors. */
  readonly name?: string;
  /** Calls a second, above 0; a fraction is allowed. */
  readonly perSecond: number;
  /** Calls that may come at once after a pause, 1 or more; a second's worth when absent. */
  readonly burst?: number;
  /** How long a call may wait for its turn, in milliseconds; 0 when absent: it is refused. */
  readonly maxWaitMs?: number;
}

/** Keeps calls to a rate: a token bucket. */
export interface RateLimit {
  /** How many wait for their turn. */
  readonly queued: number;
  /**
   * Takes a turn, first come, first served.
   *
   * @throws CoreError `CORE_RATE_LIMITED` at once when the turn would come later than `maxWaitMs`; `CORE_ABORTED`.
   */
  take(options?: { readonly signal?: AbortSignal }): Promise<void>;
}

/**
 * Makes a rate limit, to be shared by whatever uses the same system. In any stretch of time at most
 * `burst + perSecond * seconds` calls are let through.
 *
 * @throws CoreError `CORE_INVALID_ARGUMENT`, `CORE_UNIT_OUT_OF_RANGE`.
 *
 * @example
 * ```ts
 * import { createRateLimit } from '@bitcoin-enterprise/core/resilience';
 *
 * const limit = createRateLimit({ perSecond: 1, burst: 1 });
 * await limit.take();
 * await limit.take(); // => throws CORE_RATE_LIMITED
 * ```
 */
export function createRateLimit(options: RateLimitOptions): RateLimit {
  requireOptions('options', options);
  const { name = 'rate limit', perSecond, maxWaitMs = 0 } = options;
  requireName('options.name', name);
  requireNumber('options.perSecond', perSecond, Number.MIN_VALUE, 1e9);
  const { burst = Math.max(1, perSecond) } = options;
  requireNumber('options.burst', burst, 1, 1e9);
  requireOptionalMs('options.maxWaitMs', maxWaitMs);
  const { clock, timers } = worldOf(options);
  const bucket = createBucket({ clock, perSecond, burst });
  const waiting = new Set<() => void>();
  let callOff = (): void => undefined;

  /** Lets in whoever's turn it is, and sets one timer for the next. */
  const serve = (): void => {
    callOff();
    for (const next of waiting) {
      if (!bucket.take()) {
        callOff = timers.after(bucket.waitMs(1), serve);
        return;
      }
      waiting.delete(next);
      next();
    }
  };

  return {
    get queued() {
      return waiting.size;
    },
    async take(takeOptions = {}) {
      requireOptions('options', takeOptions);
      requireSignal('options.signal', takeOptions.signal);
      const scope = openScope({ clock, timers, parent: takeOptions.signal, policy: name });
      try {
        if (scope.signal.aborted) throw scope.signal.reason;
        if (waiting.size === 0 && bucket.take()) return;
        const retryAfterMs = bucket.waitMs(waiting.size + 1);
        if (retryAfterMs > maxWaitMs)
          throw new CoreError('CORE_RATE_LIMITED', `expected at most ${perSecond} calls a second, got one more`, {
            details: { policy: name, retryAfterMs },
            retryable: true,
          });
        await new Promise<void>((resolve, reject) => {
          waiting.add(resolve);
          scope.signal.addEventListener('abort', () => {
            if (!waiting.delete(resolve)) return;
            if (waiting.size === 0) callOff();
            reject(scope.signal.reason);
          });
          if (waiting.size === 1) serve();
        });
      } finally {
        scope.close();
      }
    },
  };
}
