import { unixMilliseconds } from '@bitcoin-enterprise/core';
import { claimLost, invalidArgument, snapshotMissing, storeClosed, truncated, versionConflict } from '../errors.ts';
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
  prepareSnapshot,
  requireRecord,
  requireWhole,
} from '../model/checks.ts';
import { STEP_TOLERANCE_MS } from '../model/claims.ts';
import { type EffectRow, type EventRow, readDue, readEventRow, readJson, type TimerRow } from '../model/rows.ts';
import { CLOSE_MS, guarded, type UnguardedStore } from '../model/guarded.ts';
import { type Bell, createBell, endable } from '../model/waiting.ts';
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
import { channelOf, lockClaims, settleRows } from './append-group.ts';
import { type Database, openDatabase } from './database.ts';
import { createWriter, type Writer } from './writer.ts';

/** Settings of {@link openPostgresStore}. */
export interface PostgresStoreOptions {
  /** `postgresql://user:password@host:port/database`; appears in no error. */
  readonly url: string;
  /** The schema of the tables, made when absent: a letter, then letters, digits or `_`, 63 at most; `events`. */
  readonly schema?: string;
  /** Most connections at a time, 2 to 1,000; 8 when absent. */
  readonly poolSize?: number;
  /** Milliseconds until a connection is given up; 10,000 when absent. */
  readonly connectMs?: number;
  /** Milliseconds to wait for another writer before `EVENTS_STORE_BUSY`, and for a silent one to lose the lock; 5,000. */
  readonly busyMs?: number;
  /** Milliseconds until a statement is given up; 30,000 when absent. */
  readonly callMs?: number;
  /** Milliseconds between two looks for events while somebody waits, should a notification get lost; 1,000. */
  readonly pollMs?: number;
}

const STORE = 'postgres';
const MAX_MS = 0x7fff_ffff;
/** Unix milliseconds by the server's clock, which all processes share; stable in a statement, so that indexes serve. */
const NOW = '(extract(epoch from statement_timestamp()) * 1000)::bigint';
/** Whether the stream of a row is one of those asked for. */
const ofPrefix = (parameter: number): string =>
  `($${parameter}::text[] is null or exists (select 1 from streams where streams.id = stream
     and exists (select 1 from unnest($${parameter}::text[]) as p where starts_with(streams.name, p))))`;
/** Whether a claim no longer stands: its time is over, or the clock was set back to before it was made. */
const FREE = `(until <= ${NOW} or since > ${NOW} + ${STEP_TOLERANCE_MS})`;

/**
 * Opens an event store on PostgreSQL, for many processes and machines that share the work. Makes or updates its tables.
 *
 * Needs the package `pg`. Appends of the same moment share a transaction; workers take effects and timers with
 * `FOR UPDATE SKIP LOCKED`; waiting readers are woken by `NOTIFY`. Times are the server's.
 *
 * @throws EventsError `EVENTS_STORE_UNAVAILABLE`, `EVENTS_SCHEMA_UNKNOWN`.
 *
 * @example
 * ```ts no-run
 * import { openPostgresStore } from '@bitcoin-enterprise/events/postgres';
 *
 * const store = await openPostgresStore({ url: 'postgresql://swaps@localhost/swaps' });
 * await store.append({ stream: 'swap/1', events: [{ type: 'funded' }], expectedVersion: 0 });
 * await store.close();
 * ```
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<EventStore> {
  requireRecord('options', options);
  const { url, schema = 'events', poolSize = 8, connectMs = 10_000, pollMs = 1_000 } = options;
  const { busyMs = 5_000, callMs = 30_000 } = options;
  if (typeof url !== 'string' || !/^postgres(ql)?:\/\//.test(url))
    throw invalidArgument('options.url', 'a postgresql:// URL', url);
  if (typeof schema !== 'string' || !/^[a-z][a-z0-9_]{0,62}$/.test(schema))
    throw invalidArgument('options.schema', 'a lower-case letter, then letters, digits or _, at most 63', schema);
  requireWhole('options.poolSize', poolSize, 2, 1_000);
  requireWhole('options.connectMs', connectMs, 1, MAX_MS);
  requireWhole('options.pollMs', pollMs, 1, MAX_MS);
  requireWhole('options.busyMs', busyMs, 1, MAX_MS);
  requireWhole('options.callMs', callMs, 1, MAX_MS);
  const database = await openDatabase({ url, schema, poolSize, connectMs, busyMs, callMs });
  return guarded(new PostgresStore(database, { schema, pollMs }), STORE);
}

class PostgresStore implements UnguardedStore {
  readonly #database: Database;
  readonly #writer: Writer;
  readonly #schema: string;
  readonly #pollMs: number;
  readonly #bell: Bell = createBell('waitForEvents');
  readonly #closing = new AbortController();
  #stopListening: (() => Promise<void>) | undefined;

  constructor(database: Database, options: { readonly schema: string; readonly pollMs: number }) {
    this.#database = database;
    this.#schema = options.schema;
    this.#pollMs = options.pollMs;
    this.#writer = createWriter(database, { schema: options.schema, onWritten: () => this.#bell.ring() });
  }

  // Not async: a second promise for each append would cost as much as its checks.
  append(append: Append, options: CallOptions = {}): Promise<Appended> {
    try {
      this.#enter('append', options);
      const { signal } = options;
      const written = this.#writer.append(prepareAppend(append), signal);
      return signal === undefined ? written : endable(written, { call: 'append', signal });
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async readStream(stream: string, options: ReadOptions = {}): Promise<readonly StoredEvent[]> {
    this.#enter('readStream', options);
    const { after, limit } = checkRead(options);
    checkStream(stream);
    // One statement sees one moment: a truncation between two would look like a gap.
    const rows = await this.#database.query<EventRow & { readonly first: number }>(
      'read-stream',
      `select first, position, name as stream, version, type, data, meta, time from streams
       left join lateral (
         select * from events where events.stream = streams.id and version > $2 order by version limit $3
       ) as found on true where name = $1 order by version`,
      [stream, after, limit],
    );
    const first = rows[0]?.first ?? 1;
    if (after + 1 < first) throw truncated(stream, after, first);
    return rows.filter(({ position }) => position !== null).map((row) => readEventRow(row, STORE));
  }

  async readAll(options: ReadOptions = {}): Promise<readonly StoredEvent[]> {
    this.#enter('readAll', options);
    const { after, limit } = checkRead(options);
    const rows = await this.#database.query<EventRow>(
      'read-all',
      `select position, name as stream, version, type, data, meta, time
       from events join streams on streams.id = events.stream where position > $1 order by position limit $2`,
      [after, limit],
    );
    return rows.map((row) => readEventRow(row, STORE));
  }

  async version(stream: string, options: CallOptions = {}): Promise<number> {
    this.#enter('version', options);
    const [row] = await this.#database.query<{ version: number }>(
      'version',
      `select greatest(first - 1, coalesce((select max(version) from events where events.stream = streams.id), 0))
       as version from streams where name = $1`,
      [checkStream(stream)],
    );
    return row?.version ?? 0;
  }

  async head(options: CallOptions = {}): Promise<number> {
    this.#enter('head', options);
    const [row] = await this.#database.query<{ head: number }>('head', 'select head from store', []);
    return row?.head ?? 0;
  }

  async waitForEvents(options: WaitOptions): Promise<boolean> {
    const { after, timeoutMs } = checkWait(options);
    this.#enter('waitForEvents', options);
    this.#stopListening ??= this.#database.listen(channelOf(this.#schema), () => this.#bell.ring());
    const { signal } = options;
    const closed = this.#closing.signal;
    return this.#bell.until({
      signals: signal === undefined ? [closed] : [signal, closed],
      timeoutMs,
      pollMs: this.#pollMs,
      isThere: async () => {
        if (closed.aborted) throw storeClosed(STORE);
        return (await this.head(signal === undefined ? {} : { signal })) > after;
      },
    });
  }

  async saveSnapshot(snapshot: Snapshot, options: CallOptions = {}): Promise<void> {
    this.#enter('saveSnapshot', options);
    const { stream, version, state } = prepareSnapshot(snapshot);
    const [row] = await this.#database.query<{ last: number }>(
      'save-snapshot',
      `with known as (
         select id, greatest(first - 1, coalesce(
           (select max(version) from events where events.stream = streams.id), 0)) as last
         from streams where name = $1
       ), saved as (
         update streams set snapshot_version = $2, snapshot = $3 from known
         where streams.id = known.id and $2 <= last and coalesce(snapshot_version, 0) <= $2
       )
       select last from known`,
      [stream, version, state],
      'unknown',
    );
    const last = row?.last ?? 0;
    if (version > last) throw versionConflict(stream, version, last);
  }

  async loadSnapshot(stream: string, options: CallOptions = {}): Promise<Snapshot | undefined> {
    this.#enter('loadSnapshot', options);
    const [row] = await this.#database.query<{ version: number; state: string }>(
      'load-snapshot',
      `select snapshot_version as version, snapshot as state from streams
       where name = $1 and snapshot_version is not null`,
      [checkStream(stream)],
    );
    return row === undefined ? undefined : { stream, version: row.version, state: readJson(row.state, STORE) };
  }

  async claimEffects(
    options: ClaimOptions & { readonly types?: readonly string[] } = {},
  ): Promise<readonly ClaimedEffect[]> {
    this.#enter('claimEffects', options);
    const { limit, leaseMs, prefixes } = checkClaiming(options);
    const types = checkTypes(options.types);
    const rows = await this.#database.query<EffectRow & { readonly token: number }>(
      'claim-effects',
      `with free as (
         select id from effects where state = 0 and until <= ${NOW} and ($3::text[] is null or type = any($3))
           and ${ofPrefix(4)} order by until, id limit $1 for update skip locked
       ), early as (
         select id from effects where state = 0 and since > ${NOW} + ${STEP_TOLERANCE_MS}
           and ($3::text[] is null or type = any($3)) and ${ofPrefix(4)} order by since, id limit $1 for update skip locked
       ), chosen as (
         select id from (select id, 1 as rank from free union all select id, 2 from early) as both_ order by rank limit $1
       ), taken as (
         update effects set attempts = attempts + 1, token = nextval('claim_token'), since = ${NOW},
           until = ${NOW} + $2 from chosen where effects.id = chosen.id returning effects.*
       )
       select taken.id, key, name as stream, type, data, attempts, token
       from taken join streams on streams.id = taken.stream order by taken.id`,
      [limit, leaseMs, types ?? null, prefixes ?? null],
      'unknown',
    );
    return rows.map(({ stream, key, type, data, token, attempts }) => {
      return { kind: 'effect', stream, key, type, data: readJson(data, STORE), token, attempt: attempts };
    });
  }

  async claimTimers(
    options: ClaimOptions & { readonly height?: number; readonly time?: number },
  ): Promise<readonly ClaimedTimer[]> {
    this.#enter('claimTimers', options);
    const { limit, leaseMs, prefixes } = checkClaiming(options);
    const { height, time } = checkNow(options);
    const rows = await this.#database.query<TimerRow & { readonly token: number }>(
      'claim-timers',
      `with by_height as (
         select id from timers where height <= $1 and ${FREE} and ${ofPrefix(5)} order by height limit $3 for update skip locked
       ), by_time as (
         select id from timers where time <= $2 and ${FREE} and ${ofPrefix(5)} order by time limit $3 for update skip locked
       ), free as (
         select id from (
           select id, 1 as rank from by_height union all select id, 2 from by_time
         ) as due order by rank limit $3
       ), taken as (
         update timers set attempts = attempts + 1, token = nextval('claim_token'), since = ${NOW},
           until = ${NOW} + $4 from free where timers.id = free.id returning timers.*
       )
       select taken.id, key, name as stream, height, time, data, attempts, token
       from taken join streams on streams.id = taken.stream order by height, time`,
      [height, time, limit, leaseMs, prefixes ?? null],
      'unknown',
    );
    return rows.map((row) => {
      const { stream, key, data, token, attempts } = row;
      return { kind: 'timer', stream, key, due: readDue(row), data: readJson(data, STORE), token, attempt: attempts };
    });
  }

  async nextTimer(options: CallOptions = {}): Promise<number | undefined> {
    this.#enter('nextTimer', options);
    const [row] = await this.#database.query<{ time: number | null }>(
      'next-timer',
      'select min(time) as time from timers where time is not null',
      [],
    );
    return row?.time ?? undefined;
  }

  async settle(claims: readonly Claim[], options: CallOptions = {}): Promise<void> {
    this.#enter('settle', options);
    const checked = checkClaims('claims', claims);
    if (checked.length === 0) return;
    await this.#database.transaction(async (client, commit) => {
      const { effects, timers } = await lockClaims(client, checked);
      const held = new Set([
        ...effects.map(({ key, token }) => `effect\0${key}\0${token}`),
        ...timers.map(({ stream, key, token }) => `timer\0${stream}\0${key}\0${token}`),
      ]);
      for (const claim of checked) {
        const { kind, stream, key, token } = claim;
        const name = kind === 'effect' ? `effect\0${key}\0${token}` : `timer\0${stream}\0${key}\0${token}`;
        if (!held.has(name)) throw claimLost(claim);
      }
      const { rows } = await client.query<{ now: number }>(`select ${NOW} as now`);
      const settled = settleRows(client, {
        effects: effects.map(({ id }) => id),
        timers: timers.map(({ id }) => id),
        now: rows[0]?.now ?? 0,
      });
      await Promise.all([...settled, commit()]);
    });
  }

  async release(claim: Claim, options: CallOptions & { readonly delayMs?: number } = {}): Promise<void> {
    this.#enter('release', options);
    const delayMs = requireWhole('options.delayMs', options.delayMs ?? 0, 0);
    const checked = checkClaim('claim', claim);
    const set = `token = 0, since = ${NOW}, until = ${NOW} + $1`;
    await this.#changeClaimed(checked, { name: 'release', set, value: delayMs });
  }

  async bury(claim: Claim, options: CallOptions & { readonly reason: string }): Promise<void> {
    this.#enter('bury', options);
    const reason = checkName('options.reason', options.reason);
    const checked = checkClaim('claim', claim);
    if (checked.kind !== 'effect') throw claimLost(checked);
    await this.#changeClaimed(checked, { name: 'bury', set: 'state = 2, token = 0, reason = $1', value: reason });
  }

  async deadEffects(options: CallOptions & { readonly limit?: number } = {}): Promise<readonly DeadEffect[]> {
    this.#enter('deadEffects', options);
    const { limit } = checkRead(options);
    const rows = await this.#database.query<EffectRow & { readonly reason: string }>(
      'dead-effects',
      `select key, name as stream, type, data, attempts, reason
       from effects join streams on streams.id = effects.stream where state = 2 order by effects.id limit $1`,
      [limit],
    );
    return rows.map(({ stream, key, type, data, attempts, reason }) => {
      return { stream, key, type, data: readJson(data, STORE), attempts, reason };
    });
  }

  async revive(key: string, options: CallOptions = {}): Promise<boolean> {
    this.#enter('revive', options);
    const rows = await this.#database.query(
      'revive',
      `update effects set state = 0, since = 0, until = 0, reason = null where key = $1 and state = 2 returning id`,
      [checkName('key', key)],
      'unknown',
    );
    return rows.length === 1;
  }

  async acquireLease(name: string, options: LeaseOptions): Promise<Lease | undefined> {
    const { owner, ttlMs } = checkLeasing(name, options);
    this.#enter('acquireLease', options);
    const free = FREE.replaceAll(/until|since/g, 'leases.$&');
    const [row] = await this.#database.query<{ token: number; until: number }>(
      'acquire-lease',
      `insert into leases (name, owner, token, since, until) values ($1, $2, 1, ${NOW}, ${NOW} + $3)
       on conflict (name) do update set owner = excluded.owner, since = excluded.since, until = excluded.until,
         token = leases.token + case when leases.owner = excluded.owner and not ${free} then 0 else 1 end
       where leases.owner = excluded.owner or ${free} returning token, until`,
      [name, owner, ttlMs],
      'unknown',
    );
    if (row === undefined) return undefined;
    return { name, owner, token: row.token, expiresAt: unixMilliseconds(row.until) };
  }

  async releaseLease(lease: Lease, options: CallOptions = {}): Promise<void> {
    this.#enter('releaseLease', options);
    const { name, token } = checkLease('lease', lease);
    await this.#database.query(
      'release-lease',
      'update leases set until = 0 where name = $1 and token = $2',
      [name, token],
      'unknown',
    );
  }

  async truncate(stream: string, options: CallOptions & { readonly through: number }): Promise<void> {
    this.#enter('truncate', options);
    const through = requireWhole('options.through', options.through, 1);
    checkStream(stream);
    await this.#database.transaction(async (client, commit) => {
      const { rows } = await client.query<{ id: number; version: number | null }>({
        name: 'lock-stream',
        text: 'select id, snapshot_version as version from streams where name = $1 for update',
        values: [stream],
      });
      const [found] = rows;
      if (found === undefined || (found.version ?? 0) < through) throw snapshotMissing(stream, through);
      const removed = client.query({
        name: 'truncate',
        text: 'delete from events where stream = $1 and version <= $2',
        values: [found.id, through],
      });
      const kept = client.query({
        name: 'keep-first',
        text: 'update streams set first = greatest(first, $2) where id = $1',
        values: [found.id, through + 1],
      });
      await Promise.all([removed, kept, commit()]);
    });
  }

  async forgetEffects(options: CallOptions & { readonly doneBefore: number }): Promise<number> {
    this.#enter('forgetEffects', options);
    const doneBefore = requireWhole('options.doneBefore', options.doneBefore, 0);
    const rows = await this.#database.query(
      'forget-effects',
      'delete from effects where state = 1 and done_at < $1 returning id',
      [doneBefore],
      'unknown',
    );
    return rows.length;
  }

  async stop(): Promise<void> {
    this.#closing.abort();
    await this.#stopListening?.();
  }

  async end({ now }: { readonly now: boolean }): Promise<void> {
    const isDone = await this.#writer.close({ waitMs: now ? 0 : CLOSE_MS });
    await this.#database.close({ now: now || !isDone });
  }

  async #changeClaimed(
    claim: Claim,
    change: { readonly name: string; readonly set: string; readonly value: unknown },
  ): Promise<void> {
    const { kind, stream, key, token } = claim;
    const { name, set, value } = change;
    const rows =
      kind === 'effect'
        ? await this.#database.query(
            `${name}-effect`,
            `update effects set ${set} where key = $2 and token = $3 and state = 0 returning id`,
            [value, key, token],
            'unknown',
          )
        : await this.#database.query(
            `${name}-timer`,
            `update timers set ${set} from streams where streams.id = timers.stream and streams.name = $4
             and key = $2 and token = $3 returning timers.id`,
            [value, key, token, stream],
            'unknown',
          );
    if (rows.length === 0) throw claimLost(claim);
  }

  #enter(call: string, options: CallOptions): void {
    checkCall(call, options);
    if (this.#closing.signal.aborted) throw storeClosed(STORE);
  }
}
