import { ensure, ensureEqual, ensureThrows, type Promised, promises } from '@bitcoin-enterprise/core/testing';
import type { EventStoreHarness } from '../harness.ts';
import { one, promise } from './kit.ts';

/** Reading and following: what an event store promises. */
export const readingPromises: ReadonlyArray<Promised<EventStoreHarness>> = /* @__PURE__ */ promises<EventStoreHarness>(
  promise('an empty store has no events, snapshots, timers or effects', async ({ store }) => {
    ensureEqual(await store.head(), 0, 'head');
    ensureEqual(await store.readAll(), [], 'events');
    ensureEqual(await store.readStream('none'), [], 'stream');
    ensureEqual(await store.version('none'), 0, 'version');
    ensureEqual(await store.loadSnapshot('none'), undefined, 'snapshot');
    ensureEqual(await store.nextTimer(), undefined, 'next timer');
    ensureEqual(await store.claimEffects(), [], 'effects');
    ensureEqual(await store.claimTimers({ height: 1_000_000, time: 4_000_000_000_000 }), [], 'timers');
    ensureEqual(await store.deadEffects(), [], 'dead effects');
  }),
  promise('readers page by version and by position', async ({ store }) => {
    for (let i = 0; i < 10; i++) await store.append(one(i % 2 === 0 ? 'even' : 'odd', `e${i}`));

    ensureEqual(
      (await store.readAll({ after: 4, limit: 3 })).map(({ position }) => position),
      [5, 6, 7],
      'page',
    );
    ensureEqual(
      (await store.readStream('odd', { after: 3 })).map(({ type }) => type),
      ['e7', 'e9'],
      'tail',
    );
    ensureEqual(
      (await store.readStream('odd', { limit: 1 })).map(({ type }) => type),
      ['e1'],
      'head',
    );
    ensureEqual(await store.readAll({ after: 10 }), [], 'past the end');
    ensureEqual(await store.version('odd'), 5, 'version');
  }),
  promise('a reader that follows by position misses nothing while others write', async (harness) => {
    const writer = await harness.open();
    const seen: number[] = [];
    const follow = (async () => {
      while (seen.length < 300) {
        const after = seen.at(-1) ?? 0;
        if (!(await harness.store.waitForEvents({ after, timeoutMs: 20_000 }))) break;
        for (const { position } of await harness.store.readAll({ after })) seen.push(position);
      }
    })();
    for (let round = 0; round < 30; round++)
      await Promise.all(
        Array.from({ length: 10 }, (_, i) => (i % 2 === 0 ? writer : harness.store).append(one(`s${i}`))),
      );
    await follow;

    ensureEqual(
      seen,
      Array.from({ length: 300 }, (_, i) => i + 1),
      'positions',
    );
  }),
  promise('a wait ends with its time, its signal, or the store', async ({ store }) => {
    ensureEqual(await store.waitForEvents({ after: 0, timeoutMs: 1 }), false, 'nothing came');
    const { position } = await store.append(one('a'));
    ensureEqual(await store.waitForEvents({ after: position - 1, timeoutMs: 0 }), true, 'there already');
    const stop = new AbortController();
    const waiting = store.waitForEvents({ after: position, timeoutMs: 60_000, signal: stop.signal });
    setTimeout(() => stop.abort(), 5);
    await ensureThrows(() => waiting, 'EVENTS_ABORTED');
    const cut = store.waitForEvents({ after: position, timeoutMs: 60_000 });
    setTimeout(() => void store.close(), 5);
    await ensureThrows(() => cut, 'EVENTS_STORE_CLOSED');
  }),
  promise('what one reader does to an event no other sees', async ({ store }) => {
    const data = { list: [1] };
    await store.append({ stream: 'a', events: [{ type: 'x', data }] });
    data.list.push(2);
    const [mine] = await store.readStream('a');
    ensure(mine !== undefined, 'it is there');
    (mine.data as typeof data).list.push(3);

    ensureEqual((await store.readStream('a'))[0]?.data, { list: [1] }, 'data');
  }),
);
