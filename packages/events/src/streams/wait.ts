/** What {@link within} waits for. */
export interface WithinOptions {
  readonly milliseconds: number;
  readonly signal: AbortSignal;
}

/** Waits for a promise, at most so long; a signal ends the wait too. */
export async function within<Result>(promise: Promise<Result>, options: WithinOptions): Promise<Result | 'late'> {
  const { milliseconds, signal } = options;
  let finish: () => void = () => undefined;
  const late = new Promise<'late'>((done) => {
    const timer = setTimeout(() => finish(), milliseconds);
    finish = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', finish);
      done('late');
    };
    signal.addEventListener('abort', finish, { once: true });
    if (signal.aborted) finish();
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    finish();
  }
}

/** Milliseconds to wait before an attempt: 10, 20, 40… up to a longest. */
export function backOff(attempt: number, longest: number): number {
  return Math.min(longest, 10 * 2 ** Math.min(attempt, 20));
}
