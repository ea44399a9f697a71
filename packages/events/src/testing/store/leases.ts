import { ensure, ensureEqual, ensureThrows, type Promised, promises } from '@bitcoin-enterprise/core/testing';
import type { EventStoreHarness } from '../harness.ts';
import { one, pass, promise, stepOf } from './kit.ts';

const DAY_MS = 86_400_000;

/** Leases and clocks: what an event store promises. */
export const leasesPromises: ReadonlyArray<Promised<EventStoreHarness>> = /* @__PURE__ */ promises<EventStoreHarness>(
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
    ensureEqual(await store.acquireLease('leader', { owner: 'a', ttlMs: 1 }), undefined, 'a stale release is ignored');
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
    const { store } = harness;
    const step = stepOf(harness);
    // A clock that cannot be moved keeps this promise unseen.
    if (step === undefined) return;
    await store.append({ ...one('a'), effects: ['e', 'f'].map((key) => ({ key, type: key })) });
    const [e] = await store.claimEffects({ types: ['e'], leaseMs: 60_000 });
    const lease = await store.acquireLease('l', { owner: 'a', ttlMs: 60_000 });
    await step(-7 * DAY_MS);

    const [again] = await store.claimEffects({ types: ['e'], leaseMs: 60_000 });
    ensure(e !== undefined && again !== undefined && again.token > e.token, 'not blocked for a week');
    await ensureThrows(() => store.settle([e]), 'EVENTS_CLAIM_LOST');
    const next = await store.acquireLease('l', { owner: 'b', ttlMs: 60_000 });
    ensure(lease !== undefined && next !== undefined && next.token > lease.token, 'the lease is not blocked');
    await store.release(again, { delayMs: 1_000 });
    await step(365 * DAY_MS);
    ensureEqual(
      (await store.claimEffects()).map(({ key }) => key),
      ['e', 'f'],
      'a year later',
    );
    await ensureThrows(() => store.append({ ...one('a'), lease: lease }), 'EVENTS_LEASE_LOST');
    await store.append({ ...one('a', 'fenced by its token, not by time'), lease: next });
  }),
);
