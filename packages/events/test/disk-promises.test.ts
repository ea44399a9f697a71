/** The published promises on a bad disk, kept on small disks that are mounted for it. */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EventStore } from '@bitcoin-enterprise/events';
import { openPostgresStore } from '@bitcoin-enterprise/events/postgres';
import { openSqliteStore } from '@bitcoin-enterprise/events/sqlite';
import { type DiskHarness, eventStoreDiskPromises } from '@bitcoin-enterprise/events/testing';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { type AbsentProgram, orSkip } from '../../../scripts/nodes/find.ts';
import { findPostgres, type Postgres, startPostgres } from '../../../scripts/nodes/postgres.ts';

interface SmallDisk {
  readonly ok: true;
  readonly fill: () => Promise<void>;
  readonly free: () => Promise<void>;
  readonly unmount: () => void;
}

/** A disk of a few megabytes, where this process may mount one. */
function mountSmallDisk(folder: string, megabytes: number): SmallDisk | AbsentProgram {
  mkdirSync(folder, { recursive: true });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0700`, 'be-small', folder], { stdio: 'pipe' });
  } catch (error) {
    return { ok: false, reason: `mounting is not allowed here: ${String(error)}` };
  }
  const filler = join(folder, 'filler');
  return {
    ok: true,
    async fill() {
      const file = openSync(filler, 'w');
      const block = Buffer.alloc(65_536, 1);
      try {
        for (;;) writeSync(file, block);
      } catch (error) {
        if ((error as { readonly code?: string }).code !== 'ENOSPC') throw error;
      } finally {
        closeSync(file);
      }
    },
    free: async () => rmSync(filler),
    unmount: () => execFileSync('umount', ['-l', folder]),
  };
}

const base = mkdtempSync(join(tmpdir(), 'be-disks-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));
const trial = mountSmallDisk(join(base, 'trial'), 1);
if (trial.ok) trial.unmount();
const mounting = orSkip('a small disk', trial);
const postgres = orSkip('PostgreSQL', await findPostgres());
let disks = 0;

function mounted(folder: string, megabytes: number): SmallDisk {
  const disk = mountSmallDisk(folder, megabytes);
  if (!disk.ok) throw new Error(disk.reason);
  return disk;
}

describe.skipIf(mounting === undefined)('the SQLite store keeps the promises on a bad disk', () => {
  function sqliteHarness(): DiskHarness {
    const folder = join(base, `sqlite-${disks++}`);
    const disk = mounted(folder, 8);
    const stores: EventStore[] = [];
    const open = (): EventStore => {
      const store = openSqliteStore({ path: join(folder, 'events.db') });
      stores.push(store);
      return store;
    };
    return {
      ...disk,
      store: open(),
      open: async () => open(),
      close: async () => {
        for (const store of stores) await store.close();
        disk.unmount();
      },
    };
  }

  it.for(eventStoreDiskPromises)('$name', ({ run }) => run(sqliteHarness));
});

describe.skipIf(mounting === undefined || postgres === undefined)(
  'the PostgreSQL store keeps the promises on a bad disk',
  { timeout: 120_000 },
  () => {
    let server: Postgres;
    let admin: Client;
    beforeAll(async () => {
      server = await startPostgres();
      admin = new Client({ connectionString: server.url });
      await admin.connect();
    });
    afterAll(async () => {
      await admin.end();
      await server.stop();
    });

    async function postgresHarness(): Promise<DiskHarness> {
      const name = `disk_${disks++}`;
      const folder = join(server.socketFolder, name);
      const disk = mounted(folder, 8);
      await admin.query(`create tablespace ${name} location '${folder}'`);
      await admin.query(`alter role be set default_tablespace = ${name}`);
      const stores: EventStore[] = [];
      const open = async (): Promise<EventStore> => {
        const store = await openPostgresStore({ url: server.url, schema: name, poolSize: 4 });
        stores.push(store);
        return store;
      };
      return {
        ...disk,
        store: await open(),
        open,
        // The server waits so long before each sync of its log.
        async slow(milliseconds) {
          await admin.query(`alter system set commit_delay = ${milliseconds * 1_000}`);
          await admin.query('alter system set commit_siblings = 0');
          await admin.query('select pg_reload_conf()');
          const delay = async (): Promise<unknown> => {
            const client = new Client({ connectionString: server.url });
            await client.connect();
            const { rows } = await client.query<{ setting: string }>(
              `select setting from pg_settings where name = 'commit_delay'`,
            );
            await client.end();
            return rows[0]?.setting;
          };
          while ((await delay()) !== String(milliseconds * 1_000));
        },
        close: async () => {
          for (const store of stores) await store.close();
          await admin.query('alter role be reset default_tablespace');
          await admin.query(`drop schema ${name} cascade`);
          await admin.query(`drop tablespace ${name}`);
          disk.unmount();
        },
      };
    }

    it.for(eventStoreDiskPromises)('$name', ({ run }) => run(postgresHarness));
  },
);
