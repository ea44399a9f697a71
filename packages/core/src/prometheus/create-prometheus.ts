import type { MeterProvider } from '@opentelemetry/api';
import { MeterProvider as SdkMeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { assertObject, invalidArgument } from '../errors.ts';
import { type PrometheusClash, prometheusText } from './text.ts';

/** Metrics that wait to be scraped. */
export interface Prometheus {
  /** Where metrics go: to be handed to what measures, or registered with OpenTelemetry for the whole process. */
  readonly meterProvider: MeterProvider;
  /** All metrics as they are now, in the text format of Prometheus. */
  text(): Promise<string>;
  /**
   * Answers a scrape with {@link Prometheus.text}: GET and HEAD. For any server that knows `Request` and `Response`;
   * nothing listens by itself.
   */
  respond(request: Request): Promise<Response>;
  /** Stops collecting. */
  close(): Promise<void>;
}

/** Settings of {@link createPrometheus}. */
export interface PrometheusOptions {
  /**
   * Told once of each two instruments that have one name in Prometheus (`app.calls` and `app_calls`, or the `_count` of
   * a histogram): the second is left out of what is scraped. The text of a scrape says so too, in a comment.
   */
  readonly onClash?: (clash: PrometheusClash) => void;
}

const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/**
 * Collects metrics for Prometheus; needs `@opentelemetry/sdk-metrics`. Pulled, never pushed: nothing leaves the process
 * but what `text` and `respond` hand to whoever calls them.
 *
 * @throws CoreError `CORE_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts
 * import { createPrometheus } from '@bitcoin-enterprise/core/prometheus';
 * import { recordMetric } from '@bitcoin-enterprise/core/telemetry';
 *
 * const { meterProvider, text } = createPrometheus();
 * recordMetric('bitcoin_enterprise.call.hedges', 2, { meterProvider, attributes: { policy: 'node' } });
 * (await text()).split('\n').at(-2); // => 'bitcoin_enterprise_call_hedges_total{policy="node"} 2'
 * ```
 */
export function createPrometheus(options: PrometheusOptions = {}): Prometheus {
  assertObject('options', options);
  const { onClash } = options;
  if (onClash !== undefined && typeof onClash !== 'function')
    throw invalidArgument('options.onClash', 'a function', onClash);
  const told = new Set<string>();
  const tell = (clash: PrometheusClash): void => {
    const pair = `${clash.family} ${clash.dropped}`;
    if (told.has(pair)) return;
    told.add(pair);
    try {
      onClash?.(clash);
    } catch {
      // Somebody else's trouble: the scrape goes on.
    }
  };
  const reader = new PullReader();
  const meterProvider = new SdkMeterProvider({ readers: [reader] });
  const text = async (): Promise<string> => prometheusText((await reader.collect()).resourceMetrics, tell);
  return {
    meterProvider,
    text,
    async respond(request) {
      if (request.method !== 'GET' && request.method !== 'HEAD')
        return new Response(null, { status: 405, headers: { allow: 'GET, HEAD' } });
      const body = request.method === 'HEAD' ? null : await text();
      return new Response(body, { headers: { 'content-type': CONTENT_TYPE, 'cache-control': 'no-store' } });
    },
    close: () => meterProvider.shutdown(),
  };
}

/** Collects when it is asked to, and has nothing to flush. */
class PullReader extends MetricReader {
  protected override onShutdown(): Promise<void> {
    return Promise.resolve();
  }

  protected override onForceFlush(): Promise<void> {
    return Promise.resolve();
  }
}
