import { CoreError, hasCode } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Timers } from '../ports/timers.ts';

/** A stretch of work that ends with its parent, at its time limit, or when it is ended. */
export interface Scope {
  /** Aborted when the scope ends early; its reason is a coded error. */
  readonly signal: AbortSignal;
  /** Ends it early. */
  end(reason: Error): void;
  /** Lets go of the timer and of the parent; to be called when the work is over, whatever came of it. */
  close(): void;
}

/** What a scope is opened with. */
export interface ScopeOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly parent: AbortSignal | undefined;
  /** Milliseconds from now, and the error when they are over; absent for no limit. */
  readonly limit?: { readonly ms: number; readonly timeout: () => Error } | undefined;
  /** Name for the error of a parent that was aborted. */
  readonly policy: string;
}

/** What is left of the deadline of a signal; two scopes of one call find each other here. */
const deadlines = /* @__PURE__ */ new WeakMap<AbortSignal, () => number>();

/** Opens a scope; one whose time is up, or whose parent is aborted, is born ended. */
export function openScope(options: ScopeOptions): Scope {
  const { clock, timers, parent, limit, policy } = options;
  const controller = new AbortController();
  const { signal } = controller;
  let callOff = (): void => undefined;
  const onParent = (): void => end(abortError(parent, policy));
  const close = (): void => {
    callOff();
    parent?.removeEventListener('abort', onParent);
  };
  const end = (reason: Error): void => {
    close();
    controller.abort(reason);
  };

  const inherited = parent === undefined ? undefined : deadlines.get(parent);
  if (limit !== undefined) {
    const endMs = clock.monotonicMs() + limit.ms;
    deadlines.set(signal, () => Math.min(endMs - clock.monotonicMs(), inherited?.() ?? Infinity));
  } else if (inherited !== undefined) deadlines.set(signal, inherited);

  if (parent?.aborted === true) end(abortError(parent, policy));
  else if (limit !== undefined && limit.ms <= 0) end(limit.timeout());
  else {
    parent?.addEventListener('abort', onParent, { once: true });
    if (limit !== undefined) callOff = timers.after(limit.ms, () => end(limit.timeout()));
  }
  return { signal, end, close };
}

/**
 * Milliseconds until the deadline of a signal that this library handed out; `Infinity` when it has none. What a remote
 * system should be told when it takes part in the call.
 *
 * @param signal - The signal of an attempt, or none.
 *
 * @example
 * ```ts
 * import { remainingMs, withDeadline } from '@bitcoin-enterprise/core/resilience';
 *
 * await withDeadline(async ({ signal }) => remainingMs(signal) <= 5_000, { deadlineMs: 5_000 }); // => true
 * remainingMs(new AbortController().signal); // => Infinity
 * ```
 */
export function remainingMs(signal?: AbortSignal): number {
  return (signal === undefined ? undefined : deadlines.get(signal))?.() ?? Infinity;
}

/** Runs work until it settles or the signal is aborted, whichever is first; what the work does later is dropped. */
export async function untilAborted<T>(signal: AbortSignal, work: () => PromiseLike<T> | T): Promise<T> {
  if (signal.aborted) throw signal.reason;
  let onAbort = (): void => undefined;
  try {
    return await new Promise<T>((resolve, reject) => {
      onAbort = () => reject(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      // In an async function, so that what is thrown at once is a rejection too.
      (async () => work())().then(resolve, reject);
    });
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** The error for whoever called with a signal that is aborted; one that is coded already, as ours are, stays. */
function abortError(signal: AbortSignal | undefined, policy: string): Error {
  const cause: unknown = signal?.reason;
  if (hasCode(cause, 'CORE_ABORTED', 'CORE_TIMEOUT')) return cause;
  return new CoreError('CORE_ABORTED', 'expected the call to finish, got the abort of its signal', {
    details: { policy },
    cause,
  });
}
