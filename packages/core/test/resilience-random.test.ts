import { hasCode, SuiteError } from '@bitcoin-enterprise/core';
import {
  createBreaker,
  createBulkhead,
  createRateLimit,
  createRetryBudget,
  errorType,
  hedged,
  type ResilienceEvent,
  resilient,
} from '@bitcoin-enterprise/core/resilience';
import { createSeededEntropy } from '@bitcoin-enterprise/core/testing';
import fc from 'fast-check';
import { getEventListeners } from 'node:events';
import { afterAll, expect, it } from 'vitest';
import { deferred } from './deferred.ts';
import { createVirtualTime, type VirtualTime } from './virtual-time.ts';

const runs = process.env['BE_LONG'] === '1' ? 20_000 : 400;

const unhandled: unknown[] = [];
const onUnhandled = (error: unknown): void => void unhandled.push(error);
process.on('unhandledRejection', onUnhandled);
afterAll(() => {
  process.off('unhandledRejection', onUnhandled);
  expect(unhandled).toEqual([]);
});

/** One thing a system may do with a call. */
type Behaviour = {
  readonly how: 'answer' | 'busy' | 'wrong' | 'throw' | 'hang' | 'late-rejection' | 'heeds';
  readonly ms: number;
};
const behaviour: fc.Arbitrary<Behaviour> = fc.record({
  how: fc.constantFrom('answer', 'answer', 'busy', 'busy', 'wrong', 'throw', 'hang', 'late-rejection', 'heeds'),
  ms: fc.integer({ min: 0, max: 3_000 }),
});
const call = fc.record({
  atMs: fc.integer({ min: 0, max: 5_000 }),
  deadlineMs: fc.option(fc.integer({ min: 0, max: 6_000 }), { nil: undefined }),
  abortMs: fc.option(fc.integer({ min: 0, max: 8_000 }), { nil: undefined }),
  behaviours: fc.array(behaviour, { minLength: 1, maxLength: 4 }),
});

/** A system that behaves as told; what it settles with does not depend on whether anybody still listens. */
async function behave(time: VirtualTime, { how, ms }: Behaviour, signal: AbortSignal): Promise<string> {
  if (how === 'hang') return new Promise(() => undefined);
  await new Promise<void>((resolve, reject) => {
    time.timers.after(ms, resolve);
    if (how === 'heeds') signal.addEventListener('abort', () => reject(new Error('of the adapter')), { once: true });
  });
  if (how === 'answer' || how === 'heeds') return 'answer';
  throw how === 'wrong'
    ? new SuiteError('TEST_WRONG', 'wrong', { details: {} })
    : new SuiteError('TEST_BUSY', 'busy', { details: {}, retryable: true });
}

const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined });

it('answers every call in its time and leaves nothing behind, whatever the system and the callers do', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        timeoutMs: maybe(fc.integer({ min: 1, max: 2_000 })),
        attempts: fc.integer({ min: 1, max: 4 }),
        share: fc.double({ min: 0, max: 1, noNaN: true }),
        burst: fc.integer({ min: 0, max: 3 }),
        concurrency: maybe(fc.integer({ min: 1, max: 3 })),
        queue: fc.integer({ min: 0, max: 3 }),
        perSecond: maybe(fc.integer({ min: 1, max: 20 })),
        failures: maybe(fc.integer({ min: 1, max: 4 })),
      }),
      fc.array(call, { minLength: 1, maxLength: 12, size: 'max' }),
      async (options, calls) => {
        const time = createVirtualTime();
        const { clock, timers } = time;
        const { timeoutMs, attempts, share, burst, concurrency, queue, perSecond, failures } = options;
        const events: ResilienceEvent[] = [];
        const bulkhead = concurrency === undefined ? undefined : createBulkhead({ concurrency, queue });
        const rateLimit =
          perSecond === undefined ? undefined : createRateLimit({ clock, timers, perSecond, maxWaitMs: 2_000 });
        const policy = resilient({
          clock,
          timers,
          entropy: createSeededEntropy('chaos'),
          observe: (event) => events.push(event),
          retry: { attempts, budget: createRetryBudget({ share, minimumPerSecond: 0, burst, clock }) },
          ...(timeoutMs === undefined ? {} : { timeoutMs }),
          ...(bulkhead === undefined ? {} : { bulkhead }),
          ...(rateLimit === undefined ? {} : { rateLimit }),
          ...(failures === undefined
            ? {}
            : { breaker: createBreaker({ consecutiveFailures: failures, openMs: 500, clock }) }),
        });
        let active = 0;
        // Work that hangs holds its place for as long; it lets go when every caller has been answered.
        const letGo = deferred<string>();
        const signals: AbortSignal[] = [];
        const answers = calls.map(async ({ atMs, deadlineMs, abortMs, behaviours }) => {
          await new Promise<void>((resolve) => timers.after(atMs, resolve));
          const startMs = clock.monotonicMs();
          const aborter = new AbortController();
          signals.push(aborter.signal);
          // Every caller ends at some time: a system that hangs must not make this test hang.
          timers.after(abortMs ?? 20_000, () => aborter.abort('gone'));
          let begun = 0;
          const answer = await policy
            .execute(
              ({ signal, attempt }) => {
                expect(attempt).toBe(++begun);
                const one = behaviours[(attempt - 1) % behaviours.length] ?? { how: 'hang', ms: 0 };
                expect(++active).toBeLessThanOrEqual(concurrency ?? Infinity);
                const end = (): void => void active--;
                if (one.how === 'throw') {
                  end();
                  throw new SuiteError('TEST_BUSY', 'at once', { details: {}, retryable: true });
                }
                const done = one.how === 'hang' ? letGo.promise : behave(time, one, signal);
                // The place is given back when the work is over, however stubborn it is.
                done.then(end, end);
                return done;
              },
              { signal: aborter.signal, ...(deadlineMs === undefined ? {} : { deadlineMs }) },
            )
            .then(
              () => 'answer',
              (error: unknown) => {
                if (hasCode(error, 'CORE_ABORTED')) expect(error.cause).toBe('gone');
                return errorType(error);
              },
            );
          expect(answer).toMatch(/^(answer|TEST_BUSY|TEST_WRONG|CORE_[A-Z_]+)$/);
          expect(begun).toBeLessThanOrEqual(attempts);
          const tookMs = clock.monotonicMs() - startMs;
          expect(tookMs).toBeLessThanOrEqual(Math.min(deadlineMs ?? Infinity, abortMs ?? 20_000));
        });
        await time.until(Promise.all(answers));
        letGo.resolve('late');
        // The late rejections of work that was given up come now.
        await time.pass(30_000);

        const retries = events.filter(({ kind }) => kind === 'retry').length;
        expect(retries).toBeLessThanOrEqual(burst + share * calls.length + 1e-6);
        expect(events.filter(({ kind }) => kind === 'call')).toHaveLength(calls.length);
        expect([bulkhead?.active ?? 0, bulkhead?.queued ?? 0, rateLimit?.queued ?? 0]).toEqual([0, 0, 0]);
        expect(time.pending()).toBe(0);
        for (const signal of signals) expect(getEventListeners(signal, 'abort')).toHaveLength(0);
      },
    ),
    { numRuns: runs },
  );
});

it('answers every hedged read with the earliest answer there is, and leaves nothing behind', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(behaviour, { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 0, max: 1_000 }),
      fc.integer({ min: 0, max: 8_000 }),
      async (behaviours, delayMs, deadlineMs) => {
        const time = createVirtualTime();
        const { signal } = new AbortController();
        const sources = behaviours.map((one) => async (context: { readonly signal: AbortSignal }) => {
          if (one.how === 'throw') throw new SuiteError('TEST_BUSY', 'at once', { details: {}, retryable: true });
          return behave(time, one, context.signal);
        });
        // The model: when each source is asked, and what comes first.
        let askedMs = 0;
        let firstMs = Infinity;
        const failures: number[] = [];
        for (let index = 0; index < behaviours.length; index++) {
          const one = behaviours[index];
          if (one === undefined || askedMs >= Math.min(firstMs, deadlineMs)) break;
          const endMs = askedMs + (one.how === 'throw' ? 0 : one.ms);
          if (one.how === 'answer' || one.how === 'heeds' || one.how === 'wrong') firstMs = Math.min(firstMs, endMs);
          else if (one.how !== 'hang') failures.push(endMs);
          // Each failure hastens one source; the timer starts anew with every source asked.
          const hastened = failures.findIndex((ms) => ms >= askedMs && ms <= askedMs + delayMs);
          const hastenedMs = hastened < 0 ? Infinity : Math.min(...failures.filter((ms) => ms >= askedMs));
          if (hastened >= 0) failures.splice(failures.indexOf(hastenedMs), 1);
          askedMs = Math.min(askedMs + delayMs, hastenedMs);
        }
        const call = hedged(sources, { clock: time.clock, timers: time.timers, delayMs, deadlineMs, signal });
        const answer = await time.until(call).catch(errorType);
        const tookMs = time.clock.monotonicMs();

        expect(answer).toMatch(/^(answer|TEST_BUSY|TEST_WRONG|CORE_TIMEOUT)$/);
        expect(tookMs).toBeLessThanOrEqual(deadlineMs);
        if (answer === 'CORE_TIMEOUT') expect(tookMs).toBe(deadlineMs);
        if (firstMs < deadlineMs) expect(tookMs).toBe(firstMs);
        await time.pass(30_000);
        expect(time.pending()).toBe(0);
        expect(getEventListeners(signal, 'abort')).toHaveLength(0);
      },
    ),
    { numRuns: runs },
  );
});
