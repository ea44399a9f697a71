import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect as connectNats } from '@nats-io/transport-node';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { findAnvil, startAnvil } from './anvil.ts';
import { findBitcoind, startBitcoind } from './bitcoind.ts';
import { isAlive, withLock } from './cache.ts';
import { findProgram, orSkip } from './find.ts';
import { findNats, startNats } from './nats.ts';
import { findPostgres, startPostgres } from './postgres.ts';
import { run } from './run.ts';
import { findSoftHsm, startSoftHsm } from './softhsm.ts';

const bitcoind = orSkip('bitcoind', await findBitcoind());
const anvil = orSkip('anvil', await findAnvil());

describe.skipIf(bitcoind === undefined)('bitcoind', () => {
  it('runs twice at once, each with a chain of its own, and leaves nothing behind', async () => {
    const [first, second] = await Promise.all([startBitcoind(), startBitcoind()]);

    await first.rpc('generatetodescriptor', [3, 'raw(51)']);

    expect(await first.rpc('getblockcount')).toBe(3);
    expect(await second.rpc('getblockcount')).toBe(0);
    await Promise.all([first.stop(), second.stop()]);
    expect([isAlive(first.pid), isAlive(second.pid)]).toEqual([false, false]);
    expect([existsSync(first.datadir), existsSync(second.datadir)]).toEqual([false, false]);
  });

  it('names the error that the node answers', async () => {
    const node = await startBitcoind();
    await expect(node.rpc('getblockhash', [7])).rejects.toMatchObject({ name: 'BitcoindRefusal', rpcCode: -8 });
    await node.stop();
  });

  it('says what the node printed when it does not start', async () => {
    await expect(startBitcoind({ args: ['-no-such-option'] })).rejects.toThrow(/Invalid parameter -no-such-option/);
  });

  it('ends with the process that started it, even a killed one', async () => {
    const script = `
      import { startBitcoind } from ${JSON.stringify(resolve(import.meta.dirname, 'bitcoind.ts'))};
      const node = await startBitcoind();
      process.stdout.write(String(node.pid), () => process.kill(process.pid, 'SIGKILL'));`;
    const child = promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script]);
    const { stdout } = await child.catch((error: { readonly stdout: string }) => error);
    const pid = Number(stdout);
    expect(pid).toBeGreaterThan(0);
    for (let waited = 0; isAlive(pid) && waited < 50; waited += 1) await sleep(100);
    expect(isAlive(pid)).toBe(false);
  });
});

describe.skipIf(anvil === undefined)('anvil', () => {
  it('runs twice at once and ends when told', async () => {
    const [first, second] = await Promise.all([startAnvil(), startAnvil()]);

    await first.rpc('anvil_mine', ['0x2']);

    expect(await first.rpc('eth_blockNumber')).toBe('0x2');
    expect(await second.rpc('eth_blockNumber')).toBe('0x0');
    await expect(second.rpc('no_such_method')).rejects.toThrow('no_such_method');
    await Promise.all([first.stop(), second.stop()]);
    expect([isAlive(first.pid), isAlive(second.pid)]).toEqual([false, false]);
  });
});

const postgres = orSkip('PostgreSQL', await findPostgres());

describe.skipIf(postgres === undefined)('PostgreSQL', () => {
  it('runs as an ordinary user, keeps its data through a crash, and is gone when stopped', async () => {
    const server = await startPostgres();
    const query = async (text: string): Promise<unknown> => {
      const client = new Client({ connectionString: server.url });
      await client.connect();
      const { rows } = await client.query<Record<string, unknown>>(text);
      await client.end();
      return Object.values(rows[0] ?? {})[0];
    };
    await query('create table kept as select 7 as n');
    const before = server.pid;
    await server.crash();

    expect(server.pid).not.toBe(before);
    expect(await query('select n from kept')).toBe(7);
    expect(await query('show fsync')).toBe('on');
    await server.stop();
    expect([isAlive(before), isAlive(server.pid), existsSync(server.datadir)]).toEqual([false, false, false]);
  });
});

const nats = orSkip('NATS', await findNats());

describe.skipIf(nats === undefined)('NATS', () => {
  it('keeps its streams through a crash, and is gone when stopped', async () => {
    const server = await startNats();
    const open = async () => {
      const connection = await connectNats({ servers: server.url });
      return { connection, streams: await jetstreamManager(connection) };
    };
    const first = await open();
    await first.streams.streams.add({ name: 'KEPT', subjects: ['kept'] });
    await first.connection.close();
    await server.crash();
    const second = await open();

    expect((await second.streams.streams.info('KEPT')).config.name).toBe('KEPT');
    await second.connection.close();
    await server.stop();
    expect(isAlive(server.pid)).toBe(false);
  });
});

const softHsm = orSkip('SoftHSM2', await findSoftHsm());

describe.skipIf(softHsm === undefined)('SoftHSM2', () => {
  it('makes tokens of its own, and they are gone when stopped', async () => {
    const [first, second] = await Promise.all([startSoftHsm({ token: 'one' }), startSoftHsm({ token: 'two' })]);
    await first.addToken('three');

    expect(existsSync(first.module)).toBe(true);
    expect(readdirSync(first.tokenFolder)).toHaveLength(2);
    expect(readdirSync(second.tokenFolder)).toHaveLength(1);
    await Promise.all([first.stop(), second.stop()]);
    expect([existsSync(first.tokenFolder), existsSync(second.tokenFolder)]).toEqual([false, false]);
  });
});

describe('finding a program', () => {
  const install = async () => ({ ok: false as const, reason: 'nothing to install' });

  it('prefers the environment variable, then PATH, then the installer', async () => {
    process.env['BE_TEST_SH'] = process.execPath;
    const named = await findProgram({ binary: 'sh', variable: 'BE_TEST_SH', install });
    delete process.env['BE_TEST_SH'];
    const onPath = await findProgram({ binary: 'sh', variable: 'BE_TEST_SH', install });
    const absent = await findProgram({ binary: 'no-such-program', variable: 'BE_TEST_SH', install });

    expect(named).toMatchObject({ source: 'BE_TEST_SH', command: { file: process.execPath } });
    expect(onPath).toMatchObject({ ok: true, source: 'PATH' });
    expect(absent).toEqual({ ok: false, reason: 'nothing to install' });
  });

  it('does not look further when the variable names no program', async () => {
    process.env['BE_TEST_SH'] = '/nowhere/sh';
    const found = await findProgram({ binary: 'sh', variable: 'BE_TEST_SH', install });
    delete process.env['BE_TEST_SH'];
    expect(found).toEqual({ ok: false, reason: 'BE_TEST_SH names /nowhere/sh, which is not an executable file' });
  });

  it('fails in CI and skips elsewhere when a program is absent', () => {
    const before = process.env['CI'];
    process.env['CI'] = 'true';
    expect(() => orSkip('x', { ok: false, reason: 'offline' })).toThrow('x is absent and CI=true: offline');
    process.env['CI'] = '';
    const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    expect(orSkip('x', { ok: false, reason: 'offline' })).toBeUndefined();
    expect(said).toHaveBeenCalledExactlyOnceWith('x is absent, its tests are skipped: offline\n');
    said.mockRestore();
    if (before === undefined) delete process.env['CI'];
    else process.env['CI'] = before;
  });
});

describe('the lock', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'be-lock-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('lets one worker in at a time', async () => {
    let inside = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      inside += 1;
      most = Math.max(most, inside);
      await sleep(20);
      inside -= 1;
    };
    await Promise.all([1, 2, 3].map(() => withLock(join(folder, 'a.lock'), work)));
    expect(most).toBe(1);
  });

  it('is taken over from a process that died', async () => {
    const lock = join(folder, 'c.lock');
    const gone = await run(process.execPath, ['--print', 'process.pid']);
    mkdirSync(lock);
    writeFileSync(join(lock, 'pid'), gone.stdout.trim());
    expect(await withLock(lock, async () => 'mine')).toBe('mine');
  });

  it('is free again after a failure', async () => {
    const lock = join(folder, 'b.lock');
    await expect(withLock(lock, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(await withLock(lock, async () => 'next')).toBe('next');
  });
});
