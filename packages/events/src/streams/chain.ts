import { currentCrypto, toHex } from '@bitcoin-enterprise/core';
import { EventsError, invalidArgument } from '../errors.ts';
import { checkName } from '../model/checks.ts';
import { isRecord } from '../model/records.ts';
import type { StreamRecord } from '../ports/stream-broker.ts';

/** How far a reader has come: JSON that it keeps with what it made of the records. */
export interface StreamCursor {
  readonly topic: string;
  /** Of the last record; 0 at the beginning. */
  readonly sequence: number;
  /** Of the last record; zeros at the beginning. */
  readonly hash: string;
}

const ZEROS = '0'.repeat(64);
/** Separates these hashes from all others. */
const TAG = 'bitcoin-enterprise/stream/1';
/**
 * Longest data, in characters: a broker inside a store writes it once more as JSON, where each may take two, and its
 * record has to fit into 1 MiB.
 */
const MAX_DATA_LENGTH = 500_000;
const encoder = new TextEncoder();

/** The cursor before the first record of a topic. */
export function beginningOf(topic: string): StreamCursor {
  return { topic: checkTopic(topic), sequence: 0, hash: ZEROS };
}

/** The cursor behind a record. */
export function cursorAt(record: StreamRecord): StreamCursor {
  checkRecord(record);
  const { topic, sequence, hash } = record;
  return { topic, sequence, hash };
}

/**
 * Makes the record that follows a cursor.
 *
 * @param content - Its `data` is JSON text of at most 500,000 characters.
 * @throws EventsError `EVENTS_STREAM_RECORD_TOO_LARGE`, `EVENTS_INVALID_ARGUMENT`.
 */
export function link(cursor: StreamCursor, content: Pick<StreamRecord, 'type' | 'origin' | 'data'>): StreamRecord {
  checkCursor(cursor);
  if (!isRecord(content)) throw invalidArgument('content', 'an object', content);
  const { type, origin, data } = content;
  checkName('content.type', type);
  checkName('content.origin', origin);
  if (typeof data !== 'string') throw invalidArgument('content.data', 'JSON text', data);
  if (data.length > MAX_DATA_LENGTH) throw recordTooLarge(cursor.topic, data.length, MAX_DATA_LENGTH);
  if (readData(data) === undefined) throw invalidArgument('content.data', 'JSON text', data);
  const record = { topic: cursor.topic, sequence: cursor.sequence + 1, previous: cursor.hash, type, origin, data };
  return { ...record, hash: hashOf(record) };
}

/** SHA-256 over all fields, as JSON in a fixed order: no two records have the same text. */
function hashOf({ topic, sequence, previous, type, origin, data }: Omit<StreamRecord, 'hash'>): string {
  const text = JSON.stringify([TAG, topic, sequence, previous, type, origin, data]);
  return toHex(currentCrypto().sha256(encoder.encode(text)));
}

/**
 * Checks that a record is the next one.
 *
 * @returns The cursor behind it.
 * @throws EventsError `EVENTS_STREAM_GAP` when records are missing before it, `EVENTS_STREAM_REPEATED` for one that was
 * passed already, `EVENTS_STREAM_FORKED` when it does not continue what the cursor has seen,
 * `EVENTS_STREAM_RECORD_INVALID` when it is no record or its hash is not its own.
 *
 * @example
 * ```ts
 * import { beginningOf, link, verifyNext } from '@bitcoin-enterprise/events';
 *
 * const start = beginningOf('prices');
 * const first = link(start, { type: 'price', origin: '1', data: '{"eur":"61000"}' });
 * verifyNext(start, first).sequence; // => 1
 * verifyNext(start, { ...first, data: '{"eur":"16000"}' }); // => throws EVENTS_STREAM_RECORD_INVALID
 * ```
 */
export function verifyNext(cursor: StreamCursor, record: StreamRecord): StreamCursor {
  const { topic, sequence, hash } = checkCursor(cursor);
  verifyContent(topic, record);
  if (record.sequence > sequence + 1)
    throw new EventsError('EVENTS_STREAM_GAP', `expected record ${sequence + 1} of ${topic}, got ${record.sequence}`, {
      details: { topic, expected: sequence + 1, got: record.sequence },
      hint: 'read what is missing, then go on',
      retryable: true,
    });
  if (record.sequence <= sequence) {
    if (record.sequence === sequence && record.hash !== hash) throw forked(topic, sequence);
    throw new EventsError('EVENTS_STREAM_REPEATED', `record ${record.sequence} of ${topic} was passed already`, {
      details: { topic, sequence: record.sequence },
      hint: 'leave it out',
    });
  }
  if (record.previous !== hash) throw forked(topic, record.sequence);
  return cursorAt(record);
}

/**
 * Checks that the topic still holds what a cursor has seen: the record at its sequence is the one that it stands on.
 *
 * @param record - What the broker has there; `undefined` when the topic ends before it.
 * @throws EventsError `EVENTS_STREAM_FORKED`, `EVENTS_STREAM_RECORD_INVALID`.
 */
export function verifyPlace(cursor: StreamCursor, record: StreamRecord | undefined): void {
  const { topic, sequence, hash } = cursor;
  if (record === undefined) throw forked(topic, sequence);
  verifyContent(topic, record);
  if (record.sequence !== sequence || record.hash !== hash) throw forked(topic, sequence);
}

function verifyContent(topic: string, record: StreamRecord): void {
  checkRecord(record);
  if (record.topic !== topic) throw recordInvalid(`the topic ${topic}`);
  if (record.hash !== hashOf(record)) throw recordInvalid('a hash of its own content');
}

/**
 * The data of a record.
 *
 * @throws EventsError `EVENTS_STREAM_RECORD_INVALID` when it is no JSON.
 */
export function dataOf({ data }: StreamRecord): unknown {
  const read = readData(data);
  if (read === undefined) throw recordInvalid('data that is JSON');
  return read.value;
}

function readData(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return undefined;
  }
}

/**
 * Reads a record that came from outside.
 *
 * @throws EventsError `EVENTS_STREAM_RECORD_INVALID`.
 */
export function parseRecord(text: string): StreamRecord {
  let record: unknown;
  try {
    record = JSON.parse(text);
  } catch (error) {
    throw recordInvalid('JSON', error);
  }
  return readRecord(record);
}

/**
 * Checks the shape of a record; its fields are copied.
 *
 * @throws EventsError `EVENTS_STREAM_RECORD_INVALID`.
 */
export function readRecord(record: unknown): StreamRecord {
  checkRecord(record);
  const { topic, sequence, previous, hash, type, origin, data } = record;
  return { topic, sequence, previous, hash, type, origin, data };
}

/** The error for a record that a broker does not carry. */
export function recordTooLarge(
  topic: string,
  size: number,
  maximum: number,
): EventsError<'EVENTS_STREAM_RECORD_TOO_LARGE'> {
  return new EventsError(
    'EVENTS_STREAM_RECORD_TOO_LARGE',
    `a record of ${topic} is too large: ${size}, where ${maximum} go`,
    {
      details: { topic, size, maximum },
      hint: 'publish a reference to large data instead',
    },
  );
}

/** Checks the name of a topic. */
export function checkTopic(topic: unknown): string {
  if (!isTopic(topic)) throw invalidArgument('topic', '1 to 100 letters, digits, - and _', topic);
  return topic;
}

/** Checks a cursor that was kept somewhere. */
export function checkCursor(cursor: StreamCursor): StreamCursor {
  const { topic, sequence, hash } = (isRecord(cursor) ? cursor : {}) as Partial<StreamCursor>;
  if (!isTopic(topic) || !isSequence(sequence, 0) || !isHash(hash) || (sequence === 0) !== (hash === ZEROS))
    throw invalidArgument('cursor', 'a cursor that was handed out', cursor);
  return { topic, sequence, hash };
}

function checkRecord(record: unknown): asserts record is StreamRecord {
  if (!isRecord(record)) throw recordInvalid('an object');
  const { topic, sequence, previous, hash, type, origin, data } = record as Partial<StreamRecord>;
  if (!isTopic(topic)) throw recordInvalid('a topic');
  if (!isSequence(sequence, 1)) throw recordInvalid('a sequence');
  if (!isHash(previous) || !isHash(hash)) throw recordInvalid('two hashes');
  if (!isShort(type) || !isShort(origin)) throw recordInvalid('a type and an origin of at most 255 characters');
  if (typeof data !== 'string' || data.length > MAX_DATA_LENGTH)
    throw recordInvalid(`data as text of at most ${MAX_DATA_LENGTH} characters`);
}

function isTopic(value: unknown): value is string {
  return typeof value === 'string' && /^[\w-]{1,100}$/.test(value);
}

function isSequence(value: unknown, minimum: number): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= minimum;
}

function isHash(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
}

function isShort(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= 255;
}

function forked(topic: string, sequence: number): EventsError<'EVENTS_STREAM_FORKED'> {
  return new EventsError('EVENTS_STREAM_FORKED', `record ${sequence} of ${topic} does not continue what was read`, {
    details: { topic, sequence },
    hint: 'the topic was rewritten: whoever publishes it must explain that; nothing after it can be trusted',
  });
}

function recordInvalid(expected: string, cause?: unknown): EventsError<'EVENTS_STREAM_RECORD_INVALID'> {
  return new EventsError('EVENTS_STREAM_RECORD_INVALID', `expected a record with ${expected}`, {
    details: { expected },
    ...(cause === undefined ? {} : { cause }),
  });
}
