import {
  type Attributes,
  type Context,
  context,
  type Span,
  SpanStatusCode,
  trace,
  type TracerProvider,
} from '@opentelemetry/api';
import { describeValue, invalidArgument } from '../errors.ts';
import { requireFunction, requireOptions, requirePart } from '../resilience/arguments.ts';
import { errorType } from '../resilience/error-facts.ts';
import type { Resilient } from '../resilience/resilient.ts';
import { systemClock } from '../system/clock.ts';
import { type MetricOptions, recordMetric, SCOPE } from './metrics.ts';
import { isSecretName, redactText, REDACTED } from './redaction.ts';

/** What a span may be told of: facts of a few characters, never secrets, never whole input. */
export type TraceAttributes = Readonly<Record<string, string | number | boolean | bigint | undefined>>;

/** What {@link traced} may be told. */
export interface TraceOptions extends MetricOptions {
  /** Where spans go; the provider the app registered with OpenTelemetry when absent: nowhere until it does. */
  readonly tracerProvider?: TracerProvider;
}

/** The longest text of an attribute. */
const MAX_TEXT = 256;

/**
 * Runs work inside a span, and measures how long it took. A failure sets the status of the span and `error.type`, the
 * code of the error; its text and its stack, which may hold anything, are not recorded.
 *
 * @param name - Of the operation, the same for all its calls: `app.orders.settle`.
 * @param attributes - Texts are cut; a field whose name says secret is redacted.
 * @param work - Is handed a function that adds attributes while it runs.
 * @throws CoreError `CORE_INVALID_ARGUMENT`; and whatever the work throws.
 *
 * @example
 * ```ts
 * import { traced } from '@bitcoin-enterprise/core/telemetry';
 *
 * await traced('app.orders.settle', { order: 'o-1' }, async (add) => {
 *   add({ outputs: 2 });
 *   return 'settled';
 * }); // => 'settled'
 * ```
 */
export async function traced<T>(
  name: string,
  attributes: TraceAttributes,
  work: (add: (attributes: TraceAttributes) => void) => PromiseLike<T> | T,
  options: TraceOptions = {},
): Promise<T> {
  if (typeof name !== 'string' || name === '') throw invalidArgument('name', 'a text', name);
  requireOptions('attributes', attributes);
  requireFunction('work', work);
  requireTraceOptions(options);
  const { meterProvider } = options;
  const clock = systemClock();
  const startMs = clock.monotonicMs();
  const measure = (failure: { readonly 'error.type'?: string }): void =>
    aside(() =>
      recordMetric('bitcoin_enterprise.operation.duration', (clock.monotonicMs() - startMs) / 1_000, {
        attributes: { operation: name, ...failure },
        ...(meterProvider === undefined ? {} : { meterProvider }),
      }),
    );
  try {
    const answer = await inSpan(name, { attributes, options }, (span) =>
      work((more) => aside(() => span.setAttributes(safeAttributes(more)))),
    );
    measure({});
    return answer;
  } catch (error) {
    measure({ 'error.type': errorType(error) });
    throw error;
  }
}

/**
 * A policy whose calls and attempts are spans, one inside the other.
 *
 * @param policy - What to watch.
 * @param options - `name`: the policy as spans call it.
 * @throws CoreError `CORE_INVALID_ARGUMENT`
 *
 * @example
 * ```ts
 * import { resilient } from '@bitcoin-enterprise/core/resilience';
 * import { tracedPolicy } from '@bitcoin-enterprise/core/telemetry';
 *
 * const policy = tracedPolicy(resilient({ timeoutMs: 1_000 }), { name: 'node' });
 * await policy.execute(async () => 'answer'); // => 'answer'
 * ```
 */
export function tracedPolicy(policy: Resilient, options: TraceOptions & { readonly name: string }): Resilient {
  requirePart('policy', policy ?? null, ['execute']);
  requireTraceOptions(options);
  const { name } = options;
  if (typeof name !== 'string') throw invalidArgument('options.name', 'a text', name);
  return {
    execute: (work, executeOptions) =>
      inSpan('bitcoin_enterprise.call', { attributes: { policy: name }, options }, (call) => {
        // Said and not looked up, for after a wait a runtime without asynchronous context no longer knows.
        const parent = trace.setSpan(context.active(), call);
        requireFunction('work', work);
        return policy.execute((attempt) => {
          const attributes = { policy: name, attempt: attempt.attempt };
          return inSpan('bitcoin_enterprise.attempt', { attributes, options, parent }, () => work(attempt));
        }, executeOptions);
      }),
  };
}

function requireTraceOptions(options: TraceOptions): void {
  requireOptions('options', options);
  requirePart('options.meterProvider', options.meterProvider, ['getMeter']);
  requirePart('options.tracerProvider', options.tracerProvider, ['getTracer']);
}

async function inSpan<T>(
  name: string,
  facts: { readonly attributes: TraceAttributes; readonly options: TraceOptions; readonly parent?: Context },
  work: (span: Span) => PromiseLike<T> | T,
): Promise<T> {
  const { tracerProvider = trace.getTracerProvider() } = facts.options;
  const { parent = context.active() } = facts;
  const attributes = safeAttributes(facts.attributes);
  return tracerProvider.getTracer(SCOPE).startActiveSpan(name, { attributes }, parent, async (span) => {
    try {
      return await work(span);
    } catch (error) {
      aside(() => {
        span.setAttribute('error.type', errorType(error));
        span.setStatus({ code: SpanStatusCode.ERROR });
      });
      throw error;
    } finally {
      aside(() => span.end());
    }
  });
}

/** Tells a provider, which may fail: what was done is done, and must not look as if it were not. */
function aside(tell: () => unknown): void {
  try {
    tell();
  } catch {
    // The provider's trouble: the work goes on.
  }
}

function safeAttributes(attributes: TraceAttributes): Attributes {
  const safe: Attributes = {};
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined) continue;
    safe[name] = isSecretName(name) && typeof value !== 'boolean' ? REDACTED : safeValue(value);
  }
  return safe;
}

function safeValue(value: unknown): string | number | boolean {
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'string') return describeValue(value);
  const text = redactText(value);
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}
