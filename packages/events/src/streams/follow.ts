import { hasCode } from '@bitcoin-enterprise/core';
import { EventsError } from '../errors.ts';
import { requireRecord, requireWhole } from '../model/checks.ts';
import type { StreamBroker, StreamRecord } from '../ports/stream-broker.ts';
import { beginningOf, checkCursor, checkTopic, type StreamCursor, verifyNext } from './chain.ts';

/** A record that continues everything before it. */
export interface Followed {
  readonly type: string;
  readonly origin: string;
  /** The data as JSON. */
  readonly data: unknown;
  /** Keep it together with what you made of the record: the next {@link follow} goes on behind it. */
  readonly cursor: StreamCursor;
  readonly record: StreamRecord;
}

/** Settings of {@link follow}. */
export interface FollowOptions {
  /** Where to go on; from the first record when absent. */
  readonly cursor?: StreamCursor;
  /** Ends the iteration without an error. */
  readonly signal: AbortSignal;
  /**
   * Milliseconds between two questions for the newest record: a subscription that has silently stopped is found out and
   * made anew. 30,000 when absent.
   */
  readonly checkMs?: number;
}

/** Gives up on what is missing after so many readings without a step forward. */
const MAX_EMPTY_READS = 5;

/**
 * Follows a topic record by record, each once, in order, without a gap, whatever the broker does: what is missing is
 * read, what is repeated or early is left out, and a rewritten past ends it.
 *
 * @throws EventsError `EVENTS_STREAM_FORKED`, `EVENTS_STREAM_RECORD_INVALID`, and `EVENTS_STREAM_GAP` when what is
 * missing cannot be read either.
 *
 * @example
 * ```ts
 * import { createMemoryStore, createPublisher, createStoreBroker, follow } from '@bitcoin-enterprise/events';
 *
 * const broker = createStoreBroker(createMemoryStore());
 * await createPublisher(broker, { topic: 'prices' }).publish({ type: 'price', data: { eur: '61000' } });
 * const stop = new AbortController();
 * const seen: unknown[] = [];
 * for await (const { data } of follow(broker, 'prices', { signal: stop.signal })) {
 *   seen.push(data);
 *   stop.abort();
 * }
 * seen; // => [{ eur: '61000' }]
 * ```
 */
export async function* follow(
  broker: StreamBroker,
  topic: string,
  options: FollowOptions,
): AsyncGenerator<Followed, void, undefined> {
  requireRecord('options', options);
  const { signal } = options;
  const checkMs = requireWhole('options.checkMs', options.checkMs ?? 30_000, 1, 0x7fff_ffff);
  let cursor = options.cursor === undefined ? beginningOf(topic) : checkCursor(options.cursor);
  if (cursor.topic !== checkTopic(topic)) throw cursorOfAnother(topic, cursor);
  try {
    for (let idle = 0; !signal.aborted; idle += 1) {
      // A subscription that ends at once, again and again, must not keep the process busy.
      if (idle > 0)
        await within(new Promise(() => undefined), {
          milliseconds: Math.min(checkMs, 10 * 2 ** Math.min(idle, 12)),
          signal,
        });
      for await (const step of mended(broker, { cursor, signal, checkMs })) {
        ({ cursor } = step);
        idle = -1;
        const { record } = step;
        const { type, origin, data } = record;
        yield { type, origin, data: JSON.parse(data) as unknown, cursor, record };
        if (signal.aborted) return;
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

interface Verified {
  readonly record: StreamRecord;
  /** Behind it. */
  readonly cursor: StreamCursor;
}

/** Records from a cursor on, those that are missing live read in between; ends when the subscription has stalled. */
async function* mended(
  broker: StreamBroker,
  options: { readonly cursor: StreamCursor; readonly signal: AbortSignal; readonly checkMs: number },
): AsyncGenerator<Verified, void, undefined> {
  const { signal, checkMs } = options;
  let { cursor } = options;
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const live = broker.subscribe(cursor.topic, { after: cursor.sequence, signal: either })[Symbol.asyncIterator]();
  try {
    for (let next = live.next(); ;) {
      const step = await within(next, { milliseconds: checkMs, signal });
      if (signal.aborted) return;
      if (step === 'late') {
        const last = await broker.last(cursor.topic, { signal });
        if (last === undefined || last.sequence <= cursor.sequence) continue;
        for await (const record of missing(broker, { cursor, until: last.sequence, signal })) {
          cursor = verifyNext(cursor, record);
          yield { record, cursor };
        }
        return;
      }
      if (step.done === true) return;
      next = live.next();
      const record = step.value;
      try {
        cursor = verifyNext(cursor, record);
      } catch (error) {
        if (hasCode(error, 'EVENTS_STREAM_REPEATED')) continue;
        if (!hasCode(error, 'EVENTS_STREAM_GAP')) throw error;
        for await (const early of missing(broker, { cursor, until: record.sequence, signal })) {
          cursor = verifyNext(cursor, early);
          yield { record: early, cursor };
        }
        continue;
      }
      yield { record, cursor };
    }
  } finally {
    stop.abort();
    // Not waited for: a subscription that does not listen to its signal would hold up its reader for ever.
    void Promise.resolve(live.return?.()).catch(() => undefined);
  }
}

/** Reads from behind the cursor to a sequence; what is not there in several readings is missing for good. */
async function* missing(
  broker: StreamBroker,
  options: { readonly cursor: StreamCursor; readonly until: number; readonly signal: AbortSignal },
): AsyncGenerator<StreamRecord, void, undefined> {
  const { cursor, until, signal } = options;
  const { topic } = cursor;
  let after = cursor.sequence;
  for (let empty = 0; after < until;) {
    const records = await broker.read(topic, { after, signal });
    const [first] = records;
    if (first === undefined || first.sequence !== after + 1) {
      empty += 1;
      if (empty === MAX_EMPTY_READS)
        throw new EventsError('EVENTS_STREAM_GAP', `record ${after + 1} of ${topic} cannot be read`, {
          details: { topic, expected: after + 1, got: first?.sequence ?? until },
          hint: 'the broker has lost it: fetch it from the publisher, then go on behind it',
        });
      await within(new Promise(() => undefined), { milliseconds: 20 * 2 ** empty, signal });
      continue;
    }
    empty = 0;
    for (const record of records) {
      // A hole inside of the page is found in the next reading, which begins right before it.
      if (record.sequence !== after + 1) break;
      yield record;
      after = record.sequence;
    }
  }
}

/** Waits for a promise, at most so long; a signal ends the wait too. */
async function within<Result>(
  promise: Promise<Result>,
  options: { readonly milliseconds: number; readonly signal: AbortSignal },
): Promise<Result | 'late'> {
  const { milliseconds, signal } = options;
  let finish: () => void = () => undefined;
  const late = new Promise<'late'>((done) => {
    const timer = setTimeout(() => finish(), milliseconds);
    finish = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', finish);
      done('late');
    };
    signal.addEventListener('abort', finish, { once: true });
    if (signal.aborted) finish();
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    finish();
  }
}

function cursorOfAnother(topic: string, cursor: StreamCursor): EventsError<'EVENTS_INVALID_ARGUMENT'> {
  const details = { argument: 'options.cursor', expected: `a cursor of ${topic}`, got: `one of ${cursor.topic}` };
  return new EventsError('EVENTS_INVALID_ARGUMENT', `expected ${details.expected}, got ${details.got}`, { details });
}
