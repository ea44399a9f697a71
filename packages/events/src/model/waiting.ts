import { aborted } from '../errors.ts';

/** Callers who wait for something new, in this process. */
export interface Bell {
  /** Wakes all who wait. */
  ring(): void;
  /**
   * Waits for the next ring, at most `timeoutMs`.
   *
   * @returns Whether it rang.
   * @throws EventsError `EVENTS_ABORTED`.
   */
  wait(timeoutMs: number, signal?: AbortSignal): Promise<boolean>;
}

/** Makes a bell. It holds a timer only while somebody waits. */
export function createBell(call: string): Bell {
  const waiting = new Set<() => void>();
  return {
    ring() {
      // Taken out first: whoever is woken may wait again at once.
      const woken = [...waiting];
      for (const wake of woken) wake();
    },
    wait: (timeoutMs, signal) =>
      new Promise((done, fail) => {
        if (signal?.aborted === true) return fail(aborted(call));
        const timer = setTimeout(() => finish(false), timeoutMs);
        const rung = (): void => finish(true);
        const ended = (): void => {
          forget();
          fail(aborted(call));
        };
        waiting.add(rung);
        signal?.addEventListener('abort', ended, { once: true });
        function forget(): void {
          clearTimeout(timer);
          waiting.delete(rung);
          signal?.removeEventListener('abort', ended);
        }
        function finish(outcome: boolean): void {
          forget();
          done(outcome);
        }
      }),
  };
}
