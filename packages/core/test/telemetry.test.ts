import { SuiteError } from '@bitcoin-enterprise/core';
import { createBreaker, hedged, type ResilienceEvent, resilient } from '@bitcoin-enterprise/core/resilience';
import {
  isSecretName,
  metricCatalogue,
  type MetricDefinition,
  type MetricName,
  prometheusName,
  recordMetric,
  redact,
  REDACTED,
  resilienceMetrics,
  spanCatalogue,
  traced,
  tracedPolicy,
} from '@bitcoin-enterprise/core/telemetry';
import { createManualClock } from '@bitcoin-enterprise/core/testing';
import { context, metrics, SpanStatusCode, trace } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import {
  InMemorySpanExporter,
  SimpleSpanProcessor,
  StackContextManager,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import fc from 'fast-check';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';

const repository = resolve(import.meta.dirname, '../../..');
const page = readFileSync(resolve(repository, 'docs/observability/README.md'), 'utf8');

const busy = (text = 'hunter2'): SuiteError =>
  new SuiteError('TEST_BUSY', text, { details: { password: text }, retryable: true });

afterEach(() => {
  metrics.disable();
  trace.disable();
  context.disable();
});

/** The rows of a table of the page, cell by cell. */
function rowsAfter(heading: string): readonly (readonly string[])[] {
  const section = page.slice(page.indexOf(`\n## ${heading}\n`)).split(/\n## /)[1] ?? '';
  return section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

const code = (text: string): string => `\`${text}\``;

describe('the catalogue', () => {
  it('is what the page says, and the page is what it says', () => {
    const catalogue = Object.entries(metricCatalogue).map(([name, metric]: [string, MetricDefinition]) => [
      code(name),
      code(prometheusName(name, metric)),
      metric.kind,
      code(metric.unit),
      metric.attributes.map(code).join(', '),
    ]);
    const spans = Object.entries(spanCatalogue).map(([name, span]) => [
      code(name),
      '`tracedPolicy`',
      span.attributes.map(code).join(', '),
    ]);

    expect(rowsAfter('Metrics')).toEqual(catalogue);
    expect(rowsAfter('Spans')).toEqual(spans);
  });

  it('has names that OpenTelemetry and Prometheus accept, no two of them alike there', () => {
    const names = Object.entries(metricCatalogue).map(([name, metric]) => prometheusName(name, metric));
    for (const name of Object.keys(metricCatalogue)) expect(name).toMatch(/^[a-z][a-z_.]{1,254}$/);
    for (const name of names) expect(name).toMatch(/^[a-z_]+$/);

    expect(new Set(names).size).toBe(names.length);
  });

  it('is all that the suite records, names and attributes', async () => {
    const { provider, points } = memoryMetrics();
    await exerciseEverything(provider);
    const recorded = await points();

    expect(new Set(recorded.map(({ name }) => name))).toEqual(new Set(Object.keys(metricCatalogue)));
    for (const { name, unit, attributes } of recorded) {
      const metric: MetricDefinition | undefined = (metricCatalogue as Readonly<Record<string, MetricDefinition>>)[
        name
      ];
      expect(unit).toBe(metric?.unit);
      for (const attribute of Object.keys(attributes)) expect(metric?.attributes).toContain(attribute);
    }
  });
});

describe('the dashboard', () => {
  const dashboard = JSON.parse(
    readFileSync(resolve(repository, 'docs/observability/grafana-dashboard.json'), 'utf8'),
  ) as {
    readonly panels: ReadonlyArray<{
      readonly title: string;
      readonly targets: ReadonlyArray<{ readonly expr: string }>;
    }>;
    readonly templating: { readonly list: ReadonlyArray<{ readonly type: string; readonly query: string }> };
  };
  const expressions = [
    ...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
    ...dashboard.templating.list.filter(({ type }) => type === 'query').map(({ query }) => query),
  ];
  const known = new Map<string, readonly string[]>();
  for (const [name, metric] of Object.entries(metricCatalogue) as [string, MetricDefinition][]) {
    const labels = metric.attributes.map((attribute) => attribute.replaceAll('.', '_'));
    const base = prometheusName(name, metric);
    if (metric.kind !== 'histogram') known.set(base, labels);
    else
      for (const suffix of ['_bucket', '_sum', '_count'])
        known.set(base + suffix, [...labels, ...(suffix === '_bucket' ? ['le'] : [])]);
  }

  /** What an expression asks for: metrics with the labels they are selected and grouped by. */
  function asked(expression: string): { readonly metrics: readonly string[]; readonly labels: readonly string[] } {
    const names = [...expression.matchAll(/\b[a-z_]*bitcoin_[a-z_]+/g)].map(([name]) => name);
    const selected = [...expression.matchAll(/\{([^}]*)\}/g)].flatMap(([, inner]) =>
      [...(inner ?? '').matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label]) => label ?? ''),
    );
    const grouped = [...expression.matchAll(/\b(?:by|without|on|ignoring) \(([^)]*)\)/g)].flatMap(([, inner]) =>
      (inner ?? '').split(',').map((label) => label.trim()),
    );
    const values = [...expression.matchAll(/label_values\(\w+, (\w+)\)/g)].map(([, label]) => label ?? '');
    return { metrics: names, labels: [...selected, ...grouped, ...values] };
  }

  it.for(expressions)('asks for what there is: %s', (expression) => {
    const { metrics: names, labels } = asked(expression);
    expect(names.length).toBeGreaterThan(0);
    for (const name of names) {
      expect([...known.keys()]).toContain(name);
      for (const label of labels) expect(known.get(name)).toContain(label);
    }
  });

  it('shows every metric of the catalogue', () => {
    const shown = expressions.flatMap((expression) => asked(expression).metrics);
    for (const [name, metric] of Object.entries(metricCatalogue))
      expect(shown.some((one) => one.startsWith(prometheusName(name, metric)))).toBe(true);
  });
});

describe('traces', () => {
  it('have the code of an error as their status, and nothing of its text', async () => {
    const { spans } = memoryTraces();
    const call = traced('app.settle', { order: 'o-1', rpcPassword: 'hunter2', fee: 5n }, (add) => {
      add({ url: 'http://user:hunter2@node', long: 'x'.repeat(5_000), bytes: new Uint8Array(3) as unknown as string });
      throw busy();
    });
    await expect(call).rejects.toMatchObject({ code: 'TEST_BUSY' });
    await traced('app.settle', {}, () => 'well');
    const [failed, well] = spans();

    expect(failed).toMatchObject({
      name: 'app.settle',
      status: { code: SpanStatusCode.ERROR },
      attributes: {
        order: 'o-1',
        rpcPassword: REDACTED,
        fee: '5',
        url: 'http://user:[redacted]@node',
        bytes: 'Uint8Array of 3 bytes',
        'error.type': 'TEST_BUSY',
      },
      events: [],
    });
    expect(JSON.stringify([failed?.attributes, failed?.status, failed?.events])).not.toContain('hunter2');
    expect(String(failed?.attributes['long']).length).toBeLessThanOrEqual(257);
    expect(well?.status.code).toBe(SpanStatusCode.UNSET);
    expect(well?.attributes).toEqual({});
  });

  it('of a policy have its attempts inside of the call', async () => {
    const { spans } = memoryTraces();
    const policy = tracedPolicy(resilient({ retry: { attempts: 2, baseMs: 0 } }), { name: 'node' });
    await policy.execute(({ attempt }) => {
      if (attempt === 1) throw busy();
      return 'well';
    });
    const all = spans();
    const call = all.find(({ name }) => name === 'bitcoin_enterprise.call');

    expect(all.map(({ name, attributes }) => [name, attributes])).toEqual([
      ['bitcoin_enterprise.attempt', { policy: 'node', attempt: 1, 'error.type': 'TEST_BUSY' }],
      ['bitcoin_enterprise.attempt', { policy: 'node', attempt: 2 }],
      ['bitcoin_enterprise.call', { policy: 'node' }],
    ]);
    expect(all[0]?.parentSpanContext?.spanId).toBe(call?.spanContext().spanId);
    for (const { name, attributes } of all) {
      const span = (spanCatalogue as Readonly<Record<string, { readonly attributes: readonly string[] }>>)[name];
      for (const attribute of Object.keys(attributes)) expect(span?.attributes).toContain(attribute);
    }
  });
});

describe('metrics', () => {
  it('come to life when the app registers a provider, also after the first call', async () => {
    const observe = resilienceMetrics();
    const policy = resilient({ name: 'node', observe });
    await policy.execute(() => 1);
    const { provider, points } = memoryMetrics();
    metrics.setGlobalMeterProvider(provider);
    await policy.execute(() => 2);

    expect((await points()).find(({ name }) => name === 'bitcoin_enterprise.call.attempts')?.value).toBe(1);
  });

  it('say where a breaker stands', async () => {
    const { provider, points } = memoryMetrics();
    const clock = createManualClock();
    const observe = resilienceMetrics({ meterProvider: provider });
    const breaker = createBreaker({ name: 'node', consecutiveFailures: 1, openMs: 10, observe, clock });
    const state = async (): Promise<unknown> =>
      (await points()).find(({ name }) => name === 'bitcoin_enterprise.breaker.state')?.value;
    await breaker.run(() => Promise.reject(busy())).catch(() => undefined);
    expect(await state()).toBe(2);
    clock.advanceMs(10);
    await breaker.run(async () => expect(await state()).toBe(1));

    expect(await state()).toBe(0);
    const transitions = (await points()).filter(({ name }) => name === 'bitcoin_enterprise.breaker.transitions');
    expect(transitions.map(({ attributes }) => attributes)).toEqual(
      ['open', 'half-open', 'closed'].map((state) => ({ policy: 'node', state })),
    );
  });
});

describe('redaction', () => {
  it('knows the names of secrets in all spellings, and leaves public names alone', () => {
    const secret = [
      'password',
      'rpc_password',
      'PASSWD',
      'passphrase',
      'x-api-key',
      'apiKey',
      'accessToken',
      'seed',
      'walletSeed',
      'mnemonic',
      'private_key',
      'privKey',
      'signingKey',
      'xprv',
      'wif',
      'Authorization',
      'set-cookie',
      'macaroon',
      'preimage',
      'clientSecret',
      'auth',
      'pin',
    ];
    const open = [
      'publicKey',
      'key',
      'txid',
      'passing',
      'author',
      'seedNodes',
      'pinned',
      'height',
      'scriptPubKey',
      'xpub',
      'compass',
    ];

    expect(secret.filter((name) => !isSecretName(name))).toEqual([]);
    expect(open.filter(isSecretName)).toEqual([]);
  });

  it('finds secrets by their form in any text', () => {
    const xprv = `xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi`;
    const pem = '-----BEGIN EC PRIVATE KEY-----\nhunter2\n-----END EC PRIVATE KEY-----';
    const texts = [
      'postgres://app:hunter2@db/x',
      'Authorization: Bearer hunter2hunter2',
      `key ${xprv}`,
      pem,
      'a://:hunter2@h',
      'a://:12/hunter2@h',
      'nats://hunter2@host:4222',
      'connected to "nats://hunter2@h1", not "nats://u:hunter2@h2"',
      'postgres://app:hun/ter/hunter2@db/x',
      'postgres://app:p@ss/hunter2@db/x',
      'postgres://app:p/ss@hunter2@db/x',
      'https://hunter2@github.com/a/b',
    ];

    for (const text of texts) {
      const shown = String(redact(text));
      expect(shown).toContain(REDACTED);
      expect(shown).not.toMatch(/hunter2|9s21Zr/);
    }
    for (const open of ['http://host:8332/@x', 'https://host/@name/x', 'https://host/a?b=c@d', 'mail to a@b.example'])
      expect(redact(open)).toBe(open);
    expect(redact('nats://tok@host:4222, http://u:a/b@h1 http://u:c@h2')).toBe(
      'nats://[redacted]@host:4222, http://u:[redacted]@h1 http://u:[redacted]@h2',
    );
    expect(redact(`${'x'.repeat(1_990)} http://user:hunter2hunter2@host`)).not.toContain('hunter2');
  });

  it('keeps errors of the suite as their JSON, and of others their class and place', () => {
    const shown = redact({
      mine: busy('text'),
      other: Object.assign(new RangeError('hunter2\n    at hunter2 (x:1:1)'), { code: 'E_X' }),
    });

    expect(shown).toMatchObject({
      mine: { code: 'TEST_BUSY', retryable: true, details: { password: REDACTED } },
      other: { name: 'E_X', at: expect.arrayContaining([expect.stringMatching(/telemetry\.test\.ts:\d+:\d+/)]) },
    });
    expect(JSON.stringify(shown)).not.toContain('hunter2');
  });

  it('shows what a log can bear, and never throws', () => {
    const circular: Record<string, unknown> = {
      amount: 1n,
      none: undefined,
      bytes: new Uint8Array(2),
      nan: Number.NaN,
    };
    circular['self'] = circular;
    const revoked = Proxy.revocable({}, {});
    revoked.revoke();
    const bad = {
      get field(): never {
        throw new Error('no');
      },
    };
    const rude = {
      toJSON() {
        throw new Error('no');
      },
    };
    let deep: unknown = 1;
    for (let i = 0; i < 100; i++) deep = [deep];

    expect(redact(circular)).toEqual({ amount: '1', bytes: 'Uint8Array of 2 bytes', nan: 'NaN', self: 'circular' });
    expect(redact([revoked.proxy, bad, rude, () => 1, Symbol('x')])).toEqual([
      'unreadable',
      'unreadable',
      'unreadable',
      'function',
      'symbol',
    ]);
    expect(JSON.stringify(redact(deep))).toContain('too deep');
    expect(JSON.stringify(redact(Array.from({ length: 5_000 }, () => [1, 2, 3]))).length).toBeLessThan(50_000);
    expect(String(redact('x'.repeat(1_000_000))).length).toBeLessThan(3_000);
  });

  it('of anything is JSON without the secret', () => {
    fc.assert(
      fc.property(
        fc.anything({ withBigInt: true, withDate: true, withTypedArray: true, withNullPrototype: true }),
        (value) => {
          const shown = JSON.stringify(
            redact({ value, password: value === undefined ? 'hunter2' : value, token: 'hunter2' }),
          );
          expect(shown).not.toContain('hunter2');
        },
      ),
      { numRuns: process.env['BE_LONG'] === '1' ? 100_000 : 2_000 },
    );
  });
});

it('lets nothing leave the process: no socket, no server, no timer, no SDK', async () => {
  const script = `
    import net from 'node:net';
    import dgram from 'node:dgram';
    import dns from 'node:dns';
    const touched = [];
    for (const [of, name] of [[net.Socket.prototype, 'connect'], [net.Server.prototype, 'listen'], [dgram, 'createSocket'], [dns, 'lookup'], [globalThis, 'fetch']])
      of[name] = () => { touched.push(name); throw new Error(name); };
    const { silentLogger } = await import('@bitcoin-enterprise/core');
    const { createBreaker, hedged, resilient } = await import('@bitcoin-enterprise/core/resilience');
    const { recordMetric, resilienceMetrics, traced, tracedPolicy } = await import('@bitcoin-enterprise/core/telemetry');
    const { createPrometheus } = await import('@bitcoin-enterprise/core/prometheus');
    const observe = resilienceMetrics();
    const policy = tracedPolicy(resilient({ name: 'node', observe, timeoutMs: 1000, breaker: createBreaker({ observe }) }), { name: 'node' });
    await policy.execute(async () => 1);
    await policy.execute(async () => { throw new Error('x'); }).catch(() => undefined);
    await traced('app.work', { a: 1 }, async () => 1);
    await hedged([async () => 1], { delayMs: 1, observe });
    recordMetric('bitcoin_enterprise.call.hedges', 1);
    silentLogger.error('x');
    const prometheus = createPrometheus();
    const provider = prometheus.meterProvider;
    await resilient({ name: 'node', observe: resilienceMetrics({ meterProvider: provider }) }).execute(async () => 1);
    const length = (await prometheus.text()).length;
    if (process.argv.includes('loud')) net.connect(1).on('error', () => undefined);
    const busy = process.getActiveResourcesInfo().filter((name) => !/^(TTY|Pipe|FSReq|File)/.test(name));
    process.stdout.write(JSON.stringify({ touched, busy, scraped: length > 100 }));
  `;
  const flags = ['--conditions=@bitcoin-enterprise/source', '--input-type=module', '--eval', script];
  const options = { cwd: resolve(import.meta.dirname, '..'), timeout: 30_000 };
  const { stdout } = await promisify(execFile)(process.execPath, flags, options);

  expect(JSON.parse(stdout)).toEqual({ touched: [], busy: [], scraped: true });
  // The guard itself is seen to fail.
  await expect(promisify(execFile)(process.execPath, [...flags, 'loud'], options)).rejects.toThrow('connect');
});

interface Point {
  readonly name: string;
  readonly unit: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly value: unknown;
}

/** A real SDK that keeps metrics in memory. */
function memoryMetrics(): { readonly provider: MeterProvider; readonly points: () => Promise<readonly Point[]> } {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 2_000_000_000 });
  const provider = new MeterProvider({ readers: [reader] });
  return {
    provider,
    async points() {
      const { resourceMetrics } = await reader.collect();
      return resourceMetrics.scopeMetrics.flatMap(({ metrics: all }) =>
        all.flatMap(({ descriptor: { name, unit }, dataPoints }) =>
          dataPoints.map(({ attributes, value }) => ({ name, unit, attributes, value })),
        ),
      );
    },
  };
}

/** A real SDK that keeps spans in memory. */
function memoryTraces(): { readonly spans: () => ReturnType<InMemorySpanExporter['getFinishedSpans']> } {
  const exporter = new InMemorySpanExporter();
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }));
  context.setGlobalContextManager(new StackContextManager().enable());
  return { spans: () => exporter.getFinishedSpans() };
}

/** Makes every event there is happen once at least. */
async function exerciseEverything(meterProvider: MeterProvider): Promise<void> {
  const kinds = new Set<ResilienceEvent['kind']>();
  const tell = resilienceMetrics({ meterProvider });
  const observe = (event: ResilienceEvent): void => {
    kinds.add(event.kind);
    tell(event);
  };
  const breaker = createBreaker({ name: 'node', consecutiveFailures: 2, observe });
  const policy = resilient({ name: 'node', observe, breaker, retry: { attempts: 2, baseMs: 0 } });
  await policy.execute(() => Promise.reject(busy())).catch(() => undefined);
  await hedged([() => Promise.reject(busy()), () => 1], { delayMs: 1, observe, name: 'node' });
  await traced('app.work', {}, () => 1, { meterProvider });
  await traced('app.work', {}, () => Promise.reject(busy()), { meterProvider }).catch(() => undefined);
  recordMetric('bitcoin_enterprise.call.hedges', 1, { meterProvider });
  expect(kinds).toEqual(new Set(['attempt', 'retry', 'hedge', 'call', 'breaker']));
}

it('refuses wrong arguments with a code', async () => {
  const loose = <T>(value: unknown): T => value as T;
  const calls: ReadonlyArray<() => unknown> = [
    () => recordMetric('toString' as MetricName, 1),
    () => recordMetric(undefined as unknown as MetricName, 1),
    () => recordMetric('bitcoin_enterprise.call.hedges', loose('1')),
    () => recordMetric('bitcoin_enterprise.call.hedges', 1, loose(null)),
    () => recordMetric('bitcoin_enterprise.call.hedges', 1, { meterProvider: loose({}) }),
    () => resilienceMetrics(loose(null)),
    () => resilienceMetrics({ meterProvider: loose(1) }),
    () => traced('', {}, () => 1),
    () => traced(loose(1), {}, () => 1),
    () => traced('a', loose(null), () => 1),
    () => traced('a', {}, loose(1)),
    () => traced('a', {}, () => 1, loose(null)),
    () => traced('a', {}, () => 1, { tracerProvider: loose({}) }),
    () => tracedPolicy(loose(undefined), { name: 'a' }),
    () => tracedPolicy(resilient(), loose(undefined)),
    () => tracedPolicy(resilient(), { name: loose(1) }),
    () => tracedPolicy(resilient(), { name: 'a' }).execute(loose(1)),
    () => prometheusName(loose(1), { kind: 'gauge', unit: '' }),
    () => prometheusName('a', loose(null)),
  ];
  for (const call of calls)
    await expect((async () => call())()).rejects.toMatchObject({ code: 'CORE_INVALID_ARGUMENT' });
  expect(isSecretName(loose(1))).toBe(false);
});
