import { ensure, ensureEqual, ensureThrows, type Promised, promises } from '@bitcoin-enterprise/core/testing';
import type { Append, EventStore } from '../ports/event-store.ts';
import type { EventStoreHarness } from './harness.ts';

type Make = () => EventStoreHarness | Promise<EventStoreHarness>;

/** Makes a promise whose harness is closed whatever happens. */
function promise(name: string, check: (harness: EventStoreHarness) => Promise<void>): Promised<EventStoreHarness> {
  return {
    name,
    async run(make: Make) {
      const harness = await make();
      try {
        await check(harness);
      } finally {
        await harness.close();
      }
    },
  };
}

const one = (stream: string, type = 'happened', more: Partial<Append> = {}): Append => ({
  stream,
  events: [{ type, data: { note: type } }],
  ...more,
});

/** Waits in real time, for stores whose clock cannot be moved. */
async function pass(harness: EventStoreHarness, milliseconds: number): Promise<void> {
  if (harness.clock !== undefined) return harness.clock.advanceMs(milliseconds);
  await new Promise((done) => {
    setTimeout(done, milliseconds + 20);
  });
}

const typesOf = async (store: EventStore, stream: string): Promise<readonly string[]> =>
  (await store.readStream(stream)).map(({ type }) => type);

/** Everything an {@link EventStore} promises; run these against your adapter. */
export const eventStorePromises: ReadonlyArray<Promised<EventStoreHarness>> =
  /* @__PURE__ */ promises<EventStoreHarness>(
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
    promise('what is appended is read back unchanged, with versions and positions from 1', async ({ store }) => {
      const data = { text: 'ü\u0000\u2028 "quoted"', list: [1, -0.5, 1e21, true, null, { deep: [] }], empty: {} };
      const first = await store.append({ stream: 'a', events: [{ type: 'x', data, meta: { by: 'kit' } }] });
      const second = await store.append({ stream: 'b', events: [{ type: 'y' }, { type: 'z', data: 'plain' }] });

      ensureEqual(first, { version: 1, position: 1, duplicate: false }, 'first append');
      ensureEqual(second, { version: 2, position: 3, duplicate: false }, 'second append');
      const events = await store.readAll();
      ensure(
        events.every(({ time }) => Number.isInteger(time) && time > 0),
        'events carry a time',
      );
      ensureEqual(
        events.map(({ time, ...event }) => (time > 0 ? event : time)),
        [
          { position: 1, stream: 'a', version: 1, type: 'x', data, meta: { by: 'kit' } },
          { position: 2, stream: 'b', version: 1, type: 'y', data: null },
          { position: 3, stream: 'b', version: 2, type: 'z', data: 'plain' },
        ],
        'events',
      );
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
    promise('names that look alike are different streams', async ({ store }) => {
      const names = ['a', 'A', 'a ', 'ä', 'a\u0308', "a'; drop table events; --", '%', '\\', '𝒳'];
      for (const name of names) await store.append(one(name, 'x', { expectedVersion: 0 }));

      for (const name of names) ensureEqual((await store.readStream(name))[0]?.stream, name, 'stream');
    }),
    promise('an expected version that is not the stream’s is a conflict, and writes nothing', async ({ store }) => {
      await store.append(one('a', 'first', { expectedVersion: 0 }));

      for (const expectedVersion of [0, 2])
        await ensureThrows(
          () =>
            store.append({
              ...one('a', 'late', { expectedVersion }),
              effects: [{ key: 'never', type: 'x' }],
              timers: [{ key: 'never', due: { height: 1 } }],
            }),
          'EVENTS_VERSION_CONFLICT',
        );

      ensureEqual(await typesOf(store, 'a'), ['first'], 'stream');
      ensureEqual(await store.claimEffects(), [], 'effects');
      ensureEqual(await store.claimTimers({ height: 10 }), [], 'timers');
      ensureEqual((await store.append(one('a', 'second', { expectedVersion: 1 }))).version, 2, 'version');
    }),
    promise('of many writers who expect the same version exactly one wins', async (harness) => {
      const stores = [harness.store, await harness.open(), await harness.open()];
      const attempts = Array.from({ length: 12 }, (_, i) =>
        (stores[i % stores.length] ?? harness.store).append(one('a', `w${i}`, { expectedVersion: 0 })).then(
          () => 'won',
          (error: unknown) => (error as { readonly code?: string }).code,
        ),
      );
      const outcomes = await Promise.all(attempts);

      ensureEqual(outcomes.filter((outcome) => outcome === 'won').length, 1, 'winners');
      ensureEqual(outcomes.filter((outcome) => outcome === 'EVENTS_VERSION_CONFLICT').length, 11, 'conflicts');
      ensureEqual((await harness.store.readStream('a')).length, 1, 'events');
    }),
    promise('concurrent appends get positions without gaps, seen in one order by all', async (harness) => {
      const stores = [harness.store, await harness.open()];
      const writes = Array.from({ length: 200 }, (_, i) => (stores[i % 2] ?? harness.store).append(one(`s${i % 7}`)));
      const appended = await Promise.all(writes);

      ensureEqual(
        appended.map(({ position }) => position).toSorted((a, b) => a - b),
        Array.from({ length: 200 }, (_, i) => i + 1),
        'positions',
      );
      for (const store of stores) {
        const events = await store.readAll();
        ensureEqual(
          events.map(({ position }) => position),
          Array.from({ length: 200 }, (_, i) => i + 1),
          'order',
        );
        const versions = new Map<string, number>();
        for (const { stream, version } of events) {
          ensureEqual(version, (versions.get(stream) ?? 0) + 1, `version in ${stream}`);
          versions.set(stream, version);
        }
      }
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
    promise('an append with a known key changes nothing and answers as the first time', async (harness) => {
      const { store } = harness;
      const append: Append = {
        ...one('a', 'x', { key: 'k', expectedVersion: 0 }),
        effects: [{ key: 'e', type: 'send' }],
      };
      const first = await store.append(append);
      await store.append(one('a', 'y'));
      const again = await (await harness.open()).append(append);

      ensureEqual(first.duplicate, false, 'the first time');
      ensureEqual(again, { ...first, duplicate: true }, 'the second time');
      ensureEqual(await typesOf(store, 'a'), ['x', 'y'], 'stream');
      ensureEqual((await store.append(one('b', 'x', { key: 'k' }))).duplicate, false, 'the same key in another stream');
    }),
    promise('of many appends with one key at once, one writes and all answer alike', async (harness) => {
      const other = await harness.open();
      const appended = await Promise.all(
        Array.from({ length: 10 }, (_, i) => (i % 2 === 0 ? harness.store : other).append(one('a', 'x', { key: 'k' }))),
      );

      ensureEqual(new Set(appended.map(({ version }) => version)).size, 1, 'versions');
      ensureEqual(appended.filter(({ duplicate }) => !duplicate).length, 1, 'writes');
      ensureEqual((await harness.store.readStream('a')).length, 1, 'events');
    }),
    promise('a key that comes with other events is refused', async ({ store }) => {
      await store.append({ stream: 'a', events: [{ type: 'x' }, { type: 'y' }], key: 'k' });

      for (const events of [[{ type: 'x' }], [{ type: 'y' }], [{ type: 'x' }, { type: 'y', data: 1 }]])
        await ensureThrows(() => store.append({ stream: 'a', events, key: 'k' }), 'EVENTS_KEY_REUSED');
      ensureEqual((await store.readStream('a')).length, 2, 'events');
    }),
    promise('an effect is claimed by one worker, settled once, and its key never runs again', async (harness) => {
      const { store } = harness;
      const other = await harness.open();
      const effects = [{ key: 'pay/1', type: 'pay', data: { sat: '1' } }];
      await store.append({ ...one('a'), effects });
      const [claim] = await store.claimEffects();

      ensureEqual(
        claim === undefined ? undefined : { ...claim, token: 0 },
        { kind: 'effect', stream: 'a', key: 'pay/1', type: 'pay', data: { sat: '1' }, token: 0, attempt: 1 },
        'claim',
      );
      ensureEqual(await other.claimEffects(), [], 'another worker');
      if (claim !== undefined) await store.settle([claim]);
      await store.append({ ...one('a'), effects });
      await store.append({ ...one('b'), effects });
      await pass(harness, 60_000 * (harness.clock === undefined ? 0 : 1));
      ensureEqual(await store.claimEffects(), [], 'after it was settled');
      if (claim !== undefined) await ensureThrows(() => store.settle([claim]), 'EVENTS_CLAIM_LOST');
    }),
    promise('effects come in the order of their appends, and only of the types asked for', async ({ store }) => {
      for (const key of ['3', '1', '2'])
        await store.append({ ...one('a'), effects: [{ key, type: key === '1' ? 'odd' : 'plain' }] });

      ensureEqual(
        (await store.claimEffects({ types: ['plain'] })).map(({ key }) => key),
        ['3', '2'],
        'plain',
      );
      ensureEqual(
        (await store.claimEffects({ limit: 1 })).map(({ key }) => key),
        ['1'],
        'the rest',
      );
    }),
    promise('an effect whose worker is gone is taken over, and the late worker is told', async (harness) => {
      const { store } = harness;
      await store.append({ ...one('a'), effects: [{ key: 'e', type: 'x' }] });
      const [late] = await store.claimEffects({ leaseMs: 100 });
      await pass(harness, 100);
      const [next] = await (await harness.open()).claimEffects({ leaseMs: 60_000 });

      ensure(late !== undefined && next !== undefined, 'both got it, one after the other');
      ensureEqual(next.attempt, 2, 'attempt');
      ensure(next.token > late.token, 'the token rises');
      const result = { ...one('a', 'result'), settles: [late] };
      await ensureThrows(() => store.append(result), 'EVENTS_CLAIM_LOST');
      await ensureThrows(() => store.settle([late]), 'EVENTS_CLAIM_LOST');
      await ensureThrows(() => store.release(late), 'EVENTS_CLAIM_LOST');
      await ensureThrows(() => store.bury(late, { reason: 'late' }), 'EVENTS_CLAIM_LOST');
      ensureEqual(await typesOf(store, 'a'), ['happened'], 'stream');
      ensureEqual((await store.append({ ...one('a', 'result'), settles: [next] })).version, 2, 'version');
    }),
    promise('a claim that nobody took over can still be settled after its time', async (harness) => {
      const { store } = harness;
      await store.append({ ...one('a'), effects: [{ key: 'e', type: 'x' }] });
      const [claim] = await store.claimEffects({ leaseMs: 1 });
      await pass(harness, 10);
      ensure(claim !== undefined, 'claimed');
      await store.append({ ...one('a', 'result'), settles: [claim] });

      ensureEqual(await store.claimEffects(), [], 'nothing is left');
    }),
    promise('released work comes back after its delay, buried work only when revived', async (harness) => {
      const { store } = harness;
      await store.append({ ...one('a'), effects: [{ key: 'e', type: 'x', data: 7 }] });
      const [first] = await store.claimEffects();
      ensure(first !== undefined, 'claimed');
      await store.release(first, { delayMs: 200 });
      ensureEqual(await store.claimEffects(), [], 'during the delay');
      await ensureThrows(() => store.settle([first]), 'EVENTS_CLAIM_LOST');
      await pass(harness, 200);
      const [second] = await store.claimEffects();
      ensureEqual(second?.attempt, 2, 'attempt');
      if (second !== undefined) await store.bury(second, { reason: 'no such account' });

      ensureEqual(await store.claimEffects(), [], 'buried');
      ensureEqual(
        await store.deadEffects(),
        [{ stream: 'a', key: 'e', type: 'x', data: 7, attempts: 2, reason: 'no such account' }],
        'dead',
      );
      ensureEqual(await store.revive('other'), false, 'revive nothing');
      ensureEqual(await store.revive('e'), true, 'revive');
      ensureEqual(
        (await store.claimEffects()).map(({ key }) => key),
        ['e'],
        'revived',
      );
      ensureEqual(await store.deadEffects(), [], 'no longer dead');
    }),
    promise('an append that settles work is all or nothing', async ({ store }) => {
      await store.append({ ...one('a'), effects: ['e', 'f'].map((key) => ({ key, type: 'x' })) });
      const claims = await store.claimEffects();
      const [e, f] = claims;
      ensure(e !== undefined && f !== undefined, 'both are claimed');
      await store.settle([f]);

      await ensureThrows(() => store.append({ ...one('a', 'both'), settles: [e, f] }), 'EVENTS_CLAIM_LOST');
      await ensureThrows(() => store.settle([e, f]), 'EVENTS_CLAIM_LOST');
      ensureEqual(await typesOf(store, 'a'), ['happened'], 'stream');
      await store.append({ ...one('a', 'alone'), settles: [e] });
    }),
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
      for (const stream of ['a', 'b'])
        await store.append({ ...one(stream), timers: [{ key: 't', due: { height: 1 } }] });
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
    promise('a snapshot is kept when it is newer, and never of a future', async ({ store }) => {
      for (let i = 0; i < 3; i++) await store.append(one('a'));
      await store.saveSnapshot({ stream: 'a', version: 2, state: { sum: '2' } });
      await store.saveSnapshot({ stream: 'a', version: 1, state: { sum: '1' } });
      ensureEqual(await store.loadSnapshot('a'), { stream: 'a', version: 2, state: { sum: '2' } }, 'snapshot');
      await store.saveSnapshot({ stream: 'a', version: 3, state: null });

      ensureEqual(await store.loadSnapshot('a'), { stream: 'a', version: 3, state: null }, 'newer');
      for (const stream of ['a', 'none'])
        await ensureThrows(() => store.saveSnapshot({ stream, version: 4, state: 0 }), 'EVENTS_VERSION_CONFLICT');
    }),
    promise('only what a snapshot stands for is truncated, and readers are told', async ({ store }) => {
      for (let i = 1; i <= 5; i++) await store.append(one('a', `e${i}`, { key: `k${i}` }));
      await store.append(one('b', 'other'));
      await ensureThrows(() => store.truncate('a', { through: 3 }), 'EVENTS_SNAPSHOT_MISSING');
      await store.saveSnapshot({ stream: 'a', version: 3, state: 'three' });
      await ensureThrows(() => store.truncate('a', { through: 4 }), 'EVENTS_SNAPSHOT_MISSING');
      await store.truncate('a', { through: 3 });
      await store.truncate('a', { through: 2 });

      await ensureThrows(() => store.readStream('a'), 'EVENTS_TRUNCATED');
      await ensureThrows(() => store.readStream('a', { after: 2 }), 'EVENTS_TRUNCATED');
      ensureEqual(
        (await store.readStream('a', { after: 3 })).map(({ type }) => type),
        ['e4', 'e5'],
        'kept',
      );
      ensureEqual(
        (await store.readAll()).map(({ type }) => type),
        ['e4', 'e5', 'other'],
        'all',
      );
      ensureEqual((await store.append(one('a', 'e6', { expectedVersion: 5 }))).position, 7, 'position goes on');
      ensureEqual((await store.append(one('a', 'e5', { key: 'k5' }))).duplicate, true, 'a kept key');
    }),
    promise('a stream that is truncated whole goes on with its versions', async (harness) => {
      const { store } = harness;
      await store.append({ stream: 'a', events: [{ type: 'x' }, { type: 'y' }], key: 'k' });
      await store.saveSnapshot({ stream: 'a', version: 2, state: 1 });
      await store.truncate('a', { through: 2 });
      const other = await harness.open();
      ensureEqual(await other.version('a'), 2, 'version');

      await ensureThrows(() => other.append(one('a', 'x', { expectedVersion: 0 })), 'EVENTS_VERSION_CONFLICT');
      ensureEqual((await other.append(one('a', 'z', { expectedVersion: 2 }))).version, 3, 'version');
      ensureEqual(
        (await other.readStream('a', { after: 2 })).map(({ version }) => version),
        [3],
        'versions',
      );
      ensureEqual(
        (await other.append(one('a', 'x', { key: 'k' }))).duplicate,
        false,
        'a key that went with its events',
      );
    }),
    promise('done effects are forgotten when asked, others never', async (harness) => {
      const { store } = harness;
      await store.append({ ...one('a'), effects: ['done', 'waiting'].map((key) => ({ key, type: key })) });
      await store.settle(await store.claimEffects({ types: ['done'] }));
      ensureEqual(await store.forgetEffects({ doneBefore: 1 }), 0, 'nothing that old');
      ensureEqual(await store.forgetEffects({ doneBefore: 8_000_000_000_000 }), 1, 'forgotten');

      await store.append({ ...one('a'), effects: [{ key: 'done', type: 'again' }] });
      ensureEqual(
        (await store.claimEffects()).map(({ key, type }) => [key, type]),
        [
          ['waiting', 'waiting'],
          ['done', 'again'],
        ],
      );
    }),
    promise('a lease has one owner at a time, who may extend it', async (harness) => {
      const { store } = harness;
      const other = await harness.open();
      const mine = await store.acquireLease('leader', { owner: 'a', ttlMs: 60_000 });
      ensure(mine !== undefined, 'the first gets it');
      ensureEqual(await other.acquireLease('leader', { owner: 'b', ttlMs: 60_000 }), undefined, 'the second does not');
      const longer = await store.acquireLease('leader', { owner: 'a', ttlMs: 120_000 });
      ensureEqual(longer?.token, mine.token, 'the token stays while it is extended');
      ensure((longer?.expiresAt ?? 0) > mine.expiresAt, 'it lasts longer');
      ensure((await other.acquireLease('else', { owner: 'b', ttlMs: 1_000 })) !== undefined, 'another lease is free');
      await store.releaseLease(mine);

      const next = await other.acquireLease('leader', { owner: 'b', ttlMs: 60_000 });
      ensure(next !== undefined && next.token > mine.token, 'given back, it is free, and the token rises');
      await store.releaseLease(mine);
      ensureEqual(
        await store.acquireLease('leader', { owner: 'a', ttlMs: 1 }),
        undefined,
        'a stale release is ignored',
      );
    }),
    promise('an append under a lease that was lost is refused', async (harness) => {
      const { store } = harness;
      const late = await store.acquireLease('leader', { owner: 'a', ttlMs: 100 });
      ensure(late !== undefined, 'leased');
      await store.append({ ...one('s', 'held'), lease: late });
      await pass(harness, 100);
      await store.append({ ...one('s', 'over its time, but nobody took over'), lease: late });
      const next = await (await harness.open()).acquireLease('leader', { owner: 'b', ttlMs: 60_000 });
      ensure(next !== undefined, 'taken over');

      await ensureThrows(() => store.append({ ...one('s', 'late'), lease: late }), 'EVENTS_LEASE_LOST');
      await store.append({ ...one('s', 'next'), lease: next });
      ensureEqual((await store.readStream('s')).length, 3, 'events');
      await ensureThrows(
        () => store.append({ ...one('s'), lease: { ...next, name: 'never given' } }),
        'EVENTS_LEASE_LOST',
      );
      await store.releaseLease(next);
      await ensureThrows(() => store.append({ ...one('s'), lease: next }), 'EVENTS_LEASE_LOST');
    }),
    promise('a clock that steps back or forth blocks nothing and gives nothing twice', async (harness) => {
      const { store, clock } = harness;
      // A database's own clock cannot be moved from here.
      if (clock === undefined) return;
      await store.append({ ...one('a'), effects: ['e', 'f'].map((key) => ({ key, type: key })) });
      const [e] = await store.claimEffects({ types: ['e'], leaseMs: 60_000 });
      const lease = await store.acquireLease('l', { owner: 'a', ttlMs: 60_000 });
      clock.setMs(clock.nowMs() - 7 * 86_400_000);

      const [again] = await store.claimEffects({ types: ['e'], leaseMs: 60_000 });
      ensure(e !== undefined && again !== undefined && again.token > e.token, 'not blocked for a week');
      await ensureThrows(() => store.settle([e]), 'EVENTS_CLAIM_LOST');
      const next = await store.acquireLease('l', { owner: 'b', ttlMs: 60_000 });
      ensure(lease !== undefined && next !== undefined && next.token > lease.token, 'the lease is not blocked');
      await store.release(again, { delayMs: 1_000 });
      clock.setMs(clock.nowMs() + 365 * 86_400_000);
      ensureEqual(
        (await store.claimEffects()).map(({ key }) => key),
        ['e', 'f'],
        'a year later',
      );
      await ensureThrows(() => store.append({ ...one('a'), lease: lease }), 'EVENTS_LEASE_LOST');
      await store.append({ ...one('a', 'fenced by its token, not by time'), lease: next });
    }),
    promise('data that JSON would change is refused, and nothing is written', async ({ store }) => {
      const circular: Record<string, unknown> = {};
      circular['self'] = circular;
      const bad: readonly unknown[] = [
        1n,
        { sat: 5n },
        Number.NaN,
        [Number.POSITIVE_INFINITY],
        new Date(0),
        new Map(),
        new Uint8Array(1),
        () => 1,
        Symbol('s'),
        [undefined],
        // oxlint-disable-next-line no-sparse-arrays
        [1, , 2],
        circular,
        JSON.parse('{"__proto__": 1}') as unknown,
        { toJSON: () => 1 },
        'x'.repeat(1_048_577),
      ];
      for (const data of bad)
        for (const append of [
          { stream: 'a', events: [{ type: 'x', data }] },
          { stream: 'a', events: [{ type: 'x', meta: data }] },
          { ...one('a'), effects: [{ key: 'e', type: 'x', data }] },
          { ...one('a'), timers: [{ key: 'e', due: { height: 1 }, data }] },
        ])
          // A list of JSON has no undefined; at the top, absent data is null.
          await ensureThrows(() => store.append(append), 'EVENTS_DATA_INVALID');

      ensureEqual(await store.head(), 0, 'head');
    }),
    promise(
      'a list with holes and fields that change while they are read write nothing, or what was checked',
      async (harness) => {
        const { store } = harness;
        const event = { type: 'x' };
        // oxlint-disable-next-line no-sparse-arrays
        const holes = [event, , event] as never;
        for (const append of [
          { stream: 'a', events: holes },
          { ...one('a'), effects: holes },
          { ...one('a'), timers: holes },
          { ...one('a'), settles: holes },
        ])
          await ensureThrows(() => store.append(append), 'EVENTS_INVALID_ARGUMENT');
        let reads = 0;
        const changing = {
          type: 'x',
          get key() {
            reads += 1;
            return reads === 1 ? 'first' : (reads as never);
          },
        };
        const throwing = {
          get type(): string {
            throw new Error('unreadable');
          },
        };
        await ensureThrows(() => store.append({ stream: 'a', events: [throwing] }), 'EVENTS_INVALID_ARGUMENT');
        const { proxy, revoke } = Proxy.revocable<readonly never[]>([], {});
        revoke();
        await ensureThrows(() => store.append({ stream: 'a', events: proxy }), 'EVENTS_INVALID_ARGUMENT');
        ensureEqual(await store.head(), 0, 'head');
        await store.append({ ...one('a'), effects: [changing] });
        ensureEqual(
          (await store.claimEffects()).map(({ key }) => key),
          ['first'],
          'the key that was checked',
        );
        ensureEqual(
          (await (await harness.open()).readStream('a')).map(({ version }) => version),
          [1],
          'versions',
        );
      },
    ),
    promise('an append may carry much data, up to a limit, and what is beside it is not harmed', async ({ store }) => {
      const large = { type: 'x', data: 'x'.repeat(1_000_000) };
      const beside = Array.from({ length: 20 }, (_, i) => store.append(one(`s${i}`)));
      const many = Array.from({ length: 20 }, () => store.append({ stream: 'large', events: [large] }));
      await ensureThrows(
        () => store.append({ stream: 'a', events: Array.from({ length: 17 }, () => large) }),
        'EVENTS_DATA_INVALID',
      );
      await Promise.all([...beside, ...many]);

      ensureEqual(await store.head(), 40, 'head');
      ensureEqual(await store.version('large'), 20, 'version');
    }),
    promise('a worker takes only the work of the streams that it names', async ({ store }) => {
      for (const stream of ['order/1', 'order%/1', 'swap/1'])
        await store.append({
          ...one(stream),
          effects: [{ key: stream, type: 'x' }],
          timers: [
            { key: 't', due: { height: 1 } },
            { key: 'u', due: { time: 1 } },
          ],
        });

      const wanted = { prefixes: ['order/', 'other/'] };
      ensureEqual(
        (await store.claimEffects(wanted)).map(({ key }) => key),
        ['order/1'],
        'effects',
      );
      const timers = await store.claimTimers({ ...wanted, height: 1, time: 1 });
      ensureEqual(
        timers.map(({ stream, key }) => `${stream} ${key}`),
        ['order/1 t', 'order/1 u'],
        'timers',
      );
      ensureEqual(
        (await store.claimEffects()).map(({ key }) => key),
        ['order%/1', 'swap/1'],
        'the rest',
      );
    }),
    promise('wrong arguments are refused with a code', async ({ store }) => {
      const wrong: ReadonlyArray<() => Promise<unknown>> = [
        () => store.append(undefined as never),
        () => store.append({ stream: '', events: [{ type: 'x' }] }),
        () => store.append({ stream: 'a\0', events: [{ type: 'x' }] }),
        () => store.append({ stream: '\ud800', events: [{ type: 'x' }] }),
        () => store.append({ stream: 'x'.repeat(256), events: [{ type: 'x' }] }),
        () => store.append({ stream: 'a', events: [] }),
        () => store.append({ stream: 'a', events: Array.from({ length: 1_001 }, () => ({ type: 'x' })) }),
        () => store.append({ stream: 'a', events: [null as never] }),
        () => store.append({ stream: 'a', events: [{ type: '' }] }),
        () => store.append(one('a', 'x', { expectedVersion: -1 })),
        () => store.append(one('a', 'x', { expectedVersion: 0.5 })),
        () => store.append(one('a', 'x', { key: '' })),
        () => store.append({ ...one('a'), effects: [{ key: '', type: 'x' }] }),
        () => store.append({ ...one('a'), timers: [{ key: 't', due: {} as never }] }),
        () => store.append({ ...one('a'), timers: [{ key: 't', due: { height: 1, time: 1 } as never }] }),
        () => store.append({ ...one('a'), timers: [{ key: 't', due: { height: -1 } }] }),
        () => store.append({ ...one('a'), timers: [{ key: 't', cancel: false as never }] }),
        () => store.append({ ...one('a'), settles: [{} as never] }),
        () => store.append({ ...one('a'), lease: { name: 'l' } as never }),
        () => store.append(one('a'), { signal: 'no' as never }),
        () => store.readStream(7 as never),
        () => store.readStream('a', { limit: 0 }),
        () => store.readAll({ after: -1 }),
        () => store.readAll(null as never),
        () => store.waitForEvents({ after: 0, timeoutMs: -1 }),
        () => store.claimEffects({ limit: 1_001 }),
        () => store.claimEffects({ types: [] }),
        () => store.claimTimers({ height: 1.5 }),
        () => store.claimTimers({ time: Number.NaN }),
        () => store.settle('x' as never),
        () => store.release({ kind: 'other' } as never),
        () => store.saveSnapshot({ stream: 'a', version: 0, state: 1 }),
        () => store.acquireLease('', { owner: 'a', ttlMs: 1 }),
        () => store.acquireLease('l', { owner: 'a', ttlMs: 0 }),
        () => store.truncate('a', { through: 0 }),
        () => store.forgetEffects({ doneBefore: -1 }),
      ];
      for (const call of wrong) await ensureThrows(call, 'EVENTS_INVALID_ARGUMENT');
      ensureEqual(await store.head(), 0, 'head');
    }),
    promise('a signal that has come already ends every call before it does anything', async ({ store }) => {
      const signal = AbortSignal.abort();
      const calls: ReadonlyArray<() => Promise<unknown>> = [
        () => store.append(one('a'), { signal }),
        () => store.readStream('a', { signal }),
        () => store.readAll({ signal }),
        () => store.head({ signal }),
        () => store.version('a', { signal }),
        () => store.waitForEvents({ after: 0, timeoutMs: 1_000, signal }),
        () => store.claimEffects({ signal }),
        () => store.claimTimers({ signal }),
        () => store.nextTimer({ signal }),
        () => store.settle([], { signal }),
        () => store.loadSnapshot('a', { signal }),
        () => store.acquireLease('l', { owner: 'o', ttlMs: 1, signal }),
        () => store.deadEffects({ signal }),
        () => store.revive('e', { signal }),
        () => store.forgetEffects({ doneBefore: 1, signal }),
      ];
      for (const call of calls) await ensureThrows(call, 'EVENTS_ABORTED');
      ensureEqual(await store.head(), 0, 'head');
    }),
    promise('a closed store says so, closes again without complaint, and the data stays', async (harness) => {
      await harness.store.append(one('a'));
      await harness.store.close();
      await harness.store.close();

      await ensureThrows(() => harness.store.append(one('a')), 'EVENTS_STORE_CLOSED');
      await ensureThrows(() => harness.store.readAll(), 'EVENTS_STORE_CLOSED');
      ensureEqual((await (await harness.open()).readStream('a')).length, 1, 'events');
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
