/** A process that runs orders until it is killed: what it does to the world it writes to a file, one line each. */
import { appendFileSync } from 'node:fs';
import { createRunner, register } from '@bitcoin-enterprise/events';
import { openSqliteStore } from '@bitcoin-enterprise/events/sqlite';
import { order } from './order-machine.ts';

const [path = '', sink = '', mode = 'work'] = process.argv.slice(2);
const store = openSqliteStore({ path });
const runner = createRunner({
  store,
  leaseMs: 200,
  idleMs: 20,
  machines: [
    register(order, {
      charge: async (_, { key }) => {
        appendFileSync(sink, `${key}\n`);
        return { type: 'charged' };
      },
      ship: async (_, { key }) => {
        appendFileSync(sink, `${key}\n`);
        return { type: 'shipped' };
      },
    }),
  ],
});
const stop = new AbortController();
const working = runner.work({ signal: stop.signal });
if (mode === 'work')
  for (let i = 0; ; i++) {
    const { accepted } = await runner.send(order, String(i), { type: 'ordered' }, { key: 'order' });
    if (accepted) process.stdout.write(`${i}\n`);
  }
process.stdin.on('data', () => stop.abort());
await working;
await store.close();
process.exit(0);
