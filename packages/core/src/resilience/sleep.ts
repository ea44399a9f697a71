import type { Timers } from '../ports/timers.ts';
import { requireNumber, requireOptions, requireSignal, worldOf } from './arguments.ts';
import { openScope, untilAborted } from './scope.ts';

/** What {@link sleep} may be told. */
export interface SleepOptions {
  /** What waits; the system's when absent. */
  readonly timers?: Timers;
  /** Ends the sleep early, with an error. */
  readonly signal?: AbortSignal;
}

/**
 * Waits; ends at once when the signal is aborted, and leaves neither timer nor listener behind.
 *
 * @param delayMs - Milliseconds, 0 or more.
 * @throws CoreError `CORE_ABORTED`.
 *
 * @example
 * ```ts
 * import { sleep } from '@bitcoin-enterprise/core/resilience';
 *
 * await sleep(60_000, { signal: AbortSignal.abort() }); // => throws CORE_ABORTED
 * ```
 */
export async function sleep(delayMs: number, options: SleepOptions = {}): Promise<void> {
  requireOptions('options', options);
  requireNumber('delayMs', delayMs, 0, Number.MAX_SAFE_INTEGER);
  requireSignal('options.signal', options.signal);
  const { clock, timers } = worldOf(options);
  const scope = openScope({ clock, timers, parent: options.signal, policy: 'sleep' });
  let callOff = (): void => undefined;
  try {
    await untilAborted(scope.signal, () => new Promise<void>((resolve) => (callOff = timers.after(delayMs, resolve))));
  } finally {
    callOff();
    scope.close();
  }
}
