import { ensure, ensureEqual, ensureThrows, type Promised, promises } from '@bitcoin-enterprise/core/testing';
import type { EventStoreHarness } from '../harness.ts';
import { one, promise, typesOf } from './kit.ts';

/** Appending: what an event store promises. */
export const appendingPromises: ReadonlyArray<Promised<EventStoreHarness>> =
  /* @__PURE__ */ promises<EventStoreHarness>(
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
  );
