import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findChromium, quietFlags } from '../../../scripts/nodes/chromium.ts';
import { orSkip } from '../../../scripts/nodes/find.ts';
import { type ServedPage, servePage } from '../../../scripts/nodes/page-server.ts';

const chromium = orSkip('chromium', await findChromium());

describe.skipIf(chromium === undefined)('the IndexedDB store in Chromium', () => {
  const folder = mkdtempSync(join(tmpdir(), 'be-indexeddb-'));
  const told = { reports: [] as unknown[], performed: [] as string[] };
  let served: ServedPage;
  let onDone: (body: unknown) => void = () => undefined;
  let onReport: () => void = () => undefined;

  beforeAll(async () => {
    served = await servePage(join(import.meta.dirname, 'page'), {
      onPost: (path, value) => {
        if (path === '/report') told.reports.push(value);
        if (path === '/perform') told.performed.push(value as string);
        if (path === '/report') onReport();
        if (path === '/done') onDone(value);
        return path === '/told' ? told : undefined;
      },
    });
  });
  afterAll(async () => {
    await served.close();
    rmSync(folder, { recursive: true, maxRetries: 5, retryDelay: 100 });
  });

  function open(query: string): ChildProcess {
    const { file, args, env } = (chromium as NonNullable<typeof chromium>).command;
    const flags = [...args, ...quietFlags, `--user-data-dir=${join(folder, 'profile')}`, '--remote-debugging-port=0'];
    return spawn(file, [...flags, `${served.url}?${query}`], {
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
