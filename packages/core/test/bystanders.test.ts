import { SuiteError } from '@bitcoin-enterprise/core';
import { hedged, resilient, type ResilienceObserver } from '@bitcoin-enterprise/core/resilience';
import { redact, traced, type TraceOptions } from '@bitcoin-enterprise/core/telemetry';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const busy = (): never => {
  throw new SuiteError('TEST_BUSY', 'busy', { details: {}, retryable: true });
};
const broken = (): never => {
  throw new Error('broken bystander');
};
let unheard: unknown[] = [];
const hear = (error: unknown): void => void unheard.push(error);
const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

beforeEach(() => {
  unheard = [];
  process.on('unhandledRejection', hear);
  process.on('uncaughtException', hear);
});
afterEach(async () => {
  await turn();
  process.off('unhandledRejection', hear);
  process.off('uncaughtException', hear);
  expect(unheard).toEqual([]);
});

describe('who only judges, pays or looks on', () => {
  it('ends a hedged read with its own failure, and not the process', async () => {
    await expect(hedged([busy, busy], { delayMs: 5, isRetryable: broken })).rejects.toThrow('broken bystander');
    const budget = { deposit: () => undefined, withdraw: broken, available: () => 0 };
    const stuck = (): Promise<never> => new Promise(() => undefined);
    await expect(hedged([stuck, busy], { delayMs: 1, budget })).rejects.toThrow('broken bystander');
    await expect(hedged([busy, busy], { delayMs: 1_000, budget })).rejects.toThrow('broken bystander');
  });

  it('may fail later, as an observer that is asynchronous, without anybody hearing of it', async () => {
    const later = async (): Promise<void> => {
      await turn();
      broken();
    };
    const observe = later as ResilienceObserver;
    expect(await resilient({ observe }).execute(() => 'answer')).toBe('answer');
    await turn();
    await turn();
  });

  it('does not turn work that was done into a failure', async () => {
    const meterProvider = { getMeter: broken } as unknown as NonNullable<TraceOptions['meterProvider']>;
    const span = { end: broken, setAttribute: broken, setAttributes: broken, setStatus: broken };
    const tracer = { startActiveSpan: (...all: readonly unknown[]) => (all.at(-1) as (it: object) => unknown)(span) };
    const tracerProvider = { getTracer: () => tracer } as unknown as NonNullable<TraceOptions['tracerProvider']>;
    const options = { meterProvider, tracerProvider };
    const pay = (add: (facts: object) => void): string => {
      add({ outputs: 2 } as never);
      return 'paid';
    };

    expect(await traced('app.pay', {}, pay as never, options)).toBe('paid');
    await expect(traced('app.pay', {}, busy, options)).rejects.toThrow('TEST_BUSY');
  });
});

describe('a text that is shown', () => {
  it.for([
    ['a password with an at sign', 'http://user:hunter2@hunter2@node:8332/x', 'http://user:[redacted]@node:8332/x'],
    ['a query', 'GET /?api_key=hunter2&page=2', 'GET /?api_key=[redacted]&page=2'],
    ['a connection string', 'host=db password=hunter2 dbname=x', 'host=db password=[redacted] dbname=x'],
    ['a quoted one', "host=db password='hunter2 hunter2' dbname=x", 'host=db password=[redacted] dbname=x'],
    ['JSON in a text', 'got {"password":"hun\\"ter2","fee":5}', 'got {"password":"[redacted]","fee":5}'],
    [
      'a key in wallet import format',
      'import L1aW4aubDFB7yfras2S1mN3bqg9nwySY8nkoLmJebSLD5BWv3ENZ now',
      'import [redacted] now',
    ],
  ] as const)('has no secret: %s', ([, text, shown]) => {
    expect(redact(text)).toBe(shown);
  });

  it('keeps what is none', () => {
    for (const text of ['http://host:8332/@x', 'a=b&c=d', 'expected token: string', '{"fee":"5"}', 'bc1qtoken'])
      expect(redact(text)).toBe(text);
    const started = performance.now();
    redact('password'.repeat(1_000));
    redact('a-'.repeat(4_000));
    redact('"token":"'.repeat(900));
    redact('://a:'.repeat(1_600));
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});
