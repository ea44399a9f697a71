import { ensureEqual, ensureThrows, type Promised, promises } from '@bitcoin-enterprise/core/testing';
import type { EventStoreHarness } from '../harness.ts';
import { one, promise } from './kit.ts';

/** Snapshots, truncation and forgetting: what an event store promises. */
export const retentionPromises: ReadonlyArray<Promised<EventStoreHarness>> =
  /* @__PURE__ */ promises<EventStoreHarness>(
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
    promise('a snapshot may be larger than an event', async (harness) => {
      const { store } = harness;
      await store.append(one('a'));
      const state = Array.from({ length: 8 }, (_, place) => String(place).repeat(1_000_000));
      await store.saveSnapshot({ stream: 'a', version: 1, state });

      const other = await harness.open();
      ensureEqual(await other.loadSnapshot('a'), { stream: 'a', version: 1, state }, 'snapshot');
      const tooLarge = 'x'.repeat(16_777_215);
      await ensureThrows(() => store.saveSnapshot({ stream: 'a', version: 1, state: tooLarge }), 'EVENTS_DATA_INVALID');
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
  );
