/** Locks what it can of 30 coins for itself, over a store that others write to as well, and says what it got. */
import { openSqliteStore } from '@bitcoin-enterprise/events/sqlite';
import { createCoinLocks } from '../../../src/coins/index.ts';

const [path = '', owner = ''] = process.argv.slice(2);
const store = openSqliteStore({ path });
const locks = createCoinLocks(store);
const got: string[] = [];
for (let i = 0; i < 30; i++) {
  try {
    await locks.lock({ ids: [`coin ${i}`], owner });
    got.push(`coin ${i}`);
  } catch (error) {
    if ((error as { readonly code?: unknown }).code !== 'WALLET_COIN_LOCKED') throw error;
  }
}
await store.close();
process.stdout.write(JSON.stringify(got));
