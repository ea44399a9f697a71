import { SuiteError } from '@bitcoin-enterprise/core';
import {
  createBreaker,
  createBulkhead,
  createRateLimit,
  createRetryBudget,
  errorType,
  fullJitterMs,
  hedged,
  isRetryable,
  remainingMs,
  type ResilienceEvent,
  resilient,
  type ResilientOptions,
  sleep,
  withDeadline,
} from '@bitcoin-enterprise/core/resilience';
import { createSeededEntropy } from '@bitcoin-enterprise/core/testing';
import { execFile } from 'node:child_process';
import { getEventListeners } from 'node:events';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deferred } from './deferred.ts';
import { createVirtualTime, type VirtualTime } from './virtual-time.ts';

const busy = (details: object = {}): SuiteError => new SuiteError('TEST_BUSY', 'busy', { details, retryable: true });
const wrong = (): SuiteError => new SuiteError('TEST_WRONG', 'wrong', { details: {} });
const never = (): Promise<never> => new Promise(() => undefined);

const unhandled: unknown[] = [];
const onUnhandled = (error: unknown): void => void unhandled.push(error);
process.on('unhandledRejection', onUnhandled);
afterAll(() => {
  process.off('unhandledRejection', onUnhandled);
  expect(unhandled).toEqual([]);
});

let time: VirtualTime;
let events: ResilienceEvent[];
beforeEach(() => {
  time = createVirtualTime();
  events = [];
});
afterEach(() => {
  expect(time.pending()).toBe(0);
});

function policyOf(options: ResilientOptions): ReturnType<typeof resilient> {
  const world = { clock: time.clock, timers: time.timers, entropy: createSeededEntropy('policy') };
  return resilient({ name: 'node', observe: (event) => events.push(event), ...world, ...options });
}

describe('retries', () => {
  it('are made for errors that say so, as often as allowed, and the last error is the answer', async () => {
    const policy = policyOf({ retry: { attempts: 4, baseMs: 100, capMs: 200 } });
    const attempts: number[] = [];

    const call = policy.execute(({ attempt }) => {
      attempts.push(attempt);
      throw busy({ attempt });
    });

    await expect(time.until(call)).rejects.toMatchObject({ code: 'TEST_BUSY', details: { attempt: 4 } });
    expect(attempts).toEqual([1, 2, 3, 4]);
    const delays = events.flatMap((event) => (event.kind === 'retry' ? [event.delayMs] : []));
    expect(delays.map((ms, index) => ms <= ([100, 200, 200][index] ?? 0))).toEqual([true, true, true]);
    expect(time.clock.monotonicMs()).toBe(delays.reduce((sum, ms) => sum + Math.ceil(ms), 0));
  });

  it('are not made for other errors, unless the caller says so', async () => {
    const plain = policyOf({ retry: {} });
    for (const error of [wrong(), new TypeError('fetch failed'), 'text', undefined, null]) {
      let calls = 0;
      const call = plain.execute(() => {
        calls++;
        throw error;
      });
      await expect(call).rejects.toBe(error);
      expect(calls).toBe(1);
    }
    const broad = policyOf({ retry: { baseMs: 0, isRetryable: (error) => error instanceof TypeError } });
    const call = broad.execute(({ attempt }) => {
      if (attempt === 1) throw new TypeError('fetch failed');
      return attempt;
    });

    await expect(time.until(call)).resolves.toBe(2);
  });

  it('wait for as long as the server asks', async () => {
    const policy = policyOf({ retry: { attempts: 2, baseMs: 1 } });
    const call = policy.execute(({ attempt }) => {
      if (attempt === 1) throw busy({ retryAfterMs: 5_000 });
      return time.clock.monotonicMs();
    });

    await expect(time.until(call)).resolves.toBe(5_000);
  });

  it('do not wait longer than allowed for a server that asks for more: its error is the answer, at once', async () => {
    let attempts = 0;
    const asking = (retryAfterMs: number) => () => {
      attempts++;
      throw busy({ retryAfterMs });
    };
    const policy = policyOf({ retry: { attempts: 2, baseMs: 1, capMs: 10, maxRetryAfterMs: 2_000 } });
    const last = { code: 'TEST_BUSY', details: { retryAfterMs: 2_001 } };
    await expect(policy.execute(asking(2_001))).rejects.toMatchObject(last);
    expect([attempts, time.clock.monotonicMs()]).toEqual([1, 0]);

    await expect(time.until(policy.execute(asking(2_000)))).rejects.toMatchObject({ code: 'TEST_BUSY' });
    expect([attempts, time.clock.monotonicMs()]).toEqual([3, 2_000]);
    // A minute, when nothing is said.
    const usual = policyOf({ retry: { attempts: 2 } });
    await expect(usual.execute(asking(60_001))).rejects.toMatchObject({ code: 'TEST_BUSY' });
    await expect(time.until(usual.execute(asking(60_000)))).rejects.toMatchObject({ code: 'TEST_BUSY' });
    expect([attempts, time.clock.monotonicMs()]).toEqual([6, 62_000]);
  });

  it('are not waited for when the deadline will have passed', async () => {
    const policy = policyOf({ retry: { attempts: 5 } });
    const call = policy.execute(() => Promise.reject(busy({ retryAfterMs: 5_000 })), { deadlineMs: 5_000 });

    await expect(call).rejects.toMatchObject({
      code: 'CORE_TIMEOUT',
      details: { policy: 'node', scope: 'deadline', limitMs: 5_000 },
      retryable: true,
      cause: { code: 'TEST_BUSY' },
    });
    expect(time.clock.monotonicMs()).toBe(0);
  });

  it('stop when the shared budget is spent, and say so with the last error', async () => {
    const budget = createRetryBudget({ share: 0.1, minimumPerSecond: 0, burst: 2, clock: time.clock });
    const policies = [1, 2].map(() => policyOf({ retry: { attempts: 10, baseMs: 0, budget } }));
    let attempts = 0;
    const failed: unknown[] = [];
    for (let i = 0; i < 100; i++) {
      const call = policies[i % 2]?.execute(() => {
        attempts++;
        throw busy();
      });
      failed.push(await time.until(Promise.resolve(call)).catch((error: unknown) => error));
    }

    // The first deposit finds the bucket full; the other 99 pay for 9 retries.
    expect(attempts).toBe(100 + 2 + 9);
    expect(failed.at(-1)).toMatchObject({
      code: 'CORE_RETRY_BUDGET_SPENT',
      retryable: true,
      details: { policy: 'node', attempts: 1 },
      cause: { code: 'TEST_BUSY' },
    });
  });
});

describe('time-outs and deadlines', () => {
  it('answer for work that does not stop, and abort its signal with a code', async () => {
    const policy = policyOf({ timeoutMs: 1_000, retry: { attempts: 2, baseMs: 0 } });
    const signals: AbortSignal[] = [];
    const call = policy.execute(({ signal }) => {
      signals.push(signal);
      return never();
    });

    await expect(time.until(call)).rejects.toMatchObject({
      code: 'CORE_TIMEOUT',
      retryable: true,
      details: { policy: 'node', scope: 'attempt', limitMs: 1_000 },
    });
    expect(time.clock.monotonicMs()).toBe(2_000);
    expect(signals.map((signal) => errorType(signal.reason))).toEqual(['CORE_TIMEOUT', 'CORE_TIMEOUT']);
  });

  it('give an attempt no more time than is left, however deep the call', async () => {
    const inner = policyOf({ timeoutMs: 60_000, retry: { attempts: 9 } });
    const middle = policyOf({ timeoutMs: 30_000 });
    const left: number[] = [];
    const call = withDeadline(
      ({ signal }) =>
        middle.execute(
          ({ signal }) =>
            inner.execute(
              ({ signal }) => {
                left.push(remainingMs(signal));
                return never();
              },
              { signal, deadlineMs: 50_000 },
            ),
          { signal },
        ),
      { deadlineMs: 7_000, clock: time.clock, timers: time.timers },
    );

    await expect(time.until(call)).rejects.toMatchObject({
      code: 'CORE_TIMEOUT',
      details: { scope: 'deadline', limitMs: 7_000 },
    });
    expect(left).toEqual([7_000]);
    expect(time.clock.monotonicMs()).toBe(7_000);
  });

  it('hold for waits in queues, for turns and between attempts', async () => {
    const bulkhead = createBulkhead({ concurrency: 1, queue: 1 });
    const policy = policyOf({ bulkhead });
    const holder = policy.execute(never, { deadlineMs: 10_000 });
    const waiting = policy.execute(() => 'never runs', { deadlineMs: 1_000 });
    await expect(time.until(waiting)).rejects.toMatchObject({ code: 'CORE_TIMEOUT' });
    expect([time.clock.monotonicMs(), bulkhead.queued]).toEqual([1_000, 0]);
    await expect(time.until(holder)).rejects.toMatchObject({ code: 'CORE_TIMEOUT' });

    const rateLimit = createRateLimit({ ...time, perSecond: 0.01, burst: 1, maxWaitMs: 1e6 });
    const slow = policyOf({ rateLimit });
    await slow.execute(() => 1);
    await expect(time.until(slow.execute(() => 1, { deadlineMs: 500 }))).rejects.toMatchObject({
      code: 'CORE_TIMEOUT',
    });
  });

  it('that are over before they begin never begin', async () => {
    let calls = 0;
    const call = policyOf({}).execute(() => calls++, { deadlineMs: 0 });

    await expect(call).rejects.toMatchObject({ code: 'CORE_TIMEOUT' });
    expect(calls).toBe(0);
  });
});

describe('cancellation', () => {
  it('leaves nothing on the signal of an attempt that is over', async () => {
    const signals: AbortSignal[] = [];
    await policyOf({ timeoutMs: 1_000 }).execute(({ signal }) => signals.push(signal));

    expect(signals.map((signal) => getEventListeners(signal, 'abort').length)).toEqual([0]);
    expect(signals[0]?.aborted).toBe(false);
  });

  it('answers at once, wherever the call is, with the reason of the signal as the cause', async () => {
    const reason = new Error('the user left');
    const bulkhead = createBulkhead({ concurrency: 2, queue: 5 });
    const rateLimit = createRateLimit({ ...time, perSecond: 0.001, burst: 2, maxWaitMs: 1e9 });
    const policy = policyOf({ bulkhead, rateLimit, retry: { attempts: 2, baseMs: 1e6, capMs: 1e6 } });
    const aborter = new AbortController();
    const { signal } = aborter;
    const calls = [
      policy.execute(never, { signal }),
      policy.execute(() => Promise.reject(busy()), { signal }),
      policy.execute(() => 'waits for its turn', { signal }),
      policy.execute(() => 'waits for a place', { signal }),
      sleep(1e9, { signal, timers: time.timers }),
      hedged([never, never], { ...time, delayMs: 1, signal }),
      withDeadline(never, { ...time, deadlineMs: 1e9, signal }),
    ];
    const answers = calls.map((call) => call.catch((error: unknown) => error));
    await time.settle();
    aborter.abort(reason);

    for (const answer of await Promise.all(answers)) {
      expect(answer).toMatchObject({ code: 'CORE_ABORTED', retryable: false });
      expect((answer as Error).cause).toBe(reason);
    }
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    await expect(policy.execute(() => 'late', { signal })).rejects.toMatchObject({ code: 'CORE_ABORTED' });
  });

  it('is told to the work with the same code, and what the work says then is dropped', async () => {
    const aborter = new AbortController();
    const policy = policyOf({});
    const call = policy.execute(
      ({ signal }) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('of the adapter')))),
      { signal: aborter.signal },
    );
    const answer = expect(call).rejects.toMatchObject({ code: 'CORE_ABORTED' });
    aborter.abort();
    await answer;
  });

  it('leaves no listener on a signal that lives through 10,000 calls, and no warning', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on('warning', onWarning);
    const { signal } = new AbortController();
    const policy = policyOf({
      timeoutMs: 1_000,
      retry: { attempts: 2, baseMs: 0 },
      breaker: createBreaker({ consecutiveFailures: 1e6, clock: time.clock }),
      bulkhead: createBulkhead({ concurrency: 50, queue: 10_000 }),
      rateLimit: createRateLimit({ ...time, perSecond: 1e6 }),
    });
    for (let round = 0; round < 100; round++) {
      const calls = Array.from({ length: 100 }, async (_, index) =>
        policy.execute(
          async () => {
            if (index % 10 === 0) throw busy();
            return index;
          },
          { signal, deadlineMs: 60_000 },
        ),
      );
      await time.until(Promise.allSettled(calls));
    }
    await time.settle();
    process.off('warning', onWarning);

    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    expect(warnings).toEqual([]);
  });
});

describe('guards', () => {
  it('answer at once and are not retried by their own policy', async () => {
    const breaker = createBreaker({ consecutiveFailures: 2, clock: time.clock, name: 'node' });
    const policy = policyOf({ breaker, retry: { attempts: 5, baseMs: 0 } });
    let calls = 0;
    const fail = (): never => {
      calls++;
      throw busy();
    };

    await expect(time.until(policy.execute(fail))).rejects.toMatchObject({ code: 'CORE_CIRCUIT_OPEN' });
    expect(calls).toBe(2);
    await expect(policy.execute(fail)).rejects.toMatchObject({ code: 'CORE_CIRCUIT_OPEN' });
    expect(calls).toBe(2);
  });

  it('of an inner policy are errors like others: the outer one may ask somebody else', async () => {
    const breaker = createBreaker({ consecutiveFailures: 1, clock: time.clock });
    const inner = policyOf({ breaker });
    await inner.execute(() => Promise.reject(busy())).catch(() => undefined);
    const outer = policyOf({ retry: { attempts: 2, baseMs: 0, capMs: 0 } });
    const call = outer.execute(({ attempt }) => (attempt === 1 ? inner.execute(() => 'first') : 'second'));

    await expect(time.until(call)).resolves.toBe('second');
  });

  it('are fast: an open circuit is not queued for', async () => {
    const bulkhead = createBulkhead({ concurrency: 1, queue: 10 });
    const breaker = createBreaker({ consecutiveFailures: 1, clock: time.clock });
    const policy = policyOf({ bulkhead, breaker });
    const holder = policy.execute(never, { deadlineMs: 1_000 });
    await breaker.run(() => Promise.reject(busy())).catch(() => undefined);

    await expect(policy.execute(() => 1)).rejects.toMatchObject({ code: 'CORE_CIRCUIT_OPEN' });
    await expect(time.until(holder)).rejects.toMatchObject({ code: 'CORE_TIMEOUT' });
  });

  it('hold a place in the bulkhead until the work has really ended, whenever the caller was answered', async () => {
    const bulkhead = createBulkhead({ concurrency: 1, queue: 1 });
    const policy = policyOf({ bulkhead, timeoutMs: 100 });
    const work = deferred<string>();
    const first = policy.execute(() => work.promise);
    await expect(time.until(first)).rejects.toMatchObject({ code: 'CORE_TIMEOUT' });
    expect(bulkhead.active).toBe(1);
    let begun = false;
    const second = policy.execute(() => (begun = true));
    await time.settle();
    expect([begun, bulkhead.queued]).toEqual([false, 1]);

    work.reject(busy());
    await expect(second).resolves.toBe(true);
    expect([bulkhead.active, bulkhead.queued]).toEqual([0, 0]);
    const aborter = new AbortController();
    const more = deferred<void>();
    const gone = policy.execute(() => more.promise, { signal: aborter.signal });
    await time.settle();
    aborter.abort();
    await expect(gone).rejects.toMatchObject({ code: 'CORE_ABORTED' });
    expect(bulkhead.active).toBe(1);
    more.resolve();
    await time.settle();
    expect(bulkhead.active).toBe(0);
  });

  it('count a time-out against the system, but not a caller that went away or was in a hurry', async () => {
    const breaker = createBreaker({ consecutiveFailures: 1, clock: time.clock });
    const policy = policyOf({ breaker, timeoutMs: 1_000 });
    const aborter = new AbortController();
    const gone = policy.execute(never, { signal: aborter.signal }).catch(() => undefined);
    aborter.abort();
    await gone;
    await time.until(policy.execute(never, { deadlineMs: 1 })).catch(() => undefined);
    expect(breaker.state).toBe('closed');

    await time.until(policy.execute(never)).catch(() => undefined);
    expect(breaker.state).toBe('open');
  });

  it('count a deadline against the system where nothing else says how long an attempt may take', async () => {
    const breaker = createBreaker({ consecutiveFailures: 1, clock: time.clock });
    await time.until(policyOf({ breaker }).execute(never, { deadlineMs: 10 })).catch(() => undefined);

    expect(breaker.state).toBe('open');
  });

  it('let a probe fail whose caller went away', async () => {
    const breaker = createBreaker({ consecutiveFailures: 1, openMs: 100, clock: time.clock });
    const policy = policyOf({ breaker });
    await policy.execute(() => Promise.reject(busy())).catch(() => undefined);
    await time.pass(100);
    const aborter = new AbortController();
    const probe = policy.execute(never, { signal: aborter.signal }).catch(() => undefined);
    await time.settle();
    expect(breaker.state).toBe('half-open');
    aborter.abort();
    await probe;

    expect(breaker.state).toBe('open');
    await time.pass(100);
    await expect(policy.execute(() => 'well')).resolves.toBe('well');
    expect(breaker.state).toBe('closed');
  });
});

describe('hedged reads', () => {
  it('ask the next source after the delay; the first answer wins and the loser is told', async () => {
    const signals: AbortSignal[] = [];
    const slow = ({ signal }: { signal: AbortSignal }): Promise<string> => {
      signals.push(signal);
      return never();
    };
    const call = hedged([slow, async () => 'second', async () => 'third'], {
      ...time,
      delayMs: 50,
      observe: (event) => events.push(event),
    });

    await expect(time.until(call)).resolves.toBe('second');
    expect(time.clock.monotonicMs()).toBe(50);
    expect(signals[0]?.reason).toMatchObject({ code: 'CORE_ABORTED' });
    expect(events).toEqual([{ kind: 'hedge', policy: 'hedge', attempt: 2 }]);
  });

  it('ask the first source alone when it is quick', async () => {
    let asked = 0;
    const quick = async (): Promise<number> => ++asked;

    await expect(hedged([quick, quick], { ...time, delayMs: 50 })).resolves.toBe(1);
    await time.pass(1_000);
    expect(asked).toBe(1);
  });

  it('ask the next source at once when one fails, and answer the last error when all do', async () => {
    const fail = (n: number) => async () => Promise.reject(busy({ n }));
    await expect(hedged([fail(1), async () => 'well'], { ...time, delayMs: 1e6 })).resolves.toBe('well');
    await expect(hedged([fail(1), fail(2), fail(3)], { ...time, delayMs: 1e6 })).rejects.toMatchObject({
      details: { n: 3 },
    });
    expect(time.clock.monotonicMs()).toBe(0);
  });

  it('take an error that is not retryable for an answer', async () => {
    const sources = [async () => Promise.reject(wrong()), async () => 'not asked'];

    await expect(hedged(sources, { ...time, delayMs: 1 })).rejects.toMatchObject({ code: 'TEST_WRONG' });
  });

  it('do not ask anybody any more once there is an answer, also when the first fails in the same turn', async () => {
    let asked = 0;
    let fail: (error: unknown) => void = () => undefined;
    let answer: (text: string) => void = () => undefined;
    const sources = [
      () => new Promise<string>((_, reject) => (fail = reject)),
      () => new Promise<string>((resolve) => (answer = resolve)),
      async () => `third ${++asked}`,
    ];
    const call = hedged(sources, { ...time, delayMs: 10 });
    await time.pass(10);
    answer('second');
    fail(busy());

    await expect(call).resolves.toBe('second');
    await time.pass(100);
    expect(asked).toBe(0);
  });

  it('leave neither timer nor listener behind at the moment of the answer', async () => {
    const { signal } = new AbortController();
    const quick = async (): Promise<string> => 'first';

    await expect(hedged([quick, quick], { ...time, delayMs: 50, deadlineMs: 1_000, signal })).resolves.toBe('first');
    expect([time.pending(), getEventListeners(signal, 'abort').length]).toEqual([0, 0]);
  });

  it('are paid from the budget', async () => {
    const budget = createRetryBudget({ share: 0, minimumPerSecond: 0, burst: 1, clock: time.clock });
    let asked = 0;
    const slow = (): Promise<never> => {
      asked++;
      return never();
    };
    for (let i = 0; i < 3; i++) {
      const call = hedged([slow, slow], { ...time, delayMs: 1, budget, deadlineMs: 100 });
      await expect(time.until(call)).rejects.toMatchObject({ code: 'CORE_TIMEOUT' });
    }

    expect(asked).toBe(4);
  });
});

it('tells observers of attempts, retries and the end, and survives an observer that throws', async () => {
  const policy = policyOf({ retry: { attempts: 2, baseMs: 0 } });
  await time.until(
    policy.execute(({ attempt }) => {
      if (attempt === 1) throw busy();
      return 'well';
    }),
  );
  expect(events).toEqual([
    { kind: 'attempt', policy: 'node', attempt: 1, errorType: 'TEST_BUSY', durationMs: 0 },
    { kind: 'retry', policy: 'node', attempt: 2, delayMs: 0, errorType: 'TEST_BUSY' },
    { kind: 'attempt', policy: 'node', attempt: 2, durationMs: 0 },
    { kind: 'call', policy: 'node', attempts: 2, durationMs: 0 },
  ]);

  events = [];
  await time
    .until(policyOf({}).execute(() => sleep(30, { timers: time.timers }).then(() => Promise.reject(wrong()))))
    .catch(() => undefined);
  expect(events).toEqual([
    { kind: 'attempt', policy: 'node', attempt: 1, errorType: 'TEST_WRONG', durationMs: 30 },
    { kind: 'call', policy: 'node', attempts: 1, errorType: 'TEST_WRONG', durationMs: 30 },
  ]);

  const rude = policyOf({
    observe: () => {
      throw new Error('observer');
    },
  });
  await expect(rude.execute(() => 'well')).resolves.toBe('well');
});

it('reads errors that resist being read', () => {
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  expect(isRetryable(revoked.proxy)).toBe(false);
  expect(errorType(revoked.proxy)).toBe('object');
  expect(errorType({ code: 'a secret of spaces and signs!' })).toBe('object');
  expect(errorType(undefined)).toBe('undefined');
});

it('lets the process end as soon as its calls have settled', async () => {
  const script = `
    import { createRateLimit, hedged, resilient, sleep, withDeadline } from '@bitcoin-enterprise/core/resilience';
    const policy = resilient({ timeoutMs: 600_000, rateLimit: createRateLimit({ perSecond: 1 }) });
    await policy.execute(async () => 1, { deadlineMs: 600_000 });
    await withDeadline(async () => 1, { deadlineMs: 600_000 });
    await hedged([async () => 1, async () => 2], { delayMs: 600_000 });
    await sleep(600_000, { signal: AbortSignal.timeout(5) }).catch(() => undefined);
    process.stdout.write('done');
  `;
  const arguments_ = ['--conditions=@bitcoin-enterprise/source', '--input-type=module', '--eval', script];
  const cwd = resolve(import.meta.dirname, '..');
  const { stdout, stderr } = await promisify(execFile)(process.execPath, arguments_, { cwd, timeout: 30_000 });

  expect([stdout, stderr]).toEqual(['done', '']);
});

it('answers absurd arguments with a code', async () => {
  const junk: readonly unknown[] = [
    undefined,
    null,
    -1,
    Number.NaN,
    Infinity,
    '',
    'x',
    [],
    () => 1,
    Symbol('x'),
    { name: 1 },
  ];
  const fields = ['timeoutMs', 'retry', 'breaker', 'bulkhead', 'rateLimit', 'observe', 'clock', 'timers', 'entropy'];
  const codeOfAnswer = async (call: () => unknown): Promise<string> => {
    try {
      await call();
      return 'no error';
    } catch (error) {
      return errorType(error);
    }
  };
  const loose = <T>(value: unknown): T => value as T;
  const good = async (): Promise<number> => 1;
  for (const value of junk) {
    const calls: Array<() => unknown> = [
      ...fields.map((field) => () => resilient(loose({ [field]: value }))),
      ...['attempts', 'baseMs', 'capMs', 'budget', 'isRetryable'].map(
        (field) => () => resilient({ retry: loose({ [field]: value }) }),
      ),
      () => resilient(loose(value)),
      () => resilient().execute(loose(value)),
      () => resilient().execute(good, loose(value)),
      () => resilient().execute(good, loose({ signal: value })),
      () => resilient().execute(good, loose({ deadlineMs: value })),
      () => createBreaker(loose(value)),
      () => createBreaker(loose({ sampling: value })),
      () => createBreaker(loose({ openMs: value })),
      () => createBulkhead(loose(value)),
      () => createBulkhead(loose({ concurrency: value })),
      () => createBulkhead({ concurrency: 1 }).run(loose(value)),
      () => createRateLimit(loose(value)),
      () => createRateLimit(loose({ perSecond: value })),
      () => createRateLimit({ perSecond: 1 }).take(loose(value)),
      () => createRetryBudget(loose({ share: value })),
      () => withDeadline(loose(value), { deadlineMs: 1 }),
      () => withDeadline(good, loose(value)),
      () => hedged(loose(value), { delayMs: 1 }),
      () => hedged([good], loose(value)),
      () => hedged([good], loose({ delayMs: value })),
      () => sleep(loose(value), { timers: time.timers, signal: AbortSignal.abort() }),
    ];
    for (const call of calls) expect(await codeOfAnswer(call)).toMatch(/^(no error|CORE_[A-Z_]+)$/);
  }
});

describe('an argument of the wrong type or out of range', () => {
  const good = async (): Promise<number> => 1;
  const loose = <T>(value: unknown): T => value as T;
  const jitter = { baseMs: 1, capMs: 1, entropy: createSeededEntropy('jitter') };
  const types: ReadonlyArray<readonly [string, (value: unknown) => unknown, readonly unknown[]]> = [
    ['resilient.name', (value) => resilient({ name: loose(value) }), [1, null]],
    ['resilient.timeoutMs', (value) => resilient({ timeoutMs: loose(value) }), ['1', null]],
    ['resilient.retry', (value) => resilient({ retry: loose(value) }), [1, null, []]],
    ['resilient.breaker', (value) => resilient({ breaker: loose(value) }), [1, { run: good }, { check: good }]],
    ['resilient.bulkhead', (value) => resilient({ bulkhead: loose(value) }), [1, {}]],
    ['resilient.rateLimit', (value) => resilient({ rateLimit: loose(value) }), [1, {}]],
    ['resilient.observe', (value) => resilient({ observe: loose(value) }), [1, {}]],
    ['resilient.clock', (value) => resilient({ clock: loose(value) }), [1, {}]],
    ['resilient.timers', (value) => resilient({ timers: loose(value) }), [1, {}]],
    ['resilient.entropy', (value) => resilient({ entropy: loose(value) }), [1, {}]],
    ['retry.attempts', (value) => resilient({ retry: { attempts: loose(value) } }), ['1', 1.5]],
    ['retry.baseMs', (value) => resilient({ retry: { baseMs: loose(value) } }), ['1', null]],
    ['retry.capMs', (value) => resilient({ retry: { capMs: loose(value) } }), ['1', null]],
    ['retry.budget', (value) => resilient({ retry: { budget: loose(value) } }), [1, { deposit: good }]],
    ['retry.isRetryable', (value) => resilient({ retry: { isRetryable: loose(value) } }), [true]],
    ['execute.work', (value) => resilient().execute(loose(value)), [undefined, 1]],
    ['execute.options', (value) => resilient().execute(good, loose(value)), [null, 1]],
    ['execute.signal', (value) => resilient().execute(good, { signal: loose(value) }), [1, { aborted: false }]],
    ['execute.deadlineMs', (value) => resilient().execute(good, { deadlineMs: loose(value) }), ['1']],
    ['createBreaker', (value) => createBreaker(loose(value)), [null, 1]],
    ['createBreaker.name', (value) => createBreaker({ name: loose(value) }), [1]],
    ['createBreaker.failures', (value) => createBreaker({ consecutiveFailures: loose(value) }), ['1', 1.5]],
    ['createBreaker.openMs', (value) => createBreaker({ openMs: loose(value) }), ['1']],
    ['createBreaker.probeMs', (value) => createBreaker({ probeMs: loose(value) }), ['1']],
    ['createBreaker.timers', (value) => createBreaker({ timers: loose(value) }), [1]],
    ['retry.maxRetryAfterMs', (value) => resilient({ retry: { maxRetryAfterMs: loose(value) } }), ['1']],
    ['createBreaker.isFailure', (value) => createBreaker({ isFailure: loose(value) }), [true]],
    ['createBreaker.sampling', (value) => createBreaker({ sampling: loose(value) }), [1, null]],
    ['createBreaker.calls', (value) => createBreaker({ sampling: { share: 0.5, calls: loose(value) } }), ['1', 1.5]],
    ['breaker.run', (value) => createBreaker().run(loose(value)), [1]],
    ['breaker.run.options', (value) => createBreaker().run(good, loose(value)), [null]],
    ['breaker.run.isIgnored', (value) => createBreaker().run(good, { isIgnored: loose(value) }), [1]],
    ['createBulkhead', (value) => createBulkhead(loose(value)), [undefined, null]],
    ['createBulkhead.concurrency', (value) => createBulkhead({ concurrency: loose(value) }), ['1', 1.5]],
    ['createBulkhead.queue', (value) => createBulkhead({ concurrency: 1, queue: loose(value) }), ['1', 1.5]],
    ['bulkhead.run', (value) => createBulkhead({ concurrency: 1 }).run(loose(value)), [1]],
    ['bulkhead.run.signal', (value) => createBulkhead({ concurrency: 1 }).run(good, { signal: loose(value) }), [1]],
    ['createRateLimit.perSecond', (value) => createRateLimit({ perSecond: loose(value) }), ['1', undefined]],
    ['createRateLimit.burst', (value) => createRateLimit({ perSecond: 1, burst: loose(value) }), ['1']],
    ['createRateLimit.maxWaitMs', (value) => createRateLimit({ perSecond: 1, maxWaitMs: loose(value) }), ['1']],
    ['rateLimit.take', (value) => createRateLimit({ perSecond: 1 }).take(loose(value)), [null, 1]],
    ['rateLimit.take.signal', (value) => createRateLimit({ perSecond: 1 }).take({ signal: loose(value) }), [1]],
    ['createRetryBudget', (value) => createRetryBudget(loose(value)), [null, 1]],
    ['createRetryBudget.share', (value) => createRetryBudget({ share: loose(value) }), ['1']],
    ['createRetryBudget.minimum', (value) => createRetryBudget({ minimumPerSecond: loose(value) }), ['1']],
    ['createRetryBudget.burst', (value) => createRetryBudget({ burst: loose(value) }), ['1']],
    ['withDeadline.work', (value) => withDeadline(loose(value), { deadlineMs: 1 }), [1]],
    ['withDeadline.deadlineMs', (value) => withDeadline(good, { deadlineMs: loose(value) }), [undefined, '1']],
    ['withDeadline.signal', (value) => withDeadline(good, { deadlineMs: 1, signal: loose(value) }), [1]],
    ['hedged.sources', (value) => hedged(loose(value), { delayMs: 1 }), [undefined, [], [1], good]],
    ['hedged.options', (value) => hedged([good], loose(value)), [undefined, null]],
    ['hedged.delayMs', (value) => hedged([good], { delayMs: loose(value) }), [undefined, '1']],
    ['hedged.deadlineMs', (value) => hedged([good], { delayMs: 1, deadlineMs: loose(value) }), ['1']],
    ['hedged.signal', (value) => hedged([good], { delayMs: 1, signal: loose(value) }), [1]],
    ['hedged.budget', (value) => hedged([good], { delayMs: 1, budget: loose(value) }), [1]],
    ['hedged.isRetryable', (value) => hedged([good], { delayMs: 1, isRetryable: loose(value) }), [1]],
    ['hedged.observe', (value) => hedged([good], { delayMs: 1, observe: loose(value) }), [1]],
    ['hedged.name', (value) => hedged([good], { delayMs: 1, name: loose(value) }), [1]],
    ['fullJitterMs.retry', (value) => fullJitterMs(loose(value), jitter), ['1', 1.5]],
    ['fullJitterMs.options', (value) => fullJitterMs(1, loose(value)), [undefined, null]],
    ['fullJitterMs.baseMs', (value) => fullJitterMs(1, { ...jitter, baseMs: loose(value) }), ['1', undefined]],
    ['fullJitterMs.capMs', (value) => fullJitterMs(1, { ...jitter, capMs: loose(value) }), ['1', undefined]],
    ['fullJitterMs.entropy', (value) => fullJitterMs(1, { ...jitter, entropy: loose(value) }), [1, {}, undefined]],
    ['sleep.delayMs', (value) => sleep(loose(value)), [undefined, '1']],
    ['sleep.options', (value) => sleep(0, loose(value)), [null]],
    ['sleep.signal', (value) => sleep(0, { signal: loose(value) }), [1]],
  ];
  it.for(types)('is a bug of the caller that has a code: %s', async ([, call, values]) => {
    for (const value of values)
      await expect((async () => call(value))()).rejects.toMatchObject({ code: 'CORE_INVALID_ARGUMENT' });
  });

  const ranges: ReadonlyArray<readonly [string, (value: number) => unknown, readonly number[]]> = [
    ['resilient.timeoutMs', (timeoutMs) => resilient({ timeoutMs }), [-1, Number.NaN, Infinity]],
    ['retry.attempts', (attempts) => resilient({ retry: { attempts } }), [0, -1, Infinity]],
    ['retry.baseMs', (baseMs) => resilient({ retry: { baseMs } }), [-1, Infinity]],
    ['retry.capMs', (capMs) => resilient({ retry: { capMs } }), [-1, Infinity]],
    ['execute.deadlineMs', (deadlineMs) => resilient().execute(good, { deadlineMs }), [-1, Infinity]],
    ['createBreaker.failures', (consecutiveFailures) => createBreaker({ consecutiveFailures }), [0]],
    ['createBreaker.openMs', (openMs) => createBreaker({ openMs }), [-1]],
    ['createBreaker.probeMs', (probeMs) => createBreaker({ probeMs }), [0]],
    ['retry.maxRetryAfterMs', (maxRetryAfterMs) => resilient({ retry: { maxRetryAfterMs } }), [-1]],
    ['createBreaker.maxOpenMs', (maxOpenMs) => createBreaker({ openMs: 10, maxOpenMs }), [9]],
    ['createBreaker.share', (share) => createBreaker({ sampling: { share, calls: 5 } }), [0, 1, Number.NaN]],
    ['createBreaker.calls', (calls) => createBreaker({ sampling: { share: 0.5, calls } }), [0]],
    ['createBulkhead.concurrency', (concurrency) => createBulkhead({ concurrency }), [0]],
    ['createBulkhead.queue', (queue) => createBulkhead({ concurrency: 1, queue }), [-1]],
    ['createRateLimit.perSecond', (perSecond) => createRateLimit({ perSecond }), [0, -1, 1e10]],
    ['createRateLimit.burst', (burst) => createRateLimit({ perSecond: 1, burst }), [0.5]],
    ['createRateLimit.maxWaitMs', (maxWaitMs) => createRateLimit({ perSecond: 1, maxWaitMs }), [-1]],
    ['createRetryBudget.share', (share) => createRetryBudget({ share }), [-0.1, 1.1]],
    ['createRetryBudget.minimum', (minimumPerSecond) => createRetryBudget({ minimumPerSecond }), [-1]],
    ['createRetryBudget.burst', (burst) => createRetryBudget({ burst }), [-1]],
    ['withDeadline.deadlineMs', (deadlineMs) => withDeadline(good, { deadlineMs }), [-1]],
    ['hedged.delayMs', (delayMs) => hedged([good], { delayMs }), [-1]],
    ['hedged.deadlineMs', (deadlineMs) => hedged([good], { delayMs: 1, deadlineMs }), [-1]],
    ['fullJitterMs.retry', (retry) => fullJitterMs(retry, jitter), [0]],
    ['fullJitterMs.baseMs', (baseMs) => fullJitterMs(1, { ...jitter, baseMs }), [-1]],
    ['fullJitterMs.capMs', (capMs) => fullJitterMs(1, { ...jitter, capMs }), [-1]],
    ['sleep.delayMs', (delayMs) => sleep(delayMs), [-1]],
  ];
  it.for(ranges)('is told of with its range: %s', async ([, call, values]) => {
    for (const value of values)
      await expect((async () => call(value))()).rejects.toMatchObject({
        code: 'CORE_UNIT_OUT_OF_RANGE',
        details: { value },
      });
  });
});
