import { assertObject, invalidArgument } from '../errors.ts';

/** A metric, as OpenTelemetry knows it. */
export interface MetricDefinition {
  readonly kind: 'counter' | 'histogram' | 'gauge';
  /** In the notation of UCUM: `s`; what is counted stands in braces. */
  readonly unit: string;
  readonly description: string;
  /** The attributes a point may have. */
  readonly attributes: readonly string[];
}

/** A span, as OpenTelemetry knows it. */
export interface SpanDefinition {
  readonly description: string;
  readonly attributes: readonly string[];
}

/**
 * Every metric of the suite by its name. Names, units and attributes are stable: dashboards and alerts stand on them.
 * In Prometheus a name has underscores for dots and the unit behind it; see `prometheusName`.
 *
 * @example
 * ```ts
 * import { metricCatalogue } from '@bitcoin-enterprise/core/telemetry';
 *
 * metricCatalogue['bitcoin_enterprise.call.retries'].kind; // => 'counter'
 * ```
 */
export const metricCatalogue = {
  'bitcoin_enterprise.call.duration': {
    kind: 'histogram',
    unit: 's',
    description: 'How long calls took, all their attempts and waits included.',
    attributes: ['policy', 'error.type'],
  },
  'bitcoin_enterprise.call.attempts': {
    kind: 'counter',
    unit: '{attempt}',
    description: 'Attempts of calls that ended.',
    attributes: ['policy', 'error.type'],
  },
  'bitcoin_enterprise.call.retries': {
    kind: 'counter',
    unit: '{retry}',
    description: 'Retries that were decided on, by the error of the attempt before.',
    attributes: ['policy', 'error.type'],
  },
  'bitcoin_enterprise.call.hedges': {
    kind: 'counter',
    unit: '{hedge}',
    description: 'Reads that were sent beside a slow or failed one.',
    attributes: ['policy'],
  },
  'bitcoin_enterprise.breaker.transitions': {
    kind: 'counter',
    unit: '{transition}',
    description: 'Changes of circuit breakers, by the state they came to: closed, open, half-open.',
    attributes: ['policy', 'state'],
  },
  'bitcoin_enterprise.breaker.state': {
    kind: 'gauge',
    unit: '{state}',
    description: 'Where circuit breakers stand: 0 closed, 1 half open, 2 open.',
    attributes: ['policy'],
  },
  'bitcoin_enterprise.operation.duration': {
    kind: 'histogram',
    unit: 's',
    description: 'How long traced operations took.',
    attributes: ['operation', 'error.type'],
  },
} as const;

/** Name of a metric of the suite. */
export type MetricName = keyof typeof metricCatalogue;

/** The attributes of a metric, by their names. */
export type MetricAttributes<Name extends MetricName> = Readonly<
  Partial<Record<(typeof metricCatalogue)[Name]['attributes'][number], string>>
>;

/**
 * Every span that the suite opens by itself, by its name; `traced` opens others, whose names are the caller's.
 *
 * @example
 * ```ts
 * import { spanCatalogue } from '@bitcoin-enterprise/core/telemetry';
 *
 * Object.keys(spanCatalogue); // => ['bitcoin_enterprise.call', 'bitcoin_enterprise.attempt']
 * ```
 */
export const spanCatalogue = {
  'bitcoin_enterprise.call': {
    description: 'A call under a policy, from the first attempt to the answer.',
    attributes: ['policy', 'error.type'],
  },
  'bitcoin_enterprise.attempt': {
    description: 'One attempt of a call.',
    attributes: ['policy', 'attempt', 'error.type'],
  },
} as const;

/** Upper bounds of the buckets of durations, in seconds: from what is in memory to what somebody gave up on. */
export const DURATION_BUCKETS: readonly number[] = [
  0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];

/**
 * The name of a metric in Prometheus, after OpenTelemetry's rules: underscores for what is no letter or digit, the unit
 * behind it, `_total` behind a counter.
 *
 * @throws CoreError `CORE_INVALID_ARGUMENT`
 *
 * @example
 * ```ts
 * import { prometheusName } from '@bitcoin-enterprise/core/telemetry';
 *
 * prometheusName('app.call.duration', { kind: 'histogram', unit: 's' }); // => 'app_call_duration_seconds'
 * prometheusName('app.call.retries', { kind: 'counter', unit: '{retry}' }); // => 'app_call_retries_total'
 * ```
 */
export function prometheusName(name: string, facts: Pick<MetricDefinition, 'kind' | 'unit'>): string {
  if (typeof name !== 'string') throw invalidArgument('name', 'a text', name);
  assertObject('facts', facts);
  const plain = name.replaceAll(/[^A-Za-z0-9_]+/g, '_').replaceAll(/_{2,}/g, '_');
  const unit = units[facts.unit] ?? (/^[a-z]{2,20}$/.test(facts.unit) ? facts.unit : undefined);
  const base = plain.replace(/_total$/, '');
  const measured = unit === undefined || base.endsWith(`_${unit}`) ? base : `${base}_${unit}`;
  const safe = /^[0-9]/.test(measured) ? `_${measured}` : measured;
  return facts.kind === 'counter' ? `${safe}_total` : safe;
}

const units: Readonly<Record<string, string>> = {
  s: 'seconds',
  ms: 'milliseconds',
  us: 'microseconds',
  ns: 'nanoseconds',
  By: 'bytes',
  KiBy: 'kibibytes',
  MiBy: 'mebibytes',
  '%': 'percent',
};
