import type { ManualClock } from '@bitcoin-enterprise/core/testing';
import type { EventStore } from '../ports/event-store.ts';

/** An empty event store under test, and the levers that the kit needs. */
export interface EventStoreHarness {
  readonly store: EventStore;
  /** Another store on the same data, as another process would have it. */
  open(): Promise<EventStore>;
  /** The clock of all stores of this harness; absent when they take their time from elsewhere, as a database does. */
  readonly clock?: ManualClock;
  /**
   * Steps the clock of all stores of this harness by so many milliseconds, back when negative: for stores without
   * `clock`. The kit shows what a step does only where one of the two is there.
   */
  readonly stepClock?: (milliseconds: number) => Promise<void>;
  /** Ends all stores and removes the data. */
  close(): Promise<void>;
}
