import { ensure, ensureEqual, ensureThrows, type Promised, promises } from '@bitcoin-enterprise/core/testing';
import type { EventStoreHarness } from '../harness.ts';
import { one, pass, promise, typesOf } from './kit.ts';

/** Effects: what an event store promises. */
export const effectsPromises: ReadonlyArray<Promised<EventStoreHarness>> = /* @__PURE__ */ promises<EventStoreHarness>(
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
);
