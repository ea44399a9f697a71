import { hasCode, SuiteError } from '@bitcoin-enterprise/core';
import {
  type BreakerState,
  createBreaker,
  createBulkhead,
  createRateLimit,
  createRetryBudget,
  fullJitterMs,
  type ResilienceEvent,
  systemTimers,
} from '@bitcoin-enterprise/core/resilience';
import { createManualClock, createSeededEntropy, timersPromises } from '@bitcoin-enterprise/core/testing';
import fc from 'fast-check';
import { getEventListeners } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import { deferred } from './deferred.ts';
import { createVirtualTime } from './virtual-time.ts';

const runs = process.env['BE_LONG'] === '1' ? 3_000 : 300;

const busy = (): SuiteError => new SuiteError('TEST_BUSY', 'busy', { details: {}, retryable: true });
const wrong = (): SuiteError => new SuiteError('TEST_WRONG', 'wrong', { details: {} });

describe('full jitter', () => {
  it('stays between zero and its bound, which grows twofold up to the cap', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 80 }),
        fc.integer({ min: 0, max: 10_000 }),
        fc.integer({ min: 0, max: 60_000 }),
        fc.string(),
        (retry, baseMs, capMs, seed) => {
          const delayMs = fullJitterMs(retry, { baseMs, capMs, entropy: createSeededEntropy(seed) });

          expect(delayMs).toBeGreaterThanOrEqual(0);
          expect(delayMs).toBeLessThanOrEqual(Math.min(capMs, baseMs * 2 ** (retry - 1)));
        },
      ),
    );
  });

  it('is spread evenly over the whole of it', () => {
    const entropy = createSeededEntropy('even');
    const draws = Array.from({ length: 20_000 }, () => fullJitterMs(1, { baseMs: 10, capMs: 10, entropy }));
    const buckets = Array.from({ length: 10 }, (_, index) => draws.filter((ms) => Math.floor(ms) === index).length);

    for (const count of buckets) expect(Math.abs(count - 2_000)).toBeLessThan(200);
  });

  it('has a bound that doubles with every retry, to the cap', () => {
    const entropy = { bytes: () => new Uint8Array(4).fill(0xff) };
    const delays = [1, 2, 3, 4, 5].map((retry) => fullJitterMs(retry, { baseMs: 100, capMs: 1_000, entropy }));

    expect(delays.map(Math.round)).toEqual([100, 200, 400, 800, 1_000]);
  });

  it('reads every byte of the draw in order', () => {
    const entropy = { bytes: () => Uint8Array.of(0x40, 0, 0, 0) };

    expect(fullJitterMs(1, { baseMs: 100, capMs: 100, entropy })).toBe(25);
  });
});

describe('a retry budget', () => {
  it('never gives more than burst, share of calls and seconds allow, in any stretch of time', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('call' as const) }),
      fc.record({ kind: fc.constant('retry' as const) }),
      fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 3_000 }) }),
    );
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 0, max: 20 }),
        fc.integer({ min: 0, max: 20 }),
        fc.array(step, { maxLength: 200, size: 'max' }),
        (share, minimumPerSecond, burst, steps) => {
          const clock = createManualClock();
          const budget = createRetryBudget({ share, minimumPerSecond, burst, clock });
          // Of every stretch that ends now: what was used beyond what was earned, at its worst.
          let excess = 0;
          for (const one of steps) {
            if (one.kind === 'pass') {
              clock.advanceMs(one.ms);
              excess -= (minimumPerSecond * one.ms) / 1_000;
            } else if (one.kind === 'call') {
              budget.deposit();
              excess -= share;
            } else if (budget.withdraw()) excess += 1;
            excess = Math.max(0, excess);
            expect(excess).toBeLessThanOrEqual(burst + 1e-6);
            expect(budget.available()).toBeGreaterThanOrEqual(0);
          }
        },
      ),
      { numRuns: runs },
    );
  });

  it('gives exactly its share: one retry for ten calls', () => {
    const budget = createRetryBudget({ minimumPerSecond: 0, burst: 10, clock: createManualClock() });
    for (let i = 0; i < 10; i++) budget.withdraw();
    let retries = 0;
    for (let i = 0; i < 1_000; i++) {
      budget.deposit();
      if (budget.withdraw()) retries++;
    }

    expect(retries).toBe(100);
  });

  it('does not earn from a clock that stands still or steps back', () => {
    const clock = createManualClock();
    const budget = createRetryBudget({ share: 0, minimumPerSecond: 1, burst: 1, clock });
    budget.withdraw();
    clock.setMs(1);

    expect(budget.withdraw()).toBe(false);
    clock.advanceMs(1_000);
    expect(budget.withdraw()).toBe(true);
  });
});

describe('a bulkhead', () => {
  it('is never over its limits, serves in order of arrival, and answers everybody', async () => {
    const step = fc.oneof(
      fc.constant({ kind: 'call' as const }),
      fc.record({ kind: fc.constant('finish' as const), index: fc.nat(), fails: fc.boolean() }),
      fc.record({ kind: fc.constant('abort' as const), index: fc.nat() }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 0, max: 5 }),
        fc.array(step, { maxLength: 60, size: 'max' }),
        async (concurrency, queue, steps) => {
          const bulkhead = createBulkhead({ concurrency, queue });
          const running: Array<{ id: number; work: ReturnType<typeof deferred<void>> }> = [];
          const aborters: AbortController[] = [];
          const answers: Array<Promise<unknown>> = [];
          // The model: who waits, in order; who may have begun.
          let modelActive = 0;
          let modelQueue: number[] = [];
          const begun: number[] = [];
          const expected: number[] = [];
          const begin = (id: number): void => {
            expected.push(id);
            modelActive++;
          };
          for (const one of steps) {
            if (one.kind === 'call') {
              const id = answers.length;
              const aborter = new AbortController();
              aborters.push(aborter);
              const work = deferred<void>();
              const answer = bulkhead.run(
                () => {
                  begun.push(id);
                  running.push({ id, work });
                  return work.promise;
                },
                { signal: aborter.signal },
              );
              if (modelActive < concurrency) {
                begin(id);
                answers.push(answer.catch((error: unknown) => error));
              } else if (modelQueue.length < queue) {
                modelQueue.push(id);
                answers.push(answer.catch((error: unknown) => error));
              } else {
                await expect(answer).rejects.toMatchObject({
                  code: 'CORE_BULKHEAD_FULL',
                  retryable: true,
                  details: { policy: 'bulkhead', concurrency, queue },
                });
                answers.push(Promise.resolve());
              }
            } else if (one.kind === 'finish' && running.length > 0) {
              const [ended] = running.splice(one.index % running.length, 1);
              if (one.fails) ended?.work.reject(busy());
              else ended?.work.resolve();
              modelActive--;
              const next = modelQueue.shift();
              if (next !== undefined) begin(next);
            } else if (one.kind === 'abort' && aborters.length > 0) {
              const id = one.index % aborters.length;
              aborters[id]?.abort();
              if (modelQueue.includes(id)) {
                await expect(answers[id]).resolves.toMatchObject({ code: 'CORE_ABORTED' });
                modelQueue = modelQueue.filter((other) => other !== id);
              }
            }
            for (let turn = 0; turn < 20; turn++) await Promise.resolve();
            expect([bulkhead.active, bulkhead.queued]).toEqual([modelActive, modelQueue.length]);
            expect(bulkhead.active).toBeLessThanOrEqual(concurrency);
            expect(begun).toEqual(expected);
          }
          for (let rounds = 0; rounds < 100 && bulkhead.active > 0; rounds++) {
            for (const { work } of running.splice(0)) work.resolve();
            await new Promise((resolve) => setImmediate(resolve));
          }
          await Promise.all(answers);
          expect([bulkhead.active, bulkhead.queued]).toEqual([0, 0]);
          for (const { signal } of aborters) expect(getEventListeners(signal, 'abort')).toHaveLength(0);
        },
      ),
      { numRuns: runs },
    );
  });

  it('does not begin work for a caller that is gone', async () => {
    const bulkhead = createBulkhead({ concurrency: 1 });
    let calls = 0;

    await expect(bulkhead.run(() => calls++, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'CORE_ABORTED',
    });
    expect([calls, bulkhead.active]).toEqual([0, 0]);
  });

  it('does not let a newcomer take the place of one that waits', async () => {
    const bulkhead = createBulkhead({ concurrency: 1, queue: 2 });
    const first = deferred<void>();
    const order: string[] = [];
    const a = bulkhead.run(() => first.promise);
    const b = bulkhead.run(() => void order.push('waited'));
    // Comes in the very turn in which the place is given back.
    const c = first.promise.then(() => bulkhead.run(() => void order.push('came later')));
    first.resolve();
    await Promise.all([a, b, c]);

    expect(order).toEqual(['waited', 'came later']);
  });
});

describe('a rate limit', () => {
  it('lets through at most burst and rate in any stretch of time, in order of arrival', async () => {
    const step = fc.oneof(
      fc.constant({ kind: 'take' as const }),
      fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 2_000 }) }),
      fc.record({ kind: fc.constant('abort' as const), index: fc.nat() }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(0.5, 1, 3, 10),
        fc.integer({ min: 1, max: 5 }),
        fc.constantFrom(0, 500, 5_000),
        fc.array(step, { maxLength: 60, size: 'max' }),
        async (perSecond, burst, maxWaitMs, steps) => {
          const time = createVirtualTime();
          const limit = createRateLimit({ ...time, perSecond, burst, maxWaitMs });
          const passed: Array<{ id: number; atMs: number }> = [];
          const aborters: AbortController[] = [];
          const answers: Array<Promise<unknown>> = [];
          for (const one of steps) {
            if (one.kind === 'take') {
              const id = answers.length;
              const askedMs = time.clock.monotonicMs();
              const aborter = new AbortController();
              aborters.push(aborter);
              answers.push(
                limit.take({ signal: aborter.signal }).then(
                  () => {
                    const atMs = time.clock.monotonicMs();
                    passed.push({ id, atMs });
                    expect(atMs - askedMs).toBeLessThanOrEqual(maxWaitMs + 1);
                  },
                  (error: unknown) => {
                    if (hasCode(error, 'CORE_RATE_LIMITED'))
                      expect(error.details.retryAfterMs).toBeGreaterThan(maxWaitMs);
                    else expect(error).toMatchObject({ code: 'CORE_ABORTED' });
                  },
                ),
              );
              await time.settle();
            } else if (one.kind === 'pass') await time.pass(one.ms);
            else if (aborters.length > 0) aborters[one.index % aborters.length]?.abort();
          }
          await time.pass(60_000);
          await Promise.all(answers);

          expect(passed.map(({ id }) => id)).toEqual(passed.map(({ id }) => id).toSorted((a, b) => a - b));
          passed.forEach((first, i) =>
            passed.slice(i).forEach((last, length) => {
              const seconds = (last.atMs - first.atMs) / 1_000;
              expect(length + 1).toBeLessThanOrEqual(burst + perSecond * seconds + 1e-6);
            }),
          );
          expect([limit.queued, time.pending()]).toEqual([0, 0]);
          for (const { signal } of aborters) expect(getEventListeners(signal, 'abort')).toHaveLength(0);
        },
      ),
      { numRuns: Math.ceil(runs / 3) },
    );
  });

  it('does not let a newcomer overtake one whose turn has come but whose timer has not rung', async () => {
    const clock = createManualClock();
    let ring = (): void => undefined;
    const timers = {
      after: (_: number, callback: () => void) => {
        ring = callback;
        return () => undefined;
      },
    };
    const limit = createRateLimit({ clock, timers, perSecond: 1, burst: 1, maxWaitMs: 10_000 });
    const passed: string[] = [];
    await limit.take();
    const waits = limit.take().then(() => passed.push('waits'));
    clock.advanceMs(1_000);
    const newcomer = limit.take().then(() => passed.push('newcomer'));
    await new Promise((resolve) => setImmediate(resolve));
    expect([passed, limit.queued]).toEqual([[], 2]);
    ring();
    await waits;
    clock.advanceMs(1_000);
    ring();
    await newcomer;

    expect(passed).toEqual(['waits', 'newcomer']);
  });

  it('gives no turn to a caller that is gone, and a second of calls at once unless told otherwise', async () => {
    const limit = createRateLimit({ perSecond: 3, clock: createManualClock() });

    await expect(limit.take({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'CORE_ABORTED' });
    for (let i = 0; i < 3; i++) await limit.take();
    await expect(limit.take()).rejects.toMatchObject({ code: 'CORE_RATE_LIMITED' });
  });

  it('says when to come again', async () => {
    const time = createVirtualTime();
    const limit = createRateLimit({ ...time, perSecond: 4, burst: 1, name: 'node' });
    await limit.take();

    await expect(limit.take()).rejects.toMatchObject({
      code: 'CORE_RATE_LIMITED',
      retryable: true,
      details: { policy: 'node', retryAfterMs: 250 },
    });
    await time.pass(250);
    await limit.take();
  });
});

describe('a circuit breaker', () => {
  const openMs = 1_000;
  const maxOpenMs = 5_000;

  it('does what its state machine says, whatever the order in which calls begin and end', async () => {
    const step = fc.oneof(
      fc.constant({ kind: 'begin' as const }),
      fc.record({
        kind: fc.constant('end' as const),
        index: fc.nat(),
        how: fc.constantFrom('success', 'answer', 'failure', 'failure', 'failure', 'ignored'),
      }),
      fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(1, 500, 999, 1_000, 2_500, 6_000) }),
      fc.record({ kind: fc.constant('step' as const), ms: fc.integer({ min: 0, max: 1_700_000_000_000 }) }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 3 }),
        fc.array(step, { maxLength: 60, size: 'max' }),
        async (consecutiveFailures, steps) => {
          const clock = createManualClock();
          const seen: ResilienceEvent[] = [];
          const observe = (event: ResilienceEvent): void => void seen.push(event);
          const breaker = createBreaker({ clock, consecutiveFailures, openMs, maxOpenMs, observe, name: 'm' });
          const isIgnored = (error: unknown): boolean => hasCode(error, 'TEST_GONE');

          let state = 'closed' as BreakerState;
          let failures = 0;
          let openings = 0;
          let untilMs = 0;
          const transitions: BreakerState[] = [];
          const go = (to: BreakerState): void => {
            state = to;
            transitions.push(to);
            if (to === 'closed') [failures, openings] = [0, 0];
            if (to === 'open') untilMs = clock.monotonicMs() + Math.min(maxOpenMs, openMs * 2 ** openings++);
          };
          const open: Array<{ probe: boolean; work: ReturnType<typeof deferred<void>>; answer: Promise<unknown> }> = [];

          for (const one of steps) {
            if (one.kind === 'pass') clock.advanceMs(one.ms);
            if (one.kind === 'step') clock.setMs(one.ms);
            if (one.kind === 'begin') {
              const work = deferred<void>();
              const answer = breaker.run(() => work.promise, { isIgnored }).catch((error: unknown) => error);
              const refused = state === 'half-open' || (state === 'open' && clock.monotonicMs() < untilMs);
              if (refused) {
                const retryAfterMs = state === 'open' ? untilMs - clock.monotonicMs() : openMs;
                expect(await answer).toMatchObject({ code: 'CORE_CIRCUIT_OPEN', details: { retryAfterMs } });
              } else {
                const probe = state === 'open';
                if (probe) go('half-open');
                open.push({ probe, work, answer });
              }
            }
            if (one.kind === 'end' && open.length > 0) {
              const [call] = open.splice(one.index % open.length, 1);
              if (call === undefined) continue;
              if (one.how === 'success') call.work.resolve();
              else if (one.how === 'answer') call.work.reject(wrong());
              else if (one.how === 'failure') call.work.reject(busy());
              else call.work.reject(new SuiteError('TEST_GONE', 'gone', { details: {} }));
              await call.answer;
              const good = one.how === 'success' || one.how === 'answer';
              if (call.probe) go(good ? 'closed' : 'open');
              else if (state === 'closed') {
                if (good) failures = 0;
                if (one.how === 'failure' && ++failures >= consecutiveFailures) go('open');
              }
            }
            expect(breaker.state).toBe(state);
          }
          expect(seen.map((event) => event.kind === 'breaker' && event.to)).toEqual(transitions);
          for (const { work, answer } of open) {
            work.resolve();
            await answer;
          }
        },
      ),
      { numRuns: runs * 3 },
    );
  });

  it('opens by the share of failures in the last calls', async () => {
    const breaker = createBreaker({ sampling: { share: 0.5, calls: 10 }, clock: createManualClock() });
    const fail = (): Promise<never> => Promise.reject(busy());
    for (let i = 0; i < 5; i++) {
      await breaker.run(() => 'well');
      await expect(breaker.run(fail)).rejects.toMatchObject({ code: 'TEST_BUSY' });
    }
    expect(breaker.state).toBe('closed');
    // The window slides: a success falls out of it, a failure comes in.
    await expect(breaker.run(fail)).rejects.toMatchObject({ code: 'TEST_BUSY' });

    expect(breaker.state).toBe('open');
  });

  it('stays shut to everybody else while a probe is under way, and is open again when it fails', async () => {
    const clock = createManualClock();
    const breaker = createBreaker({ consecutiveFailures: 1, openMs, clock });
    await breaker.run(() => Promise.reject(busy())).catch(() => undefined);
    clock.advanceMs(openMs);
    const work = deferred<void>();
    const probe = breaker.run(() => work.promise);

    await expect(breaker.run(() => 1)).rejects.toMatchObject({ code: 'CORE_CIRCUIT_OPEN' });
    work.reject(busy());
    await expect(probe).rejects.toMatchObject({ code: 'TEST_BUSY' });
    expect(breaker.state).toBe('open');
  });

  it('does not wait for ever for a probe that never settles: it has failed, and the next one may begin', async () => {
    const time = createVirtualTime();
    const breaker = createBreaker({ ...time, consecutiveFailures: 1, openMs, probeMs: 3_000 });
    await breaker.run(() => Promise.reject(busy())).catch(() => undefined);
    await time.pass(openMs);
    const work = deferred<string>();
    const stuck = breaker.run(() => work.promise);
    await time.pass(2_999);
    expect(breaker.state).toBe('half-open');

    await time.pass(1);
    expect(breaker.state).toBe('open');
    await expect(breaker.run(() => 1)).rejects.toMatchObject({ code: 'CORE_CIRCUIT_OPEN' });
    await time.pass(openMs);
    await expect(breaker.run(() => 'well')).resolves.toBe('well');
    expect(breaker.state).toBe('closed');
    // Its caller still gets what it comes to, and the circuit takes no notice any more.
    work.reject(busy());
    await expect(stuck).rejects.toMatchObject({ code: 'TEST_BUSY' });
    expect([breaker.state, time.pending()]).toEqual(['closed', 0]);
  });

  it('keeps the answer of a probe that comes after its time, and leaves no timer behind one in time', async () => {
    const time = createVirtualTime();
    const breaker = createBreaker({ ...time, consecutiveFailures: 1, openMs, probeMs: 3_000 });
    await breaker.run(() => Promise.reject(busy())).catch(() => undefined);
    await time.pass(openMs);
    const work = deferred<string>();
    const late = breaker.run(() => work.promise);
    await time.pass(3_000 + openMs);
    const second = deferred<string>();
    const next = breaker.run(() => second.promise);
    work.resolve('late');

    await expect(late).resolves.toBe('late');
    expect(breaker.state).toBe('half-open');
    await expect(breaker.run(() => 1)).rejects.toMatchObject({ code: 'CORE_CIRCUIT_OPEN' });
    second.resolve('well');
    await expect(next).resolves.toBe('well');
    expect([breaker.state, time.pending()]).toEqual(['closed', 0]);
  });

  it('takes a judge that throws for a failure', async () => {
    const isFailure = (): boolean => {
      throw new Error('judge');
    };
    const breaker = createBreaker({ consecutiveFailures: 1, isFailure, clock: createManualClock() });

    await expect(breaker.run(() => Promise.reject(wrong()))).rejects.toMatchObject({ code: 'TEST_WRONG' });
    expect(breaker.state).toBe('open');
  });
});

describe('the timers of the system keep the Timers promises', () => {
  it.for(timersPromises)('$name', ({ run }) => run(systemTimers));

  it('ring later than setTimeout can count, and never when called off', () => {
    vi.useFakeTimers();
    try {
      const rung: string[] = [];
      const timers = systemTimers();
      timers.after(3_000_000_000, () => rung.push('far'));
      timers.after(5, () => rung.push('soon'))();
      timers.after(Infinity, () => rung.push('never'));
      timers.after(-1, () => rung.push('past'));
      vi.advanceTimersByTime(2_999_999_999);
      expect(rung).toEqual(['past']);
      vi.advanceTimersByTime(1);
      expect(rung).toEqual(['past', 'far']);
      const callOff = timers.after(3_000_000_000, () => rung.push('again'));
      vi.advanceTimersByTime(2_500_000_000);
      callOff();

      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });
});
