/** How adapters call: time-outs, retries from a budget, and a breaker, with this package's codes for what they say. */
import { hasCode } from '@bitcoin-enterprise/core';
import {
  type Breaker,
  createBreaker,
  createRetryBudget,
  isRetryable,
  resilient,
  type Resilient,
  type ResilienceObserver,
  type RetryBudget,
} from '@bitcoin-enterprise/core/resilience';
import { ChainError, invalidArgument } from '../errors.ts';
import { MAX_TIMER_MS, requireCallOptions } from './arguments.ts';

/** How a source is called. */
export interface SourcePolicyOptions {
  /** Milliseconds until one attempt is given up, above 0 to 2,147,483,647; 30,000 when absent. */
  readonly timeoutMs?: number;
  /** The most attempts of one call that is safe to repeat, 1 or more; 3 when absent. */
  readonly attempts?: number;
  /** What retries are paid from, to be shared widely; one of its own when absent. */
  readonly retryBudget?: RetryBudget;
  /**
   * Spares a failing source, to be shared by all who call it; when absent, one that opens after 5 failures in a row,
   * for 1 second that doubles up to 30.
   */
  readonly breaker?: Breaker;
  /** Is told of attempts, retries and breakers. */
  readonly observe?: ResilienceObserver;
}

/** Settings of one call. */
export interface RunOptions {
  readonly signal?: AbortSignal;
  /** Whether the call may be sent again when no good answer came. */
  readonly repeatable: boolean;
}

/** Calls one source. */
export interface SourcePolicy {
  readonly breaker: Breaker;
  /**
   * Runs one call.
   *
   * @param call - Its name, for errors.
   * @param work - Sends and reads it, with the signal of the attempt.
   * @throws ChainError `CHAIN_NODE_UNREACHABLE` also for a time-out and for an open breaker, `CHAIN_ABORTED`, and what
   * the work throws.
   */
  run<Result>(call: string, work: (signal: AbortSignal) => Promise<Result>, options: RunOptions): Promise<Result>;
}

/** A server that asks for more patience than this is not waited for: the caller decides. */
const MAX_RETRY_AFTER_MS = 30_000;

/** Whether an error means that the source fails, and not that it answered. */
export function isSourceFailure(error: unknown): boolean {
  return isRetryable(error) || hasCode(error, 'CHAIN_NODE_ANSWER_INVALID', 'CHAIN_WRONG_NETWORK');
}

function isWorthAnother(error: unknown): boolean {
  if (hasCode(error, 'CHAIN_NODE_BUSY')) return error.details.retryAfterMs <= MAX_RETRY_AFTER_MS;
  // Bytes that were damaged on their way may arrive whole the next time.
  return isRetryable(error) || hasCode(error, 'CHAIN_NODE_ANSWER_INVALID');
}

/** Makes the policy of one source. */
export function sourcePolicy(name: string, options: SourcePolicyOptions): SourcePolicy {
  const { timeoutMs = 30_000, attempts = 3, observe } = options;
  if (typeof timeoutMs !== 'number' || !(timeoutMs > 0 && timeoutMs <= MAX_TIMER_MS))
    throw invalidArgument('options.timeoutMs', `a number above 0, at most ${MAX_TIMER_MS}`, timeoutMs);
  if (!Number.isSafeInteger(attempts) || attempts < 1)
    throw invalidArgument('options.attempts', 'a whole number of at least 1', attempts);
  const telling = observe === undefined ? {} : { observe };
  const breaker =
    options.breaker ??
    createBreaker({ name, openMs: 1_000, maxOpenMs: 30_000, isFailure: isSourceFailure, ...telling });
  const budget = options.retryBudget ?? createRetryBudget({ share: 0.2, burst: 20 });
  const shared = { name, timeoutMs, breaker, ...telling };
  const once = resilient(shared);
  const again = resilient({ ...shared, retry: { attempts, budget, baseMs: 50, isRetryable: isWorthAnother } });
  return {
    breaker,
    run: (call, work, runOptions) => run(runOptions.repeatable ? again : once, { call, work, options: runOptions }),
  };
}

async function run<Result>(
  policy: Resilient,
  facts: {
    readonly call: string;
    readonly work: (signal: AbortSignal) => Promise<Result>;
    readonly options: RunOptions;
  },
): Promise<Result> {
  const { call, work, options } = facts;
  requireCallOptions(options);
  const { signal } = options;
  try {
    return await policy.execute((context) => work(context.signal), signal === undefined ? {} : { signal });
  } catch (error) {
    throw translated(call, error, signal);
  }
}

/** The codes of this package for what a policy says in its own. */
export function translated(call: string, error: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted === true) return aborted(call, error);
  if (hasCode(error, 'CORE_RETRY_BUDGET_SPENT')) return translated(call, error.cause, signal);
  if (hasCode(error, 'CORE_TIMEOUT'))
    return error.details.scope === 'deadline' && error.cause !== undefined
      ? translated(call, error.cause, signal)
      : unreachable(call, `no answer within ${error.details.limitMs} ms`, error);
  if (hasCode(error, 'CORE_CIRCUIT_OPEN'))
    return unreachable(call, 'the source is left alone after a series of failures', error);
  if (hasCode(error, 'CORE_ABORTED')) return aborted(call, error);
  return error;
}

/** Makes the error for a call that its signal ended. */
export function aborted(call: string, cause?: unknown): ChainError<'CHAIN_ABORTED'> {
  return new ChainError('CHAIN_ABORTED', `${call} was ended by its signal`, {
    details: { call },
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Makes the error for a source that did not answer. */
export function unreachable(method: string, reason: string, cause?: unknown): ChainError<'CHAIN_NODE_UNREACHABLE'> {
  return new ChainError('CHAIN_NODE_UNREACHABLE', `expected an answer to ${method}, got none: ${reason}`, {
    details: { method, reason },
    retryable: true,
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Makes the error for what a protocol has no words for. */
export function unsupported(call: string, source: string): ChainError<'CHAIN_CALL_UNSUPPORTED'> {
  return new ChainError('CHAIN_CALL_UNSUPPORTED', `expected a source that can answer ${call}, got ${source}`, {
    details: { call, source },
    hint: 'Ask a bitcoind, or put one beside this source in a pool.',
  });
}

/** What a failed `fetch` or socket says of itself, without anything secret. */
export function reasonOf(error: unknown): string {
  for (const candidate of [error instanceof Error ? error.cause : undefined, error])
    if (
      typeof candidate === 'object' &&
      candidate !== null &&
      'code' in candidate &&
      typeof candidate.code === 'string'
    )
      return candidate.code;
  return 'the connection failed';
}
