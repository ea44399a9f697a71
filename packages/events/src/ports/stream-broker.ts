import type { CallOptions } from './event-store.ts';

/** What is published: one link of the chain of its topic. */
export interface StreamRecord {
  /** 1 to 100 letters, digits, `-` and `_`. */
  readonly topic: string;
  /** 1, 2, 3… without a gap. */
  readonly sequence: number;
  /** Hash of the record before it, 64 hexadecimal digits; zeros for the first. */
  readonly previous: string;
  /** Hash of all of this record, `previous` included, 64 hexadecimal digits. */
  readonly hash: string;
  /** What kind of record, 1 to 255 characters. */
  readonly type: string;
  /** Where it came from, for example a position in a store: a publisher finds its place again by it. */
  readonly origin: string;
  /** JSON text, at most 500,000 characters: what is hashed is what was written, byte for byte. */
  readonly data: string;
}

/**
 * Carries records from one writer per topic to many readers. It may lose, repeat and reorder what it delivers live: the
 * chain tells, and {@link StreamBroker.read} mends.
 *
 * Promises of every adapter: `streamBrokerPromises` of `@bitcoin-enterprise/events/testing`.
 */
export interface StreamBroker {
  /**
   * Appends a record to its topic, durably.
   *
   * @throws EventsError `EVENTS_STREAM_CONFLICT` when the topic does not end right before it,
   * `EVENTS_STREAM_RECORD_TOO_LARGE` when it is larger than the broker carries.
   */
  publish(record: StreamRecord, options?: CallOptions): Promise<void>;
  /** The newest record of a topic, or `undefined`. */
  last(topic: string, options?: CallOptions): Promise<StreamRecord | undefined>;
  /** Records of a topic, oldest first. `after`: a sequence, 0 when absent. `limit`: 1 to 10,000; 1,000 when absent. */
  read(
    topic: string,
    options?: CallOptions & { readonly after?: number; readonly limit?: number },
  ): Promise<readonly StreamRecord[]>;
  /** Records after a sequence as they come, until the signal ends it without an error. */
  subscribe(
    topic: string,
    options: { readonly after: number; readonly signal: AbortSignal },
  ): AsyncIterable<StreamRecord>;
  /** Lets go of connections. */
  close(): Promise<void>;
}
