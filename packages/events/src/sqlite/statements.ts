import type { DatabaseSync, StatementSync } from 'node:sqlite';

/** Every statement of the store, by what it does. */
const statements = {
  dataVersion: 'pragma data_version',
  head: 'select max(floor, coalesce((select max(position) from events), 0)) as head from store',

  streamByName: 'select id, first, snapshot_version from streams where name = ?',
  newestVersion: 'select max(version) as version from events where stream = ?',
  versionByName: `select max(first - 1, coalesce((select max(version) from events where stream = streams.id), 0))
    as version from streams where name = ?`,
  insertStream: 'insert into streams (name, first) values (?, 1)',

  eventByKey: 'select version, position, size from events where stream = ? and key = ?',
  eventsBetween: `select type, data, meta from events where stream = ? and version > ? and version <= ?
    order by version`,
  insertEvent: 'insert into events (position, stream, version, type, data, meta, time) values (?, ?, ?, ?, ?, ?, ?)',
  insertKeyedEvent: `insert into events (position, stream, version, type, data, meta, time, key, size)
    values (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  eventsOfStream: `select position, ? as stream, version, type, data, meta, time from events
    where stream = ? and version > ? order by version limit ?`,
  events: `select position, name as stream, version, type, data, meta, time
    from events join streams on streams.id = events.stream where position > ? order by position limit ?`,
  removeEvents: 'delete from events where stream = ? and version <= ?',
  keepFloor: 'update store set floor = ?',
  keepFirst: 'update streams set first = max(first, ?) where id = ?',

  saveSnapshot: `update streams set snapshot_version = ?, snapshot = ?
    where id = ? and coalesce(snapshot_version, 0) <= ?`,
  snapshot: `select snapshot_version as version, snapshot as state from streams
    where name = ? and snapshot_version is not null`,

  insertEffect: `insert into effects (key, stream, type, data, state, attempts, token, since, until)
    values (?, ?, ?, ?, 0, 0, 0, ?, ?) on conflict (key) do nothing`,
  freeEffects: `select effects.id, key, name as stream, type, data, attempts
    from effects join streams on streams.id = effects.stream
    where state = 0 and until <= :now and (:kinds is null or type in (select value from json_each(:kinds))) and (:named is null or exists (
    select 1 from json_each(:named) where substr(name, 1, length(value)) = value))
    order by until, effects.id limit :limit`,
  // Those that a clock which was set back would hide.
  earlyEffects: `select effects.id, key, name as stream, type, data, attempts
    from effects join streams on streams.id = effects.stream
    where state = 0 and since > :early and (:kinds is null or type in (select value from json_each(:kinds))) and (:named is null or exists (
    select 1 from json_each(:named) where substr(name, 1, length(value)) = value))
    order by since, effects.id limit :limit`,
  takeEffect: 'update effects set attempts = attempts + 1, token = ?, since = ?, until = ? where id = ?',
  claimedEffect: 'select id from effects where key = ? and token = ? and state = 0',
  settleEffect: 'update effects set state = 1, token = 0, done_at = ? where id = ?',
  releaseEffect: 'update effects set token = 0, since = ?, until = ? where id = ?',
  buryEffect: 'update effects set state = 2, token = 0, reason = ? where id = ?',
  reviveEffect: 'update effects set state = 0, since = 0, until = 0, reason = null where key = ? and state = 2',
  deadEffects: `select key, name as stream, type, data, attempts, reason
    from effects join streams on streams.id = effects.stream where state = 2 order by effects.id limit ?`,
  forgetEffects: 'delete from effects where state = 1 and done_at < ?',

  removeTimer: 'delete from timers where stream = ? and key = ?',
  insertTimer: `insert into timers (stream, key, height, time, data, attempts, token, since, until)
    values (?, ?, ?, ?, ?, 0, 0, 0, 0)`,
  freeTimersByHeight: `select timers.id, key, name as stream, height, time, data, attempts
    from timers join streams on streams.id = timers.stream
    where height <= :height and (until <= :now or since > :early) and (:named is null or exists (
    select 1 from json_each(:named) where substr(name, 1, length(value)) = value)) order by height limit :limit`,
  freeTimersByTime: `select timers.id, key, name as stream, height, time, data, attempts
    from timers join streams on streams.id = timers.stream
    where time <= :time and (until <= :now or since > :early) and (:named is null or exists (
    select 1 from json_each(:named) where substr(name, 1, length(value)) = value)) order by time limit :limit`,
  takeTimer: 'update timers set attempts = attempts + 1, token = ?, since = ?, until = ? where id = ?',
  claimedTimer: `select timers.id from timers join streams on streams.id = timers.stream
    where name = ? and key = ? and token = ?`,
  settleTimer: 'delete from timers where id = ?',
  releaseTimer: 'update timers set token = 0, since = ?, until = ? where id = ?',
  nextTimer: 'select min(time) as time from timers where time is not null',

  nextToken: 'update store set token = token + 1 returning token',
  lease: 'select owner, token, since, until from leases where name = ?',
  heldLease: 'select token from leases where name = ? and token = ? and until > 0',
  putLease: `insert into leases (name, owner, token, since, until) values (?, ?, ?, ?, ?)
    on conflict (name) do update set owner = excluded.owner, token = excluded.token, since = excluded.since,
    until = excluded.until`,
  releaseLease: 'update leases set until = 0 where name = ? and token = ?',
} as const;

/** The statements of the store, compiled. */
export type Statements = Readonly<Record<keyof typeof statements, StatementSync>>;

/** Compiles every statement once. */
export function prepareStatements(database: DatabaseSync): Statements {
  return Object.fromEntries(
    Object.entries(statements).map(([name, text]) => [name, database.prepare(text)]),
  ) as Statements;
}
