import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { type Clock, systemClock, unixMilliseconds } from '@bitcoin-enterprise/core';
import {
  claimLost,
  EventsError,
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
import { STEP_TOLERANCE_MS } from '../model/claims.ts';
import { type EffectRow, type EventRow, readDue, readEventRow, readJson, type TimerRow } from '../model/rows.ts';
import { type Bell, createBell } from '../model/waiting.ts';
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
  WaitOptions,
} from '../ports/event-store.ts';
import { failureOf } from './failures.ts';
import { createGroup, type Group } from './group.ts';
import { migrate, pragma } from './schema.ts';
import { prepareStatements, type Statements } from './statements.ts';

/** Settings of {@link openSqliteStore}. */
export interface SqliteStoreOptions {
  /** The database file; made when absent. Its folder must exist. */
  readonly path: string;
  /** What time it is; the system's when absent. */
  readonly clock?: Clock;
  /** Milliseconds to wait for the lock of another process before `EVENTS_STORE_BUSY`; 5,000 when absent. */
  readonly busyMs?: number;
  /** Milliseconds between two looks for events of other processes, while somebody waits; 20 when absent. */
  readonly pollMs?: number;
}

const STORE = 'sqlite';
/** Streams whose place is remembered; at more than that, all are looked up anew. */
const MAX_CACHED = 100_000;
const MAX_MS = 0x7fff_ffff;

/**
 * Opens an event store in one file, on Node's own SQLite: write-ahead log, synced at every commit, writes of the same
 * moment grouped. Several processes may open the same file.
 *
 * @param options - Path and clock.
 * @throws EventsError `EVENTS_STORE_UNAVAILABLE`, `EVENTS_STORE_CORRUPT`, `EVENTS_SCHEMA_UNKNOWN`,
 * `EVENTS_STORE_BUSY`, `EVENTS_STORE_FULL`.
 *
 * @example
 * ```ts no-run
 * import { openSqliteStore } from '@bitcoin-enterprise/events/sqlite';
 *
 * const store = openSqliteStore({ path: 'swaps.db' });
 * await store.append({ stream: 'swap/1', events: [{ type: 'funded' }], expectedVersion: 0 });
 * await store.close();
 * ```
 */
export function openSqliteStore(options: SqliteStoreOptions): EventStore {
  requireRecord('options', options);
  const { path, clock = systemClock(), busyMs = 5_000, pollMs = 20 } = options;
  // A database in memory would be another one for each connection.
  // And a URI could switch locks or the log off.
  if (typeof path !== 'string' || path === '' || path === ':memory:' || /^file:|\0/i.test(path))
    throw invalidArgument('options.path', 'the path of a file', path);
  requireWhole('options.busyMs', busyMs, 0, MAX_MS);
  requireWhole('options.pollMs', pollMs, 1, MAX_MS);
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: busyMs });
    const mode = pragma(database, 'journal_mode = wal');
    if (mode !== 'wal') throw noLog(mode);
    database.exec('pragma synchronous = full');
    migrate(database);
    // From here on a lock of another process is waited for without blocking the loop.
    database.exec('pragma busy_timeout = 0');
    return new SqliteStore(database, { clock, busyMs, pollMs });
  } catch (error) {
    database?.close();
    throw failureOf(error, 'not-done');
  }
}

/** Some file systems have no shared memory, and without the log two processes would block each other. */
function noLog(mode: unknown): EventsError<'EVENTS_STORE_UNAVAILABLE'> {
  const reason = `no write-ahead log on this file system (journal mode ${String(mode)})`;
  return new EventsError('EVENTS_STORE_UNAVAILABLE', reason, {
    details: { store: STORE, outcome: 'not-done', reason },
    hint: 'keep the file on a local disk',
  });
}

interface CachedStream {
  readonly id: number;
  version: number;
}

class SqliteStore implements EventStore {
  readonly #database: DatabaseSync;
  readonly #clock: Clock;
  readonly #pollMs: number;
  readonly #group: Group;
  readonly #sql: Statements;
  readonly #bell: Bell = createBell('waitForEvents');
  readonly #closing = new AbortController();
  readonly #streams = new Map<string, CachedStream>();
  /** Head as the transaction under way sees it. */
  #head = 0;
  /** When the transaction under way began. */
  #time = 0;
  /** `data_version`: changes when another connection has written, and the cache is stale. */
  #dataVersion: unknown;

  constructor(
    database: DatabaseSync,
    options: { readonly clock: Clock; readonly busyMs: number; readonly pollMs: number },
  ) {
    this.#database = database;
    this.#clock = options.clock;
    this.#pollMs = options.pollMs;
    this.#sql = prepareStatements(database);
    this.#group = createGroup(database, {
      busyMs: options.busyMs,
      onBegin: () => this.#refresh(),
      onCommit: () => this.#bell.ring(),
      onRollback: () => this.#forget(),
    });
  }

  // Not async: a second promise for each append would cost as much as its checks.
  append(append: Append, options: CallOptions = {}): Promise<Appended> {
    try {
      this.#enter('append', options);
      const prepared = prepareAppend(append);
      return this.#group.run('append', () => this.#append(prepared), {
        signal: options.signal,
        size: prepared.events.length + prepared.length / 1_000,
      });
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async readStream(stream: string, options: ReadOptions = {}): Promise<readonly StoredEvent[]> {
    this.#enter('readStream', options);
    const { after, limit } = checkRead(options);
    checkStream(stream);
    const rows = this.#read(() => {
      const found = this.#sql.streamByName.get(stream);
      if (found === undefined) return [];
      const first = Number(found['first']);
      if (after + 1 < first) throw truncated(stream, after, first);
      return this.#sql.eventsOfStream.all(stream, Number(found['id']), after, limit);
    });
    return (rows as unknown as readonly EventRow[]).map((row) => readEventRow(row, STORE));
  }

  async readAll(options: ReadOptions = {}): Promise<readonly StoredEvent[]> {
    this.#enter('readAll', options);
    const { after, limit } = checkRead(options);
    const rows = this.#read(() => this.#sql.events.all(after, limit));
    return (rows as unknown as readonly EventRow[]).map((row) => readEventRow(row, STORE));
  }

  async version(stream: string, options: CallOptions = {}): Promise<number> {
    this.#enter('version', options);
    checkStream(stream);
    return Number(this.#read(() => this.#sql.versionByName.get(stream))?.['version'] ?? 0);
  }

  async head(options: CallOptions = {}): Promise<number> {
    this.#enter('head', options);
    return this.#readHead();
  }

  async waitForEvents(options: WaitOptions): Promise<boolean> {
    const { after, timeoutMs } = checkWait(options);
    this.#enter('waitForEvents', options);
    const { signal } = options;
    const closed = this.#closing.signal;
    return this.#bell.until({
      signals: signal === undefined ? [closed] : [signal, closed],
      timeoutMs,
      // Events of other processes ring no bell here: look again after a while.
      pollMs: this.#pollMs,
      isThere: async () => this.#readHead() > after,
    });
  }

  async saveSnapshot(snapshot: Snapshot, options: CallOptions = {}): Promise<void> {
    this.#enter('saveSnapshot', options);
    const { stream, version, state } = prepareSnapshot(snapshot);
    await this.#group.run(
      'saveSnapshot',
      () => {
        const found = this.#stream(stream);
        const last = found?.version ?? 0;
        if (found === undefined || version > last) throw versionConflict(stream, version, last);
        this.#sql.saveSnapshot.run(version, state, found.id, version);
      },
      options,
    );
  }

  async loadSnapshot(stream: string, options: CallOptions = {}): Promise<Snapshot | undefined> {
    this.#enter('loadSnapshot', options);
    checkStream(stream);
    const row = this.#read(() => this.#sql.snapshot.get(stream));
    if (row === undefined) return undefined;
    return { stream, version: Number(row['version']), state: readJson(String(row['state']), STORE) };
  }

  async claimEffects(
    options: ClaimOptions & { readonly types?: readonly string[] } = {},
  ): Promise<readonly ClaimedEffect[]> {
    this.#enter('claimEffects', options);
    const { limit, leaseMs, prefixes } = checkClaiming(options);
    const named = prefixes === undefined ? null : JSON.stringify(prefixes);
    const types = checkTypes(options.types);
    const taken = await this.#group.run(
      'claimEffects',
      () => {
        const now = this.#clock.nowMs();
        const early = now + STEP_TOLERANCE_MS;
        const kinds = types === undefined ? null : JSON.stringify(types);
        const free = this.#sql.freeEffects.all({ now, kinds, named, limit });
        const rest = limit - free.length;
        const rows = [...free, ...this.#sql.earlyEffects.all({ early, kinds, named, limit: rest })];
        const token = this.#take(this.#sql.takeEffect, rows, { now, leaseMs });
        return { token, rows: rows as unknown as readonly EffectRow[] };
      },
      options,
    );
    return taken.rows.map(({ stream, key, type, data, attempts }) => ({
      kind: 'effect',
      stream,
      key,
      type,
      data: readJson(data, STORE),
      token: taken.token,
      attempt: attempts + 1,
    }));
  }

  async claimTimers(
    options: ClaimOptions & { readonly height?: number; readonly time?: number },
  ): Promise<readonly ClaimedTimer[]> {
    this.#enter('claimTimers', options);
    const { limit, leaseMs, prefixes } = checkClaiming(options);
    const named = prefixes === undefined ? null : JSON.stringify(prefixes);
    const { height, time } = checkNow(options);
    const taken = await this.#group.run(
      'claimTimers',
      () => {
        const now = this.#clock.nowMs();
        const early = now + STEP_TOLERANCE_MS;
        const byHeight = this.#sql.freeTimersByHeight.all({ height, now, early, named, limit });
        const rest = limit - byHeight.length;
        const byTime = this.#sql.freeTimersByTime.all({ time, now, early, named, limit: rest });
        const rows = [...byHeight, ...byTime];
        const token = this.#take(this.#sql.takeTimer, rows, { now, leaseMs });
        return { token, rows: rows as unknown as readonly TimerRow[] };
      },
      options,
    );
    return taken.rows.map((row) => ({
      kind: 'timer',
      stream: row.stream,
      key: row.key,
      due: readDue(row),
      data: readJson(row.data, STORE),
      token: taken.token,
      attempt: row.attempts + 1,
    }));
  }

  async nextTimer(options: CallOptions = {}): Promise<number | undefined> {
    this.#enter('nextTimer', options);
    const next = this.#read(() => this.#sql.nextTimer.get())?.['time'];
    return typeof next === 'number' ? next : undefined;
  }

  async settle(claims: readonly Claim[], options: CallOptions = {}): Promise<void> {
    this.#enter('settle', options);
    const checked = checkClaims('claims', claims);
    if (checked.length === 0) return;
    await this.#group.run('settle', () => this.#settle(checked), options);
  }

  async release(claim: Claim, options: CallOptions & { readonly delayMs?: number } = {}): Promise<void> {
    this.#enter('release', options);
    const delayMs = requireWhole('options.delayMs', options.delayMs ?? 0, 0);
    const checked = checkClaim('claim', claim);
    await this.#group.run(
      'release',
      () => {
        const id = this.#requireClaim(checked);
        const now = this.#clock.nowMs();
        const release = checked.kind === 'effect' ? this.#sql.releaseEffect : this.#sql.releaseTimer;
        release.run(now, now + delayMs, id);
      },
      options,
    );
  }

  async bury(claim: Claim, options: CallOptions & { readonly reason: string }): Promise<void> {
    this.#enter('bury', options);
    const reason = checkName('options.reason', options.reason);
    const checked = checkClaim('claim', claim);
    await this.#group.run(
      'bury',
      () => {
        if (checked.kind !== 'effect') throw claimLost(checked);
        this.#sql.buryEffect.run(reason, this.#requireClaim(checked));
      },
      options,
    );
  }

  async deadEffects(options: CallOptions & { readonly limit?: number } = {}): Promise<readonly DeadEffect[]> {
    this.#enter('deadEffects', options);
    const { limit } = checkRead(options);
    const rows = this.#read(() => this.#sql.deadEffects.all(limit));
    return (rows as unknown as ReadonlyArray<EffectRow & { readonly reason: string }>).map(
      ({ stream, key, type, data, attempts, reason }) => {
        return { stream, key, type, data: readJson(data, STORE), attempts, reason };
      },
    );
  }

  async revive(key: string, options: CallOptions = {}): Promise<boolean> {
    this.#enter('revive', options);
    checkName('key', key);
    return this.#group.run('revive', () => this.#sql.reviveEffect.run(key).changes === 1, options);
  }

  async acquireLease(name: string, options: LeaseOptions): Promise<Lease | undefined> {
    const { owner, ttlMs } = checkLeasing(name, options);
    this.#enter('acquireLease', options);
    return this.#group.run('acquireLease', () => this.#lease(name, { owner, ttlMs }), options);
  }

  async releaseLease(lease: Lease, options: CallOptions = {}): Promise<void> {
    this.#enter('releaseLease', options);
    const { name, token } = checkLease('lease', lease);
    await this.#group.run('releaseLease', () => this.#sql.releaseLease.run(name, token), options);
  }

  async truncate(stream: string, options: CallOptions & { readonly through: number }): Promise<void> {
    this.#enter('truncate', options);
    const through = requireWhole('options.through', options.through, 1);
    checkStream(stream);
    await this.#group.run(
      'truncate',
      () => {
        const found = this.#sql.streamByName.get(stream);
        if (found === undefined || Number(found['snapshot_version'] ?? 0) < through)
          throw snapshotMissing(stream, through);
        const id = Number(found['id']);
        this.#sql.keepFloor.run(this.#head);
        this.#sql.removeEvents.run(id, through);
        this.#sql.keepFirst.run(through + 1, id);
      },
      options,
    );
  }

  async forgetEffects(options: CallOptions & { readonly doneBefore: number }): Promise<number> {
    this.#enter('forgetEffects', options);
    const doneBefore = requireWhole('options.doneBefore', options.doneBefore, 0);
    const forget = (): number => Number(this.#sql.forgetEffects.run(doneBefore).changes);
    return this.#group.run('forgetEffects', forget, options);
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    await this.#group.close();
    this.#database.close();
  }

  #append(append: PreparedAppend): Appended {
    const { stream: name, events, expectedVersion, key, effects, timers, settles, lease } = append;
    const stream = this.#stream(name);
    if (key !== undefined && stream !== undefined) {
      const known = this.#sql.eventByKey.get(stream.id, key);
      if (known !== undefined) {
        const version = Number(known['version']);
        this.#requireSame(append, { id: stream.id, version, size: Number(known['size']) });
        return { version, position: Number(known['position']), duplicate: true };
      }
    }
    const version = stream?.version ?? 0;
    if (expectedVersion !== undefined && expectedVersion !== version)
      throw versionConflict(name, expectedVersion, version);
    if (lease !== undefined && this.#sql.heldLease.get(lease.name, lease.token) === undefined) throw leaseLost(lease);
    // Nothing above has written anything, and nothing below can refuse.
    if (settles.length > 0) this.#settle(settles);
    const written = stream ?? this.#newStream(name);
    const time = this.#time;
    const last = events.length - 1;
    for (let i = 0; i <= last; i++) {
      const event = events[i] as PreparedAppend['events'][number];
      this.#head += 1;
      written.version += 1;
      const keyed = key !== undefined && i === last;
      if (keyed)
        this.#sql.insertKeyedEvent.run(
          this.#head,
          written.id,
          written.version,
          event.type,
          event.data,
          event.meta,
          time,
          key,
          events.length,
        );
      else this.#sql.insertEvent.run(this.#head, written.id, written.version, event.type, event.data, event.meta, time);
    }
    for (const effect of effects)
      this.#sql.insertEffect.run(effect.key, written.id, effect.type, effect.data, time, time);
    for (const timer of timers) {
      this.#sql.removeTimer.run(written.id, timer.key);
      if (timer.due === undefined) continue;
      const [height, due] = 'height' in timer.due ? [timer.due.height, null] : [null, timer.due.time];
      this.#sql.insertTimer.run(written.id, timer.key, height, due, timer.data);
    }
    return { version: written.version, position: this.#head, duplicate: false };
  }

  /** A key may be repeated with the events that it came with, and with no others. */
  #requireSame(
    append: PreparedAppend,
    known: { readonly id: number; readonly version: number; readonly size: number },
  ): void {
    const { id, version, size } = known;
    const { events, stream, key = '' } = append;
    const rows = this.#sql.eventsBetween.all(id, version - size, version);
    // What was truncated cannot be compared any more.
    const kept = events.slice(events.length - rows.length);
    const same =
      size === events.length &&
      kept.every(({ type, data, meta }, index) => {
        const row = rows[index];
        return row?.['type'] === type && row['data'] === data && row['meta'] === meta;
      });
    if (!same) throw keyReused(stream, key);
  }

  #stream(name: string): CachedStream | undefined {
    const cached = this.#streams.get(name);
    if (cached !== undefined) return cached;
    const row = this.#sql.streamByName.get(name);
    if (row === undefined) return undefined;
    const id = Number(row['id']);
    const newest = this.#sql.newestVersion.get(id)?.['version'];
    const version = Math.max(Number(newest ?? 0), Number(row['first']) - 1);
    return this.#remember(name, { id, version });
  }

  #newStream(name: string): CachedStream {
    const id = Number(this.#sql.insertStream.run(name).lastInsertRowid);
    return this.#remember(name, { id, version: 0 });
  }

  #remember(name: string, stream: CachedStream): CachedStream {
    if (this.#streams.size >= MAX_CACHED) this.#streams.clear();
    this.#streams.set(name, stream);
    return stream;
  }

  #settle(claims: readonly Claim[]): void {
    const ids = claims.map((claim) => this.#requireClaim(claim));
    const now = this.#clock.nowMs();
    for (const [index, { kind }] of claims.entries()) {
      const id = ids[index] ?? 0;
      if (kind === 'effect') this.#sql.settleEffect.run(now, id);
      else this.#sql.settleTimer.run(id);
    }
  }

  #requireClaim(claim: Claim): number {
    const { kind, stream, key, token } = claim;
    const row =
      kind === 'effect' ? this.#sql.claimedEffect.get(key, token) : this.#sql.claimedTimer.get(stream, key, token);
    if (row === undefined) throw claimLost(claim);
    return Number(row['id']);
  }

  #take(
    take: StatementSync,
    rows: ReadonlyArray<Record<string, unknown>>,
    options: { readonly now: number; readonly leaseMs: number },
  ): number {
    if (rows.length === 0) return 0;
    const { now, leaseMs } = options;
    const token = Number(this.#sql.nextToken.get()?.['token']);
    for (const { id } of rows) take.run(token, now, now + leaseMs, Number(id));
    return token;
  }

  #lease(name: string, options: { readonly owner: string; readonly ttlMs: number }): Lease | undefined {
    const { owner, ttlMs } = options;
    const now = this.#clock.nowMs();
    const row = this.#sql.lease.get(name);
    const expired = row === undefined || now >= Number(row['until']) || now < Number(row['since']) - STEP_TOLERANCE_MS;
    const isMine = !expired && row['owner'] === owner;
    if (!expired && !isMine) return undefined;
    const held = Number(row?.['token'] ?? 0);
    const token = isMine ? held : held + 1;
    this.#sql.putLease.run(name, owner, token, now, now + ttlMs);
    return { name, owner, token, expiresAt: unixMilliseconds(now + ttlMs) };
  }

  /** At the begin of a transaction: what others wrote since the last one makes the cache stale. */
  #refresh(): void {
    this.#time = this.#clock.nowMs();
    const dataVersion = this.#sql.dataVersion.get()?.['data_version'];
    if (dataVersion === this.#dataVersion) return;
    this.#streams.clear();
    this.#head = Number(this.#sql.head.get()?.['head']);
    this.#dataVersion = dataVersion;
  }

  #forget(): void {
    this.#dataVersion = undefined;
  }

  #readHead(): number {
    if (this.#closing.signal.aborted) throw storeClosed(STORE);
    return this.#read(() => Number(this.#sql.head.get()?.['head']));
  }

  #read<Result>(read: () => Result): Result {
    try {
      return read();
    } catch (error) {
      throw failureOf(error, 'not-done');
    }
  }

  #enter(call: string, options: CallOptions): void {
    checkCall(call, options);
    if (this.#closing.signal.aborted) throw storeClosed(STORE);
  }
}
