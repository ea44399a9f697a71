import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createManualClock } from '@bitcoin-enterprise/core/testing';
import type { EventStore } from '@bitcoin-enterprise/events';
import { openSqliteStore } from '@bitcoin-enterprise/events/sqlite';
import { type EventStoreHarness, eventStorePromises } from '@bitcoin-enterprise/events/testing';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';

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

describe('a SQLite store', () => {
  it('refuses what is no file of its own on a disk', () => {
    for (const path of ['', ':memory:', 'file::memory:', 'file:x.db?vfs=unix-none', 'a\0b', 7 as never])
      expect(() => openSqliteStore({ path })).toThrow('EVENTS_INVALID_ARGUMENT');
    const folder = mkdtempSync(join(tmpdir(), 'be-events-'));
    const path = join(folder, 'other.db');
    const other = new DatabaseSync(path);
    other.exec('create table t (x)');
    other.close();
    expect(() => openSqliteStore({ path })).toThrow('EVENTS_STORE_CORRUPT');
    expect(() => openSqliteStore({ path: join(folder, 'absent', 'x.db') })).toThrow('EVENTS_STORE_UNAVAILABLE');
    rmSync(folder, { recursive: true });
  });

  it('waits for the lock of another process without blocking, until its time or its signal comes', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'be-events-'));
    const path = join(folder, 'events.db');
    const store = openSqliteStore({ path, busyMs: 300 });
    const other = new DatabaseSync(path);
    other.exec('begin immediate');
    let turns = 0;
    const turning = setInterval(() => {
      turns += 1;
    }, 5);
    const append = { stream: 's', events: [{ type: 'x' }] };
    await expect(store.append(append, { signal: AbortSignal.timeout(50) })).rejects.toMatchObject({
      code: 'EVENTS_ABORTED',
    });
    await expect(store.append(append)).rejects.toMatchObject({ code: 'EVENTS_STORE_BUSY', retryable: true });
    clearInterval(turning);
    other.exec('rollback');
    other.close();

    expect(turns).toBeGreaterThan(5);
    await store.append(append);
    // The one that was given up was still waiting for its turn, and was left out.
    expect(await store.version('s')).toBe(1);
    await store.close();
    rmSync(folder, { recursive: true });
  });

  it('does not use a position again after the newest event was truncated', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'be-events-'));
    const path = join(folder, 'events.db');
    const first = openSqliteStore({ path });
    await first.append({ stream: 's', events: [{ type: 'x' }, { type: 'y' }] });
    await first.saveSnapshot({ stream: 's', version: 2, state: 1 });
    await first.truncate('s', { through: 2 });
    await first.close();
    const second = openSqliteStore({ path });

    expect(await second.head()).toBe(2);
    expect((await second.append({ stream: 't', events: [{ type: 'z' }] })).position).toBe(3);
    await second.close();
    rmSync(folder, { recursive: true });
  });
});
