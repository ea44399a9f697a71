export type { Timers } from '../ports/timers.ts';
export { systemTimers } from '../system/timers.ts';
export type { World } from './arguments.ts';
export { fullJitterMs, type FullJitterOptions } from './backoff.ts';
export { type Breaker, type BreakerOptions, type BreakerRunOptions, createBreaker } from './breaker.ts';
export { type Bulkhead, type BulkheadOptions, createBulkhead } from './bulkhead.ts';
export { type DeadlineOptions, withDeadline } from './deadline.ts';
export { errorType, isRetryable } from './error-facts.ts';
export type { BreakerState, ResilienceEvent, ResilienceObserver } from './events.ts';
export { hedged, type HedgedOptions } from './hedged.ts';
export { createRateLimit, type RateLimit, type RateLimitOptions } from './rate-limit.ts';
export {
  type AttemptContext,
  type ExecuteOptions,
  resilient,
  type Resilient,
  type ResilientOptions,
  type RetryOptions,
} from './resilient.ts';
export { createRetryBudget, type RetryBudget, type RetryBudgetOptions } from './retry-budget.ts';
export { remainingMs } from './scope.ts';
export { sleep, type SleepOptions } from './sleep.ts';
