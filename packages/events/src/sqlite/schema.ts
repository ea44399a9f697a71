import type { DatabaseSync } from 'node:sqlite';
import { EventsError } from '../errors.ts';

/** Version of the tables below. */
const SCHEMA_VERSION = 1;
/** `BEev`: what says that a file is an event store (SQLite's application_id). */
const APPLICATION_ID = 0x42_45_65_76;

/**
 * Version of a stream and head of the store are not columns: the newest rows tell them, and `first` and `floor` what
 * truncation removed. So an append writes nothing but its own rows.
 */
const tables = `
  create table store (
    floor integer not null,  -- head of the store at the last truncation
    token integer not null   -- last token given to a claim
  ) strict;
  insert into store values (0, 0);

  create table streams (
    id integer primary key,
    name text not null unique,
    first integer not null,  -- oldest version that is kept
    snapshot_version integer,
    snapshot text
  ) strict;

  create table events (
    position integer primary key,
    stream integer not null,
    version integer not null,
    type text not null,
    data text not null,
    meta text,
    time integer not null,
    key text,                -- on the last event of an append that has one
    size integer             -- number of events of that append
  ) strict;
  create unique index events_by_version on events (stream, version);
  create unique index events_by_key on events (stream, key) where key is not null;

  create table effects (
    id integer primary key,
    key text not null unique,
    stream integer not null,
    type text not null,
    data text not null,
    state integer not null,  -- 0 waiting, 1 done, 2 dead
    attempts integer not null,
    token integer not null,  -- 0 when not claimed
    since integer not null,
    until integer not null,  -- free from then on: since the append, or when a claim or a delay is over
    reason text,
    done_at integer
  ) strict;
  create index effects_waiting on effects (until, id) where state = 0;
  create index effects_since on effects (since, id) where state = 0;
  create index effects_done on effects (done_at) where state = 1;

  create table timers (
    id integer primary key,
    stream integer not null,
    key text not null,
    height integer,
    time integer,
    data text not null,
    attempts integer not null,
    token integer not null,
    since integer not null,
    until integer not null
  ) strict;
  create unique index timers_by_key on timers (stream, key);
  create index timers_by_height on timers (height) where height is not null;
  create index timers_by_time on timers (time) where time is not null;

  create table leases (
    name text primary key,
    owner text not null,
    token integer not null,
    since integer not null,
    until integer not null
  ) strict;
`;

/**
 * Makes the tables of an empty file, or checks those of a used one.
 *
 * @throws EventsError `EVENTS_SCHEMA_UNKNOWN`, `EVENTS_STORE_CORRUPT` for a database of somebody else.
 */
export function migrate(database: DatabaseSync): void {
  database.exec('begin immediate');
  try {
    const found = Number(pragma(database, 'user_version'));
    const application = pragma(database, 'application_id');
    if (found === 0 && application === 0 && isEmpty(database)) {
      database.exec(tables);
      database.exec(`pragma application_id = ${APPLICATION_ID}; pragma user_version = ${SCHEMA_VERSION}`);
    } else if (application !== APPLICATION_ID)
      throw new EventsError('EVENTS_STORE_CORRUPT', 'expected an event store, got another SQLite database', {
        details: { store: 'sqlite', reason: 'another application' },
      });
    else if (found !== SCHEMA_VERSION)
      throw new EventsError('EVENTS_SCHEMA_UNKNOWN', `expected tables of version ${SCHEMA_VERSION}, got ${found}`, {
        details: { store: 'sqlite', found, known: SCHEMA_VERSION },
        hint: 'update @bitcoin-enterprise/events',
      });
    database.exec('commit');
  } catch (error) {
    if (database.isTransaction) database.exec('rollback');
    throw error;
  }
}

function isEmpty(database: DatabaseSync): boolean {
  return database.prepare('select count(*) as n from sqlite_schema').get()?.['n'] === 0;
}

/** The value of a pragma. */
export function pragma(database: DatabaseSync, name: string): unknown {
  return Object.values(database.prepare(`pragma ${name}`).get() ?? {})[0];
}
