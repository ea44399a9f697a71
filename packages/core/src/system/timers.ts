import type { Timers } from '../ports/timers.ts';

/** The longest delay `setTimeout` knows, in milliseconds; a longer one would ring at once. */
const LONGEST_MS = 2_147_483_647;

/**
 * The timers of the runtime. A timer holds a Node process until it rings or is called off.
 *
 * @example
 * ```ts
 * import { systemTimers } from '@bitcoin-enterprise/core/resilience';
 *
 * const callOff = systemTimers().after(60_000, () => {});
 * callOff(); // => undefined
 * ```
 */
export function systemTimers(): Timers {
  return {
    after(delayMs, callback) {
      if (delayMs === Infinity) return () => undefined;
      let leftMs = Number.isNaN(delayMs) ? 0 : Math.max(0, delayMs);
      let handle: ReturnType<typeof setTimeout>;
      const arm = (): void => {
        const nextMs = Math.min(leftMs, LONGEST_MS);
        leftMs -= nextMs;
        handle = setTimeout(() => (leftMs > 0 ? arm() : callback()), Math.ceil(nextMs));
      };
      arm();
      return () => clearTimeout(handle);
    },
  };
}
