/** The three places of a sealed vault, as SQLite files of a folder. */
import { join } from 'node:path';
import * as sqlite from 'node:sqlite';
import type { EventStore } from '@bitcoin-enterprise/events';
import { openSqliteStore } from '@bitcoin-enterprise/events/sqlite';
import { createSqliteKeyStore, type KeyStore } from '@bitcoin-enterprise/receipts';

/** What a vault writes to. */
export interface VaultPlaces {
  readonly store: EventStore;
  readonly guard: EventStore;
  readonly keys: KeyStore & { close(): void };
}

/** Opens them, made when absent. */
export function openPlaces(folder: string): VaultPlaces {
  return {
    store: openSqliteStore({ path: join(folder, 'main.db') }),
    guard: openSqliteStore({ path: join(folder, 'guard.db') }),
    keys: createSqliteKeyStore({ path: join(folder, 'keys.db'), sqlite }),
  };
}

/** Closes them. */
export async function closePlaces({ store, guard, keys }: VaultPlaces): Promise<void> {
  await store.close();
  await guard.close();
  keys.close();
}
