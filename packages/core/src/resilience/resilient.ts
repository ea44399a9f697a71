import { CoreError, hasCode } from '../errors.ts';
import {
  requireCount,
  requireFunction,
  requireName,
  requireNumber,
  requireOptionalFunction,
  requireOptionalMs,
  requireOptions,
  requirePart,
  requireSignal,
  type World,
  worldOf,
} from './arguments.ts';
import { fullJitterMs } from './backoff.ts';
import type { Breaker } from './breaker.ts';
import type { Bulkhead } from './bulkhead.ts';
import { deadlineError } from './deadline.ts';
import { errorType, isRetryable, retryAfterMsOf } from './error-facts.ts';
import { quietly, type ResilienceObserver } from './events.ts';
import type { RateLimit } from './rate-limit.ts';
import type { RetryBudget } from './retry-budget.ts';
import { openScope, remainingMs, untilAborted } from './scope.ts';
import { sleep } from './sleep.ts';

/** What {@link resilient} may be told; a part that is absent is not there. */
export interface ResilientOptions extends World {
  /** Name for errors and events: the system that is called. */
  readonly name?: string;
  /** How long one attempt may take, in milliseconds. */
  readonly timeoutMs?: number;
  /** Whether, how often and when a failed attempt is followed by another. */
  readonly retry?: RetryOptions;
  /** To be shared by all policies for one system. */
  readonly breaker?: Breaker;
  /** To be shared by all policies for one system. */
  readonly bulkhead?: Bulkhead;
  /** To be shared by all policies for one system. */
  readonly rateLimit?: RateLimit;
  /** Is told of attempts, retries and the end of each call. */
  readonly observe?: ResilienceObserver;
}

/** How failed attempts are followed by others. */
export interface RetryOptions {
  /** The most attempts of one call, the first included; 3 when absent. */
  readonly attempts?: number;
  /** Bound of the first delay, in milliseconds; 100 when absent. */
  readonly baseMs?: number;
  /** Bound of every drawn delay, in milliseconds; 10,000 when absent. What a server asks for may be longer. */
  readonly capMs?: number;
  /**
   * The longest that a server may ask to be left alone (`details.retryAfterMs` of an error) and is waited for, in
   * milliseconds; 60,000 when absent. To ask earlier than it said would be no retry but a nuisance: when it asks for
   * more than this, or for more than the deadline leaves, the call ends at once.
   */
  readonly maxRetryAfterMs?: number;
  /** What retries are paid from, to be shared widely; unlimited when absent. */
  readonly budget?: RetryBudget;
  /** Whether an error is worth another attempt; its own field `retryable` when absent. */
  readonly isRetryable?: (error: unknown) => boolean;
}

/** What the work of a call is handed. */
export interface AttemptContext {
  /** Aborted at the time-out, at the deadline, or by the caller; its reason is a coded error. To be handed on. */
  readonly signal: AbortSignal;
  /** Which attempt this is, from 1. */
  readonly attempt: number;
}

/** What one call may be told. */
export interface ExecuteOptions {
  /** How long the call may take, in milliseconds from now: all its attempts and waits. */
  readonly deadlineMs?: number;
  /** Ends the call. A deadline that it carries, as inside of another call, holds here too. */
  readonly signal?: AbortSignal;
}

/** A policy for calls to one system. */
export interface Resilient {
  /**
   * Runs work under the policy. It has to be safe to run more than once, and must have read its answer to the end when
   * it settles. The caller is answered at the time-out, the deadline or the abort even if the work does not stop;
   * such work keeps its place in the bulkhead until it settles.
   *
   * @throws CoreError `CORE_TIMEOUT`, `CORE_ABORTED`, `CORE_CIRCUIT_OPEN`, `CORE_BULKHEAD_FULL`, `CORE_RATE_LIMITED`,
   * `CORE_RETRY_BUDGET_SPENT`, `CORE_INVALID_ARGUMENT`, `CORE_UNIT_OUT_OF_RANGE`; else the last error of the work.
   */
  execute<T>(work: (context: AttemptContext) => PromiseLike<T> | T, options?: ExecuteOptions): Promise<T>;
}

/**
 * Makes a policy: retries around a bulkhead, a rate limit, a breaker and a time-out, in this order from the outside in,
 * all under the deadline of the call. What a guard of the policy refuses is not retried: it is answered at once.
 *
 * The time-out is inside of the bulkhead and ends the wait of the caller, not the work: a place is free again when the
 * work has settled, so that `concurrency` bounds what is really under way. Work that heeds its signal frees it soon;
 * work that never settles keeps it for ever.
 *
 * Nothing is left behind by a call that settled: no timer, no listener, no rejection that nobody handles.
 *
 * @throws CoreError `CORE_INVALID_ARGUMENT`, `CORE_UNIT_OUT_OF_RANGE`.
 *
 * @example
 * ```ts
 * import { SuiteError } from '@bitcoin-enterprise/core';
 * import { resilient } from '@bitcoin-enterprise/core/resilience';
 *
 * const policy = resilient({ timeoutMs: 1_000, retry: { attempts: 3, baseMs: 1 } });
 * await policy.execute(async ({ attempt }) => {
 *   if (attempt < 3) throw new SuiteError('APP_BUSY', 'busy', { details: {}, retryable: true });
 *   return attempt;
 * }); // => 3
 * ```
 */
export function resilient(options: ResilientOptions = {}): Resilient {
  const settings = settingsOf(options);
  return {
    async execute(work, executeOptions = {}) {
      requireFunction('work', work);
      requireOptions('options', executeOptions);
      const { deadlineMs, signal: parent } = executeOptions;
      requireOptionalMs('options.deadlineMs', deadlineMs);
      requireSignal('options.signal', parent);
      const { name, clock, timers, observe } = settings;

      const startMs = clock.monotonicMs();
      const limit =
        deadlineMs === undefined
          ? undefined
          : { ms: deadlineMs, timeout: () => deadlineError({ policy: name, limitMs: deadlineMs }) };
      const scope = openScope({ clock, timers, parent, limit, policy: name });
      const call = { work, signal: scope.signal, attempts: 0 };
      const tell = (error?: unknown): void =>
        observe({
          kind: 'call',
          policy: name,
          attempts: call.attempts,
          ...(error === undefined ? {} : { errorType: errorType(error) }),
          durationMs: clock.monotonicMs() - startMs,
        });
      try {
        const answer = await retrying(settings, call);
        tell();
        return answer;
      } catch (error) {
        tell(error ?? 'nothing');
        throw error;
      } finally {
        scope.close();
      }
    },
  };
}

type Settings = ReturnType<typeof settingsOf>;

function settingsOf(options: ResilientOptions) {
  requireOptions('options', options);
  const { name = 'call', timeoutMs, retry, breaker, bulkhead, rateLimit } = options;
  requireName('options.name', name);
  requireOptionalMs('options.timeoutMs', timeoutMs);
  requirePart('options.breaker', breaker, ['check', 'run']);
  requirePart('options.bulkhead', bulkhead, ['run']);
  requirePart('options.rateLimit', rateLimit, ['take']);
  const guards = { breaker, bulkhead, rateLimit };
  return { name, timeoutMs, retry: retryOf(retry), ...guards, observe: quietly(options.observe), ...worldOf(options) };
}

function retryOf(options: RetryOptions | undefined) {
  if (options === undefined)
    return { attempts: 1, baseMs: 0, capMs: 0, maxRetryAfterMs: 0, budget: undefined, isRetryable };
  requireOptions('options.retry', options);
  const { attempts = 3, baseMs = 100, capMs = 10_000, maxRetryAfterMs = 60_000, budget } = options;
  requireCount('options.retry.attempts', attempts, 1);
  requireNumber('options.retry.baseMs', baseMs, 0, Number.MAX_SAFE_INTEGER);
  requireNumber('options.retry.capMs', capMs, 0, Number.MAX_SAFE_INTEGER);
  requireNumber('options.retry.maxRetryAfterMs', maxRetryAfterMs, 0, Number.MAX_SAFE_INTEGER);
  requirePart('options.retry.budget', budget, ['deposit', 'withdraw']);
  requireOptionalFunction('options.retry.isRetryable', options.isRetryable);
  return { attempts, baseMs, capMs, maxRetryAfterMs, budget, isRetryable: options.isRetryable ?? isRetryable };
}

/** One call on its way. */
interface Call<T> {
  readonly work: (context: AttemptContext) => PromiseLike<T> | T;
  /** Of the call's scope. */
  readonly signal: AbortSignal;
  /** Attempts that began. */
  attempts: number;
}

/** What one attempt takes up. */
interface Place {
  /** Settles, and never rejects, with the work: after the caller was answered when that was early. */
  underWay?: Promise<void>;
}

async function retrying<T>(settings: Settings, call: Call<T>): Promise<T> {
  const { name, retry, timers, entropy, observe } = settings;
  retry.budget?.deposit();
  for (;;) {
    const before = call.attempts;
    try {
      return await guarded(settings, call);
    } catch (error) {
      // No attempt began: a guard refused, or the call is over. Or it ended the attempt.
      if (call.attempts === before || call.signal.aborted) throw error;
      if (call.attempts >= retry.attempts || !retry.isRetryable(error)) throw error;

      const { baseMs, capMs, maxRetryAfterMs } = retry;
      const askedMs = retryAfterMsOf(error);
      if (askedMs > maxRetryAfterMs) throw error;
      const delayMs = Math.max(fullJitterMs(call.attempts, { baseMs, capMs, entropy: entropy() }), askedMs);
      const leftMs = remainingMs(call.signal);
      // To wait for a deadline that will pass before the next attempt helps nobody.
      if (delayMs >= leftMs) throw tooLateError(name, { leftMs, cause: error });
      if (retry.budget?.withdraw() === false) throw budgetError(name, call.attempts, error);
      observe({ kind: 'retry', policy: name, attempt: call.attempts + 1, delayMs, errorType: errorType(error) });
      await sleep(delayMs, { timers, signal: call.signal });
    }
  }
}

/** One attempt, behind the guards. */
async function guarded<T>(settings: Settings, call: Call<T>): Promise<T> {
  const { breaker, bulkhead, rateLimit } = settings;
  const { signal } = call;
  if (signal.aborted) throw signal.reason;
  // Asked again behind the queue; asked here, so that nobody queues for nothing.
  breaker?.check();
  const place: Place = {};
  const behindBulkhead = async (): Promise<T> => {
    await rateLimit?.take({ signal });
    const run = (): Promise<T> => attempt(settings, call, place);
    return breaker === undefined
      ? run()
      : breaker.run(run, { isIgnored: (error) => isOfCaller(settings, call, error) });
  };
  if (bulkhead === undefined) return behindBulkhead();
  return new Promise<T>((resolve, reject) => {
    const inPlace = async (): Promise<void> => {
      await behindBulkhead().then(resolve, reject);
      // The caller has its answer; work that does not stop still burdens the system, so the place is not free yet.
      await place.underWay;
    };
    bulkhead.run(inPlace, { signal }).catch(reject);
  });
}

async function attempt<T>(settings: Settings, call: Call<T>, place: Place): Promise<T> {
  const { name, timeoutMs, clock, timers, observe } = settings;
  if (call.signal.aborted) throw call.signal.reason;
  const number = ++call.attempts;
  const startMs = clock.monotonicMs();
  const limit = timeoutMs === undefined ? undefined : { ms: timeoutMs, timeout: () => attemptError(name, timeoutMs) };
  const scope = openScope({ clock, timers, parent: call.signal, limit, policy: name });
  const tell = (facts: { readonly errorType?: string }): void =>
    observe({ kind: 'attempt', policy: name, attempt: number, ...facts, durationMs: clock.monotonicMs() - startMs });
  try {
    const { signal } = scope;
    const answer = await untilAborted(signal, () => {
      const work = (async () => call.work({ signal, attempt: number }))();
      const ended = (): void => undefined;
      place.underWay = work.then(ended, ended);
      return work;
    });
    tell({});
    return answer;
  } catch (error) {
    // Work that heeds its signal may answer with an error of its own before we do; the caller gets ours.
    const reason: unknown = scope.signal.aborted ? scope.signal.reason : error;
    tell({ errorType: errorType(reason) });
    throw reason;
  } finally {
    scope.close();
  }
}

/**
 * Whether an error says nothing about the system called: the caller went away. That the deadline passed says something
 * only where no time-out says how long an attempt may take.
 */
function isOfCaller(settings: Settings, call: Call<unknown>, error: unknown): boolean {
  if (!call.signal.aborted || error !== call.signal.reason) return false;
  return settings.timeoutMs !== undefined || !hasCode(error, 'CORE_TIMEOUT');
}

function attemptError(policy: string, limitMs: number): CoreError<'CORE_TIMEOUT'> {
  return new CoreError('CORE_TIMEOUT', `expected an answer of ${policy} within ${limitMs} ms`, {
    details: { policy, scope: 'attempt', limitMs },
    retryable: true,
  });
}

function tooLateError(
  policy: string,
  facts: { readonly leftMs: number; readonly cause: unknown },
): CoreError<'CORE_TIMEOUT'> {
  const limitMs = Math.max(0, facts.leftMs);
  const text = `expected ${policy} to answer before the deadline, got a failure and no time to try again`;
  const details = { policy, scope: 'deadline' as const, limitMs };
  return new CoreError('CORE_TIMEOUT', text, { details, retryable: true, cause: facts.cause });
}

function budgetError(policy: string, attempts: number, cause: unknown): CoreError<'CORE_RETRY_BUDGET_SPENT'> {
  const text = `expected ${policy} to answer, got a failure that is not tried again: too many calls fail at once`;
  return new CoreError('CORE_RETRY_BUDGET_SPENT', text, { details: { policy, attempts }, retryable: true, cause });
}
