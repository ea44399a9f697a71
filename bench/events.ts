/**
 * Durable appends, one by one and in groups, beside what the disk and the bare database can do in the same run:
 * a write with `fdatasync`, and the same events turned into rows and inserted by hand, without a store around them;
 * and beside the event store and the job queue that are used with PostgreSQL today.
 */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DatabaseSync } from 'node:sqlite';
import type { EventStore } from '@bitcoin-enterprise/events';
import { openPostgresStore } from '@bitcoin-enterprise/events/postgres';
import { openSqliteStore } from '@bitcoin-enterprise/events/sqlite';
import { Client } from 'pg';
import { startPostgres } from '../scripts/nodes/postgres.ts';
import { type BenchResult, type BenchSettings, machine } from './harness.ts';

/** Events in one group. */
const GROUP = 1_000;
const data = { type: 'swap.funded', txid: 'ab'.repeat(32), sat: '123456789', note: 'n'.repeat(90) };
const json = JSON.stringify(data);

/** Milliseconds on the wall for one event. */
type Timed = () => Promise<number>;

async function timed(count: number, run: () => unknown): Promise<number> {
  const start = performance.now();
  await run();
  return (performance.now() - start) / count;
}

interface Contenders {
  readonly name: string;
  readonly ours: Timed;
  readonly limits: Readonly<Record<string, { readonly measure: Timed; readonly promised?: number }>>;
}

/** What is used of the rivals. */
interface Rivals {
  getPostgreSQLEventStore(url: string): {
    appendToStream(
      stream: string,
      events: ReadonlyArray<{ readonly type: string; readonly data: object }>,
    ): Promise<unknown>;
    close(): Promise<void>;
  };
  readonly PgBoss: new (url: string) => {
    start(): Promise<unknown>;
    stop(): Promise<void>;
    createQueue(name: string): Promise<void>;
    insert(name: string, jobs: ReadonlyArray<{ readonly data: object }>): Promise<unknown>;
    fetch(name: string, options: { readonly batchSize: number }): Promise<ReadonlyArray<{ readonly id: string }>>;
    complete(name: string, ids: readonly string[]): Promise<unknown>;
  };
}

/** Runs all cases. */
export async function runBench({ rounds }: BenchSettings): Promise<readonly BenchResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'be-bench-events-'));
  const server = await startPostgres();
  const raw = new Client({ connectionString: server.url });
  await raw.connect();
  await raw.query(`create table raw (position bigint primary key, stream bigint not null, version bigint not null,
    type text not null, data text not null, meta text, time bigint not null, key text, size integer)`);
  await raw.query('create unique index raw_by_version on raw (stream, version)');
  await raw.query('create unique index raw_by_key on raw (stream, key) where key is not null');
  const sqlite = openSqliteStore({ path: join(folder, 'ours.db') });
  const postgres = await openPostgresStore({ url: server.url });
  const bare = openBare(join(folder, 'bare.db'));
  const file = openSync(join(folder, 'file'), 'w');
  const sync: Timed = () =>
    timed(300, () => {
      for (let i = 0; i < 300; i++) {
        writeSync(file, json);
        fdatasyncSync(file);
      }
    });
  const rivals = pathToFileURL(resolve(import.meta.dirname, 'thirdparty/rivals-events.js')).href;
  const { getPostgreSQLEventStore, PgBoss } = (await import(rivals)) as Rivals;
  const emmett = getPostgreSQLEventStore(server.url);
  const boss = new PgBoss(server.url);
  await boss.start();
  await boss.createQueue('bench');
  const emmettOne: Timed = () =>
    timed(50, async () => {
      for (let i = 0; i < 50; i++) await emmett.appendToStream('one', [{ type: 'swap.funded', data }]);
    });
  const emmettTogether: Timed = () =>
    timed(GROUP, () =>
      Promise.all(
        Array.from({ length: GROUP }, (_, i) =>
          // Its appends to one stream conflict with each other.
          emmett.appendToStream(`together/${i}`, [{ type: 'swap.funded', data }]),
        ),
      ),
    );
  const cases: readonly Contenders[] = [
    {
      name: 'SQLite, one by one',
      ours: one(sqlite, 300),
      limits: { fdatasync: { measure: sync }, 'bare INSERT and commit': { measure: bare.single(300) } },
    },
    {
      name: `SQLite, two waves of ${GROUP} appends`,
      ours: together(sqlite, 20),
      limits: { [`bare INSERT, ${GROUP} a commit`]: { measure: bare.grouped(20), promised: 0.8 } },
    },
    {
      name: `SQLite, one append of ${GROUP} events`,
      ours: many(sqlite, 20),
      limits: { [`bare INSERT, ${GROUP} a commit`]: { measure: bare.grouped(20), promised: 0.8 } },
    },
    {
      name: 'PostgreSQL, one by one',
      ours: one(postgres, 300),
      limits: {
        fdatasync: { measure: sync },
        'bare INSERT and commit': { measure: rawSingle(raw, 300) },
        'emmett-postgresql': { measure: emmettOne, promised: 1 },
      },
    },
    {
      name: `PostgreSQL, two waves of ${GROUP} appends`,
      ours: together(postgres, 10),
      limits: {
        [`bare unnest INSERT of ${GROUP}`]: { measure: rawGrouped(raw, 10), promised: 0.8 },
        'emmett-postgresql': { measure: emmettTogether, promised: 1 },
      },
    },
    {
      name: `PostgreSQL, one append of ${GROUP} events`,
      ours: many(postgres, 10),
      limits: { [`bare unnest INSERT of ${GROUP}`]: { measure: rawGrouped(raw, 10), promised: 0.8 } },
    },
    {
      name: 'PostgreSQL, 10000 pieces of work asked for, claimed and settled',
      ours: work(postgres, 10_000),
      limits: { 'pg-boss': { measure: jobs(boss, 10_000), promised: 1 } },
    },
  ];
  const results: BenchResult[] = [];
  for (const subject of cases) results.push(...(await runContenders(subject, rounds)));
  closeSync(file);
  bare.close();
  await sqlite.close();
  await postgres.close();
  await raw.end();
  await emmett.close();
  await boss.stop();
  await server.stop();
  rmSync(folder, { recursive: true });
  return results;
}

async function runContenders(subject: Contenders, rounds: number): Promise<readonly BenchResult[]> {
  const { name, ours, limits } = subject;
  const mine: number[] = [];
  const theirs = new Map<string, number[]>(Object.keys(limits).map((limit) => [limit, []]));
  await ours();
  for (const { measure } of Object.values(limits)) await measure();
  for (let round = 0; round < rounds; round++) {
    mine.push(await ours());
    for (const [limit, { measure }] of Object.entries(limits)) theirs.get(limit)?.push(await measure());
  }
  return Object.entries(limits).map(([limit, { promised }]) => {
    const times = theirs.get(limit) ?? [];
    const ratios = times.map((time, round) => time / (mine[round] ?? Number.NaN));
    return {
      name: `${name}, against ${limit}`,
      unit: 'µs on the wall per event',
      ours: median(mine) * 1_000,
      rival: median(times) * 1_000,
      ratio: median(ratios),
      spread: [Math.min(...ratios), Math.max(...ratios)],
      ...(promised === undefined ? {} : { promised }),
      runs: rounds,
      ...machine(),
    };
  });
}

let streams = 0;

function one(store: EventStore, count: number): Timed {
  return () => {
    streams += 1;
    const stream = `one/${streams}`;
    return timed(count, async () => {
      for (let i = 0; i < count; i++)
        await store.append({ stream, events: [{ type: 'swap.funded', data }], expectedVersion: i });
    });
  };
}

/** Two waves of appends: while one is written, the other is prepared, as in a server that never stops. */
function together(store: EventStore, groups: number): Timed {
  const wave = async (count: number): Promise<void> => {
    for (let group = 0; group < count; group++)
      await Promise.all(
        Array.from({ length: GROUP }, (_, i) =>
          store.append({ stream: `together/${i % 100}`, events: [{ type: 'swap.funded', data }] }),
        ),
      );
  };
  return () => timed(GROUP * groups, () => Promise.all([wave(groups / 2), wave(groups / 2)]));
}

function many(store: EventStore, groups: number): Timed {
  return () => {
    const events = Array.from({ length: GROUP }, () => ({ type: 'swap.funded', data }));
    return timed(GROUP * groups, async () => {
      for (let group = 0; group < groups; group++) await store.append({ stream: `many/${group % 100}`, events });
    });
  };
}

function work(store: EventStore, count: number): Timed {
  return () => {
    streams += 1;
    return timed(count, async () => {
      for (let from = 0; from < count; from += GROUP)
        await store.append({
          stream: `work/${streams}`,
          events: [{ type: 'asked' }],
          effects: Array.from({ length: GROUP }, (_, i) => ({
            key: `${streams}/${from + i}`,
            type: 'job',
            data: { i },
          })),
        });
      for (;;) {
        const claims = await store.claimEffects({ limit: GROUP });
        if (claims.length === 0) return;
        await store.settle(claims);
      }
    });
  };
}

function jobs(boss: InstanceType<Rivals['PgBoss']>, count: number): Timed {
  return () =>
    timed(count, async () => {
      for (let from = 0; from < count; from += GROUP)
        await boss.insert(
          'bench',
          Array.from({ length: GROUP }, (_, i) => ({ data: { i: from + i } })),
        );
      for (;;) {
        const taken = await boss.fetch('bench', { batchSize: GROUP });
        if (taken.length === 0) return;
        await boss.complete(
          'bench',
          taken.map(({ id }) => id),
        );
      }
    });
}

/** The same rows and indexes, written by SQLite alone. */
function openBare(path: string): {
  readonly single: (count: number) => Timed;
  readonly grouped: (groups: number) => Timed;
  readonly close: () => void;
} {
  const database = new DatabaseSync(path);
  database.exec(`pragma journal_mode = wal; pragma synchronous = full;
    create table events (position integer primary key, stream integer not null, version integer not null,
      type text not null, data text not null, meta text, time integer not null, key text, size integer) strict;
    create unique index by_version on events (stream, version);
    create unique index by_key on events (stream, key) where key is not null`);
  const insert = database.prepare(
    'insert into events (position, stream, version, type, data, meta, time) values (?, ?, ?, ?, ?, ?, ?)',
  );
  let position = 0;
  const add = (): void => {
    position += 1;
    insert.run(
      position,
      position % 100,
      Math.floor(position / 100) + 1,
      'swap.funded',
      JSON.stringify(data),
      null,
      Date.now(),
    );
  };
  return {
    single: (count) => () =>
      timed(count, () => {
        for (let i = 0; i < count; i++) add();
      }),
    grouped: (groups) => () =>
      timed(GROUP * groups, () => {
        for (let group = 0; group < groups; group++) {
          database.exec('begin immediate');
          for (let i = 0; i < GROUP; i++) add();
          database.exec('commit');
        }
      }),
    close: () => database.close(),
  };
}

let position = 0;

function rawSingle(client: Client, count: number): Timed {
  return () =>
    timed(count, async () => {
      for (let i = 0; i < count; i++) {
        position += 1;
        await client.query({
          name: 'single',
          text: 'insert into raw (position, stream, version, type, data, time) values ($1, $2, $3, $4, $5, $6)',
          values: [
            position,
            position % 100,
            Math.floor(position / 100) + 1,
            'swap.funded',
            JSON.stringify(data),
            Date.now(),
          ],
        });
      }
    });
}

function rawGrouped(client: Client, groups: number): Timed {
  return () =>
    timed(GROUP * groups, async () => {
      for (let group = 0; group < groups; group++) {
        const positions = Array.from({ length: GROUP }, () => (position += 1));
        await client.query({
          name: 'grouped',
          text: `insert into raw (position, stream, version, type, data, meta, time, key, size)
            select * from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[],
              $7::bigint[], $8::text[], $9::integer[])`,
          values: [
            positions,
            positions.map((at) => at % 100),
            positions.map((at) => Math.floor(at / 100) + 1),
            positions.map(() => 'swap.funded'),
            positions.map(() => JSON.stringify(data)),
            positions.map(() => null),
            positions.map(() => Date.now()),
            positions.map(() => null),
            positions.map(() => null),
          ],
        });
      }
    });
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
