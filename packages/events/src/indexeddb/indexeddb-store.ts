import { type Clock, systemClock, unixMilliseconds } from '@bitcoin-enterprise/core';
import {
  claimLost,
  invalidArgument,
  keyReused,
  leaseLost,
  snapshotMissing,
  storeClosed,
  truncated,
  versionConflict,
} from '../errors.ts';
import {
  checkCall,
  checkClaim,
  checkClaiming,
  checkClaims,
  checkLease,
  checkLeasing,
  checkName,
  checkNow,
  checkRead,
  checkStream,
  checkTypes,
  checkWait,
  prepareAppend,
  type PreparedAppend,
  prepareSnapshot,
  requireRecord,
  requireWhole,
} from '../model/checks.ts';
import { hasExpired } from '../model/claims.ts';
import { type EventRow, readEventRow, readJson } from '../model/rows.ts';
import { createBell } from '../model/waiting.ts';
import type {
  Append,
  Appended,
  CallOptions,
  Claim,
  ClaimedEffect,
  ClaimedTimer,
  ClaimOptions,
  DeadEffect,
  EventStore,
  Lease,
  LeaseOptions,
  ReadOptions,
  Snapshot,
  StoredEvent,
  TimerDue,
  WaitOptions,
} from '../ports/event-store.ts';
import {
  answer,
  begin,
  type EffectRow,
  failureOf,
  type KeyRow,
  type LeaseRow,
  openIndexedDb,
  type StoreRow,
  type StreamRow,
  type TimerRow,
  walk,
} from './database.ts';
import { createGroup, type Group } from './group.ts';

/** Settings of {@link openIndexedDbStore}. */
export interface IndexedDbStoreOptions {
  /** Name of the database; the same name is the same store for all pages of an origin. */
  readonly name: string;
  /** What time it is; the browser's when absent. */
  readonly clock?: Clock;
  /** Milliseconds between two looks for events of other pages, while somebody waits; 100 when absent. */
  readonly pollMs?: number;
}

const STORE = 'indexeddb';
const EMPTY: StoreRow = { head: 0, token: 0 };

/**
 * Opens an event store in the browser's IndexedDB, for pages and workers; several may open the same one. Writes are
 * asked to be durable (`strict`); a browser may still throw a site's data away unless it grants persistent storage.
 *
 * @throws EventsError `EVENTS_STORE_UNAVAILABLE` where there is no IndexedDB, `EVENTS_SCHEMA_UNKNOWN`,
 * `EVENTS_STORE_BUSY`, `EVENTS_STORE_FULL`.
 *
 * @example
 * ```ts no-run
 * import { openIndexedDbStore } from '@bitcoin-enterprise/events/indexeddb';
 *
 * const store = await openIndexedDbStore({ name: 'swaps' });
 * await store.append({ stream: 'swap/1', events: [{ type: 'funded' }], expectedVersion: 0 });
 * ```
 */
export async function openIndexedDbStore(options: IndexedDbStoreOptions): Promise<EventStore> {
  requireRecord('options', options);
  const { name, clock = systemClock(), pollMs = 100 } = options;
  if (typeof name !== 'string' || name === '') throw invalidArgument('options.name', 'a string', name);
  requireWhole('options.pollMs', pollMs, 1, 0x7fff_ffff);
  return new IndexedDbStore(await openIndexedDb(name), { name, clock, pollMs });
}

class IndexedDbStore implements EventStore {
  readonly #database: IDBDatabase;
  readonly #clock: Clock;
  readonly #pollMs: number;
  readonly #group: Group;
  readonly #bell = createBell('waitForEvents');
  readonly #closing = new AbortController();
  /** Rings the bells of other pages. */
  readonly #channel: BroadcastChannel;

  constructor(
    database: IDBDatabase,
    options: { readonly name: string; readonly clock: Clock; readonly pollMs: number },
  ) {
    this.#database = database;
    this.#clock = options.clock;
    this.#pollMs = options.pollMs;
    this.#group = createGroup(database);
    this.#channel = new BroadcastChannel(`bitcoin-enterprise/events/${options.name}`);
    this.#channel.onmessage = () => this.#bell.ring();
    // A newer version of the page wants to update the database: this one must not stand in its way.
    database.onversionchange = () => void this.close();
  }

  async append(append: Append, options: CallOptions = {}): Promise<Appended> {
    this.#enter('append', options);
    const prepared = prepareAppend(append);
    const appended = await this.#group.run('append', (at) => this.#append(at, prepared), options.signal);
    this.#bell.ring();
    this.#channel.postMessage(appended.position);
    return appended;
  }

  async readStream(stream: string, options: ReadOptions = {}): Promise<readonly StoredEvent[]> {
    this.#enter('readStream', options);
    const { after, limit } = checkRead(options);
    checkStream(stream);
    return this.#read(async (at) => {
      const row = await streamIn(at, stream);
      if (row === undefined) return [];
      if (after + 1 < row.first) throw truncated(stream, after, row.first);
      const range = IDBKeyRange.bound([stream, after], [stream, Infinity], true);
      return readEvents(at.objectStore('events').index('version').getAll(range, limit));
    });
  }

  async readAll(options: ReadOptions = {}): Promise<readonly StoredEvent[]> {
    this.#enter('readAll', options);
    const { after, limit } = checkRead(options);
    return this.#read((at) => readEvents(at.objectStore('events').getAll(IDBKeyRange.lowerBound(after, true), limit)));
  }

  async version(stream: string, options: CallOptions = {}): Promise<number> {
    this.#enter('version', options);
    checkStream(stream);
    return this.#read(async (at) => (await streamIn(at, stream))?.version ?? 0);
  }

  async head(options: CallOptions = {}): Promise<number> {
    this.#enter('head', options);
    return this.#read(async (at) => (await storeIn(at)).head);
  }

  async waitForEvents(options: WaitOptions): Promise<boolean> {
    const { after, timeoutMs } = checkWait(options);
    this.#enter('waitForEvents', options);
    const { signal } = options;
    const closed = this.#closing.signal;
    return this.#bell.until({
      signals: signal === undefined ? [closed] : [signal, closed],
      timeoutMs,
      pollMs: this.#pollMs,
      isThere: async () => {
        if (closed.aborted) throw storeClosed(STORE);
        return (await this.#read(async (at) => (await storeIn(at)).head)) > after;
      },
    });
  }

  async saveSnapshot(snapshot: Snapshot, options: CallOptions = {}): Promise<void> {
    this.#enter('saveSnapshot', options);
    const { stream, version, state } = prepareSnapshot(snapshot);
    await this.#group.run(
      'saveSnapshot',
      async (at) => {
        const row = await streamIn(at, stream);
        if (row === undefined || version > row.version) throw versionConflict(stream, version, row?.version ?? 0);
        if ((row.snapshot?.version ?? 0) <= version) putStream(at, { ...row, snapshot: { version, state } });
      },
      options.signal,
    );
  }

  async loadSnapshot(stream: string, options: CallOptions = {}): Promise<Snapshot | undefined> {
    this.#enter('loadSnapshot', options);
    checkStream(stream);
    const snapshot = await this.#read(async (at) => (await streamIn(at, stream))?.snapshot);
    if (snapshot === undefined) return undefined;
    return { stream, version: snapshot.version, state: readJson(snapshot.state, STORE) };
  }

  async claimEffects(
    options: ClaimOptions & { readonly types?: readonly string[] } = {},
  ): Promise<readonly ClaimedEffect[]> {
    this.#enter('claimEffects', options);
    const { limit, leaseMs, prefixes } = checkClaiming(options);
    const types = checkTypes(options.types);
    const write = async (at: IDBTransaction): Promise<readonly ClaimedEffect[]> => {
      const now = this.#clock.nowMs();
      const token = await nextToken(at);
      const taken: ClaimedEffect[] = [];
      await walk<EffectRow>(at.objectStore('effects').index('state').openCursor(0), (row, cursor) => {
        const wanted = types === undefined || types.includes(row.type);
        if (wanted && hasExpired(row, now) && begins(row.stream, prefixes)) {
          const { stream, key, type } = row;
          const attempts = row.attempts + 1;
          cursor.update({ ...row, attempts, token, since: now, until: now + leaseMs } satisfies EffectRow);
          const data = readJson(row.data, STORE);
          taken.push({ kind: 'effect', stream, key, type, data, token, attempt: attempts });
        }
        return taken.length === limit ? 'stop' : 'next';
      });
      return taken;
    };
    return this.#group.run('claimEffects', write, options.signal);
  }

  async claimTimers(
    options: ClaimOptions & { readonly height?: number; readonly time?: number },
  ): Promise<readonly ClaimedTimer[]> {
    this.#enter('claimTimers', options);
    const { limit, leaseMs, prefixes } = checkClaiming(options);
    const come = checkNow(options);
    const write = async (at: IDBTransaction): Promise<readonly ClaimedTimer[]> => {
      const now = this.#clock.nowMs();
      const token = await nextToken(at);
      const taken: ClaimedTimer[] = [];
      for (const by of ['height', 'time'] as const) {
        if (taken.length === limit || come[by] < 0) continue;
        const range = IDBKeyRange.upperBound(come[by]);
        await walk<TimerRow>(at.objectStore('timers').index(by).openCursor(range), (row, cursor) => {
          if (hasExpired(row, now) && begins(row.stream, prefixes)) {
            const { stream, key } = row;
            const attempts = row.attempts + 1;
            cursor.update({ ...row, attempts, token, since: now, until: now + leaseMs } satisfies TimerRow);
            const data = readJson(row.data, STORE);
            taken.push({ kind: 'timer', stream, key, due: dueOf(row), data, token, attempt: attempts });
          }
          return taken.length === limit ? 'stop' : 'next';
        });
      }
      return taken;
    };
    return this.#group.run('claimTimers', write, options.signal);
  }

  async nextTimer(options: CallOptions = {}): Promise<number | undefined> {
    this.#enter('nextTimer', options);
    return this.#read(async (at) => {
      let next: number | undefined;
      await walk<TimerRow>(at.objectStore('timers').index('time').openCursor(), ({ time }) => {
        next = time;
        return 'stop';
      });
      return next;
    });
  }

  async settle(claims: readonly Claim[], options: CallOptions = {}): Promise<void> {
    this.#enter('settle', options);
    const checked = checkClaims('claims', claims);
    await this.#group.run('settle', (at) => this.#settle(at, checked), options.signal);
  }

  async release(claim: Claim, options: CallOptions & { readonly delayMs?: number } = {}): Promise<void> {
    this.#enter('release', options);
    const delayMs = requireWhole('options.delayMs', options.delayMs ?? 0, 0);
    const checked = checkClaim('claim', claim);
    await this.#group.run(
      'release',
      async (at) => {
        const row = await workOf(at, checked);
        const since = this.#clock.nowMs();
        at.objectStore(storeOf(checked)).put({ ...row, token: 0, since, until: since + delayMs });
      },
      options.signal,
    );
  }

  async bury(claim: Claim, options: CallOptions & { readonly reason: string }): Promise<void> {
    this.#enter('bury', options);
    const reason = checkName('options.reason', options.reason);
    const checked = checkClaim('claim', claim);
    if (checked.kind !== 'effect') throw claimLost(checked);
    await this.#group.run(
      'bury',
      async (at) => {
        const row = (await workOf(at, checked)) as EffectRow;
        at.objectStore('effects').put({ ...row, state: 2, token: 0, reason } satisfies EffectRow);
      },
      options.signal,
    );
  }

  async deadEffects(options: CallOptions & { readonly limit?: number } = {}): Promise<readonly DeadEffect[]> {
    this.#enter('deadEffects', options);
    const { limit } = checkRead(options);
    const rows = await this.#read((at) =>
      answer(at.objectStore('effects').index('state').getAll(2, limit) as IDBRequest<EffectRow[]>),
    );
    return rows.map(({ stream, key, type, data, attempts, reason }) => {
      return { stream, key, type, data: readJson(data, STORE), attempts, reason };
    });
  }

  async revive(key: string, options: CallOptions = {}): Promise<boolean> {
    this.#enter('revive', options);
    checkName('key', key);
    const write = async (at: IDBTransaction): Promise<boolean> => {
      const row = await effectIn(at, key);
      if (row?.state !== 2) return false;
      at.objectStore('effects').put({ ...row, state: 0, since: 0, until: 0, reason: '' } satisfies EffectRow);
      return true;
    };
    return this.#group.run('revive', write, options.signal);
  }

  async acquireLease(name: string, options: LeaseOptions): Promise<Lease | undefined> {
    const { owner, ttlMs } = checkLeasing(name, options);
    this.#enter('acquireLease', options);
    const write = async (at: IDBTransaction): Promise<Lease | undefined> => {
      const now = this.#clock.nowMs();
      const held = (await answer(at.objectStore('leases').get(name))) as LeaseRow | undefined;
      const isFree = held === undefined || hasExpired(held, now);
      if (!isFree && held.owner !== owner) return undefined;
      const token = isFree ? (held?.token ?? 0) + 1 : held.token;
      at.objectStore('leases').put({ name, owner, token, since: now, until: now + ttlMs } satisfies LeaseRow);
      return { name, owner, token, expiresAt: unixMilliseconds(now + ttlMs) };
    };
    return this.#group.run('acquireLease', write, options.signal);
  }

  async releaseLease(lease: Lease, options: CallOptions = {}): Promise<void> {
    this.#enter('releaseLease', options);
    const { name, token } = checkLease('lease', lease);
    await this.#group.run(
      'releaseLease',
      async (at) => {
        const held = (await answer(at.objectStore('leases').get(name))) as LeaseRow | undefined;
        if (held?.token === token) at.objectStore('leases').put({ ...held, until: 0 });
      },
      options.signal,
    );
  }

  async truncate(stream: string, options: CallOptions & { readonly through: number }): Promise<void> {
    this.#enter('truncate', options);
    const through = requireWhole('options.through', options.through, 1);
    checkStream(stream);
    await this.#group.run(
      'truncate',
      async (at) => {
        const row = await streamIn(at, stream);
        if (row === undefined || (row.snapshot?.version ?? 0) < through) throw snapshotMissing(stream, through);
        const range = IDBKeyRange.bound([stream, 0], [stream, through]);
        for (const name of ['events', 'keys'])
          await walk(at.objectStore(name).index('version').openCursor(range), (_, cursor) => {
            cursor.delete();
            return 'next';
          });
        putStream(at, { ...row, first: Math.max(row.first, through + 1) });
      },
      options.signal,
    );
  }

  async forgetEffects(options: CallOptions & { readonly doneBefore: number }): Promise<number> {
    this.#enter('forgetEffects', options);
    const doneBefore = requireWhole('options.doneBefore', options.doneBefore, 0);
    const write = async (at: IDBTransaction): Promise<number> => {
      let forgotten = 0;
      await walk<EffectRow>(at.objectStore('effects').index('state').openCursor(1), ({ doneAt }, cursor) => {
        if (doneAt < doneBefore) {
          cursor.delete();
          forgotten += 1;
        }
        return 'next';
      });
      return forgotten;
    };
    return this.#group.run('forgetEffects', write, options.signal);
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    await this.#group.close();
    this.#channel.close();
    this.#database.close();
  }

  async #append(at: IDBTransaction, append: PreparedAppend): Promise<Appended> {
    const { stream: name, events, expectedVersion, key, effects, timers, settles, lease } = append;
    const row = (await streamIn(at, name)) ?? { name, version: 0, first: 1 };
    if (key !== undefined) {
      const known = (await answer(at.objectStore('keys').get([name, key]))) as KeyRow | undefined;
      if (known !== undefined) {
        await requireSame(at, append, known);
        return { version: known.version, position: known.position, duplicate: true };
      }
    }
    if (expectedVersion !== undefined && expectedVersion !== row.version)
      throw versionConflict(name, expectedVersion, row.version);
    if (lease !== undefined) {
      const held = (await answer(at.objectStore('leases').get(lease.name))) as LeaseRow | undefined;
      if (held?.token !== lease.token || held.until === 0) throw leaseLost(lease);
    }
    await this.#settle(at, settles);
    // Nothing below can refuse: it is all or nothing.
    const { head, token } = await storeIn(at);
    const time = this.#clock.nowMs();
    for (const [index, { type, data, meta }] of events.entries()) {
      const event: EventRow = {
        position: head + index + 1,
        stream: name,
        version: row.version + index + 1,
        type,
        data,
        meta,
        time,
      };
      at.objectStore('events').add(event);
    }
    const version = row.version + events.length;
    const position = head + events.length;
    at.objectStore('store').put({ head: position, token } satisfies StoreRow, 'store');
    putStream(at, { ...row, version });
    if (key !== undefined)
      at.objectStore('keys').add({ stream: name, key, version, position, size: events.length } satisfies KeyRow);
    for (const effect of effects) await this.#ask(at, name, effect);
    for (const { key: timer, ...set } of timers)
      if (set.due === undefined) at.objectStore('timers').delete([name, timer]);
      else
        at.objectStore('timers').put({
          ...newWork({ stream: name, key: timer, data: 'data' in set ? set.data : 'null' }),
          ...set.due,
        } satisfies TimerRow);
    return { version, position, duplicate: false };
  }

  async #ask(at: IDBTransaction, stream: string, effect: PreparedAppend['effects'][number]): Promise<void> {
    const { key, type, data } = effect;
    if ((await effectIn(at, key)) !== undefined) return;
    const row: EffectRow = { ...newWork({ stream, key, data }), type, state: 0, reason: '', doneAt: 0 };
    at.objectStore('effects').add(row);
  }

  async #settle(at: IDBTransaction, claims: readonly Claim[]): Promise<void> {
    const rows = await Promise.all(claims.map((claim) => workOf(at, claim)));
    const doneAt = this.#clock.nowMs();
    for (const [index, { kind, stream, key }] of claims.entries())
      if (kind === 'timer') at.objectStore('timers').delete([stream, key]);
      else at.objectStore('effects').put({ ...(rows[index] as EffectRow), state: 1, token: 0, doneAt });
  }

  async #read<Result>(read: (transaction: IDBTransaction) => Promise<Result>): Promise<Result> {
    try {
      return await read(begin(this.#database, 'readonly'));
    } catch (error) {
      throw failureOf(error, 'not-done');
    }
  }

  #enter(call: string, options: CallOptions): void {
    checkCall(call, options);
    if (this.#closing.signal.aborted) throw storeClosed(STORE);
  }
}

function begins(stream: string, prefixes: readonly string[] | undefined): boolean {
  return prefixes === undefined || prefixes.some((prefix) => stream.startsWith(prefix));
}

function newWork(parts: { readonly stream: string; readonly key: string; readonly data: string }) {
  return { ...parts, attempts: 0, token: 0, since: 0, until: 0 };
}

async function streamIn(at: IDBTransaction, name: string): Promise<StreamRow | undefined> {
  return (await answer(at.objectStore('streams').get(name))) as StreamRow | undefined;
}

function putStream(at: IDBTransaction, row: StreamRow): void {
  at.objectStore('streams').put(row);
}

async function storeIn(at: IDBTransaction): Promise<StoreRow> {
  return ((await answer(at.objectStore('store').get('store'))) as StoreRow | undefined) ?? EMPTY;
}

async function nextToken(at: IDBTransaction): Promise<number> {
  const { head, token } = await storeIn(at);
  at.objectStore('store').put({ head, token: token + 1 } satisfies StoreRow, 'store');
  return token + 1;
}

async function effectIn(at: IDBTransaction, key: string): Promise<EffectRow | undefined> {
  return (await answer(at.objectStore('effects').index('key').get(key))) as EffectRow | undefined;
}

/** The row of a claim that still stands. */
async function workOf(at: IDBTransaction, claim: Claim): Promise<EffectRow | TimerRow> {
  const { kind, stream, key, token } = claim;
  const row =
    kind === 'effect'
      ? await effectIn(at, key)
      : ((await answer(at.objectStore('timers').get([stream, key]))) as TimerRow | undefined);
  if (row?.token !== token) throw claimLost(claim);
  return row;
}

function storeOf({ kind }: Claim): 'effects' | 'timers' {
  return kind === 'effect' ? 'effects' : 'timers';
}

function dueOf({ height, time }: TimerRow): TimerDue {
  return height === undefined ? { time: time ?? 0 } : { height };
}

/** A key may be repeated with the events that it came with, and with no others. */
async function requireSame(at: IDBTransaction, append: PreparedAppend, known: KeyRow): Promise<void> {
  const { stream, version, size, key } = known;
  const { events } = append;
  const range = IDBKeyRange.bound([stream, version - size + 1], [stream, version]);
  const rows = await answer(at.objectStore('events').index('version').getAll(range) as IDBRequest<EventRow[]>);
  // What was truncated cannot be compared any more.
  const kept = events.slice(events.length - rows.length);
  const same =
    size === events.length &&
    kept.every(({ type, data, meta }, index) => {
      const row = rows[index];
      return row?.type === type && row.data === data && row.meta === meta;
    });
  if (!same) throw keyReused(stream, key);
}

async function readEvents(request: IDBRequest<unknown[]>): Promise<readonly StoredEvent[]> {
  return ((await answer(request)) as readonly EventRow[]).map((row) => readEventRow(row, STORE));
}
