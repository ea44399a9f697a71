import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findChromium, quietFlags } from '../../../scripts/nodes/chromium.ts';
import { orSkip } from '../../../scripts/nodes/find.ts';

const chromium = orSkip('chromium', await findChromium());
const types: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript' };

describe.skipIf(chromium === undefined)('the IndexedDB store in Chromium', () => {
  const folder = mkdtempSync(join(tmpdir(), 'be-indexeddb-'));
  const told = { reports: [] as unknown[], performed: [] as string[] };
  let server: Server;
  let onDone: (body: unknown) => void = () => undefined;
  let onReport: () => void = () => undefined;

  beforeAll(async () => {
    await build({
      configFile: false,
      logLevel: 'error',
      root: join(import.meta.dirname, 'page'),
      build: { outDir: join(folder, 'page'), emptyOutDir: true, target: 'esnext', modulePreload: { polyfill: false } },
      resolve: { conditions: ['@bitcoin-enterprise/source', 'browser', 'module', 'import'] },
    });
    server = createServer((request, response) => {
      const path = new URL(request.url ?? '/', 'http://localhost').pathname;
      if (request.method === 'POST') {
        let body = '';
        request.on('data', (chunk: Buffer) => {
          body += chunk.toString();
        });
        request.on('end', () => {
          const value = JSON.parse(body) as unknown;
          if (path === '/report') told.reports.push(value);
          if (path === '/perform') told.performed.push(value as string);
          response.end(path === '/told' ? JSON.stringify(told) : '');
          if (path === '/report') onReport();
          if (path === '/done') onDone(value);
        });
        return;
      }
      try {
        const body = readFileSync(join(folder, 'page', path === '/' ? 'index.html' : path));
        response.setHeader('content-type', types[extname(path)] ?? 'text/html');
        response.end(body);
      } catch {
        response.writeHead(404).end();
      }
    });
    await new Promise<void>((done) => {
      server.listen(0, '127.0.0.1', done);
    });
  });
  afterAll(() => {
    server.close();
    rmSync(folder, { recursive: true, maxRetries: 5, retryDelay: 100 });
  });

  function open(query: string): ChildProcess {
    const { file, args, env } = (chromium as NonNullable<typeof chromium>).command;
    const { port } = server.address() as AddressInfo;
    const flags = [...args, ...quietFlags, `--user-data-dir=${join(folder, 'profile')}`, '--remote-debugging-port=0'];
    return spawn(file, [...flags, `http://127.0.0.1:${port}/?${query}`], {
      env: { ...process.env, ...env },
      stdio: 'ignore',
      detached: true,
    });
  }

  /** Ends the browser with all its processes, without warning. */
  async function kill(browser: ChildProcess): Promise<void> {
    const gone = new Promise((done) => {
      browser.on('close', done);
    });
    process.kill(-(browser.pid ?? 0), 'SIGKILL');
    await gone;
  }

  async function outcome(query: string): Promise<Record<string, unknown>> {
    const done = new Promise<unknown>((tell) => {
      onDone = tell;
    });
    const browser = open(query);
    const body = (await done) as Record<string, unknown>;
    await kill(browser);
    return body;
  }

  it('keeps the promises of an event store', { timeout: 120_000 }, async () => {
    expect(await outcome('kit')).toEqual({ passed: expect.any(Number) as number, failures: {} });
  });

  it('loses nothing and repeats nothing when the browser is killed', { timeout: 600_000 }, async () => {
    const kills = process.env['BE_LONG'] === '1' ? 60 : 3;
    for (let i = 0; i < kills; i++) {
      const before = told.reports.length;
      const began = new Promise<void>((done) => {
        onReport = () => {
          if (told.reports.length > before + 3 + ((i * 7) % 20)) done();
        };
      });
      const failed = new Promise<unknown>((tell) => {
        onDone = tell;
      });
      const browser = open(`name=a&seed=${i}`);
      const failure = await Promise.race([began, failed]);
      await kill(browser);
      expect(failure).toBeUndefined();
    }
    const counts = await outcome('check');
    process.stderr.write(`IndexedDB, ${kills} browsers killed: ${JSON.stringify(counts)}\n`);

    expect(counts).toMatchObject({ events: expect.any(Number) as number });
    expect(told.reports.length).toBeGreaterThan(kills);
  });
});
