/** A clock that went back further than this is a step, not jitter. */
export const STEP_TOLERANCE_MS = 1_000;

/** When something was taken, and until when it is held. */
export interface Holding {
  /** Unix milliseconds by the store's clock. */
  readonly since: number;
  /** Unix milliseconds by the store's clock. */
  readonly until: number;
}

/**
 * Whether a claim or lease no longer stands. A moment before it was taken means that the clock was set back: to wait
 * for it would block the work for as long as the step, and tokens make taking over safe at any time.
 */
export function hasExpired(holding: Holding, now: number): boolean {
  return now >= holding.until || now < holding.since - STEP_TOLERANCE_MS;
}
