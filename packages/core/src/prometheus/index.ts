export { createPrometheus, type Prometheus, type PrometheusOptions } from './create-prometheus.ts';
export type { PrometheusClash } from './text.ts';
