import { type Counter, type Gauge, type Histogram, type MeterProvider, metrics } from '@opentelemetry/api';
import { invalidArgument } from '../errors.ts';
import { requireOptions, requirePart } from '../resilience/arguments.ts';
import type { BreakerState, ResilienceObserver } from '../resilience/events.ts';
import {
  DURATION_BUCKETS,
  type MetricAttributes,
  metricCatalogue,
  type MetricDefinition,
  type MetricName,
} from './catalogue.ts';

/** What metrics may be told. */
export interface MetricOptions {
  /** Where they go; the provider the app registered with OpenTelemetry when absent: nowhere until it does. */
  readonly meterProvider?: MeterProvider;
}

/** The name by which OpenTelemetry knows who measures. */
export const SCOPE = '@bitcoin-enterprise/core';

type Instrument = Counter | Gauge | Histogram;

/**
 * The instruments of each provider. Asked for anew at every use, for unlike that of traces the global meter of the
 * interface does not come to life when an app registers a provider later on.
 */
const instruments = /* @__PURE__ */ new WeakMap<MeterProvider, Map<string, Instrument>>();

/**
 * Records a value of a metric of the suite: adds to a counter, sets a gauge, observes in a histogram.
 *
 * @param name - From the catalogue.
 * @param value - In the unit of the catalogue.
 * @throws CoreError `CORE_INVALID_ARGUMENT`
 *
 * @example
 * ```ts
 * import { recordMetric } from '@bitcoin-enterprise/core/telemetry';
 *
 * recordMetric('bitcoin_enterprise.call.hedges', 1, { attributes: { policy: 'node' } }); // => undefined
 * ```
 */
export function recordMetric<Name extends MetricName>(
  name: Name,
  value: number,
  options: MetricOptions & { readonly attributes?: MetricAttributes<Name> } = {},
): void {
  requireOptions('options', options);
  requirePart('options.meterProvider', options.meterProvider, ['getMeter']);
  if (!Object.hasOwn(metricCatalogue, name)) throw invalidArgument('name', 'a metric of the catalogue', name);
  if (typeof value !== 'number') throw invalidArgument('value', 'a number', value);
  const { meterProvider = metrics.getMeterProvider(), attributes = {} } = options;
  const instrument = instrumentOf(meterProvider, name);
  if ('add' in instrument) instrument.add(value, attributes);
  else instrument.record(value, attributes);
}

function instrumentOf(provider: MeterProvider, name: MetricName): Instrument {
  let known = instruments.get(provider);
  if (known === undefined) instruments.set(provider, (known = new Map()));
  let instrument = known.get(name);
  if (instrument === undefined) known.set(name, (instrument = createInstrument(provider, name)));
  return instrument;
}

function createInstrument(provider: MeterProvider, name: MetricName): Instrument {
  const meter = provider.getMeter(SCOPE);
  const { kind, unit, description }: MetricDefinition = metricCatalogue[name];
  if (kind === 'counter') return meter.createCounter(name, { unit, description });
  if (kind === 'gauge') return meter.createGauge(name, { unit, description });
  const advice = { explicitBucketBoundaries: [...DURATION_BUCKETS] };
  return meter.createHistogram(name, { unit, description, advice });
}

const stateNumbers: Readonly<Record<BreakerState, number>> = { closed: 0, 'half-open': 1, open: 2 };

/**
 * An observer that counts what policies, hedged reads and breakers do.
 *
 * @throws CoreError `CORE_INVALID_ARGUMENT`
 *
 * @example
 * ```ts
 * import { createBreaker, resilient } from '@bitcoin-enterprise/core/resilience';
 * import { resilienceMetrics } from '@bitcoin-enterprise/core/telemetry';
 *
 * const observe = resilienceMetrics();
 * const policy = resilient({ name: 'node', observe, breaker: createBreaker({ name: 'node', observe }) });
 * await policy.execute(async () => 'answer'); // => 'answer'
 * ```
 */
export function resilienceMetrics(options: MetricOptions = {}): ResilienceObserver {
  requireOptions('options', options);
  const { meterProvider } = options;
  requirePart('options.meterProvider', meterProvider, ['getMeter']);
  const to = meterProvider === undefined ? {} : { meterProvider };
  return (event) => {
    const { policy } = event;
    const failure = 'errorType' in event && event.errorType !== undefined ? { 'error.type': event.errorType } : {};
    const attributes = { policy, ...failure };
    switch (event.kind) {
      case 'attempt':
        return recordMetric('bitcoin_enterprise.call.attempts', 1, { ...to, attributes });
      case 'retry':
        return recordMetric('bitcoin_enterprise.call.retries', 1, { ...to, attributes });
      case 'hedge':
        return recordMetric('bitcoin_enterprise.call.hedges', 1, { ...to, attributes: { policy } });
      case 'call':
        return recordMetric('bitcoin_enterprise.call.duration', event.durationMs / 1_000, { ...to, attributes });
      case 'breaker': {
        const came = { policy, state: event.to };
        recordMetric('bitcoin_enterprise.breaker.transitions', 1, { ...to, attributes: came });
        return recordMetric('bitcoin_enterprise.breaker.state', stateNumbers[event.to], {
          ...to,
          attributes: { policy },
        });
      }
    }
  };
}
