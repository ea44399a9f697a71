/** One process of a few appends on SQLite, for tests that trace its system calls. */
import { writeSync } from 'node:fs';
import { hasCode } from '@bitcoin-enterprise/core';
import { openSqliteStore } from '@bitcoin-enterprise/events/sqlite';

const [path = '', appends = '1'] = process.argv.slice(2);
const store = openSqliteStore({ path });
writeSync(1, 'open\n');
let version = await store.version('steps');
for (let i = 0; i < Number(appends); i++)
  try {
    const appended = await store.append({
      stream: 'steps',
      expectedVersion: version,
      events: [
        { type: 'step', data: { n: version + 1, filler: 'x'.repeat(3_000) } },
        { type: 'step', data: { n: version + 2 } },
      ],
    });
    ({ version } = appended);
    writeSync(1, `acknowledged ${version}\n`);
  } catch (error) {
    if (!hasCode(error, 'EVENTS_STORE_FULL', 'EVENTS_STORE_UNAVAILABLE')) throw error;
    writeSync(1, `refused ${error.code} ${JSON.stringify(error.details)}\n`);
  }
await store.close();
writeSync(1, 'closed\n');
