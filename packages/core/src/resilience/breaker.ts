import {
  circuitBreaker,
  CircuitState,
  ConsecutiveBreaker,
  CountBreaker,
  handleWhenResult,
  type IBackoff,
  type IBackoffFactory,
  type IBreaker,
  type IHalfOpenAfterBackoffContext,
} from 'cockatiel';
import { CoreError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Timers } from '../ports/timers.ts';
import {
  requireCount,
  requireFunction,
  requireName,
  requireNumber,
  requireOptionalFunction,
  requireOptions,
  worldOf,
} from './arguments.ts';
import { isRetryable } from './error-facts.ts';
import { type BreakerState, quietly, type ResilienceObserver } from './events.ts';

/** What {@link createBreaker} may be told. */
export interface BreakerOptions {
  /** Name for errors and events. */
  readonly name?: string;
  /** Opens after so many failures in a row, 1 or more; 5 when neither this nor `sampling` is given. */
  readonly consecutiveFailures?: number;
  /** Opens when more than a share of the last calls failed; instead of `consecutiveFailures`. */
  readonly sampling?: {
    /** Share of failures, above 0 and below 1. */
    readonly share: number;
    /** How many calls are looked at, 1 or more. */
    readonly calls: number;
  };
  /** How long it stays open before it lets one call through to probe, in milliseconds; 10,000 when absent. */
  readonly openMs?: number;
  /** Bound of that time, which doubles with every probe that fails; `openMs` when absent: it does not grow. */
  readonly maxOpenMs?: number;
  /**
   * How long a probe may take, in milliseconds, above 0; 60,000 when absent. One that has not settled by then has
   * failed: the circuit is open again, and the next probe may begin in its time. Its caller still gets what it comes to.
   */
  readonly probeMs?: number;
  /**
   * Whether an error means that the system is failing; those that are retryable do when absent. Any other error is an
   * answer, as a success is.
   */
  readonly isFailure?: (error: unknown) => boolean;
  /** Is told of every change of state. */
  readonly observe?: ResilienceObserver;
  /** What the time is measured with. */
  readonly clock?: Clock;
  /** What waits for a probe; the system's when absent. */
  readonly timers?: Timers;
}

/** Spares a failing system, and callers the wait for it. */
export interface Breaker {
  /** Where it stands; open until a call probes, even when the time to do so has come. */
  readonly state: BreakerState;
  /**
   * Answers whether a call would be let through now.
   *
   * @throws CoreError `CORE_CIRCUIT_OPEN` when not.
   */
  check(): void;
  /**
   * Runs work when the circuit is closed, or as the probe when its time has come.
   *
   * @throws CoreError `CORE_CIRCUIT_OPEN` at once when it is open, or half open with the probe under way; and whatever
   * the work throws.
   */
  run<T>(work: () => PromiseLike<T> | T, options?: BreakerRunOptions): Promise<T>;
}

/** What a call through a {@link Breaker} may be told. */
export interface BreakerRunOptions {
  /** Errors that say nothing about the system, as when the caller went away; a probe that ends so has failed. */
  readonly isIgnored?: (error: unknown) => boolean;
}

/** What the work came to, in a form that is never thrown: an error can be an answer. */
type Outcome<T> = { readonly value: T } | { readonly error: unknown; readonly failed: boolean };

/**
 * Makes a circuit breaker, to be shared by whatever uses the same system. Cockatiel keeps the states; time comes from
 * the monotonic clock, so that a step of the wall clock does not hold it open.
 *
 * @throws CoreError `CORE_INVALID_ARGUMENT`, `CORE_UNIT_OUT_OF_RANGE`.
 *
 * @example
 * ```ts
 * import { SuiteError } from '@bitcoin-enterprise/core';
 * import { createBreaker } from '@bitcoin-enterprise/core/resilience';
 *
 * const breaker = createBreaker({ consecutiveFailures: 1 });
 * const down = () => Promise.reject(new SuiteError('APP_DOWN', 'down', { details: {}, retryable: true }));
 * await breaker.run(down); // => throws APP_DOWN
 * await breaker.run(down); // => throws CORE_CIRCUIT_OPEN
 * ```
 */
export function createBreaker(options: BreakerOptions = {}): Breaker {
  requireOptions('options', options);
  const { name = 'breaker', openMs = 10_000, probeMs = 60_000, isFailure = isRetryable } = options;
  const { maxOpenMs = openMs } = options;
  requireName('options.name', name);
  requireNumber('options.openMs', openMs, 0, Number.MAX_SAFE_INTEGER);
  requireNumber('options.maxOpenMs', maxOpenMs, openMs, Number.MAX_SAFE_INTEGER);
  requireNumber('options.probeMs', probeMs, 1, Number.MAX_SAFE_INTEGER);
  requireOptionalFunction('options.isFailure', options.isFailure);
  const observe = quietly(options.observe);
  const { clock, timers } = worldOf(options);
  const judge = judgeOf(options);
  const failing = (error: unknown): boolean => {
    try {
      return isFailure(error);
    } catch {
      // A judge that fails must not close the circuit.
      return true;
    }
  };

  let openUntilMs = 0;
  let probing = false;
  // Cockatiel would compare the age of the opening by the wall clock; `check` has compared it by ours before.
  const backoff: IBackoff<IHalfOpenAfterBackoffContext> = {
    duration: -Infinity,
    next: ({ attempt }) => {
      openUntilMs = clock.monotonicMs() + Math.min(maxOpenMs, openMs * 2 ** (attempt - 1));
      return backoff;
    },
  };
  const halfOpenAfter: IBackoffFactory<IHalfOpenAfterBackoffContext> = backoff;
  const policy = circuitBreaker(
    handleWhenResult((outcome) => (outcome as Outcome<unknown> & { failed?: boolean }).failed === true),
    {
      halfOpenAfter,
      breaker: {
        state: undefined,
        // A call that began before the circuit opened says nothing about the system as the probe finds it.
        success: (state) => {
          if (state !== CircuitState.Closed || policy.state === CircuitState.Closed) judge.success(state);
        },
        failure: (state) =>
          (state !== CircuitState.Closed || policy.state === CircuitState.Closed) && judge.failure(state),
      },
    },
  );

  let last: BreakerState = 'closed';
  policy.onStateChange((state) => {
    const from = last;
    last = stateNames[state];
    observe({ kind: 'breaker', policy: name, from, to: last });
  });

  const check = (): void => {
    const open = policy.state === CircuitState.Open && clock.monotonicMs() < openUntilMs;
    if (!open && !probing) return;
    // How long a probe takes nobody knows; should it fail, the circuit is open for at least this long.
    const retryAfterMs = probing ? openMs : openUntilMs - clock.monotonicMs();
    throw new CoreError('CORE_CIRCUIT_OPEN', `expected ${name} to answer, got a series of failures before`, {
      details: { policy: name, retryAfterMs },
      hint: 'wait for retryAfterMs, or ask another source',
      retryable: true,
    });
  };

  /** Runs the one call that is let through; the circuit waits for it as long as a probe may take, its caller longer. */
  async function probed<T>(settled: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
    probing = true;
    let callOff = (): void => undefined;
    let ended: Promise<Outcome<T>> | undefined;
    try {
      await policy.execute(() => {
        const outcome = (ended = settled());
        return new Promise<Outcome<T>>((resolve, reject) => {
          callOff = timers.after(probeMs, () => resolve({ error: undefined, failed: true }));
          outcome.then(resolve, reject);
        });
      });
    } finally {
      callOff();
      probing = false;
    }
    return (ended ??= settled());
  }

  return {
    get state() {
      return stateNames[policy.state];
    },
    check,
    async run<T>(work: () => PromiseLike<T> | T, runOptions: BreakerRunOptions = {}): Promise<T> {
      requireFunction('work', work);
      requireOptions('options', runOptions);
      const { isIgnored = () => false } = runOptions;
      requireFunction('options.isIgnored', isIgnored);
      check();
      const isProbe = policy.state !== CircuitState.Closed;
      const settled = async (): Promise<Outcome<T>> => {
        try {
          return { value: await work() };
        } catch (error) {
          if (!isIgnored(error)) return { error, failed: failing(error) };
          if (isProbe) return { error, failed: true };
          // Past the breaker uncounted.
          throw error;
        }
      };
      const outcome = isProbe ? await probed(settled) : await policy.execute(settled);
      if ('value' in outcome) return outcome.value;
      throw outcome.error;
    },
  };
}

const stateNames: Readonly<Record<CircuitState, BreakerState>> = {
  [CircuitState.Closed]: 'closed',
  [CircuitState.Open]: 'open',
  [CircuitState.HalfOpen]: 'half-open',
  // Nothing here isolates a circuit.
  [CircuitState.Isolated]: 'open',
};

function judgeOf(options: BreakerOptions): IBreaker {
  const { sampling, consecutiveFailures = 5 } = options;
  if (sampling === undefined) {
    requireCount('options.consecutiveFailures', consecutiveFailures, 1);
    return new ConsecutiveBreaker(consecutiveFailures);
  }
  requireOptions('options.sampling', sampling);
  const { share, calls } = sampling;
  requireNumber('options.sampling.share', share, Number.EPSILON, 1 - Number.EPSILON);
  requireCount('options.sampling.calls', calls, 1);
  return new CountBreaker({ threshold: share, size: calls });
}
