import { CoreError } from '../errors.ts';
import { requireFunction, requireNumber, requireOptions, requireSignal, type World, worldOf } from './arguments.ts';
import { openScope, untilAborted } from './scope.ts';

/** What {@link withDeadline} is told. */
export interface DeadlineOptions extends Pick<World, 'clock' | 'timers'> {
  /** Milliseconds from now that the whole work may take. */
  readonly deadlineMs: number;
  /** Ends the work early; a deadline that it carries already still holds. */
  readonly signal?: AbortSignal;
}

/**
 * Runs work under a deadline. Every policy that is called with the signal handed to the work ends with it, and gives
 * no attempt more time than is left.
 *
 * @param work - Must hand the signal on to what it calls; it is answered for at the deadline even if it does not.
 * @throws CoreError `CORE_TIMEOUT` at the deadline, `CORE_ABORTED` by the signal, `CORE_INVALID_ARGUMENT`; and
 * whatever the work throws.
 *
 * @example
 * ```ts
 * import { withDeadline } from '@bitcoin-enterprise/core/resilience';
 *
 * await withDeadline(() => new Promise(() => {}), { deadlineMs: 5 }); // => throws CORE_TIMEOUT
 * ```
 */
export async function withDeadline<T>(
  work: (context: { readonly signal: AbortSignal }) => PromiseLike<T> | T,
  options: DeadlineOptions,
): Promise<T> {
  requireFunction('work', work);
  requireOptions('options', options);
  const { deadlineMs, signal } = options;
  requireNumber('options.deadlineMs', deadlineMs, 0, Number.MAX_SAFE_INTEGER);
  requireSignal('options.signal', signal);
  const limit = { ms: deadlineMs, timeout: () => deadlineError({ policy: 'deadline', limitMs: deadlineMs }) };
  const scope = openScope({ ...worldOf(options), parent: signal, limit, policy: 'deadline' });
  try {
    return await untilAborted(scope.signal, () => work({ signal: scope.signal }));
  } finally {
    scope.close();
  }
}

/** The error of a call whose deadline passed. */
export function deadlineError(facts: { readonly policy: string; readonly limitMs: number }): CoreError<'CORE_TIMEOUT'> {
  const { policy, limitMs } = facts;
  return new CoreError('CORE_TIMEOUT', `expected ${policy} to answer before the deadline of ${limitMs} ms`, {
    details: { policy, scope: 'deadline', limitMs },
    retryable: true,
  });
}
