export {
  metricCatalogue,
  type MetricAttributes,
  type MetricDefinition,
  type MetricName,
  prometheusName,
  spanCatalogue,
  type SpanDefinition,
} from './catalogue.ts';
export { type MetricOptions, recordMetric, resilienceMetrics } from './metrics.ts';
export { isSecretName, redact, REDACTED } from './redaction.ts';
export { type TraceAttributes, traced, tracedPolicy, type TraceOptions } from './traced.ts';
