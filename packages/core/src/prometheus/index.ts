export { createPrometheus, type Prometheus } from './create-prometheus.ts';
