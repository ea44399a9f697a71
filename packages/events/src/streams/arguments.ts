import { invalidArgument } from '../errors.ts';
import { isRecord } from '../model/records.ts';
import type { EventStore } from '../ports/event-store.ts';
import type { StreamBroker } from '../ports/stream-broker.ts';

/** Requires a broker. */
export function requireBroker(argument: string, value: unknown): asserts value is StreamBroker {
  const { publish, last, read, subscribe } = (isRecord(value) ? value : {}) as Partial<StreamBroker>;
  if ([publish, last, read, subscribe].some((call) => typeof call !== 'function'))
    throw invalidArgument(argument, 'a StreamBroker', value);
}

/** Requires a store. */
export function requireStore(argument: string, value: unknown): asserts value is EventStore {
  const store = (isRecord(value) ? value : {}) as Partial<EventStore>;
  if ([store.append, store.readAll, store.readStream, store.head].some((call) => typeof call !== 'function'))
    throw invalidArgument(argument, 'an EventStore', value);
}

/** Requires a signal; it may have come already. */
export function requireSignal(argument: string, value: unknown): asserts value is AbortSignal {
  if (!(value instanceof AbortSignal)) throw invalidArgument(argument, 'an AbortSignal', value);
}
