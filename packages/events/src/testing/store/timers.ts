import { ensure, ensureEqual, ensureThrows, type Promised, promises } from '@bitcoin-enterprise/core/testing';
import type { EventStore } from '../../ports/event-store.ts';
import type { EventStoreHarness } from '../harness.ts';
import { one, promise, typesOf } from './kit.ts';

/** Timers: what an event store promises. */
export const timersPromises: ReadonlyArray<Promised<EventStoreHarness>> = /* @__PURE__ */ promises<EventStoreHarness>(
  promise('timers are due by height or by time, earliest first, and not before', async ({ store }) => {
    await store.append({
      ...one('a'),
      timers: [
        { key: 'h110', due: { height: 110 }, data: { leg: 2 } },
        { key: 'h100', due: { height: 100 } },
        { key: 't', due: { time: 5_000 } },
      ],
    });

    ensureEqual(await store.nextTimer(), 5_000, 'next timer by time');
    ensureEqual(await store.claimTimers({ height: 99, time: 4_999 }), [], 'too early');
    ensureEqual(await store.claimTimers({}), [], 'nothing has come');
    const due = await store.claimTimers({ height: 110 });
    ensureEqual(
      due.map((timer) => ({ ...timer, token: 0 })),
      [
        { kind: 'timer', stream: 'a', key: 'h100', due: { height: 100 }, data: null, token: 0, attempt: 1 },
        { kind: 'timer', stream: 'a', key: 'h110', due: { height: 110 }, data: { leg: 2 }, token: 0, attempt: 1 },
      ],
      'by height',
    );
    ensureEqual(
      (await store.claimTimers({ time: 5_000 })).map(({ key }) => key),
      ['t'],
      'by time',
    );
  }),
  promise('a timer fires once: settled with the event that it caused', async (harness) => {
    const { store } = harness;
    await store.append({ ...one('a'), timers: [{ key: 't', due: { height: 5 } }] });
    const [timer] = await store.claimTimers({ height: 5 });
    ensureEqual(await (await harness.open()).claimTimers({ height: 5 }), [], 'another worker');
    ensure(timer !== undefined, 'claimed');
    await store.append({ ...one('a', 'fired'), settles: [timer] });

    await ensureThrows(() => store.append({ ...one('a', 'fired'), settles: [timer] }), 'EVENTS_CLAIM_LOST');
    ensureEqual(await store.claimTimers({ height: 5 }), [], 'gone');
    ensureEqual(await typesOf(store, 'a'), ['happened', 'fired'], 'stream');
  }),
  promise('a timer is set anew, cancelled, and set again under the same key', async ({ store }) => {
    await store.append({ ...one('a'), timers: [{ key: 't', due: { height: 5 } }] });
    const [claimed] = await store.claimTimers({ height: 5 });
    await store.append({ ...one('a'), timers: [{ key: 't', due: { height: 9 } }] });
    ensure(claimed !== undefined, 'claimed');
    await ensureThrows(() => store.append({ ...one('a', 'fired'), settles: [claimed] }), 'EVENTS_CLAIM_LOST');
    ensureEqual(await store.claimTimers({ height: 8 }), [], 'the old due time is gone');
    await store.append({ ...one('a'), timers: [{ key: 't', cancel: true }] });
    ensureEqual(await store.claimTimers({ height: 100 }), [], 'cancelled');
    await store.append({
      ...one('a'),
      timers: [
        { key: 't', cancel: true },
        { key: 't', due: { time: 1 } },
      ],
    });
    const [again] = await store.claimTimers({ time: 1 });
    ensure(again !== undefined, 'set again');
    await store.append({ ...one('a'), settles: [again], timers: [{ key: 't', due: { time: 2 } }] });

    ensureEqual(
      (await store.claimTimers({ time: 2 })).map(({ due }) => due),
      [{ time: 2 }],
      'set by what it caused',
    );
    ensureEqual(await store.claimTimers({ height: 100 }), [], 'no height');
  }),
  promise('who settles a timer right behind one who sets it anew has lost it', async ({ store }) => {
    await store.append({ ...one('a'), timers: [{ key: 't', due: { height: 5 } }] });
    const [held] = await store.claimTimers({ height: 5 });
    ensure(held !== undefined, 'claimed');
    const [anew, late] = await Promise.allSettled([
      store.append({ ...one('a', 'anew'), timers: [{ key: 't', due: { height: 9 } }] }),
      store.append({ ...one('a', 'late'), settles: [held] }),
    ]);

    ensureEqual([anew.status, late.status], ['fulfilled', 'rejected'], 'outcomes');
    ensureEqual(await typesOf(store, 'a'), ['happened', 'anew'], 'stream');
    ensureEqual(
      (await store.claimTimers({ height: 9 })).map(({ due }) => due),
      [{ height: 9 }],
      'the new one',
    );
  }),
  promise('of two who settle the same work at once one does', async ({ store }) => {
    await store.append({ ...one('a'), effects: [{ key: 'e', type: 'x' }] });
    const [held] = await store.claimEffects();
    ensure(held !== undefined, 'claimed');
    const outcomes = await Promise.allSettled([
      store.append({ ...one('a', 'first'), settles: [held] }),
      store.append({ ...one('b', 'second'), settles: [held] }),
    ]);

    ensureEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'rejected'],
      'outcomes',
    );
    ensureEqual(await store.version('b'), 0, 'the second wrote nothing');
  }),
  promise('timers of different streams may have the same key', async ({ store }) => {
    for (const stream of ['a', 'b']) await store.append({ ...one(stream), timers: [{ key: 't', due: { height: 1 } }] });
    await store.append({ ...one('a'), timers: [{ key: 't', cancel: true }] });

    ensureEqual(
      (await store.claimTimers({ height: 1 })).map(({ stream }) => stream),
      ['b'],
      'timers',
    );
  }),
  promise('workers that claim at the same time never get the same work', async (harness) => {
    const stores = [harness.store, await harness.open()];
    for (let i = 0; i < 10; i++)
      await harness.store.append({
        ...one(`s${i}`),
        effects: Array.from({ length: 10 }, (_, j) => ({ key: `${i}/${j}`, type: 'x' })),
        timers: Array.from({ length: 10 }, (_, j) => ({ key: `${j}`, due: { height: 1 } })),
      });
    const effects = new Set<string>();
    const timers = new Set<string>();
    let claimed = 0;
    const work = async (store: EventStore): Promise<void> => {
      for (;;) {
        const [some, due] = await Promise.all([
          store.claimEffects({ limit: 7 }),
          store.claimTimers({ limit: 7, height: 1 }),
        ]);
        if (some.length + due.length === 0) return;
        claimed += some.length + due.length;
        for (const { key } of some) effects.add(key);
        for (const { stream, key } of due) timers.add(`${stream}/${key}`);
        await store.settle([...some, ...due]);
      }
    };
    await Promise.all([...stores, ...stores].map(work));

    ensureEqual([claimed, effects.size, timers.size], [200, 100, 100], 'claimed, effects, timers');
  }),
);
