import type { ManualClock } from '@bitcoin-enterprise/core/testing';
import type { EventStore } from '../ports/event-store.ts';

/** An empty event store under test, and the levers that the kit needs. */
export interface EventStoreHarness {
  readonly store: EventStore;
  /** Another store on the same data, as another process would have it. */
  open(): Promise<EventStore>;
  /** The clock of all stores of this harness; absent when they take their time from elsewhere, as a database does. */
  readonly clock?: ManualClock;
  /** Ends all stores and removes the data. */
  close(): Promise<void>;
}
