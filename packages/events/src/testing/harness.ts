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

/** An empty event store on a disk of its own that the kit may fill and slow down. */
export interface DiskHarness extends Omit<EventStoreHarness, 'clock' | 'stepClock'> {
  /** Leaves no room on the disk for what the store adds to its data. */
  fill(): Promise<void>;
  /** Gives the room back. */
  free(): Promise<void>;
  /** Makes each durable write take at least so many milliseconds, 0 for as fast as it is; absent: not shown. */
  readonly slow?: (milliseconds: number) => Promise<void>;
}
