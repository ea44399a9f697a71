/** A process that is killed: opens the store that its arguments name, and writes until then. */
import { appendFileSync, writeSync } from 'node:fs';
import { writeUntilKilled } from '@bitcoin-enterprise/events/testing';
import { openStore } from './open-store.ts';

const [kind = '', place = '', name = '', seed = '0', sink = ''] = process.argv.slice(2);
const store = await openStore(kind, place);
await writeUntilKilled(store, {
  name,
  seed: Number(seed),
  report: (report) => {
    writeSync(1, `${JSON.stringify(report)}\n`);
  },
  perform: (key) => appendFileSync(sink, `${key}\n`),
});
