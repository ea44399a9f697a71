import type { UnixMilliseconds, UnixSeconds } from '../units/times.ts';

/** What time it is. */
export interface Clock {
  /** Seconds since 1970-01-01 UTC. */
  now(): UnixSeconds;
  /** Milliseconds since 1970-01-01 UTC. */
  nowMs(): UnixMilliseconds;
  /** Milliseconds since some fixed moment; never runs backwards, so that differences are durations. */
  monotonicMs(): number;
}
