/** A process that fires timers until none is due, and says how many it fired. */
import { hasCode } from '@bitcoin-enterprise/core';
import { openStore } from './open-store.ts';

const [kind = '', place = ''] = process.argv.slice(2);
const store = await openStore(kind, place);
let fired = 0;
for (let idle = 0; idle < 2;) {
  const timers = await store.claimTimers({ height: 1_000, limit: 1_000, leaseMs: 10_000 });
  idle = timers.length === 0 ? idle + 1 : 0;
  await Promise.all(
    timers.map(async (timer) => {
      const { stream, key } = timer;
      try {
        await store.append({ stream, events: [{ type: 'fired', data: { key } }], settles: [timer] });
        fired += 1;
      } catch (error) {
        if (!hasCode(error, 'EVENTS_CLAIM_LOST')) throw error;
      }
    }),
  );
}
process.stdout.write(String(fired));
await store.close();
