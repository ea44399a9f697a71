/** One worker of the benchmark, in a process of its own: opens its instances, waits for the start, executes them. */
import { loadCrypto } from '@bitcoin-enterprise/core';
import { openPostgresStore } from '@bitcoin-enterprise/events/postgres';
import { openSqliteStore } from '@bitcoin-enterprise/events/sqlite';
import { engineOver, executeAll, openInstances } from './contract.ts';

const [kind = '', where = '', from = '0', count = '0'] = process.argv.slice(2);
await loadCrypto();
const store =
  kind === 'postgres' ? await openPostgresStore({ url: where, schema: 'biscol' }) : openSqliteStore({ path: where });
const engine = engineOver(store);
const warm = await openInstances(engine, Number(from), 500);
await executeAll(engine, warm);
const ids = await openInstances(engine, Number(from) + 500, Number(count));
process.on('message', (message: string) => {
  if (message !== 'go') return;
  const start = performance.now();
  void executeAll(engine, ids).then(async () => {
    process.send?.({ done: performance.now() - start, rss: process.memoryUsage().rss });
    await store.close();
    process.disconnect();
  });
});
process.send?.({ ready: true, rss: process.memoryUsage().rss });
