import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, statSync, watch, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadCrypto } from '@bitcoin-enterprise/core';
import { type ChainServerOptions, startChainServer } from '@bitcoin-enterprise/chain/server';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freePort, removeFolder, temporaryFolder } from '../../../scripts/nodes/child.ts';
import { run } from '../../../scripts/nodes/run.ts';
import { findCore, rpcTo } from './support/core-node.ts';

const ENTRY = join(import.meta.dirname, '../src/server/bin/bitcoind.ts');
const CLI = join(import.meta.dirname, '../src/server/bin/chain.ts');
const FROM_SOURCE = '--conditions=@bitcoin-enterprise/source';

const ends: (() => unknown)[] = [];
beforeAll(() => loadCrypto());
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

function folder(): string {
  const name = temporaryFolder('admission');
  ends.push(() => removeFolder(name));
  return name;
}

function start(
  file: string,
  args: readonly string[],
): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
  const child = spawn(process.execPath, [FROM_SOURCE, file, ...args]);
  ends.push(() => child.kill('SIGKILL'));
  let [out, error] = ['', ''];
  child.stdout.on('data', (bytes: Buffer) => (out += bytes.toString()));
  child.stderr.on('data', (bytes: Buffer) => (error += bytes.toString()));
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code) => resolve({ code, out, error }));
  });
  return { child, ended };
}

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly error: string;
}

async function until(holds: () => boolean): Promise<void> {
  for (const deadline = performance.now() + 20_000; !holds(); await sleep(10))
    if (performance.now() > deadline) throw new Error('expected it to come true within 20 s, got nothing');
}

describe('a server at this machine’s own address', () => {
  /** What a call under a `Host` header answers; `undefined` sends none. */
  async function askedAs(host: string | undefined, options: ChainServerOptions = {}): Promise<number> {
    const server = await startChainServer(options);
    ends.push(() => server.stop());
    const authorization = `Basic ${btoa(`${server.user}:${server.password}`)}`;
    return new Promise((resolve, reject) => {
      const call = request({
        host: '127.0.0.1',
        port: server.port,
        method: 'POST',
        setHost: false,
        headers: {
          authorization,
          connection: 'close',
          ...(host === undefined ? {} : { host: host.replace('PORT', String(server.port)) }),
        },
      });
      call.on('response', (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      call.on('error', reject);
      call.end('{"id":1,"method":"getblockcount"}');
    });
  }

  it.each([
    '127.0.0.1',
    '127.0.0.1:PORT',
    'localhost',
    'LOCALHOST:PORT',
    'localhost.',
    '[::1]:PORT',
    '[::1]',
    '127.1.2.3:9',
  ])('answers to the name %s', async (host) => expect(await askedAs(host)).toBe(200));

  it.each([
    'rebind.example',
    'rebind.example:PORT',
    'localhost.rebind.example',
    '127.0.0.1.rebind.example',
    'localhost@rebind.example',
    '192.0.2.1',
    '0.0.0.0:PORT',
    '[2001:db8::1]',
    'a b',
    '',
  ])('does not answer to the name "%s", which a page may have had changed to its address', async (host) =>
    expect(await askedAs(host)).toBe(403),
  );

  it('answers to names that it was given, and to those of its address still', async () => {
    const allowedHosts = ['chain.test', 'Node'];
    expect(await askedAs('CHAIN.test:18443', { allowedHosts })).toBe(200);
    expect(await askedAs('node', { allowedHosts })).toBe(200);
    expect(await askedAs('localhost', { allowedHosts })).toBe(200);
    expect(await askedAs('chain.test.example', { allowedHosts })).toBe(403);
  });

  it('answers to any name where it listens to other machines, unless it was given some', async () => {
    expect(await askedAs('chain:18443', { host: '0.0.0.0' })).toBe(200);
    expect(await askedAs('other', { host: '0.0.0.0', allowedHosts: ['chain'] })).toBe(403);
    expect(await askedAs('localhost', { host: '0.0.0.0', allowedHosts: ['chain'] })).toBe(200);
  });

  it('wants names that are names', async () => {
    for (const allowedHosts of [[''], ['a b'], ['http://x'], [7 as never], 'x' as never])
      await expect(startChainServer({ allowedHosts })).rejects.toMatchObject({
        code: 'CHAIN_INVALID_ARGUMENT',
        details: { argument: 'allowedHosts' },
      });
  });
});

const core = findCore('core-31');
const MALFORMED = ['foo', 'foo:bar', 'foo:bar:baz', 'foo$bar:baz', 'foo$bar$baz', ''];

describe('a line of -rpcauth that is none', () => {
  const expected = { code: 1, error: 'Error: Unable to start HTTP server. See debug log for details.\n' };

  it.each([...MALFORMED, 'user:salt$nothex', ':salt$aa', 'user:salt$'])('ends the start: "%s"', async (line) => {
    const datadir = folder();
    const port = await freePort();

    expect(await start(ENTRY, [`-datadir=${datadir}`, `-rpcport=${port}`, `-rpcauth=${line}`]).ended).toMatchObject(
      expected,
    );
    const log = readFileSync(join(datadir, 'regtest/debug.log'), 'utf8');
    expect(log).toContain('Invalid -rpcauth argument.');
    if (line !== '') expect(log).not.toContain(line);
    expect(existsSync(join(datadir, 'regtest/.cookie'))).toBe(false);
  });

  it.skipIf(core === undefined)('ends a Bitcoin Core in the same words', async () => {
    for (const line of MALFORMED) {
      const { code, stderr } = await run(core as string, [
        '-regtest',
        `-datadir=${folder()}`,
        '-listen=0',
        `-rpcauth=${line}`,
        '-printtoconsole=0',
      ]);
      expect({ code, error: stderr }).toMatchObject(expected);
    }
  });

  it('is taken back by -norpcauth', async () => {
    const datadir = folder();
    const { child, ended } = start(ENTRY, [
      `-datadir=${datadir}`,
      `-rpcport=${await freePort()}`,
      '-rpcauth=foo',
      '-norpcauth',
    ]);
    await until(() => existsSync(join(datadir, 'regtest/.cookie')));
    child.kill('SIGTERM');

    expect(await ended).toMatchObject({ code: 0, error: '' });
  });
});

describe('the cookie file', () => {
  it('is whole whenever it is there, nobody else’s to read, and gone after the end', async () => {
    const datadir = folder();
    const home = join(datadir, 'regtest');
    await mkdir(home);
    const file = join(home, '.cookie');
    // What an earlier process left, open to all: the new one is not.
    writeFileSync(file, 'old', { mode: 0o644 });
    writeFileSync(`${file}.tmp`, 'old', { mode: 0o644 });
    const seen = new Set<string>();
    const watcher = watch(home, () => {
      try {
        seen.add(
          `${readFileSync(file, 'utf8').replace(/[0-9a-f]{64}/, 'HEX')} ${(statSync(file).mode & 0o777).toString(8)}`,
        );
      } catch {
        // Gone by now.
      }
    });
    ends.push(() => watcher.close());
    const port = await freePort();
    const { child, ended } = start(ENTRY, [`-datadir=${datadir}`, `-rpcport=${port}`]);
    await until(() => readFileSync(file, 'utf8').startsWith('__cookie__:'));

    expect((statSync(file).mode & 0o777).toString(8)).toBe('600');
    expect(existsSync(`${file}.tmp`)).toBe(false);
    expect(await rpcTo(`http://127.0.0.1:${port}`, readFileSync(file, 'utf8'))('getblockcount')).toBe(0);
    child.kill('SIGTERM');
    expect((await ended).code).toBe(0);
    expect(existsSync(file)).toBe(false);
    expect([...seen].filter((text) => text !== 'old 644' && text !== '__cookie__:HEX 600')).toEqual([]);
  });

  it('lies where it is told to', async () => {
    const [datadir, elsewhere] = [folder(), folder()];
    const file = join(elsewhere, 'secret');
    const { child, ended } = start(ENTRY, [
      `-datadir=${datadir}`,
      `-rpcport=${await freePort()}`,
      `-rpccookiefile=${file}`,
    ]);
    await until(() => existsSync(file));
    child.kill('SIGTERM');
    await ended;

    expect(existsSync(file)).toBe(false);
  });

  it('that cannot be written ends the start', async () => {
    const [datadir, elsewhere] = [folder(), folder()];
    const args = [
      `-datadir=${datadir}`,
      `-rpcport=${await freePort()}`,
      `-rpccookiefile=${join(elsewhere, 'no/such')}`,
    ];

    expect(await start(ENTRY, args).ended).toMatchObject({
      code: 1,
      error: 'Error: Unable to start HTTP server. See debug log for details.\n',
    });
  });
});

describe('the command for developers', () => {
  async function startCli(args: readonly string[]) {
    const { child, ended } = start(CLI, ['--port', '0', '--json', ...args]);
    let text = '';
    child.stdout?.on('data', (bytes: Buffer) => (text += bytes.toString()));
    await until(() => text.endsWith('\n') || child.exitCode !== null);
    const facts = JSON.parse(text) as {
      readonly url: string;
      readonly user: string;
      readonly password: string;
      readonly accounts: readonly {
        readonly address: string;
        readonly balanceSat: string;
        readonly immatureSat: string;
      }[];
    };
    const stop = async (): Promise<void> => {
      child.kill('SIGTERM');
      await ended;
    };
    return { ...facts, stop, rpc: rpcTo(facts.url, `${facts.user}:${facts.password}`) };
  }

  it('says what the keys hold, not what they held once', async () => {
    const file = join(folder(), 'chain.sqlite');
    const first = await startCli(['--data', file, '--accounts', '2']);
    const held = first.accounts.map(({ balanceSat, immatureSat }) => [balanceSat, immatureSat]);
    await first.rpc('generatetoaddress', [1, first.accounts[1]?.address]);
    await first.stop();

    const again = await startCli(['--data', file, '--accounts', '3']);
    const holds = again.accounts.map(({ balanceSat, immatureSat }) => [balanceSat, immatureSat]);
    await again.stop();
    const text = await startCliText(['--data', file, '--seed', 'another']);

    expect(held).toEqual([
      ['5000000000', '0'],
      ['5000000000', '0'],
    ]);
    expect(holds).toEqual([
      ['5000000000', '0'],
      ['5000000000', '5000000000'],
      ['0', '0'],
    ]);
    expect(text).toMatch(/\(0\) bcrt1q\w+ {2}0 BTC\n/);
    expect(text).not.toContain('50 BTC');
    expect(await startCliText(['--data', file, '--accounts', '2'])).toMatch(
      /\(1\) bcrt1q\w+ {2}50 BTC, and 50 BTC immature\n/,
    );
  });

  async function startCliText(args: readonly string[]): Promise<string> {
    const { child, ended } = start(CLI, ['--port', '0', ...args]);
    let text = '';
    child.stdout?.on('data', (bytes: Buffer) => (text += bytes.toString()));
    await until(() => text.includes('bitcoin-cli'));
    child.kill('SIGTERM');
    return (await ended).out;
  }

  it('has a password that everybody knows on this machine alone', async () => {
    const near = await startCli([]);
    const far = await startCli(['--host', '0.0.0.0']);
    const named = await startCli(['--host', '0.0.0.0', '--password', 'bitcoin', '--allow-host', 'chain.test']);
    await Promise.all([near.stop(), far.stop(), named.stop()]);

    expect(near.password).toBe('bitcoin');
    expect(far.password).toMatch(/^[0-9a-f]{64}$/);
    expect(named.password).toBe('bitcoin');
  });
});
