import type { Attributes } from '@opentelemetry/api';
import {
  type DataPoint,
  DataPointType,
  type Histogram,
  type MetricData,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import { prometheusName } from '../telemetry/catalogue.ts';

/** Two instruments that have one name in Prometheus. */
export interface PrometheusClash {
  /** The name in Prometheus. */
  readonly family: string;
  /** Name of the instrument that has it. */
  readonly kept: string;
  /** Name of the instrument that is left out. */
  readonly dropped: string;
}

interface Family {
  readonly instrument: string;
  readonly type: string;
  readonly help: string;
  /** By series. */
  readonly lines: Map<string, string>;
}

/**
 * Collected metrics in the text format of Prometheus, version 0.0.4. An instrument that two meters have is one family,
 * as the format asks for, and of two samples of one series the first stays. Of two instruments whose names are one in
 * Prometheus, or whose types differ, the first stays, and a comment says which one is left out: a sum of both, or one
 * in the place of the other, would be a number that nobody has measured.
 */
export function prometheusText(
  collected: ResourceMetrics,
  onClash: (clash: PrometheusClash) => void = () => {},
): string {
  const families = new Map<string, Family>();
  // A histogram has several names.
  const owners = new Map<string, Family>();
  const clashes = new Map<string, PrometheusClash>();
  for (const metric of collected.scopeMetrics.flatMap(({ metrics }) => metrics)) {
    const type = typeOf(metric);
    if (type === undefined || metric.dataPoints.length === 0) continue;
    const { name: instrument, unit, description } = metric.descriptor;
    const family = prometheusName(instrument, { kind: type, unit });
    const names = type === 'histogram' ? ['', '_bucket', '_sum', '_count'].map((end) => family + end) : [family];
    const owner = names.map((name) => owners.get(name)).find((known) => known !== undefined);
    if (owner !== undefined && (owner.instrument !== instrument || owner.type !== type)) {
      clashes.set(`${family} ${instrument}`, { family, kept: owner.instrument, dropped: instrument });
      continue;
    }
    const known = owner ?? { instrument, type, help: description, lines: new Map<string, string>() };
    families.set(family, known);
    for (const name of names) owners.set(name, known);
    for (const line of linesOf(family, metric)) {
      const series = line.slice(0, line.lastIndexOf(' '));
      if (!known.lines.has(series)) known.lines.set(series, line);
    }
  }
  for (const clash of clashes.values()) onClash(clash);
  const texts = [...families].map(([name, { type, help, lines }]) => {
    const head = help === '' ? [] : [`# HELP ${name} ${escapeHelp(help)}`];
    return `${[...head, `# TYPE ${name} ${type}`, ...lines.values()].join('\n')}\n`;
  });
  const comments = Array.from(
    clashes.values(),
    ({ family, kept, dropped }) => `# left out: ${plain(dropped)}, for ${family} is ${plain(kept)}\n`,
  );
  return [...texts, ...comments].join('');
}

/** A name as a comment can bear it. */
function plain(name: string): string {
  return name.replaceAll(/[^\w.\-/]/g, '?');
}

function typeOf(metric: MetricData): 'counter' | 'gauge' | 'histogram' | undefined {
  switch (metric.dataPointType) {
    case DataPointType.SUM:
      return metric.isMonotonic ? 'counter' : 'gauge';
    case DataPointType.GAUGE:
      return 'gauge';
    case DataPointType.HISTOGRAM:
      return 'histogram';
    default:
      // An exponential histogram: the text format has no form for it.
      return undefined;
  }
}

function linesOf(name: string, metric: MetricData): readonly string[] {
  switch (metric.dataPointType) {
    case DataPointType.SUM:
    case DataPointType.GAUGE:
      return metric.dataPoints.map(({ attributes, value }) => sample(name, { attributes, value }));
    case DataPointType.HISTOGRAM:
      return metric.dataPoints.flatMap((point) => histogramLines(name, point));
    default:
      return [];
  }
}

function histogramLines(name: string, { attributes, value }: DataPoint<Histogram>): readonly string[] {
  const { boundaries, counts } = value.buckets;
  let cumulated = 0;
  const buckets = boundaries
    .filter((bound) => bound !== Infinity)
    .map((bound, index) => {
      cumulated += counts[index] ?? 0;
      return sample(`${name}_bucket`, { attributes, value: cumulated, le: numberText(bound) });
    });
  return [
    ...buckets,
    sample(`${name}_bucket`, { attributes, value: value.count, le: '+Inf' }),
    ...(value.sum === undefined ? [] : [sample(`${name}_sum`, { attributes, value: value.sum })]),
    sample(`${name}_count`, { attributes, value: value.count }),
  ];
}

function sample(
  name: string,
  { attributes, value, le }: { readonly attributes: Attributes; readonly value: number; readonly le?: string },
): string {
  const labels = new Map<string, string>();
  for (const [key, item] of Object.entries(attributes)) {
    const label = labelName(key);
    const text = typeof item === 'string' ? item : JSON.stringify(item);
    // Two attributes that are one label in Prometheus: the format forbids to write it twice.
    const before = labels.get(label);
    labels.set(label, before === undefined ? (text ?? '') : `${before};${text}`);
  }
  if (le !== undefined) labels.set('le', le);
  const text = [...labels].map(([label, item]) => `${label}="${escapeLabel(item)}"`).join(',');
  return `${name}${text === '' ? '' : `{${text}}`} ${numberText(value)}`;
}

function labelName(key: string): string {
  const plain = key.replaceAll(/[^A-Za-z0-9_]/g, '_');
  // `le` is the bucket's; what begins with two underscores is Prometheus's own.
  if (plain === 'le') return 'attribute_le';
  return /^(?:[0-9]|__|$)/.test(plain) ? `key_${plain}` : plain;
}

function numberText(value: number): string {
  if (value === Infinity) return '+Inf';
  return value === -Infinity ? '-Inf' : String(value);
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}
