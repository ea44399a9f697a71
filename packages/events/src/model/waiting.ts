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

/**
 * Ends the wait for a call when its signal comes, or the store is closed for good; what was begun may still happen.
 *
 * @throws EventsError `EVENTS_ABORTED`, or `error` of whoever closes.
 */
export async function endable<Result>(
  work: Promise<Result>,
  options: { readonly call: string; readonly signal: AbortSignal | undefined },
): Promise<Result> {
  const { call, signal } = options;
  if (signal === undefined) return work;
  let stop: () => void = () => undefined;
  const ended = new Promise<never>((_, fail) => {
    stop = () => fail(aborted(call));
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
  });
  // Whoever loses the race must not end the process with it.
  work.catch(() => undefined);
  ended.catch(() => undefined);
  try {
    return await Promise.race([work, ended]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
