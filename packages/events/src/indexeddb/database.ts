import { EventsError } from '../errors.ts';

const STORE = 'indexeddb';
/** Version of the object stores below. */
const SCHEMA_VERSION = 1;
/** All object stores: every transaction takes all of them, because every write may touch all of them. */
const ALL = ['store', 'streams', 'events', 'keys', 'effects', 'timers', 'leases'] as const;

/** A row of `store`. */
export interface StoreRow {
  readonly head: number;
  readonly token: number;
}

/** A row of `streams`. */
export interface StreamRow {
  readonly name: string;
  readonly version: number;
  /** Oldest version that is kept. */
  readonly first: number;
  readonly snapshot?: { readonly version: number; readonly state: string };
}

/** A row of `keys`. */
export interface KeyRow {
  readonly stream: string;
  readonly key: string;
  readonly version: number;
  readonly position: number;
  readonly size: number;
}

/** What effects and timers have in common. */
export interface WorkRow {
  readonly stream: string;
  readonly key: string;
  readonly data: string;
  readonly attempts: number;
  /** 0 when not claimed. */
  readonly token: number;
  readonly since: number;
  readonly until: number;
}

/** A row of `effects`. */
export interface EffectRow extends WorkRow {
  /** Given by the database, in the order of the appends. */
  readonly id?: number;
  readonly type: string;
  /** 0 waiting, 1 done, 2 dead. */
  readonly state: 0 | 1 | 2;
  readonly reason: string;
  readonly doneAt: number;
}

/** A row of `timers`; one of `height` and `time` is there. */
export interface TimerRow extends WorkRow {
  readonly height?: number;
  readonly time?: number;
}

/** A row of `leases`. */
export interface LeaseRow {
  readonly name: string;
  readonly owner: string;
  readonly token: number;
  readonly since: number;
  readonly until: number;
}

/** Opens the database, and makes it when it is not there. */
export function openIndexedDb(name: string): Promise<IDBDatabase> {
  return new Promise((done, fail) => {
    if (typeof indexedDB === 'undefined') return fail(failureOf(new Error('no IndexedDB here'), 'not-done'));
    const request = indexedDB.open(name, SCHEMA_VERSION);
    request.onupgradeneeded = () => {
      const database = request.result;
      database.createObjectStore('store');
      database.createObjectStore('streams', { keyPath: 'name' });
      const events = database.createObjectStore('events', { keyPath: 'position' });
      events.createIndex('version', ['stream', 'version'], { unique: true });
      const keys = database.createObjectStore('keys', { keyPath: ['stream', 'key'] });
      keys.createIndex('version', ['stream', 'version']);
      const effects = database.createObjectStore('effects', { keyPath: 'id', autoIncrement: true });
      effects.createIndex('key', 'key', { unique: true });
      effects.createIndex('state', 'state');
      const timers = database.createObjectStore('timers', { keyPath: ['stream', 'key'] });
      timers.createIndex('height', 'height');
      timers.createIndex('time', 'time');
      database.createObjectStore('leases', { keyPath: 'name' });
    };
    request.onsuccess = () => done(request.result);
    request.onblocked = () =>
      fail(
        new EventsError('EVENTS_STORE_BUSY', 'another page holds an older version of the database', {
          details: { store: STORE },
          retryable: true,
        }),
      );
    request.onerror = () => {
      const newer = request.error?.name === 'VersionError';
      fail(
        newer
          ? new EventsError('EVENTS_SCHEMA_UNKNOWN', 'expected a database of an older version', {
              details: { store: STORE, found: SCHEMA_VERSION + 1, known: SCHEMA_VERSION },
              hint: 'update @bitcoin-enterprise/events',
            })
          : failureOf(request.error, 'not-done'),
      );
    };
  });
}

/** Begins a transaction over everything; a write is on the disk when it completes. */
export function begin(database: IDBDatabase, mode: 'readonly' | 'readwrite'): IDBTransaction {
  return database.transaction(ALL, mode, { durability: 'strict' });
}

/** The answer to a request. */
export function answer<Result>(request: IDBRequest<Result>): Promise<Result> {
  return new Promise((done, fail) => {
    request.onsuccess = () => done(request.result);
    request.onerror = () => fail(request.error ?? new Error('the request failed'));
  });
}

/** Settles when the transaction has completed, or failed. */
export function completed(transaction: IDBTransaction): Promise<void> {
  return new Promise((done, fail) => {
    transaction.oncomplete = () => done();
    transaction.onabort = () => fail(transaction.error ?? new Error('the transaction was aborted'));
  });
}

/** Rows that a request walks over, as long as `take` wants more. */
export function walk<Row>(
  request: IDBRequest<IDBCursorWithValue | null>,
  take: (row: Row, cursor: IDBCursorWithValue) => 'next' | 'stop',
): Promise<void> {
  return new Promise((done, fail) => {
    request.onerror = () => fail(request.error ?? new Error('the request failed'));
    request.onsuccess = () => {
      const cursor = request.result;
      if (cursor === null || take(cursor.value as Row, cursor) === 'stop') done();
      else cursor.continue();
    };
  });
}

/** The coded error for what the browser said. */
export function failureOf(error: unknown, outcome: 'not-done' | 'unknown'): EventsError {
  if (error instanceof EventsError) return error;
  const name = typeof error === 'object' && error !== null && 'name' in error ? String(error.name) : 'unknown';
  if (name === 'QuotaExceededError')
    return new EventsError('EVENTS_STORE_FULL', 'the quota of the browser is used up', {
      details: { store: STORE },
      hint: 'ask for persistent storage, or truncate streams; nothing was written',
      retryable: true,
      cause: error,
    });
  return new EventsError('EVENTS_STORE_UNAVAILABLE', `IndexedDB failed: ${name}`, {
    details: { store: STORE, outcome, reason: name },
    retryable: true,
    cause: error,
  });
}
