import type { UnixMilliseconds } from '@bitcoin-enterprise/core';

/** What every call takes last. */
export interface CallOptions {
  /** Ends the call: it then throws `EVENTS_ABORTED`. A write that was begun may still happen. */
  readonly signal?: AbortSignal;
}

/** Something that happened, as the caller tells it. */
export interface NewEvent {
  /** What kind, for example `swap.funded`; 1 to 255 characters. */
  readonly type: string;
  /** JSON; amounts as decimal strings. Absent means `null`. */
  readonly data?: unknown;
  /** JSON about the event: who, why, trace ids. */
  readonly meta?: unknown;
}

/** Something that happened, and is on record. */
export interface StoredEvent {
  /** Place in the whole store: 1, 2, 3… in the order in which appends became visible. */
  readonly position: number;
  readonly stream: string;
  /** Place in its stream: 1, 2, 3… without a gap. */
  readonly version: number;
  readonly type: string;
  readonly data: unknown;
  /** Absent when the event was appended without. */
  readonly meta?: unknown;
  /** When the store wrote it, by the store's clock; to be read by people, not by machines. */
  readonly time: UnixMilliseconds;
}

/** When a timer is due: at a block height, or at a Unix time in milliseconds. */
export type TimerDue = { readonly height: number } | { readonly time: number };

/** Something to do in the outside world, on record before it is done. */
export interface NewEffect {
  /** Names the effect for good in the whole store: a second one of the same key is ignored. 1 to 255 characters. */
  readonly key: string;
  /** What kind, for example `broadcast`; 1 to 255 characters. */
  readonly type: string;
  /** JSON for whoever performs it. */
  readonly data?: unknown;
}

/** A timer to set, or to cancel. One of the same key and stream is replaced. */
export type TimerChange =
  | { readonly key: string; readonly due: TimerDue; readonly data?: unknown }
  | { readonly key: string; readonly cancel: true };

/** Everything that becomes true at once, or not at all. */
export interface Append {
  /** 1 to 255 characters, for example `swap/7f3a`. */
  readonly stream: string;
  /** 1 to 1,000 events, with all data of the append at most 16 Mi characters of JSON. */
  readonly events: readonly NewEvent[];
  /** Version the stream must have, 0 for a new one; any version when absent. */
  readonly expectedVersion?: number;
  /** Idempotency key, unique in the stream: the same append again changes nothing and answers as the first time. */
  readonly key?: string;
  /** Effects that these events ask for. */
  readonly effects?: readonly NewEffect[];
  /** Timers that these events set or cancel. */
  readonly timers?: readonly TimerChange[];
  /** Claimed effects and timers that these events settle. */
  readonly settles?: readonly Claim[];
  /** A lease that must still be the caller's. */
  readonly lease?: Lease;
}

/** What an append did. */
export interface Appended {
  /** Version of the stream after it. */
  readonly version: number;
  /** Position of its last event. */
  readonly position: number;
  /** Whether its key was known, so that nothing was written this time. */
  readonly duplicate: boolean;
}

/** An effect or timer that one worker may do now; it falls back to the others when its time runs out. */
export interface Claim {
  readonly kind: 'effect' | 'timer';
  readonly stream: string;
  readonly key: string;
  /** Rises with every claim, so that a worker that slept too long is told apart from the one that took over. */
  readonly token: number;
}

/** A claimed effect. */
export interface ClaimedEffect extends Claim {
  readonly kind: 'effect';
  readonly type: string;
  readonly data: unknown;
  /** 1 the first time. */
  readonly attempt: number;
}

/** A claimed timer. */
export interface ClaimedTimer extends Claim {
  readonly kind: 'timer';
  readonly due: TimerDue;
  readonly data: unknown;
  /** 1 the first time. */
  readonly attempt: number;
}

/** Settings of the claiming calls. */
export interface ClaimOptions extends CallOptions {
  /** Most to take, 1 to 1,000; 100 when absent. */
  readonly limit?: number;
  /** Milliseconds until others may take them over, 1 to 86,400,000; 30,000 when absent. */
  readonly leaseMs?: number;
  /** Take only work of streams whose names begin with one of these. */
  readonly prefixes?: readonly string[];
}

/** The state of a stream's machine after one of its events. */
export interface Snapshot {
  readonly stream: string;
  /** Version of the last event that it stands for, 1 or more. */
  readonly version: number;
  /** JSON. */
  readonly state: unknown;
}

/** The right to be the only one who does something, until it expires. */
export interface Lease {
  readonly name: string;
  readonly owner: string;
  /** Rises each time the lease changes hands: an append that carries an older one is refused. */
  readonly token: number;
  /** By the store's clock. */
  readonly expiresAt: UnixMilliseconds;
}

/** An effect that was given up. */
export interface DeadEffect {
  readonly stream: string;
  readonly key: string;
  readonly type: string;
  readonly data: unknown;
  readonly attempts: number;
  /** What {@link EventStore.bury} was told. */
  readonly reason: string;
}

/**
 * Where events are kept. What was acknowledged is durable, and visible to every reader, in one order for all.
 *
 * Promises of every adapter: `eventStorePromises` of `@bitcoin-enterprise/events/testing`.
 */
export interface EventStore {
  /**
   * Writes events, with the effects and timers they ask for and the work they settle, in one step. Resolves when all
   * is durable.
   *
   * @throws EventsError `EVENTS_VERSION_CONFLICT`, `EVENTS_KEY_REUSED`, `EVENTS_CLAIM_LOST`, `EVENTS_LEASE_LOST`,
   * `EVENTS_DATA_INVALID`, or a code of the store; nothing is written then, except after
   * `EVENTS_STORE_UNAVAILABLE` with the outcome `unknown`.
   */
  append(append: Append, options?: CallOptions): Promise<Appended>;

  /**
   * Events of a stream, oldest first.
   *
   * @param options - `after`: a version, 0 when absent. `limit`: 1 to 10,000; 1,000 when absent.
   * @throws EventsError `EVENTS_TRUNCATED` when the next event was removed.
   */
  readStream(stream: string, options?: ReadOptions): Promise<readonly StoredEvent[]>;

  /** Events of all streams, oldest first; `after` is a position. Truncated events are left out. */
  readAll(options?: ReadOptions): Promise<readonly StoredEvent[]>;

  /** Version of a stream's newest event, 0 when there is none. */
  version(stream: string, options?: CallOptions): Promise<number>;

  /** Position of the newest event, 0 in an empty store. */
  head(options?: CallOptions): Promise<number>;

  /**
   * Waits until there is an event after a position.
   *
   * @returns Whether there is one; `false` when the time was over first.
   */
  waitForEvents(options: WaitOptions): Promise<boolean>;

  /**
   * Keeps the state of a stream's machine, up to 16,777,216 characters of JSON; one of an older version than the kept one
   * is ignored.
   */
  saveSnapshot(snapshot: Snapshot, options?: CallOptions): Promise<void>;

  /** The newest snapshot of a stream, or `undefined`. */
  loadSnapshot(stream: string, options?: CallOptions): Promise<Snapshot | undefined>;

  /**
   * Takes effects that wait, those first that have been free for longest. No two workers hold the same one at a time.
   *
   * @param options - `types`: take only these.
   */
  claimEffects(options?: ClaimOptions & { readonly types?: readonly string[] }): Promise<readonly ClaimedEffect[]>;

  /**
   * Takes timers that are due, by a height or a time that the caller knows to have come.
   *
   * @param options - `height`: height of the chain's tip. `time`: Unix milliseconds of now. What is absent is not due.
   */
  claimTimers(
    options: ClaimOptions & { readonly height?: number; readonly time?: number },
  ): Promise<readonly ClaimedTimer[]>;

  /** When the earliest timer by time is due, in Unix milliseconds; `undefined` when none is set. */
  nextTimer(options?: CallOptions): Promise<number | undefined>;

  /**
   * Ends claimed work that needs no event. All or nothing.
   *
   * @throws EventsError `EVENTS_CLAIM_LOST`.
   */
  settle(claims: readonly Claim[], options?: CallOptions): Promise<void>;

  /**
   * Gives claimed work back, to be taken again after a while.
   *
   * @param options - `delayMs`: 0 when absent.
   * @throws EventsError `EVENTS_CLAIM_LOST`.
   */
  release(claim: Claim, options?: CallOptions & { readonly delayMs?: number }): Promise<void>;

  /**
   * Gives a claimed effect up: it is kept with a reason and not taken again until it is revived.
   *
   * @throws EventsError `EVENTS_CLAIM_LOST`.
   */
  bury(claim: Claim, options: CallOptions & { readonly reason: string }): Promise<void>;

  /** Effects that were given up, oldest first; `limit` 1 to 10,000, 1,000 when absent. */
  deadEffects(options?: CallOptions & { readonly limit?: number }): Promise<readonly DeadEffect[]>;

  /** Lets an effect that was given up be taken again. Answers whether there was one. */
  revive(key: string, options?: CallOptions): Promise<boolean>;

  /**
   * Takes a lease, or extends it for the owner who has it.
   *
   * @param options - `owner`: who asks, unique for each worker. `ttlMs`: 1 to 86,400,000.
   * @returns `undefined` while somebody else has it.
   */
  acquireLease(name: string, options: LeaseOptions): Promise<Lease | undefined>;

  /** Gives a lease back; one that is lost already is no error. */
  releaseLease(lease: Lease, options?: CallOptions): Promise<void>;

  /**
   * Removes old events of a stream that a snapshot stands for, and their idempotency keys.
   *
   * @param options - `through`: version of the last event to remove.
   * @throws EventsError `EVENTS_SNAPSHOT_MISSING`.
   */
  truncate(stream: string, options: CallOptions & { readonly through: number }): Promise<void>;

  /**
   * Forgets effects that were done before a time, by the store's clock; their keys are free again.
   *
   * @returns How many.
   */
  forgetEffects(options: CallOptions & { readonly doneBefore: number }): Promise<number>;

  /** Ends all waiting calls and lets go of files and connections. What was acknowledged stays. */
  close(): Promise<void>;
}

/** Settings of the reading calls. */
export interface ReadOptions extends CallOptions {
  readonly after?: number;
  readonly limit?: number;
}

/** Settings of {@link EventStore.waitForEvents}. */
export interface WaitOptions extends CallOptions {
  /** Position. */
  readonly after: number;
  /** 0 to 2,147,483,647 milliseconds. */
  readonly timeoutMs: number;
}

/** Settings of {@link EventStore.acquireLease}. */
export interface LeaseOptions extends CallOptions {
  readonly owner: string;
  readonly ttlMs: number;
}
