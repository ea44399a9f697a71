import { fieldOf, requireOptionalFunction } from './arguments.ts';

/** Where a circuit breaker stands. */
export type BreakerState = 'closed' | 'open' | 'half-open';

/** What happened to a call; `policy` is the name its maker gave. Never arguments, never answers. */
export type ResilienceEvent =
  | {
      /** One attempt ended. */
      readonly kind: 'attempt';
      readonly policy: string;
      /** From 1. */
      readonly attempt: number;
      /** Code or class of the error; absent when it succeeded. */
      readonly errorType?: string;
      readonly durationMs: number;
    }
  | {
      /** A retry was decided on; it begins after the delay. */
      readonly kind: 'retry';
      readonly policy: string;
      /** The attempt to come, from 2. */
      readonly attempt: number;
      readonly delayMs: number;
      readonly errorType: string;
    }
  | {
      /** A hedge was sent beside a slow or failed read. */
      readonly kind: 'hedge';
      readonly policy: string;
      /** From 2. */
      readonly attempt: number;
    }
  | {
      /** A call ended, after all its attempts; also one that a guard turned away before the first. */
      readonly kind: 'call';
      readonly policy: string;
      readonly attempts: number;
      readonly errorType?: string;
      readonly durationMs: number;
    }
  | {
      /** A breaker changed its state. */
      readonly kind: 'breaker';
      readonly policy: string;
      readonly from: BreakerState;
      readonly to: BreakerState;
    };

/** Who is told of events; what it throws is dropped, for telling must not change what happens. */
export type ResilienceObserver = (event: ResilienceEvent) => void;

/** An observer that cannot disturb a call. */
export function quietly(observe: ResilienceObserver | undefined): ResilienceObserver {
  requireOptionalFunction('options.observe', observe);
  if (observe === undefined) return () => undefined;
  return (event) => {
    try {
      const told: unknown = observe(event);
      // One that is asynchronous fails later, when nobody listens.
      if (typeof fieldOf(told, 'then') === 'function') Promise.resolve(told).catch(() => undefined);
    } catch {
      // Somebody else's trouble: the call goes on.
    }
  };
}
