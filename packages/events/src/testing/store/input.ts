import { ensureEqual, ensureThrows, type Promised, promises } from '@bitcoin-enterprise/core/testing';
import type { EventStoreHarness } from '../harness.ts';
import { one, promise } from './kit.ts';

/** Arguments, data and signals: what an event store promises. */
export const inputPromises: ReadonlyArray<Promised<EventStoreHarness>> = /* @__PURE__ */ promises<EventStoreHarness>(
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
);
