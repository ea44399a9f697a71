import type { EventStore } from '@bitcoin-enterprise/events';
import { openPostgresStore } from '@bitcoin-enterprise/events/postgres';
import { type EventStoreHarness, eventStorePromises } from '@bitcoin-enterprise/events/testing';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { orSkip } from '../../../scripts/nodes/find.ts';
import { findPostgres, type Postgres, startPostgres } from '../../../scripts/nodes/postgres.ts';

const present = orSkip('PostgreSQL', await findPostgres());

describe.skipIf(present === undefined)('the PostgreSQL store keeps the promises of an event store', () => {
  let server: Postgres;
  let schemas = 0;

  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());

  async function postgresHarness(): Promise<EventStoreHarness> {
    schemas += 1;
    const schema = `kit_${schemas}`;
    const stores: EventStore[] = [];
    const open = async (): Promise<EventStore> => {
      const store = await openPostgresStore({ url: server.url, schema, poolSize: 4 });
      stores.push(store);
      return store;
    };
    return {
      store: await open(),
      open,
      close: async () => {
        for (const store of stores) await store.close();
        const client = new Client({ connectionString: server.url });
        await client.connect();
        await client.query(`drop schema ${schema} cascade`);
        await client.end();
      },
    };
  }

  it.for(eventStorePromises)('$name', ({ run }) => run(postgresHarness));
});
