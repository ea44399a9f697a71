import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { hasCode } from '@bitcoin-enterprise/core';
import { openPostgresStore } from '@bitcoin-enterprise/events/postgres';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AbsentProgram, orSkip } from '../../../scripts/nodes/find.ts';
import { findPostgres, type Postgres, startPostgres } from '../../../scripts/nodes/postgres.ts';

const present = orSkip('PostgreSQL', await findPostgres());

/** A small disk, where this process may mount one. */
function mountSmallDisk(folder: string): { readonly ok: true; readonly unmount: () => void } | AbsentProgram {
  mkdirSync(folder);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m,mode=0700', 'be-small', folder], { stdio: 'pipe' });
  } catch (error) {
    return { ok: false, reason: `mounting is not allowed here: ${String(error)}` };
  }
  return { ok: true, unmount: () => execFileSync('umount', ['-l', folder]) };
}

/** Between client and server: cuts a connection when the client has said a word, before or after the server hears it. */
async function startCutter(port: number): Promise<{
  readonly port: number;
  readonly cutAt: (word: string, when: 'before' | 'after') => void;
  readonly cuts: () => number;
  readonly close: () => Promise<void>;
}> {
  let word: string | undefined;
  let when: 'before' | 'after' = 'before';
  let cuts = 0;
  const sockets = new Set<Socket>();
  const server: Server = createServer((client) => {
    const upstream = connect({ port, host: '127.0.0.1' });
    sockets.add(client).add(upstream);
    const end = (): void => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) socket.on('error', end).on('close', end);
    client.on('data', (chunk: Buffer) => {
      if (word !== undefined && chunk.includes(word)) {
        word = undefined;
        cuts += 1;
        if (when === 'before') return end();
        upstream.write(chunk);
        // The server has done it when it begins to answer; the client never hears.
        upstream.removeAllListeners('data');
        upstream.once('data', () => setTimeout(end, 20));
        return;
      }
      upstream.write(chunk);
    });
    upstream.on('data', (chunk: Buffer) => client.write(chunk));
  });
  await new Promise<void>((done) => {
    server.listen(0, '127.0.0.1', done);
  });
  return {
    port: (server.address() as AddressInfo).port,
    cutAt(next, at) {
      word = next;
      when = at;
    },
    cuts: () => cuts,
    close: () =>
      new Promise((done) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => done());
      }),
  };
}

/** A way to the server that at some moment swallows everything, and says nothing. */
async function startHole(port: number): Promise<{
  readonly port: number;
  readonly swallow: () => void;
  readonly close: () => Promise<void>;
}> {
  let silent = false;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect({ port, host: '127.0.0.1' });
    sockets.add(client).add(upstream);
    for (const socket of [client, upstream]) socket.on('error', () => undefined);
    client.on('data', (chunk: Buffer) => {
      if (!silent) upstream.write(chunk);
    });
    upstream.on('data', (chunk: Buffer) => {
      if (!silent) client.write(chunk);
    });
  });
  await new Promise<void>((done) => {
    server.listen(0, '127.0.0.1', done);
  });
  return {
    port: (server.address() as AddressInfo).port,
    swallow: () => {
      silent = true;
    },
    close: () =>
      new Promise((done) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => done());
      }),
  };
}

async function adminOf(server: Postgres, text: string) {
  const admin = new Client({ connectionString: server.url });
  await admin.connect();
  const answer = await admin.query<Record<string, unknown>>(text);
  await admin.end();
  return answer;
}

describe.skipIf(present === undefined)('PostgreSQL at its worst', { timeout: 120_000 }, () => {
  let server: Postgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());

  it('a connection cut around the commit is an unknown outcome, and the key makes a repetition harmless', async () => {
    const cutter = await startCutter(server.port);
    const url = `postgresql://be@127.0.0.1:${cutter.port}/postgres`;
    const store = await openPostgresStore({ url, schema: 'cut', poolSize: 2 });
    const outcomes: string[] = [];
    for (let n = 1; n <= 8; n++) {
      const append = { stream: 's', events: [{ type: 'x', data: { n } }], key: `k${n}`, expectedVersion: n - 1 };
      cutter.cutAt('commit', n % 2 === 0 ? 'before' : 'after');
      for (;;)
        try {
          const { duplicate } = await store.append(append);
          outcomes.push(duplicate ? 'was there' : 'written');
          break;
        } catch (error) {
          if (!hasCode(error, 'EVENTS_STORE_UNAVAILABLE')) throw error;
          outcomes.push(error.details.outcome);
        }
    }
    const events = await store.readStream('s');
    await store.close();
    await cutter.close();

    expect(cutter.cuts()).toBe(8);
    expect(events.map(({ data }) => data)).toEqual(Array.from({ length: 8 }, (_, i) => ({ n: i + 1 })));
    expect(new Set(outcomes)).toEqual(new Set(['unknown', 'was there', 'written']));
  });

  it('a connection cut before the commit is made anew without the caller noticing', async () => {
    const cutter = await startCutter(server.port);
    const url = `postgresql://be@127.0.0.1:${cutter.port}/postgres`;
    const store = await openPostgresStore({ url, schema: 'anew', poolSize: 2 });
    await store.append({ stream: 's', events: [{ type: 'x' }] });
    cutter.cutAt('begin', 'before');
    await store.append({ stream: 's', events: [{ type: 'y' }], expectedVersion: 1 });
    await server.crash();

    expect(await store.version('s')).toBe(2);
    await store.append({ stream: 's', events: [{ type: 'z' }], expectedVersion: 2 });
    expect((await store.readStream('s')).map(({ type }) => type)).toEqual(['x', 'y', 'z']);
    await store.close();
    await cutter.close();
  });

  it('a server that stands still answers later, and nothing is lost', async () => {
    const store = await openPostgresStore({ url: server.url, schema: 'still' });
    await store.append({ stream: 's', events: [{ type: 'x' }] });
    const others = execFileSync('pgrep', ['-P', String(server.pid)])
      .toString()
      .trim()
      .split('\n')
      .map(Number);
    for (const pid of [server.pid, ...others]) process.kill(pid, 'SIGSTOP');
    const appends = Array.from({ length: 20 }, (_, i) => store.append({ stream: 's', events: [{ type: `e${i}` }] }));
    await sleep(500);
    for (const pid of [server.pid, ...others]) process.kill(pid, 'SIGCONT');
    const versions = (await Promise.all(appends)).map(({ version }) => version);

    expect(versions.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i + 2));
    await store.close();
  });

  it('a call ends with its signal, and a close in finite time, when nobody answers', async () => {
    const hole = await startHole(server.port);
    const url = `postgresql://be@127.0.0.1:${hole.port}/postgres`;
    const store = await openPostgresStore({ url, schema: 'hole', poolSize: 2 });
    await store.append({ stream: 's', events: [{ type: 'x' }] });
    hole.swallow();
    const signal = AbortSignal.timeout(100);
    for (const call of [
      store.append({ stream: 's', events: [{ type: 'y' }] }, { signal }),
      store.readAll({ signal }),
      store.claimEffects({ signal }),
    ])
      await expect(call).rejects.toMatchObject({ code: 'EVENTS_ABORTED' });
    const left = store.head().catch((error: unknown) => error);
    await store.close();

    expect(await left).toMatchObject({ code: 'EVENTS_STORE_CLOSED' });
    await hole.close();
  });

  it('a close lets calls under way finish', async () => {
    const store = await openPostgresStore({ url: server.url, schema: 'closing', poolSize: 2 });
    await store.append({ stream: 's', events: [{ type: 'x' }] });
    const reads = Array.from({ length: 50 }, () => store.readAll());
    const write = store.append({ stream: 's', events: [{ type: 'y' }] });
    await store.close();

    expect((await Promise.all(reads)).every((events) => events.length >= 1)).toBe(true);
    expect((await write).version).toBe(2);
  });

  it('a writer that falls silent with the lock of all writers loses it', async () => {
    const store = await openPostgresStore({ url: server.url, schema: 'silent', busyMs: 500 });
    const session = 'begin; select head from silent.store for update';
    const frozen = new Client({
      connectionString: server.url,
      options: '-c idle_in_transaction_session_timeout=1500',
    });
    frozen.on('error', () => undefined);
    await frozen.connect();
    await frozen.query(session);
    await expect(store.append({ stream: 's', events: [{ type: 'x' }] })).rejects.toMatchObject({
      code: 'EVENTS_STORE_BUSY',
    });
    await sleep(1_500);

    expect((await store.append({ stream: 's', events: [{ type: 'x' }] })).version).toBe(1);
    await frozen.end().catch(() => undefined);
    await store.close();
  });

  it('options in the URL are added to those of the store, and do not replace them', async () => {
    const url = `${server.url}?options=${encodeURIComponent('-c synchronous_commit=off -c search_path=public')}`;
    const store = await openPostgresStore({ url, schema: 'added' });
    await store.append({ stream: 's', events: [{ type: 'x' }] });
    const { rows } = await adminOf(server, 'select count(*)::integer as n from added.events');

    expect(rows).toEqual([{ n: 1 }]);
    await store.close();
  });

  it('a reader that waits is woken by the writer, and need not look again', async () => {
    const writer = await openPostgresStore({ url: server.url, schema: 'woken' });
    const reader = await openPostgresStore({ url: server.url, schema: 'woken', pollMs: 1_000_000 });
    const waiting = reader.waitForEvents({ after: 0, timeoutMs: 30_000 });
    await sleep(200);
    const began = performance.now();
    await writer.append({ stream: 's', events: [{ type: 'x' }] });

    expect(await waiting).toBe(true);
    // Without a notification it would be the time-out.
    expect(performance.now() - began).toBeLessThan(25_000);
    await Promise.all([writer.close(), reader.close()]);
  });

  it('a reader that waits hears of an event whose notification got lost', async () => {
    const writer = await openPostgresStore({ url: server.url, schema: 'lost' });
    const reader = await openPostgresStore({ url: server.url, schema: 'lost', pollMs: 50 });
    const waiting = reader.waitForEvents({ after: 0, timeoutMs: 20_000 });
    await sleep(100);
    const admin = new Client({ connectionString: server.url });
    await admin.connect();
    await admin.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen%' and pid <> pg_backend_pid()`,
    );
    await writer.append({ stream: 's', events: [{ type: 'x' }] });
    await admin.end();

    expect(await waiting).toBe(true);
    await Promise.all([writer.close(), reader.close()]);
  });

  it('a full disk is said to be full, loses nothing, and the store goes on when there is room', async ({
    skip,
    onTestFinished,
  }) => {
    const folder = join(server.socketFolder, 'small');
    const disk = orSkip('a small disk', mountSmallDisk(folder));
    skip(disk === undefined, 'mounting is not allowed here');
    onTestFinished(() => disk?.unmount());
    const admin = new Client({ connectionString: server.url });
    await admin.connect();
    onTestFinished(() => admin.end());
    await admin.query(`create tablespace small location '${folder}'`);
    await admin.query('alter role be set default_tablespace = small');
    const store = await openPostgresStore({ url: server.url, schema: 'full' });
    let acknowledged = 0;
    let refusal: unknown;
    for (let n = 1; n <= 1_000 && refusal === undefined; n++)
      try {
        // Text that the server cannot pack.
        const data = Array.from({ length: 2_000 }, (_, i) => Math.imul(n * 7_919 + i, 0x9e37_79b1) >>> 0).join();
        await store.append({ stream: 's', events: [{ type: 'x', data }], expectedVersion: acknowledged });
        acknowledged = n;
      } catch (error) {
        refusal = error;
      }

    expect(refusal).toMatchObject({ code: 'EVENTS_STORE_FULL', retryable: true });
    expect(await store.version('s')).toBe(acknowledged);
    execFileSync('mount', ['-o', 'remount,size=30m', folder]);
    await store.append({ stream: 's', events: [{ type: 'y' }], expectedVersion: acknowledged });
    expect(await store.version('s')).toBe(acknowledged + 1);
    await store.close();
    await admin.query('alter role be reset default_tablespace');
    await admin.query('drop schema "full" cascade');
    await admin.query('drop tablespace small');
  });

  it('an error tells neither the password nor the data', async () => {
    const secret = 'correct-horse';
    const refused = await openPostgresStore({ url: `postgresql://nobody:${secret}@127.0.0.1:1/x` }).catch(
      (error: unknown) => error,
    );
    const unknown = await openPostgresStore({
      url: `postgresql://nobody:${secret}@127.0.0.1:${server.port}/x`,
    }).catch((error: unknown) => error);

    for (const error of [refused, unknown]) {
      expect(error).toMatchObject({ code: 'EVENTS_STORE_UNAVAILABLE' });
      expect(inspect(error, { depth: 9 })).not.toContain(secret);
      expect(JSON.stringify(error)).not.toContain(secret);
    }
  });

  it('several processes that open a new schema at once make its tables once', async () => {
    const stores = await Promise.all(
      Array.from({ length: 6 }, () => openPostgresStore({ url: server.url, schema: 'together' })),
    );
    await Promise.all(stores.map((store) => store.append({ stream: 's', events: [{ type: 'x' }] })));

    expect(await stores[0]?.version('s')).toBe(6);
    await Promise.all(stores.map((store) => store.close()));
  });

  it('tables of a newer version are left alone', async () => {
    await (await openPostgresStore({ url: server.url, schema: 'newer' })).close();
    const admin = new Client({ connectionString: server.url });
    await admin.connect();
    await admin.query('insert into newer.migrations values (99)');
    await admin.end();

    await expect(openPostgresStore({ url: server.url, schema: 'newer' })).rejects.toMatchObject({
      code: 'EVENTS_SCHEMA_UNKNOWN',
      details: { store: 'postgres', found: 99, known: 1 },
    });
  });

  it('options that are wrong are refused with a code', async () => {
    for (const options of [
      undefined,
      { url: 'mysql://x' },
      { url: server.url, schema: 'a"; drop' },
      { url: server.url, schema: 'A' },
      { url: server.url, poolSize: 1 },
      { url: server.url, pollMs: 0 },
    ])
      await expect(openPostgresStore(options as never)).rejects.toMatchObject({ code: 'EVENTS_INVALID_ARGUMENT' });
  });
});
