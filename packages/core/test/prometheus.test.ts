import { createPrometheus } from '@bitcoin-enterprise/core/prometheus';
import { recordMetric } from '@bitcoin-enterprise/core/telemetry';
import { type Attributes, ValueType } from '@opentelemetry/api';
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import fc from 'fast-check';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { prometheusText } from '../src/prometheus/text.ts';
import { type Family, parsePrometheus } from './prometheus-parser.ts';

const hostile = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', '"', '\\', '\n', '{', '}', ',', '=', ' ', 'é', '\u{1F600}'), maxLength: 12 }),
  fc.string({ maxLength: 20 }),
);
const attributes: fc.Arbitrary<Attributes> = fc.dictionary(
  fc.oneof(
    fc.constantFrom('policy', 'error.type', 'error_type', 'le', '__name__', '0x', 'a-b', 'é'),
    fc.string({ minLength: 1, maxLength: 6 }),
  ),
  fc.oneof(hostile, fc.double({ noNaN: true }), fc.boolean(), fc.array(hostile, { maxLength: 2 })),
  { maxKeys: 4 },
);
const instrument = fc.record({
  name: fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9_.\-/]{0,20}$/),
  unit: fc.constantFrom('', 's', 'ms', 'By', '{thing}', '1', '%'),
  description: hostile,
  kind: fc.constantFrom('counter', 'gauge', 'histogram', 'upDown'),
  points: fc.array(fc.tuple(attributes, fc.double({ min: -1e6, max: 1e6, noNaN: true })), { maxLength: 5 }),
});

function record(provider: MeterProvider, one: typeof instrument extends fc.Arbitrary<infer T> ? T : never): void {
  const meter = provider.getMeter('test');
  const options = { unit: one.unit, description: one.description, valueType: ValueType.DOUBLE };
  for (const [labels, value] of one.points) {
    if (one.kind === 'counter') meter.createCounter(one.name, options).add(Math.abs(value), labels);
    else if (one.kind === 'upDown') meter.createUpDownCounter(one.name, options).add(value, labels);
    else if (one.kind === 'gauge') meter.createGauge(one.name, options).record(value, labels);
    else meter.createHistogram(one.name, options).record(Math.abs(value), labels);
  }
}

function collector(): { readonly provider: MeterProvider; readonly reader: PeriodicExportingMetricReader } {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 2_000_000_000 });
  return { provider: new MeterProvider({ readers: [reader] }), reader };
}

describe('the text for Prometheus', () => {
  it('is read by a strict parser, whatever names, units and attributes an app has', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(instrument, { maxLength: 6 }), async (all) => {
        const { provider, reader } = collector();
        for (const one of all) record(provider, one);
        const { resourceMetrics } = await reader.collect();
        parsePrometheus(prometheusText(resourceMetrics));
        await provider.shutdown();
      }),
      { numRuns: process.env['BE_LONG'] === '1' ? 10_000 : 300 },
    );
  });

  it('has the values that the exporter of OpenTelemetry has', async () => {
    const { provider, reader } = collector();
    const plain = fc.dictionary(fc.constantFrom('policy', 'state'), fc.string({ maxLength: 8 }));
    const samples = fc.sample(fc.tuple(plain, fc.integer({ min: 0, max: 1_000 })), { numRuns: 50, seed: 1 });
    for (const [labels, value] of samples)
      for (const [name, kind] of [
        ['a.counter', 'counter'],
        ['a.gauge', 'gauge'],
        ['a.duration', 'histogram'],
        ['a.level', 'upDown'],
      ] as const)
        record(provider, { name, kind, unit: '', description: 'About\\it\nall', points: [[labels, value]] });
    const { resourceMetrics } = await reader.collect();
    const theirs = new PrometheusSerializer(undefined, false, undefined, true, true).serialize(
      resourceMetrics as never,
    );
    const plainOf = (families: ReadonlyMap<string, Family>): unknown =>
      [...families.values()].map(({ name, type, help, samples: all }) => ({
        name,
        type,
        help,
        samples: new Map([...all].toSorted(([a], [b]) => (a < b ? -1 : 1))),
      }));

    expect(plainOf(parsePrometheus(prometheusText(resourceMetrics)))).toEqual(plainOf(parsePrometheus(theirs)));
  });

  it('says help and type once for each family', async () => {
    const { meterProvider, text, close } = createPrometheus();
    const options = { meterProvider };
    recordMetric('bitcoin_enterprise.call.retries', 3, {
      ...options,
      attributes: { policy: 'a "b"\\\n', 'error.type': 'X' },
    });
    recordMetric('bitcoin_enterprise.call.retries', 1, { ...options, attributes: { policy: 'b' } });
    recordMetric('bitcoin_enterprise.call.duration', 0.3, { ...options, attributes: { policy: 'b' } });
    const scraped = await text();
    await close();

    expect(scraped).toMatchInlineSnapshot(`
      "# HELP bitcoin_enterprise_call_retries_total Retries that were decided on, by the error of the attempt before.
      # TYPE bitcoin_enterprise_call_retries_total counter
      bitcoin_enterprise_call_retries_total{policy="a \\"b\\"\\\\\\n",error_type="X"} 3
      bitcoin_enterprise_call_retries_total{policy="b"} 1
      # HELP bitcoin_enterprise_call_duration_seconds How long calls took, all their attempts and waits included.
      # TYPE bitcoin_enterprise_call_duration_seconds histogram
      bitcoin_enterprise_call_duration_seconds_bucket{policy="b",le="0.001"} 0
      bitcoin_enterprise_call_duration_seconds_bucket{policy="b",le="0.0025"} 0
      bitcoin_enterprise_call_duration_seconds_bucket{policy="b",le="0.005"} 0
      bitcoin_enterprise_call_duration_seconds_bucket{policy="b",le="0.01"} 0
      bitcoin_enterprise_call_duration_seconds_bucket{policy="b",le="0.025"} 0
      bitcoin_enterprise_call_duration_seconds_bucket{policy="b",le="0.05"} 0
      bitcoin_enterprise_call_duration_seconds_bucket{policy="b",le="0.1"} 0
      bitcoin_enterprise_call_duration_seconds_bucket{policy="b",le="0.25"} 0
      bitcoin_enterprise_call_duration_seconds_bucket{policy="b",le="0.5"} 1
      bitcoin_enterprise_call_duration_seconds_bucket{policy="b",le="1"} 1
      bitcoin_enterprise_call_duration_seconds_bucket{policy="b",le="2.5"} 1
      bitcoin_enterprise_call_duration_seconds_bucket{policy="b",le="5"} 1
      bitcoin_enterprise_call_duration_seconds_bucket{policy="b",le="10"} 1
      bitcoin_enterprise_call_duration_seconds_bucket{policy="b",le="30"} 1
      bitcoin_enterprise_call_duration_seconds_bucket{policy="b",le="60"} 1
      bitcoin_enterprise_call_duration_seconds_bucket{policy="b",le="+Inf"} 1
      bitcoin_enterprise_call_duration_seconds_sum{policy="b"} 0.3
      bitcoin_enterprise_call_duration_seconds_count{policy="b"} 1
      "
    `);
    expect(parsePrometheus(scraped).size).toBe(2);
  });
});

it('writes a series once that two attributes or two meters make', async () => {
  const { provider, reader } = collector();
  for (const scope of ['one', 'two'])
    for (const labels of [{ 'a.b': 'x' }, { a_b: 'x' }, { 'a.b': 'x', a_b: 'y' }])
      for (const kind of ['counter', 'histogram'] as const) {
        const meter = provider.getMeter(scope);
        if (kind === 'counter') meter.createCounter('calls').add(1, labels);
        else meter.createHistogram('took').record(1, labels);
      }
  const families = parsePrometheus(prometheusText((await reader.collect()).resourceMetrics));
  await provider.shutdown();

  expect([...(families.get('calls_total')?.samples.keys() ?? [])]).toEqual([
    JSON.stringify(['', [['a_b', 'x']]]),
    JSON.stringify(['', [['a_b', 'x;y']]]),
  ]);
});

it('mixes no two instruments whose names are one in Prometheus: the second is left out, and told of', async () => {
  const clashes: unknown[] = [];
  const { meterProvider, text, close } = createPrometheus({
    onClash(clash) {
      clashes.push(clash);
      throw new Error('of the listener');
    },
  });
  const meter = meterProvider.getMeter('one');
  meter.createCounter('app.calls').add(1, { a: 'x' });
  meter.createCounter('app_calls').add(20, { a: 'y' });
  meter.createGauge('app.calls.total\n# TYPE x gauge').record(1);
  meter.createHistogram('app.took', { advice: { explicitBucketBoundaries: [] } }).record(3);
  meter.createGauge('app.took.count').record(300);
  meterProvider.getMeter('two').createCounter('app.calls').add(5, { a: 'z' });
  await text();
  const scraped = await text();
  await close();

  expect(scraped).toMatchInlineSnapshot(`
    "# TYPE app_calls_total counter
    app_calls_total{a="x"} 1
    app_calls_total{a="z"} 5
    # TYPE app_calls_total_TYPE_x_gauge gauge
    app_calls_total_TYPE_x_gauge 1
    # TYPE app_took histogram
    app_took_bucket{le="+Inf"} 1
    app_took_sum 3
    app_took_count 1
    # left out: app_calls, for app_calls_total is app.calls
    # left out: app.took.count, for app_took_count is app.took
    "
  `);
  const families = parsePrometheus(scraped);
  expect([...(families.get('app_calls_total')?.samples.values() ?? [])]).toEqual([1, 5]);
  expect(clashes).toEqual([
    { family: 'app_calls_total', kept: 'app.calls', dropped: 'app_calls' },
    { family: 'app_took_count', kept: 'app.took', dropped: 'app.took.count' },
  ]);
  expect(() => createPrometheus({ onClash: 1 as never })).toThrow('CORE_INVALID_ARGUMENT');
});

describe('the parser of the tests', () => {
  it.for([
    ['a 1\n', 'no sample'],
    ['# TYPE a gauge\na 1', 'does not end'],
    ['# TYPE a gauge\n', 'no samples'],
    ['# TYPE a counter\na 1\n', 'without _total'],
    ['# TYPE a_total counter\na_total -1\n', 'negative'],
    ['# TYPE a gauge\na 1\na 2\n', 'twice'],
    ['# TYPE a gauge\na 1\n# TYPE a gauge\na{x="1"} 1\n', 'twice'],
    ['# TYPE a gauge\na{x="1",x="2"} 1\n', 'label x'],
    ['# TYPE a gauge\na{x="a\\x"} 1\n', 'no labels'],
    ['# TYPE a gauge\na{x="a"b"} 1\n', 'no labels'],
    ['# TYPE a gauge\nb 1\n', 'not of a'],
    ['# TYPE a gauge\na one\n', 'no number'],
    ['# TYPE a thing\na 1\n', 'unknown type'],
    ['# TYPE a histogram\na_bucket{le="1"} 2\na_bucket{le="+Inf"} 1\na_count 1\n', 'add up'],
    ['# TYPE a histogram\na_bucket{le="1"} 1\na_count 1\n', 'no +Inf'],
  ])('refuses %j', ([text, reason]) => {
    expect(() => parsePrometheus(text ?? '')).toThrow(reason);
  });
});

it('answers scrapes over HTTP where the app puts it, and nothing else', async () => {
  const prometheus = createPrometheus();
  recordMetric('bitcoin_enterprise.call.hedges', 1, {
    meterProvider: prometheus.meterProvider,
    attributes: { policy: 'é' },
  });
  const server = createServer((incoming, outgoing) => {
    const request = new Request('http://localhost/metrics', { method: incoming.method ?? 'GET' });
    void prometheus.respond(request).then(async (response) => {
      outgoing.writeHead(response.status, Object.fromEntries(response.headers));
      outgoing.end(Buffer.from(await response.arrayBuffer()));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`;
    const scrape = await fetch(url);
    expect(scrape.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect([...parsePrometheus(await scrape.text()).keys()]).toEqual(['bitcoin_enterprise_call_hedges_total']);
    const head = await fetch(url, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    const post = await fetch(url, { method: 'POST' });
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  } finally {
    server.close();
    server.closeAllConnections();
    await prometheus.close();
  }
});
