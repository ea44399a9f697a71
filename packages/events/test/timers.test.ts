import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { orSkip } from '../../../scripts/nodes/find.ts';
import { findPostgres, type Postgres, startPostgres } from '../../../scripts/nodes/postgres.ts';
import { run } from '../../../scripts/nodes/run.ts';
import { openStore } from './support/open-store.ts';

const streams = 100;
const each = 1_000;

const present = orSkip('PostgreSQL', await findPostgres());

const worker = join(import.meta.dirname, 'support/timer-worker.ts');

/** Two processes fire all timers; answers how many each fired. */
async function fireAll(kind: string, place: string): Promise<readonly number[]> {
  const store = await openStore(kind, place);
  for (let i = 0; i < streams; i++)
    await store.append({
      stream: `s/${i}`,
      events: [{ type: 'set' }],
      timers: Array.from({ length: each }, (_, j) => ({ key: `t${j}`, due: { height: j } })),
    });
  const flags = ['--conditions=@bitcoin-enterprise/source', '--disable-warning=ExperimentalWarning'];
  const began = performance.now();
  const ended = await Promise.all(
    [1, 2].map(() => run(process.execPath, [...flags, worker, kind, place], { timeoutMs: 600_000 })),
  );
  const seconds = (performance.now() - began) / 1_000;
  process.stderr.write(`${kind}: ${streams * each} timers by two workers in ${seconds.toFixed(1)} s\n`);
  for (const { code, stderr } of ended) if (code !== 0) throw new Error(stderr);

  for (let i = 0; i < streams; i++) {
    const keys = new Set<string>();
    for (let after = 0; ;) {
      const events = await store.readStream(`s/${i}`, { after, limit: 10_000 });
      if (events.length === 0) break;
      for (const { type, data } of events)
        if (type === 'fired') {
          const { key } = data as { readonly key: string };
          expect(keys.has(key), `${key} fired twice`).toBe(false);
          keys.add(key);
        }
      after = events.at(-1)?.version ?? after;
    }
    expect(keys.size).toBe(each);
  }
  await store.close();
  return ended.map(({ stdout }) => Number(stdout));
}

describe('two workers fire each timer exactly once', { timeout: 1_200_000 }, () => {
  it('on SQLite', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'be-timers-'));
    const fired = await fireAll('sqlite', join(folder, 'events.db'));
    rmSync(folder, { recursive: true });

    expect(fired.reduce((sum, count) => sum + count)).toBe(streams * each);
  });

  describe.skipIf(present === undefined)('on PostgreSQL', () => {
    let server: Postgres;
    beforeAll(async () => {
      server = await startPostgres();
    });
    afterAll(() => server.stop());

    it('and both have their share', async () => {
      const fired = await fireAll('postgres', `${server.url}#timers`);

      expect(fired.reduce((sum, count) => sum + count)).toBe(streams * each);
      expect(Math.min(...fired)).toBeGreaterThan(0);
    });
  });
});
