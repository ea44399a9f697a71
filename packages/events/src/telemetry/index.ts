import { traced, type TraceOptions } from '@bitcoin-enterprise/core/telemetry';
import { storeCalls } from '../model/store-calls.ts';
import type { EventStore } from '../ports/event-store.ts';

/** Calls whose time says something; a wait takes as long as it takes. */
const measured = ['append', ...storeCalls] as const;

/**
 * The same store, with a span and a duration for each call: `events.append`, `events.claimEffects`… Neither names of
 * streams nor data are recorded; errors by their code. Does nothing until the app installs OpenTelemetry.
 *
 * @example
 * ```ts
 * import { createMemoryStore } from '@bitcoin-enterprise/events';
 * import { observedStore } from '@bitcoin-enterprise/events/telemetry';
 *
 * const store = observedStore(createMemoryStore());
 * await store.append({ stream: 'swap/1', events: [{ type: 'funded' }] });
 * await store.version('swap/1'); // => 1
 * ```
 */
export function observedStore(store: EventStore, options: TraceOptions = {}): EventStore {
  const calls = measured.map((name) => {
    const call = store[name].bind(store) as (...args: readonly unknown[]) => Promise<unknown>;
    return [name, (...args: readonly unknown[]) => traced(`events.${name}`, {}, () => call(...args), options)];
  });
  return {
    ...(Object.fromEntries(calls) as Pick<EventStore, (typeof measured)[number]>),
    waitForEvents: (wait) => store.waitForEvents(wait),
    close: () => store.close(),
  };
}
