import { aborted } from '../errors.ts';

/** Callers who wait for something new, in this process. */
export interface Bell {
  /** Wakes all who wait. */
  ring(): void;
  /**
   * Waits until something is there: looks at once, at each ring, and every `pollMs` should a ring get lost.
   *
   * @param options - `isThere` may throw; a signal ends the wait and makes it look once more.
   * @returns Whether it is there; `false` when the time was over first.
   * @throws EventsError `EVENTS_ABORTED`, or what `isThere` throws.
   */
  until(options: {
    readonly isThere: () => Promise<boolean>;
    readonly timeoutMs: number;
    readonly pollMs: number;
    readonly signals: readonly AbortSignal[];
  }): Promise<boolean>;
}

/** Makes a bell. It holds a timer only while somebody waits. */
export function createBell(call: string): Bell {
  const waiting = new Set<() => void>();

  async function until({ isThere, timeoutMs, pollMs, signals }: Parameters<Bell['until']>[0]): Promise<boolean> {
    let missed = true;
    let wake: () => void = () => undefined;
    const ring = (): void => {
      // One that comes while we look makes us look again.
      missed = true;
      wake();
    };
    waiting.add(ring);
    for (const signal of signals) signal.addEventListener('abort', ring, { once: true });
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      const end = performance.now() + timeoutMs;
      for (;;) {
        missed = false;
        if (await isThere()) return true;
        if (signals.some(({ aborted: ended }) => ended)) {
          // A signal that came while we looked may be that of a close, of which a look tells.
          if (await isThere()) return true;
          throw aborted(call);
        }
        const left = end - performance.now();
        if (left <= 0) return false;
        if (missed) continue;
        await new Promise<void>((done) => {
          wake = done;
          timer = setTimeout(done, Math.min(left, pollMs));
        });
        clearTimeout(timer);
      }
    } finally {
      clearTimeout(timer);
      waiting.delete(ring);
      for (const signal of signals) signal.removeEventListener('abort', ring);
    }
  }

  return {
    until,
    ring() {
      // Taken out first: whoever is woken may wait again at once.
      const woken = [...waiting];
      for (const wake of woken) wake();
    },
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

/** Waits; a signal ends the wait. */
export async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  await new Promise<void>((done) => {
    const timer = setTimeout(finish, milliseconds);
    signal?.addEventListener('abort', finish, { once: true });
    function finish(): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', finish);
      done();
    }
    if (signal?.aborted === true) finish();
  });
}
