import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createManualClock } from '@bitcoin-enterprise/core/testing';
import type { EventStore } from '@bitcoin-enterprise/events';
import { openSqliteStore } from '@bitcoin-enterprise/events/sqlite';
import { type EventStoreHarness, eventStorePromises } from '@bitcoin-enterprise/events/testing';
import { describe, it } from 'vitest';

function sqliteHarness(): EventStoreHarness {
  const folder = mkdtempSync(join(tmpdir(), 'be-events-'));
  const clock = createManualClock();
  const stores: EventStore[] = [];
  const open = (): EventStore => {
    const store = openSqliteStore({ path: join(folder, 'events.db'), clock });
    stores.push(store);
    return store;
  };
  return {
    store: open(),
    clock,
    open: async () => open(),
    close: async () => {
      for (const store of stores) await store.close();
      rmSync(folder, { recursive: true });
    },
  };
}

describe('the SQLite store keeps the promises of an event store', () => {
  it.for(eventStorePromises)('$name', ({ run }) => run(sqliteHarness));
});
