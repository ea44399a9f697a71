/** Three words in the SQL that nothing else would miss: take one out, and one of these fails. */
import { execFileSync } from 'node:child_process';
import { connect, createServer, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { openPostgresStore } from '@bitcoin-enterprise/events/postgres';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { orSkip } from '../../../scripts/nodes/find.ts';
import { findPostgres, type Postgres, startPostgres } from '../../../scripts/nodes/postgres.ts';

const present = orSkip('PostgreSQL', await findPostgres());

/** A way to the server that holds back what the client says from a word on. */
async function startGate(port: number): Promise<{
  readonly port: number;
  /** Closes the gate at a word; resolves when the client has said it. */
  readonly holdAt: (word: string) => Promise<void>;
  readonly open: () => void;
  readonly close: () => Promise<void>;
}> {
  let word: string | undefined;
  let reached: () => void = () => undefined;
  const held: Array<() => void> = [];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect({ port, host: '127.0.0.1' });
    sockets.add(client).add(upstream);
    for (const socket of [client, upstream]) socket.on('error', () => undefined);
    client.on('data', (chunk: Buffer) => {
      if (word !== undefined && (held.length > 0 || chunk.includes(word))) {
        held.push(() => void upstream.write(chunk));
        return reached();
      }
      upstream.write(chunk);
    });
    upstream.on('data', (chunk: Buffer) => client.write(chunk));
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const)
      one.on('close', () => other.destroy());
  });
  await new Promise<void>((done) => {
    server.listen(0, '127.0.0.1', done);
  });
  return {
    port: (server.address() as AddressInfo).port,
    holdAt: (next) =>
      new Promise((done) => {
        word = next;
        reached = done;
      }),
    open() {
      word = undefined;
      for (const send of held.splice(0)) send();
    },
    close: () =>
      new Promise((done) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => done());
      }),
  };
}

describe.skipIf(present === undefined)('what PostgreSQL is asked to do', { timeout: 120_000 }, () => {
  let server: Postgres;
  let admin: Client;
  beforeAll(async () => {
    // Whatever is faster and forgets, the server does unless it is told otherwise.
    server = await startPostgres({ settings: { synchronous_commit: 'off', wal_writer_delay: '10000' } });
    admin = new Client({ connectionString: server.url });
    // The last test kills the server under it.
    admin.on('error', () => undefined);
    await admin.connect();
  });
  afterAll(async () => {
    await admin.end().catch(() => undefined);
    await server.stop();
  });

  it('a worker passes by what another one is just taking, and waits for nobody', async () => {
    const store = await openPostgresStore({ url: server.url, schema: 'passing', busyMs: 1_000 });
    await store.append({
      stream: 's',
      events: [{ type: 'x' }],
      effects: ['taken', 'free', 'taken early', 'early'].map((key) => ({ key, type: key })),
      timers: [
        { key: 'taken height', due: { height: 1 } },
        { key: 'height', due: { height: 2 } },
        { key: 'taken time', due: { time: 1 } },
        { key: 'time', due: { time: 2 } },
      ],
    });
    // As a clock leaves them that was set back.
    await admin.query(
      `update passing.effects set since = since + 1000000000, until = until + 1000000000 where key like '%early'`,
    );
    const other = new Client({ connectionString: server.url });
    await other.connect();
    await other.query('begin');
    await other.query(`select 1 from passing.effects where key like 'taken%' for update`);
    await other.query(`select 1 from passing.timers where key like 'taken%' for update`);

    const effects = await store.claimEffects();
    const byHeight = await store.claimTimers({ height: 9 });
    const byTime = await store.claimTimers({ time: 9 });
    expect(effects.map(({ key }) => key)).toEqual(['free', 'early']);
    expect([byHeight, byTime].map((claims) => claims.map(({ key }) => key))).toEqual([['height'], ['time']]);
    await other.query('rollback');
    expect((await store.claimEffects()).map(({ key }) => key)).toEqual(['taken', 'taken early']);
    await other.end();
    await store.close();
  });

  it('a lease is not given to the next while an append under it is being written', async () => {
    const gate = await startGate(server.port);
    const url = `postgresql://be@127.0.0.1:${gate.port}/postgres`;
    const late = await openPostgresStore({ url, schema: 'fenced', poolSize: 2 });
    const next = await openPostgresStore({ url: server.url, schema: 'fenced', poolSize: 2 });
    const lease = await late.acquireLease('leader', { owner: 'a', ttlMs: 1 });
    await late.append({ stream: 's', events: [{ type: 'first' }], ...(lease === undefined ? {} : { lease }) });
    await sleep(20);
    const reached = gate.holdAt('insert-events');
    const written = late.append({ stream: 's', events: [{ type: 'late' }], ...(lease === undefined ? {} : { lease }) });
    await reached;
    const took = next.acquireLease('leader', { owner: 'b', ttlMs: 60_000 });
    const waits = async (): Promise<string> => {
      for (;;) {
        const { rows } = await admin.query(
          `select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%leases%'`,
        );
        if (rows.length > 0) return 'waits';
        await sleep(5);
      }
    };

    // Had it been given, the new owner would read a stream that its predecessor still writes to.
    expect(await Promise.race([took.then(() => 'taken'), waits()])).toBe('waits');
    gate.open();
    expect((await written).version).toBe(2);
    expect((await took)?.owner).toBe('b');
    expect(await next.version('s')).toBe(2);
    await Promise.all([late.close(), next.close()]);
    await gate.close();
  });

  it('every transaction of the store waits for the disk, whatever server, role and URL say', async () => {
    await admin.query('alter role be set synchronous_commit = off');
    const url = `${server.url}?options=${encodeURIComponent('-c synchronous_commit=off')}`;
    await (await openPostgresStore({ url, schema: 'durable' })).close();
    await admin.query(`create table durable.seen (at_table text, setting text);
      create function durable.note() returns trigger language plpgsql as $$ begin
        insert into durable.seen values (tg_table_name, current_setting('synchronous_commit')); return null; end $$;
      create trigger note after insert or update on durable.store for each statement execute function durable.note();
      create trigger note after insert or update on durable.events for each statement execute function durable.note();
      create trigger note after insert or update on durable.effects for each statement execute function durable.note();
      create trigger note after insert or update on durable.leases for each statement execute function durable.note();`);
    const store = await openPostgresStore({ url, schema: 'durable' });
    await store.append({ stream: 's', events: [{ type: 'x' }], effects: [{ key: 'e', type: 'x' }] });
    await store.claimEffects();
    await store.acquireLease('l', { owner: 'o', ttlMs: 1 });
    await store.close();
    const { rows } = await admin.query('select distinct at_table, setting from durable.seen order by 1');
    await admin.query('alter role be reset synchronous_commit');

    expect(rows).toEqual(['effects', 'events', 'leases', 'store'].map((table) => ({ at_table: table, setting: 'on' })));
  });

  it('what was acknowledged is there after the server was killed, although nobody wrote it out later', async () => {
    const store = await openPostgresStore({ url: server.url, schema: 'killed' });
    await store.append({ stream: 's', events: [{ type: 'x' }] });
    // The process that would write out what commits left in memory.
    const writer = Number(
      execFileSync('pgrep', ['-P', String(server.pid), '-f', 'walwriter'])
        .toString()
        .trim(),
    );
    process.kill(writer, 'SIGSTOP');
    for (let n = 2; n <= 20; n++) await store.append({ stream: 's', events: [{ type: 'x' }], expectedVersion: n - 1 });
    const crashed = server.crash();
    process.kill(writer, 'SIGKILL');
    await crashed;

    expect(await store.version('s')).toBe(20);
    await store.close();
  });
});
