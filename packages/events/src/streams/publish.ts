import { hasCode } from '@bitcoin-enterprise/core';
import { EventsError, invalidArgument } from '../errors.ts';
import { checkCall, checkName, requireRecord } from '../model/checks.ts';
import { toJson } from '../model/json.ts';
import type { CallOptions, EventStore, StoredEvent } from '../ports/event-store.ts';
import type { StreamBroker, StreamRecord } from '../ports/stream-broker.ts';
import { beginningOf, checkTopic, cursorAt, link, type StreamCursor } from './chain.ts';

/** Something to publish. */
export interface Publication {
  /** What kind, 1 to 255 characters. */
  readonly type: string;
  /** Where it came from, 1 to 255 characters; `-` when absent. */
  readonly origin?: string;
  /** JSON. */
  readonly data?: unknown;
}

/** Writes to one topic. */
export interface Publisher {
  /** Appends to the topic; waits its turn when others publish to it too. */
  publish(publication: Publication, options?: CallOptions): Promise<StreamRecord>;
}

const MAX_CONFLICTS = 64;

/**
 * Makes a publisher for one topic. Two publishers of a topic do not break its chain: the one that comes late links
 * again.
 */
export function createPublisher(broker: StreamBroker, options: { readonly topic: string }): Publisher {
  requireRecord('options', options);
  const topic = checkTopic(options.topic);
  let known: StreamCursor | undefined;
  let turn: Promise<unknown> = Promise.resolve();

  async function publishNow(publication: Publication, call: CallOptions): Promise<StreamRecord> {
    const { type, origin = '-', data } = publication;
    checkName('publication.type', type);
    checkName('publication.origin', origin);
    const content = { type, origin, data: toJson(data, 'publication.data') };
    for (let conflicts = 0; ; conflicts++) {
      known ??= await endOf(broker, topic, call);
      const record = link(known, content);
      try {
        await broker.publish(record, call);
        known = cursorAt(record);
        return record;
      } catch (error) {
        known = undefined;
        // A record whose fate is unknown may be there: linked again it would be there twice.
        if (isUnknown(error) && (await broker.last(topic, call))?.hash === record.hash) return record;
        if (!hasCode(error, 'EVENTS_STREAM_CONFLICT') || conflicts === MAX_CONFLICTS) throw error;
      }
    }
  }

  return {
    publish(publication, call = {}) {
      checkCall('publish', call);
      requireRecord('publication', publication);
      const published = turn.then(() => publishNow(publication, call));
      turn = published.catch(() => undefined);
      return published;
    },
  };
}

/** Settings of {@link relay}. */
export interface RelayOptions {
  readonly store: EventStore;
  readonly broker: StreamBroker;
  readonly topic: string;
  /** What of an event is published; nothing when it answers `undefined`. Must answer the same each time. */
  readonly select: (event: StoredEvent) => Omit<Publication, 'origin'> | undefined;
  /** Ends the relay without an error. */
  readonly signal: AbortSignal;
  /** Longest wait between two looks at the store, in milliseconds; 1,000 when absent. */
  readonly idleMs?: number;
}

/**
 * Publishes the events of a store to a topic, in their order, each exactly once, until the signal comes: the newest
 * record of the topic says where to go on, so that a relay that was killed, or runs twice, repeats nothing.
 *
 * @throws EventsError of the store or the broker; call again to go on.
 */
export async function relay(options: RelayOptions): Promise<void> {
  requireRecord('options', options);
  const { store, broker, select, signal, idleMs = 1_000 } = options;
  const topic = checkTopic(options.topic);
  if (typeof select !== 'function') throw invalidArgument('options.select', 'a function', select);
  const call = { signal };
  let end: StreamCursor | undefined;
  let position = 0;
  try {
    while (!signal.aborted) {
      if (end === undefined) {
        const last = await broker.last(topic, call);
        end = last === undefined ? beginningOf(topic) : cursorAt(last);
        // What was published since then by somebody else is not published again.
        position = last === undefined ? 0 : positionOf(last);
      }
      const events = await store.readAll({ after: position, ...call });
      for (const event of events) {
        const publication = select(event);
        if (publication !== undefined) {
          const data = toJson(publication.data, 'publication.data');
          const record = link(end, { type: publication.type, origin: String(event.position), data });
          try {
            await broker.publish(record, call);
          } catch (error) {
            if (!hasCode(error, 'EVENTS_STREAM_CONFLICT') && !isUnknown(error)) throw error;
            end = undefined;
            break;
          }
          end = cursorAt(record);
        }
        ({ position } = event);
      }
      if (events.length === 0) await store.waitForEvents({ after: position, timeoutMs: idleMs, signal });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

function positionOf({ topic, origin }: StreamRecord): number {
  const position = Number(origin);
  if (!Number.isSafeInteger(position) || position < 1)
    throw new EventsError('EVENTS_STREAM_NOT_RELAYED', `expected ${topic} to be written by a relay alone`, {
      details: { topic },
      hint: 'relay to a topic of its own',
    });
  return position;
}

async function endOf(broker: StreamBroker, topic: string, call: CallOptions): Promise<StreamCursor> {
  const last = await broker.last(topic, call);
  return last === undefined ? beginningOf(topic) : cursorAt(last);
}

function isUnknown(error: unknown): boolean {
  return hasCode(error, 'EVENTS_STORE_UNAVAILABLE') && error.details.outcome === 'unknown';
}
