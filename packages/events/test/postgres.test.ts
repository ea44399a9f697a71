import type { EventStore } from '@bitcoin-enterprise/events';
import { openPostgresStore } from '@bitcoin-enterprise/events/postgres';
import { type EventStoreHarness, eventStorePromises } from '@bitcoin-enterprise/events/testing';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { orSkip } from '../../../scripts/nodes/find.ts';
import { findPostgres, type Postgres, startPostgres } from '../../../scripts/nodes/postgres.ts';

const present = orSkip('PostgreSQL', await findPostgres());

async function tell(url: string, text: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(text);
  await client.end();
}

/** Makes the functions by which this server tells the time add what a table says of the schema that asks. */
async function makeClockMovable(url: string): Promise<void> {
  const moved = (
    [
      ['statement_timestamp', 'stable'],
      ['clock_timestamp', 'volatile'],
    ] as const
  ).map(
    // The server runs its own functions by their number, whatever they are replaced by, unless the planner has put the
    // new body in their place: a body without a query.
    ([name, kind]) => `
      create function be_true_${name}() returns timestamptz language internal ${kind} as '${name}';
      create or replace function ${name}() returns timestamptz language sql ${kind} as
        $$ select be_true_${name}() + be_step() $$;`,
  );
  await tell(
    url,
    `set allow_system_table_mods = on;
     set search_path = pg_catalog;
     create table be_steps (schema name primary key, ms bigint not null);
     create function be_step() returns interval language plpgsql stable as $$ begin
       return coalesce((select ms from be_steps where schema = current_schema()), 0) * interval '1 millisecond'; end $$;
     ${moved.join('')}`,
  );
}

describe.skipIf(present === undefined)('the PostgreSQL store keeps the promises of an event store', () => {
  let server: Postgres;
  let schemas = 0;

  beforeAll(async () => {
    server = await startPostgres();
    await makeClockMovable(server.url);
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
      stepClock: (ms) =>
        tell(
          server.url,
          `insert into pg_catalog.be_steps values ('${schema}', ${ms})
           on conflict (schema) do update set ms = be_steps.ms + excluded.ms`,
        ),
      close: async () => {
        for (const store of stores) await store.close();
        await tell(server.url, `drop schema ${schema} cascade`);
      },
    };
  }

  it.for(eventStorePromises)('$name', ({ run }) => run(postgresHarness));
});
