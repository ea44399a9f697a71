import type { EventStore } from '@bitcoin-enterprise/events';
import { openPostgresStore } from '@bitcoin-enterprise/events/postgres';
import { openSqliteStore } from '@bitcoin-enterprise/events/sqlite';

/** Opens a store by the words of a command line: its kind, and its file or URL. */
export async function openStore(kind: string, place: string): Promise<EventStore> {
  if (kind === 'sqlite') return openSqliteStore({ path: place });
  const [url = '', schema = ''] = place.split('#');
  return openPostgresStore({ url, schema, poolSize: 2 });
}
