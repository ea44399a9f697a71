/** Runs inside a browser: the kit, a writer that is killed, or the check afterwards; tells the server how it went. */
import { createManualClock } from '@bitcoin-enterprise/core/testing';
import type { EventStore } from '@bitcoin-enterprise/events';
import { openIndexedDbStore } from '@bitcoin-enterprise/events/indexeddb';
import {
  checkAfterCrashes,
  type CrashReport,
  type EventStoreHarness,
  eventStorePromises,
  finishWork,
  writeUntilKilled,
} from '@bitcoin-enterprise/events/testing';

const mode = new URL(location.href).searchParams;

/** Synchronous, so that what was told is at the server before anything else happens. */
function tell(path: string, body: unknown): string {
  const request = new XMLHttpRequest();
  request.open('POST', path, false);
  request.send(JSON.stringify(body));
  return request.responseText;
}

let databases = 0;

async function harness(): Promise<EventStoreHarness> {
  databases += 1;
  const name = `kit-${databases}`;
  const clock = createManualClock();
  const stores: EventStore[] = [];
  const open = async (): Promise<EventStore> => {
    const store = await openIndexedDbStore({ name, clock, pollMs: 5 });
    stores.push(store);
    return store;
  };
  return {
    store: await open(),
    clock,
    open,
    close: async () => {
      for (const store of stores) await store.close();
      indexedDB.deleteDatabase(name);
    },
  };
}

async function runKit(): Promise<void> {
  const failures: Record<string, string> = {};
  let passed = 0;
  for (const { name, run } of eventStorePromises)
    try {
      await run(harness);
      passed += 1;
    } catch (error) {
      failures[name] = String(error);
    }
  tell('/done', { passed, failures });
}

async function check(): Promise<void> {
  const store = await openIndexedDbStore({ name: 'killed' });
  const { reports, performed } = JSON.parse(tell('/told', {})) as {
    readonly reports: CrashReport[];
    readonly performed: string[];
  };
  await finishWork(store, {
    name: 'end',
    seed: 0,
    report: (report) => reports.push(report),
    perform: (key) => performed.push(key),
  });
  tell('/done', await checkAfterCrashes(store, reports, performed));
}

try {
  if (mode.has('kit')) await runKit();
  else if (mode.has('check')) await check();
  else
    await writeUntilKilled(await openIndexedDbStore({ name: 'killed' }), {
      name: mode.get('name') ?? 'a',
      seed: Number(mode.get('seed')),
      report: (report) => tell('/report', report),
      perform: (key) => tell('/perform', key),
    });
} catch (error) {
  tell('/done', { failures: { page: String(error) } });
}
