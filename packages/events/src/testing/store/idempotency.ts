import { ensureEqual, ensureThrows, type Promised, promises } from '@bitcoin-enterprise/core/testing';
import type { Append } from '../../ports/event-store.ts';
import type { EventStoreHarness } from '../harness.ts';
import { one, promise, typesOf } from './kit.ts';

/** Idempotency keys of appends: what an event store promises. */
export const idempotencyPromises: ReadonlyArray<Promised<EventStoreHarness>> =
  /* @__PURE__ */ promises<EventStoreHarness>(
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
  );
