import { hasCode } from '@bitcoin-enterprise/core';
import { EventsError, invalidArgument } from '../errors.ts';
import { checkCall, checkName, requireRecord, requireWhole } from '../model/checks.ts';
import { toJson } from '../model/json.ts';
import type { CallOptions, EventStore, StoredEvent } from '../ports/event-store.ts';
import type { StreamBroker, StreamRecord } from '../ports/stream-broker.ts';
import { requireBroker, requireSignal, requireStore } from './arguments.ts';
import { beginningOf, checkTopic, cursorAt, link, type StreamCursor } from './chain.ts';
import { pause } from '../model/waiting.ts';
import { backOff } from './wait.ts';

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
  /**
   * Appends to the topic; waits its turn when others publish to it too.
   *
   * @throws EventsError `EVENTS_STREAM_RECORD_TOO_LARGE`, and those of the broker: after an `outcome` of `unknown` the
   * record may or may not be there.
   */
  publish(publication: Publication, options?: CallOptions): Promise<StreamRecord>;
}

const MAX_CONFLICTS = 64;

/**
 * Makes a publisher for one topic. Two publishers of a topic do not break its chain: the one that comes late links
 * again.
 */
export function createPublisher(broker: StreamBroker, options: { readonly topic: string }): Publisher {
  requireBroker('broker', broker);
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
  /**
   * What to do when events were removed from the store (`truncate`) before this relay came to them: `refuse`, which is
   * what it does when absent, or `skip` them, for whom knows that `select` leaves them out.
   */
  readonly removed?: 'refuse' | 'skip';
}

/** Longest wait for a broker that does not answer, in milliseconds. */
const MAX_AWAY_MS = 10_000;

/**
 * Publishes the events of a store to a topic, in their order, each exactly once, until the signal comes: the newest
 * record of the topic says where to go on, so that a relay that was killed, or runs twice, repeats nothing. When it
 * cannot know what became of a record, it waits, longer each time, and looks.
 *
 * @throws EventsError of the store or the broker, for which call again to go on; `EVENTS_STREAM_RECORD_TOO_LARGE` and
 * `EVENTS_DATA_INVALID` for an event that cannot be published as `select` has it; `EVENTS_STREAM_SOURCE_TRUNCATED` when
 * events were removed before they were relayed; `EVENTS_STREAM_NOT_RELAYED` when the topic has another writer.
 */
export async function relay(options: RelayOptions): Promise<void> {
  requireRecord('options', options);
  const { store, broker, select, signal, removed = 'refuse' } = options;
  requireStore('options.store', store);
  requireBroker('options.broker', broker);
  requireSignal('options.signal', signal);
  const topic = checkTopic(options.topic);
  const idleMs = requireWhole('options.idleMs', options.idleMs ?? 1_000, 1, 0x7fff_ffff);
  if (typeof select !== 'function') throw invalidArgument('options.select', 'a function', select);
  if (removed !== 'refuse' && removed !== 'skip') throw invalidArgument('options.removed', 'refuse or skip', removed);
  const call = { signal };
  let end: StreamCursor | undefined;
  let position = 0;
  let unanswered = 0;

  /** Goes to the next position; a step over others is a hole. */
  function advance(next: number): void {
    if (removed === 'refuse' && next > position + 1) throw sourceTruncated({ topic, after: position, first: next });
    position = next;
  }

  try {
    while (!signal.aborted) {
      if (unanswered > 0) await pause(backOff(unanswered, MAX_AWAY_MS), signal);
      if (signal.aborted) return;
      if (end === undefined) {
        const last = await broker.last(topic, call);
        end = last === undefined ? beginningOf(topic) : cursorAt(last);
        // What was published since then by somebody else is not published again.
        position = last === undefined ? 0 : positionOf(last);
      }
      const head = await store.head(call);
      const events = await store.readAll({ after: position, ...call });
      for (const event of events) {
        advance(event.position);
        const publication = select(event);
        if (publication === undefined) continue;
        const record = recordOf(end, { event, publication });
        try {
          await broker.publish(record, call);
        } catch (error) {
          if (!hasCode(error, 'EVENTS_STREAM_CONFLICT') && !isUnknown(error)) throw error;
          if (isUnknown(error)) unanswered += 1;
          end = undefined;
          break;
        }
        unanswered = 0;
        end = cursorAt(record);
      }
      if (events.length > 0) continue;
      // There are newer positions than this one, and no events: those were removed.
      if (head > position) {
        advance(head + 1);
        position = head;
      } else await store.waitForEvents({ after: position, timeoutMs: idleMs, signal });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

function recordOf(
  end: StreamCursor,
  { event, publication }: { readonly event: StoredEvent; readonly publication: Omit<Publication, 'origin'> },
): StreamRecord {
  requireRecord('publication', publication);
  const data = toJson(publication.data, 'publication.data');
  return link(end, { type: publication.type, origin: String(event.position), data });
}

function sourceTruncated(details: {
  readonly topic: string;
  readonly after: number;
  readonly first: number;
}): EventsError<'EVENTS_STREAM_SOURCE_TRUNCATED'> {
  const { topic, after, first } = details;
  return new EventsError(
    'EVENTS_STREAM_SOURCE_TRUNCATED',
    `events after position ${after} were to be relayed to ${topic}, the oldest kept is ${first}`,
    { details, hint: 'truncate only behind what was relayed; skip them when select leaves them out anyway' },
  );
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
