import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteStore } from '@bitcoin-enterprise/events/sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { orSkip } from '../../../scripts/nodes/find.ts';
import { run } from '../../../scripts/nodes/run.ts';
import { findStrace } from '../../../scripts/nodes/strace.ts';

const strace = orSkip('strace', await findStrace());
const long = process.env['BE_LONG'] === '1';
/** The calls by which SQLite changes files. */
const writes = 'pwrite64,fdatasync,fsync,ftruncate,unlink';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'be-disk-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Runs the steps under a tracer; answers the lines that they printed. */
async function steps(options: {
  readonly inject?: string;
  readonly appends: number;
  readonly log?: string;
}): Promise<{ readonly lines: readonly string[]; readonly code: number }> {
  const { inject, appends, log = '/dev/null' } = options;
  if (strace === undefined) throw new Error('no tracer');
  const { file, args, env } = strace.command;
  const ended = await run(
    file,
    [
      ...args,
      '-f',
      '-qq',
      '-y',
      '-o',
      log,
      '-e',
      `trace=write,${writes}`,
      // Faster, but with it strace injects no signals.
      ...(inject?.includes('signal') === true ? [] : ['--seccomp-bpf']),
      ...(inject === undefined ? [] : ['-e', `inject=${inject}`]),
      process.execPath,
      '--conditions=@bitcoin-enterprise/source',
      '--disable-warning=ExperimentalWarning',
      join(import.meta.dirname, 'support/sqlite-steps.ts'),
      join(folder, 'events.db'),
      String(appends),
    ],
    { env },
  );
  return { lines: ended.stdout.split('\n').slice(0, -1), code: ended.code };
}

/** The events, which must be whole appends. */
async function kept(): Promise<number> {
  const store = openSqliteStore({ path: join(folder, 'events.db') });
  const events = await store.readStream('steps');
  await store.close();
  expect(events.map(({ data }) => (data as { readonly n: number }).n)).toEqual(events.map((_, i) => i + 1));
  expect(events.map(({ version, position }) => [version, position])).toEqual(events.map((_, i) => [i + 1, i + 1]));
  expect(events.length % 2).toBe(0);
  return events.length;
}

const acknowledged = (lines: readonly string[]): number =>
  Number(lines.findLast((line) => line.startsWith('acknowledged'))?.split(' ')[1] ?? 0);

describe.skipIf(strace === undefined)('a SQLite store on a bad disk', { timeout: 3_600_000 }, () => {
  it('syncs the log after its last write and before it acknowledges', async () => {
    const log = join(folder, 'trace');
    await steps({ appends: 3, log });
    const calls = readFileSync(log, 'utf8').split('\n');
    let unsynced = false;
    let told = 0;
    for (const call of calls) {
      if (/pwrite64\(\d+<[^>]*events\.db-wal>/.test(call)) unsynced = true;
      else if (/f(data)?sync\(\d+<[^>]*events\.db-wal>/.test(call)) unsynced = false;
      else if (/write\(1<[^>]*>, "acknowledged/.test(call)) {
        told += 1;
        expect(unsynced, `${call} came before the sync`).toBe(false);
      }
    }

    expect(told).toBe(3);
  });

  it('keeps what it acknowledged and nothing half, killed at each of its writes', async () => {
    let kills = 0;
    for (let at = 1; ; at += long ? 1 : 3) {
      for (const suffix of ['', '-wal', '-shm']) rmSync(join(folder, `events.db${suffix}`), { force: true });
      const { lines, code } = await steps({ appends: 3, inject: `${writes}:signal=KILL:when=${at}` });
      if (lines.at(-1) === 'closed') break;
      expect(code).not.toBe(0);
      kills += 1;
      if (existsSync(join(folder, 'events.db'))) expect(await kept()).toBeGreaterThanOrEqual(acknowledged(lines));
    }

    expect(kills).toBeGreaterThan(long ? 20 : 6);
  });

  it('says that the disk is full, loses nothing, and goes on when there is room', async () => {
    await steps({ appends: 1 });
    let refused = 0;
    for (let at = 1; at <= 12; at += long ? 1 : 3) {
      const before = await kept();
      const { lines } = await steps({ appends: 2, inject: `pwrite64:error=ENOSPC:when=${at}` });
      refused += lines.filter((line) => line.startsWith('refused EVENTS_STORE_FULL')).length;
      expect(lines.filter((line) => line.startsWith('refused EVENTS_STORE_UNAVAILABLE'))).toEqual([]);
      const after = await kept();
      expect(after).toBeGreaterThanOrEqual(Math.max(before, acknowledged(lines)));
    }

    expect(refused).toBeGreaterThan(0);
    expect((await steps({ appends: 1 })).lines.at(-1)).toBe('closed');
  });

  it('says that the outcome is unknown when a sync fails, and keeps what it acknowledged', async () => {
    await steps({ appends: 1 });
    let unknown = 0;
    for (let at = 1; at <= 6; at++) {
      const { lines } = await steps({ appends: 2, inject: `fsync,fdatasync:error=EIO:when=${at}` });
      const refused = lines.filter((line) => line.startsWith('refused'));
      for (const line of refused) expect(line).toMatch(/EVENTS_STORE_UNAVAILABLE .*"outcome":"unknown"/);
      unknown += refused.length;
      expect(await kept()).toBeGreaterThanOrEqual(acknowledged(lines));
    }

    expect(unknown).toBeGreaterThan(0);
  });

  it('is slow on a slow disk, and nothing worse', async () => {
    const { lines } = await steps({ appends: 3, inject: 'fsync,fdatasync:delay_enter=300000' });

    expect(lines.filter((line) => line.startsWith('acknowledged'))).toHaveLength(3);
    expect(await kept()).toBe(6);
  });
});
