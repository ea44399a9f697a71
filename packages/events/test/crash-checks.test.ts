/** The judge of the crash tests is judged: each fault that it must see is shown to it once. */
import { createMemoryStore, type EventStore } from '@bitcoin-enterprise/events';
import { checkAfterCrashes, type CrashReport, finishWork, writeUntilKilled } from '@bitcoin-enterprise/events/testing';
import { describe, expect, it } from 'vitest';

async function history() {
  const store = createMemoryStore();
  const reports: CrashReport[] = [];
  const performed: string[] = [];
  const stop = new AbortController();
  const options = {
    name: 'a',
    seed: 1,
    report: (report: CrashReport) => {
      reports.push(report);
      if (reports.length === 60) stop.abort();
    },
    perform: (key: string) => void performed.push(key),
    leaseMs: 5,
  };
  await writeUntilKilled(store, { ...options, signal: stop.signal });
  await finishWork(store, options);
  return { store, reports, performed };
}

async function complaint(spoil: (scene: Awaited<ReturnType<typeof history>>) => Promise<void> | void): Promise<string> {
  const scene = await history();
  await spoil(scene);
  return checkAfterCrashes(scene.store, scene.reports, scene.performed).then(
    () => 'nothing',
    (error: unknown) => (error as Error).message,
  );
}

const add = (store: EventStore, stream: string, type: string, data: object) =>
  store.append({ stream, events: [{ type, data }] });

describe('the check after crashes', () => {
  it('finds nothing wrong with a history that is whole', async () => {
    expect(await complaint(() => undefined)).toBe('nothing');
  });

  it.for<readonly [string, Parameters<typeof complaint>[0], RegExp]>([
    [
      'a lost event',
      ({ reports }) => void reports.push({ did: 'append', stream: 'a/0', version: 99, position: 9_999 }),
      /acknowledged event at 9999 is lost/,
    ],
    [
      'an event in the place of another',
      ({ reports }) => void reports.push({ did: 'append', stream: 'a/0', version: 99, position: 1 }),
      /event at 1/,
    ],
    [
      'half an append',
      async ({ store }) => void (await add(store, 'a/0', 'wrote', { n: 1, of: 2 })),
      /last append of a\/0 is whole/,
    ],
    [
      'an effect that nobody performed to its end',
      async ({ store }) => void (await add(store, 'a/0', 'wrote', { n: 1, of: 1, key: 'k' })),
      /k was asked for and has no result/,
    ],
    [
      'a result that comes twice',
      async ({ store, performed }) => void (await add(store, 'results', 'result', { key: performed[0] })),
      /has two results/,
    ],
    [
      'a result of nothing',
      async ({ store }) => void (await add(store, 'results', 'result', { key: 'k' })),
      /k has a result and was never performed/,
    ],
    [
      'a timer that fires twice',
      async ({ store }) => {
        const fired = (await store.readAll()).find(({ type }) => type === 'fired');
        await add(store, fired?.stream ?? '', 'fired', fired?.data as object);
      },
      /fired twice/,
    ],
    [
      'a settlement that is lost',
      ({ reports }) => void reports.push({ did: 'settle', key: 'k', token: 1 }),
      /acknowledged result of k is lost/,
    ],
    [
      'a firing that is lost',
      ({ reports }) => void reports.push({ did: 'fire', stream: 'a/0', key: 'k' }),
      /acknowledged firing of k in a\/0 is lost/,
    ],
    [
      'an effect that is given out after its end',
      ({ reports }) => {
        const settled = reports.find(({ did }) => did === 'settle');
        if (settled?.did === 'settle') reports.push({ did: 'claim', key: settled.key, token: settled.token + 1 });
      },
      /was given out once more/,
    ],
  ])('sees %s', async ([, spoil, expected]) => {
    expect(await complaint(spoil)).toMatch(expected);
  });
});
