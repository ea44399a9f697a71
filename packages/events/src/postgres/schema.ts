import type { ClientBase } from 'pg';
import { EventsError } from '../errors.ts';

/**
 * The steps that lead from an empty schema to the tables of today; a released step is never changed.
 *
 * Version of a stream is no column: its newest event tells it, and `first` what truncation removed. The row of `store`
 * is the lock of all writers: positions become visible in their order.
 */
const migrations: readonly string[] = [
  `
  create table store (
    head bigint not null
  );
  insert into store values (0);
  create sequence claim_token;

  create table streams (
    id bigint primary key generated always as identity,
    name text collate "C" not null unique,
    first bigint not null default 1,
    snapshot_version bigint,
    snapshot text
  );

  create table events (
    position bigint primary key,
    stream bigint not null,
    version bigint not null,
    type text not null,
    data text not null,
    meta text,
    time bigint not null,
    key text collate "C",
    size integer
  );
  create unique index events_by_version on events (stream, version);
  create unique index events_by_key on events (stream, key) where key is not null;

  create table effects (
    id bigint primary key generated always as identity,
    key text collate "C" not null unique,
    stream bigint not null,
    type text not null,
    data text not null,
    state smallint not null default 0,
    attempts integer not null default 0,
    token bigint not null default 0,
    since bigint not null default 0,
    until bigint not null default 0,
    reason text,
    done_at bigint
  );
  create index effects_waiting on effects (until, id) where state = 0;
  create index effects_since on effects (since, id) where state = 0;
  create index effects_done on effects (done_at) where state = 1;

  create table timers (
    id bigint primary key generated always as identity,
    stream bigint not null,
    key text collate "C" not null,
    height bigint,
    time bigint,
    data text not null,
    attempts integer not null default 0,
    token bigint not null default 0,
    since bigint not null default 0,
    until bigint not null default 0,
    unique (stream, key)
  );
  create index timers_by_height on timers (height) where height is not null;
  create index timers_by_time on timers (time) where time is not null;

  create table leases (
    name text collate "C" primary key,
    owner text not null,
    token bigint not null,
    since bigint not null,
    until bigint not null
  );
  `,
];

/** Names the lock under which one process migrates: any number that nobody else uses. */
const MIGRATION_LOCK = 0x4245_6576;

/**
 * Brings the tables of a schema up to date; of several processes at once, one does it.
 *
 * @param schema - A checked name.
 * @throws EventsError `EVENTS_SCHEMA_UNKNOWN`.
 */
export async function migrate(client: ClientBase, schema: string): Promise<void> {
  await client.query('begin');
  try {
    await client.query('select pg_advisory_xact_lock($1, hashtext($2))', [MIGRATION_LOCK, schema]);
    const exists = await client.query('select 1 from pg_namespace where nspname = $1', [schema]);
    // A user without the right to make a schema may use one that was made for it.
    if (exists.rowCount === 0) await client.query(`create schema "${schema}"`);
    await client.query(`set local search_path to "${schema}"`);
    await client.query('create table if not exists migrations (version integer primary key)');
    const { rows } = await client.query<{ version: number }>(
      'select coalesce(max(version), 0) as version from migrations',
    );
    const found = rows[0]?.version ?? 0;
    if (found > migrations.length)
      throw new EventsError('EVENTS_SCHEMA_UNKNOWN', `expected tables of version ${migrations.length}, got ${found}`, {
        details: { store: 'postgres', found, known: migrations.length },
        hint: 'update @bitcoin-enterprise/events',
      });
    for (let version = found + 1; version <= migrations.length; version++) {
      await client.query(migrations[version - 1] ?? '');
      await client.query('insert into migrations values ($1)', [version]);
    }
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}
