/** One piece of work after the other. */
export interface Turns {
  /**
   * Runs work when all before it is done.
   *
   * @param work - Gets its turn even when what came before has failed.
   * @param signal - Ends the wait for the turn, with its reason; the work itself has to look after it.
   */
  take<Result>(work: () => Promise<Result>, signal?: AbortSignal): Promise<Result>;
}

/** Makes turns to be taken. */
export function createTurns(): Turns {
  let last: Promise<void> = Promise.resolve();
  return {
    async take(work, signal) {
      const before = last;
      const own = (async () => {
        await orEnded(before, signal);
        return work();
      })();
      // Who gave up waiting must not let the next one begin beside the one before.
      last = before.then(async () => {
        await own.catch(() => undefined);
      });
      return own;
    },
  };
}

async function orEnded(before: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) {
    await before;
    return;
  }
  signal.throwIfAborted();
  let end = (): void => undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      end = () => reject(signal.reason);
      signal.addEventListener('abort', end, { once: true });
      void before.then(() => resolve());
    });
  } finally {
    signal.removeEventListener('abort', end);
  }
}
