import { hasCode } from '@bitcoin-enterprise/core';
import { EventsError } from '../errors.ts';
import { requireRecord, requireWhole } from '../model/checks.ts';
import type { StreamBroker, StreamRecord } from '../ports/stream-broker.ts';
import { requireBroker, requireSignal } from './arguments.ts';
import { beginningOf, checkCursor, checkTopic, dataOf, type StreamCursor, verifyNext, verifyPlace } from './chain.ts';
import { pause } from '../model/waiting.ts';
import { backOff, within } from './wait.ts';

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
   * Milliseconds without a new record until the broker is asked: whether it still holds what was read, and whether the
   * subscription has silently stopped, which is then made anew. 30,000 when absent.
   */
  readonly checkMs?: number;
  /** Hears of each failure of the broker that is waited out. */
  readonly onRetry?: (error: EventsError) => void;
}

/** Gives up on what is missing after so many readings without a step forward. */
const MAX_EMPTY_READS = 5;
/** Longest wait for a broker that cannot be reached, in milliseconds. */
const MAX_AWAY_MS = 5_000;

/**
 * Follows a topic record by record, each once, in order, without a gap, whatever the broker does: what is missing is
 * read, what is repeated or early is left out, a broker that is away is waited for, and a rewritten past ends it. The
 * record of the cursor is compared with the broker's when following begins, at each new subscription, and each time
 * nothing new has come for `checkMs`.
 *
 * @throws EventsError `EVENTS_STREAM_FORKED` also when the topic ends before the cursor,
 * `EVENTS_STREAM_RECORD_INVALID`, `EVENTS_STREAM_GAP` when what is missing cannot be read either, and those of the
 * broker that say that repeating does not help.
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
  requireBroker('broker', broker);
  requireRecord('options', options);
  const { signal, onRetry } = options;
  requireSignal('options.signal', signal);
  const checkMs = requireWhole('options.checkMs', options.checkMs ?? 30_000, 1, 0x7fff_ffff);
  let cursor = options.cursor === undefined ? beginningOf(topic) : checkCursor(options.cursor);
  if (cursor.topic !== checkTopic(topic)) throw cursorOfAnother(topic, cursor);
  for (let idle = 0; !signal.aborted; idle += 1) {
    // A subscription that ends at once, again and again, must not keep the process busy.
    if (idle > 0) await pause(backOff(idle, Math.min(checkMs, MAX_AWAY_MS)), signal);
    const steps = mended(broker, { cursor, signal, checkMs });
    try {
      for (;;) {
        const step = await nextOf(steps, { signal, onRetry });
        if (step === undefined) break;
        ({ cursor } = step);
        idle = -1;
        const { record } = step;
        const { type, origin } = record;
        yield { type, origin, data: dataOf(record), cursor, record };
        if (signal.aborted) return;
      }
    } finally {
      await steps.return();
    }
  }
}

/** The next step; `undefined` when there is none, and when it failed in a way that waiting may mend. */
async function nextOf(
  steps: AsyncGenerator<Verified, void, undefined>,
  options: { readonly signal: AbortSignal; readonly onRetry: ((error: EventsError) => void) | undefined },
): Promise<Verified | undefined> {
  const { signal, onRetry } = options;
  try {
    const { value } = await steps.next();
    return value ?? undefined;
  } catch (error) {
    if (signal.aborted) return undefined;
    if (!isPassing(error)) throw error;
    onRetry?.(error);
    return undefined;
  }
}

function isPassing(error: unknown): error is EventsError {
  return hasCode(error, 'EVENTS_STORE_UNAVAILABLE') || hasCode(error, 'EVENTS_STORE_BUSY') ? error.retryable : false;
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
  await checkPlace(broker, { cursor, signal });
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const live = broker.subscribe(cursor.topic, { after: cursor.sequence, signal: either })[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = unpassed(live, cursor);
      // Raced at once and not begun before its reader is back: no failure of it is ever unheard.
      let step = await within(next, { milliseconds: checkMs, signal });
      for (; step === 'late' && !signal.aborted; step = await within(next, { milliseconds: checkMs, signal })) {
        await checkPlace(broker, { cursor, signal });
        const last = await broker.last(cursor.topic, { signal });
        if (last === undefined || last.sequence <= cursor.sequence) continue;
        for await (const record of missing(broker, { cursor, until: last.sequence, signal })) {
          cursor = verifyNext(cursor, record);
          yield { record, cursor };
        }
        return;
      }
      if (step === 'late' || step === undefined) return;
      const { record } = step;
      if (step.cursor === undefined) {
        for await (const early of missing(broker, { cursor, until: record.sequence, signal })) {
          cursor = verifyNext(cursor, early);
          yield { record: early, cursor };
        }
        continue;
      }
      ({ cursor } = step);
      yield { record, cursor };
    }
  } finally {
    stop.abort();
    // Not waited for: a subscription that does not listen to its signal would hold up its reader for ever.
    void Promise.resolve(live.return?.()).catch(() => undefined);
  }
}

/** The next record that was not passed already; without a cursor behind it when it is too early. */
async function unpassed(
  live: AsyncIterator<StreamRecord>,
  cursor: StreamCursor,
): Promise<{ readonly record: StreamRecord; readonly cursor: StreamCursor | undefined } | undefined> {
  for (;;) {
    const step = await live.next();
    if (step.done === true) return undefined;
    const record = step.value;
    try {
      return { record, cursor: verifyNext(cursor, record) };
    } catch (error) {
      if (hasCode(error, 'EVENTS_STREAM_GAP')) return { record, cursor: undefined };
      if (!hasCode(error, 'EVENTS_STREAM_REPEATED')) throw error;
    }
  }
}

/** Compares the record of the cursor with the broker's: a topic that was rewritten or rolled back shows itself here. */
async function checkPlace(
  broker: StreamBroker,
  options: { readonly cursor: StreamCursor; readonly signal: AbortSignal },
): Promise<void> {
  const { cursor, signal } = options;
  const { topic, sequence } = cursor;
  if (sequence === 0) return;
  for (let empty = 1; ; empty += 1) {
    const [record] = await broker.read(topic, { after: sequence - 1, limit: 1, signal });
    // A reading may come to a copy that is behind; one that stays behind is another topic.
    if (record !== undefined || empty === MAX_EMPTY_READS) return verifyPlace(cursor, record);
    await pause(backOff(empty, MAX_AWAY_MS), signal);
    if (signal.aborted) return;
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
      await pause(backOff(empty + 1, MAX_AWAY_MS), signal);
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

function cursorOfAnother(topic: string, cursor: StreamCursor): EventsError<'EVENTS_INVALID_ARGUMENT'> {
  const details = { argument: 'options.cursor', expected: `a cursor of ${topic}`, got: `one of ${cursor.topic}` };
  return new EventsError('EVENTS_INVALID_ARGUMENT', `expected ${details.expected}, got ${details.got}`, { details });
}
