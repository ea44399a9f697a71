/** A process that is killed: watches what its arguments name over Esplora, and keeps its record in SQLite. */
import { EsploraChain } from '@bitcoin-enterprise/chain/esplora';
import { createWatcher } from '@bitcoin-enterprise/chain/watches';
import { parseHex } from '@bitcoin-enterprise/core';
import { openSqliteStore } from '@bitcoin-enterprise/events/sqlite';

const [url = '', path = '', script = ''] = process.argv.slice(2);
const store = openSqliteStore({ path });
const chain = new EsploraChain({ url, network: 'regtest', pollMs: 5 });
const watcher = createWatcher({ chain, store, name: 'killed', pollMs: 5 });
await watcher.watchScript('w', parseHex(script), { confirmations: 3, depths: [1, 2] });
process.stdout.write('watching\n');
await watcher.run({
  signal: new AbortController().signal,
  leaseMs: 60,
  deliver: async (notice, { claim }) => {
    // What is done about a notice and that it is done become true at once.
    await store.append({ stream: 'done', events: [{ type: 'done', data: notice }], settles: [claim] });
  },
});
