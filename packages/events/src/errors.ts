import { describeValue, SuiteError } from '@bitcoin-enterprise/core';

/** The errors of this package: code → the facts that come with it. This comment becomes docs/errors.md. */
export interface EventsErrors {
  /** An argument of the wrong type or shape: a bug of the caller. `got` describes the value without repeating it. */
  readonly EVENTS_INVALID_ARGUMENT: { readonly argument: string; readonly expected: string; readonly got: string };
  /** Data that JSON cannot carry unchanged, is too deep or too large. */
  readonly EVENTS_DATA_INVALID: {
    /** Where in the data, for example `events[0].data.amount`. */
    readonly path: string;
    readonly reason: 'type' | 'depth' | 'size' | 'number';
  };
  /** Another writer appended to the stream first; load it again and decide anew. */
  readonly EVENTS_VERSION_CONFLICT: { readonly stream: string; readonly expected: number; readonly actual: number };
  /** An idempotency key that was used in this stream for other events. */
  readonly EVENTS_KEY_REUSED: { readonly stream: string; readonly key: string };
  /** A claimed effect or timer that is no longer the caller's: its time ran out, it was settled, cancelled or set anew. */
  readonly EVENTS_CLAIM_LOST: { readonly kind: 'effect' | 'timer'; readonly key: string };
  /** A lease that is no longer the caller's: its time ran out and another owner has it, or had it. */
  readonly EVENTS_LEASE_LOST: { readonly name: string; readonly token: number };
  /** Events that were removed by `truncate`; `first` is the oldest version that is still there. */
  readonly EVENTS_TRUNCATED: { readonly stream: string; readonly after: number; readonly first: number };
  /** A recorded event that the machine of today refuses: its code was changed so that it cannot read its own past. */
  readonly EVENTS_HISTORY_REFUSED: { readonly stream: string; readonly version: number; readonly type: string };
  /** A trace that cannot be played on this model. */
  readonly EVENTS_ACTION_IMPOSSIBLE: { readonly action: string };
  /** A record that does not come right after the newest one of its topic: somebody else published first. */
  readonly EVENTS_STREAM_CONFLICT: { readonly topic: string; readonly sequence: number; readonly last: number };
  /** Records are missing between what was read and what came. */
  readonly EVENTS_STREAM_GAP: { readonly topic: string; readonly expected: number; readonly got: number };
  /** A record that was passed already. */
  readonly EVENTS_STREAM_REPEATED: { readonly topic: string; readonly sequence: number };
  /** A record that does not continue what was read: the past of the topic was rewritten. */
  readonly EVENTS_STREAM_FORKED: { readonly topic: string; readonly sequence: number };
  /** What came is no record, or its hash is not that of its content. */
  readonly EVENTS_STREAM_RECORD_INVALID: { readonly expected: string };
  /** A record that is larger than its broker carries: in characters of data, or in bytes of the whole where it counts those. */
  readonly EVENTS_STREAM_RECORD_TOO_LARGE: { readonly topic: string; readonly size: number; readonly maximum: number };
  /** A stream of the broker that was set up by somebody else in a way that cannot keep what is promised. */
  readonly EVENTS_STREAM_MISCONFIGURED: { readonly topic: string; readonly setting: string };
  /** Events were removed from the store before a relay came to them; `first` is the oldest position that is still there. */
  readonly EVENTS_STREAM_SOURCE_TRUNCATED: { readonly topic: string; readonly after: number; readonly first: number };
  /** A topic that a relay should go on with, and that somebody else has written to. */
  readonly EVENTS_STREAM_NOT_RELAYED: { readonly topic: string };
  /** A truncation without a snapshot that stands for what it would remove. */
  readonly EVENTS_SNAPSHOT_MISSING: { readonly stream: string; readonly through: number };
  /** The store was closed. */
  readonly EVENTS_STORE_CLOSED: { readonly store: string };
  /** The store could not be reached, or the connection broke. `outcome` says what became of a write. */
  readonly EVENTS_STORE_UNAVAILABLE: {
    readonly store: string;
    /** `unknown`: the write may or may not have happened; repeat it with its key or its expected version. */
    readonly outcome: 'not-done' | 'unknown';
    readonly reason: string;
  };
  /** Another process holds the store's lock for longer than the caller wants to wait. Nothing was written. */
  readonly EVENTS_STORE_BUSY: { readonly store: string };
  /** The disk, or the quota of the browser, is full. Nothing was written. */
  readonly EVENTS_STORE_FULL: { readonly store: string };
  /** Stored data that is not what this package wrote. */
  readonly EVENTS_STORE_CORRUPT: { readonly store: string; readonly reason: string };
  /** A store whose tables were made by a newer version of this package. */
  readonly EVENTS_SCHEMA_UNKNOWN: { readonly store: string; readonly found: number; readonly known: number };
  /** The call was ended by its AbortSignal. */
  readonly EVENTS_ABORTED: { readonly call: string };
}

/** An error of this package. */
export class EventsError<Code extends keyof EventsErrors = keyof EventsErrors> extends SuiteError<
  Code,
  EventsErrors[Code]
> {
  override readonly name: string = 'EventsError';
}

declare module '@bitcoin-enterprise/core' {
  // oxlint-disable-next-line typescript/no-empty-object-type
  interface ErrorDetails extends EventsErrors {}
}

/** The error for an argument of the wrong type. */
export function invalidArgument(
  argument: string,
  expected: string,
  value: unknown,
): EventsError<'EVENTS_INVALID_ARGUMENT'> {
  const got = describeValue(value);
  return new EventsError('EVENTS_INVALID_ARGUMENT', `expected ${argument} to be ${expected}, got ${got}`, {
    details: { argument, expected, got },
  });
}

/** The error for a call that its signal ended. */
export function aborted(call: string): EventsError<'EVENTS_ABORTED'> {
  return new EventsError('EVENTS_ABORTED', `${call} was ended by its signal`, { details: { call } });
}

/** The error for a stream that has moved on. */
export function versionConflict(
  stream: string,
  expected: number,
  actual: number,
): EventsError<'EVENTS_VERSION_CONFLICT'> {
  return new EventsError('EVENTS_VERSION_CONFLICT', `expected ${stream} at version ${expected}, it is at ${actual}`, {
    details: { stream, expected, actual },
    hint: 'load the stream again and decide anew',
    retryable: true,
  });
}

/** The error for an idempotency key that stands for other events. */
export function keyReused(stream: string, key: string): EventsError<'EVENTS_KEY_REUSED'> {
  return new EventsError('EVENTS_KEY_REUSED', `key ${key} was used in ${stream} for other events`, {
    details: { stream, key },
    hint: 'a key belongs to one content: repeat the same events, or take another key',
  });
}

/** The error for work that somebody else has taken over. */
export function claimLost(claim: {
  readonly kind: 'effect' | 'timer';
  readonly key: string;
}): EventsError<'EVENTS_CLAIM_LOST'> {
  const { kind, key } = claim;
  return new EventsError('EVENTS_CLAIM_LOST', `the ${kind} ${key} is no longer claimed by the caller`, {
    details: { kind, key },
    hint: 'drop the work: whoever holds the claim now does it',
  });
}

/** The error for a lease that somebody else has taken over. */
export function leaseLost(lease: { readonly name: string; readonly token: number }): EventsError<'EVENTS_LEASE_LOST'> {
  const { name, token } = lease;
  return new EventsError('EVENTS_LEASE_LOST', `lease ${name} with token ${token} is no longer the caller's`, {
    details: { name, token },
    hint: 'stop the work that the lease protects, and ask for the lease anew',
  });
}

/** The error for a closed store. */
export function storeClosed(store: string): EventsError<'EVENTS_STORE_CLOSED'> {
  return new EventsError('EVENTS_STORE_CLOSED', `the ${store} store is closed`, { details: { store } });
}

/** The error for events that are gone. */
export function truncated(stream: string, after: number, first: number): EventsError<'EVENTS_TRUNCATED'> {
  return new EventsError(
    'EVENTS_TRUNCATED',
    `events of ${stream} after version ${after} were asked for, the oldest kept is ${first}`,
    { details: { stream, after, first }, hint: 'start from the snapshot' },
  );
}

/** The error for a truncation that would lose state. */
export function snapshotMissing(stream: string, through: number): EventsError<'EVENTS_SNAPSHOT_MISSING'> {
  return new EventsError(
    'EVENTS_SNAPSHOT_MISSING',
    `expected a snapshot of ${stream} at version ${through} or later before its events are removed`,
    { details: { stream, through }, hint: 'save a snapshot first' },
  );
}

/** The error for a record that comes out of turn. */
export function streamConflict(topic: string, sequence: number, last: number): EventsError<'EVENTS_STREAM_CONFLICT'> {
  return new EventsError(
    'EVENTS_STREAM_CONFLICT',
    `record ${sequence} of ${topic} was to follow ${sequence - 1}, the newest is ${last}`,
    { details: { topic, sequence, last }, hint: 'link it to the newest record', retryable: true },
  );
}
