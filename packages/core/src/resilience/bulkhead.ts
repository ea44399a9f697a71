import { CoreError } from '../errors.ts';
import {
  requireCount,
  requireFunction,
  requireName,
  requireOptions,
  requireSignal,
  type World,
  worldOf,
} from './arguments.ts';
import { openScope } from './scope.ts';

/** What {@link createBulkhead} is told. */
export interface BulkheadOptions {
  /** Name for errors. */
  readonly name?: string;
  /** The most that may be under way at once, 1 or more. */
  readonly concurrency: number;
  /** The most that may wait for a place; none when absent. */
  readonly queue?: number;
}

/** Keeps a slow system from taking every resource of a process: so many at once, so many waiting, the rest refused. */
export interface Bulkhead {
  /** How many are under way. */
  readonly active: number;
  /** How many wait. */
  readonly queued: number;
  /**
   * Runs work when there is a place, first come, first served.
   *
   * @throws CoreError `CORE_BULKHEAD_FULL`; `CORE_ABORTED` when the signal ends the wait. The work itself is not ended:
   * it holds its place until it settles.
   */
  run<T>(work: () => PromiseLike<T> | T, options?: { readonly signal?: AbortSignal }): Promise<T>;
}

/**
 * Makes a bulkhead, to be shared by whatever uses the same system.
 *
 * A place is free when the promise of the work settles. Around a time-out of your own, as in
 * `bulkhead.run(() => withDeadline(work, options))`, that is when the time is up, even if the work goes on: let
 * {@link resilient} put the two together, which keeps the place, or put the time-out outside of the bulkhead.
 *
 * @throws CoreError `CORE_INVALID_ARGUMENT`, `CORE_UNIT_OUT_OF_RANGE`.
 *
 * @example
 * ```ts
 * import { createBulkhead } from '@bitcoin-enterprise/core/resilience';
 *
 * const bulkhead = createBulkhead({ concurrency: 1 });
 * const first = bulkhead.run(async () => 'first');
 * await bulkhead.run(async () => 'second'); // => throws CORE_BULKHEAD_FULL
 * await first; // => 'first'
 * ```
 */
export function createBulkhead(options: BulkheadOptions): Bulkhead {
  requireOptions('options', options);
  const { name = 'bulkhead', concurrency, queue = 0 } = options;
  requireName('options.name', name);
  requireCount('options.concurrency', concurrency, 1);
  requireCount('options.queue', queue, 0);
  let active = 0;
  // A set keeps the order of arrival and lets go of any member at once.
  const waiting = new Set<() => void>();

  const enter = async (signal: AbortSignal | undefined): Promise<void> => {
    const scope = openScope({ ...worldOf({} satisfies World), parent: signal, policy: name });
    try {
      if (scope.signal.aborted) throw scope.signal.reason;
      if (active < concurrency) {
        active++;
        return;
      }
      if (waiting.size >= queue)
        throw new CoreError(
          'CORE_BULKHEAD_FULL',
          `expected at most ${concurrency} calls at once and ${queue} waiting, got one more`,
          { details: { policy: name, concurrency, queue }, retryable: true },
        );
      await new Promise<void>((resolve, reject) => {
        waiting.add(resolve);
        scope.signal.addEventListener('abort', () => {
          // One that was let in meanwhile keeps its place: whoever runs it gives it back.
          if (waiting.delete(resolve)) reject(scope.signal.reason);
        });
      });
    } finally {
      scope.close();
    }
  };

  const leave = (): void => {
    for (const next of waiting) {
      // The place goes from hand to hand, so that nobody who comes between can take it.
      waiting.delete(next);
      next();
      return;
    }
    active--;
  };

  return {
    get active() {
      return active;
    },
    get queued() {
      return waiting.size;
    },
    async run(work, runOptions = {}) {
      requireFunction('work', work);
      requireOptions('options', runOptions);
      requireSignal('options.signal', runOptions.signal);
      await enter(runOptions.signal);
      try {
        return await work();
      } finally {
        leave();
      }
    },
  };
}
