import { BrokenPromise, ensure, ensureEqual, type Promised, promises } from '@bitcoin-enterprise/core/testing';
import { hasCode } from '@bitcoin-enterprise/core';
import type { Append, EventStore } from '../../ports/event-store.ts';
import type { DiskHarness } from '../harness.ts';

/** Text that nothing can pack, so that it needs its room: 20,000 characters, another one for each number. */
function ballast(n: number): string {
  let state = (n + 1) >>> 0;
  return Array.from({ length: 2_500 }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state ^ (state >>> 13)).toString(16).padStart(8, '0').slice(-8);
  }).join('');
}

/** The n-th append of a test, with an effect and a timer of its own. */
const nth = (n: number): Append => ({
  stream: 'disk',
  events: [{ type: 'x', data: { n, ballast: ballast(n) } }],
  expectedVersion: n - 1,
  key: `k${n}`,
  effects: [{ key: `e${n}`, type: 'x' }],
  timers: [{ key: `t${n}`, due: { height: n } }],
});

/** The numbers of all events, which must be those of whole appends in a row. */
async function numbersOf(store: EventStore): Promise<number> {
  const events = await store.readStream('disk', { limit: 1_000 });
  ensureEqual(
    events.map(({ data }) => (data as { readonly n: number }).n),
    events.map((_, i) => i + 1),
    'numbers of the events',
  );
  return events.length;
}

/** Appends until the disk is full; answers how many were acknowledged. */
async function appendUntilFull(store: EventStore, from: number): Promise<number> {
  for (let n = from; n < from + 1_000; n++)
    try {
      await store.append(nth(n));
    } catch (error) {
      if (hasCode(error, 'EVENTS_STORE_FULL')) {
        ensureEqual(error.retryable, true, 'retryable');
        return n - 1;
      }
      throw error;
    }
  throw new BrokenPromise('expected the disk to be full, got 1000 appends more');
}

async function closing(make: () => DiskHarness | Promise<DiskHarness>, check: (harness: DiskHarness) => Promise<void>) {
  const harness = await make();
  try {
    await check(harness);
  } finally {
    await harness.close();
  }
}

/**
 * What an event store promises on a bad disk; run these against your adapter where a harness can fill its disk. Their
 * code is `EVENTS_STORE_FULL`.
 */
export const eventStoreDiskPromises: ReadonlyArray<Promised<DiskHarness>> = /* @__PURE__ */ promises<DiskHarness>(
  {
    name: 'a full disk is told of as one, and what was acknowledged is there, whole, for this store and the next',
    run: (make) =>
      closing(make, async ({ store, open, fill, free }) => {
        for (let n = 1; n <= 5; n++) await store.append(nth(n));
        await fill();
        const acknowledged = await appendUntilFull(store, 6);

        // An append that was refused has left nothing behind: no event, no effect, no timer.
        ensureEqual(await numbersOf(store), acknowledged, 'events');
        await free();
        const next = await open();
        ensureEqual(await numbersOf(next), acknowledged, 'events for the next store');
        const effects = await next.claimEffects({ limit: 1_000 });
        ensureEqual(effects.length, acknowledged, 'effects');
        const timers = await next.claimTimers({ height: 1_000_000, limit: 1_000 });
        ensureEqual(timers.length, acknowledged, 'timers');
      }),
  },
  {
    name: 'work goes on when there is room again, in the same store, and a key makes a repetition harmless',
    run: (make) =>
      closing(make, async ({ store, fill, free }) => {
        await store.append(nth(1));
        await fill();
        const acknowledged = await appendUntilFull(store, 2);
        await free();

        const appended = await store.append(nth(acknowledged + 1));
        ensureEqual(appended.version, acknowledged + 1, 'version');
        ensureEqual((await store.append(nth(acknowledged + 1))).duplicate, true, 'duplicate');
        ensureEqual(await numbersOf(store), acknowledged + 1, 'events');
      }),
  },
  {
    name: 'reading goes on while the disk is full',
    run: (make) =>
      closing(make, async ({ store, open, fill }) => {
        const other = await open();
        for (let n = 1; n <= 3; n++) await store.append(nth(n));
        await fill();
        const acknowledged = await appendUntilFull(store, 4);

        for (const each of [store, other]) {
          ensureEqual(await each.version('disk'), acknowledged, 'version');
          ensureEqual((await each.readAll({ after: acknowledged - 1 })).length, 1, 'events at the end');
        }
      }),
  },
  {
    name: 'a slow disk makes appends slow and nothing worse: all are acknowledged, once, in order',
    run: (make) =>
      closing(make, async ({ store, open, slow }) => {
        // A disk that cannot be slowed keeps this promise unseen.
        if (slow === undefined) return;
        await store.append(nth(1));
        await slow(50);
        const began = performance.now();
        for (let n = 2; n <= 6; n++) await store.append(nth(n));
        ensure(performance.now() - began >= 5 * 50, 'no append is acknowledged before the disk has answered');
        const many = Array.from({ length: 50 }, (_, i) =>
          store.append({ stream: `s${i % 5}`, events: [{ type: 'x', data: i }] }),
        );
        const positions = (await Promise.all(many)).map(({ position }) => position);
        await slow(0);

        ensureEqual(new Set(positions).size, 50, 'positions');
        ensureEqual(await (await open()).head(), 56, 'head');
      }),
  },
);
