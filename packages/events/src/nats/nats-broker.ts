import {
  AckPolicy,
  type Consumer,
  DeliverPolicy,
  DiscardPolicy,
  jetstream,
  JetStreamApiError,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
} from '@nats-io/jetstream';
import { connect, type ConnectionOptions, errors, nanos, type NatsConnection } from '@nats-io/transport-node';
import { aborted, EventsError, invalidArgument, storeClosed, streamConflict } from '../errors.ts';
import { checkCall, requireRecord, requireWhole } from '../model/checks.ts';
import type { CallOptions } from '../ports/event-store.ts';
import type { StreamBroker, StreamRecord } from '../ports/stream-broker.ts';
import { checkTopic, parseRecord, readRecord, recordTooLarge } from '../streams/chain.ts';

/** Settings of {@link openNatsBroker}. */
export interface NatsBrokerOptions {
  /** `nats://host:port`, one or several of a cluster. */
  readonly servers: string | readonly string[];
  /** First part of the names of streams and subjects: letters, digits and `-`; `events` when absent. */
  readonly prefix?: string;
  /** Copies in the cluster, 1 to 5; 1 when absent. */
  readonly replicas?: number;
  /** Milliseconds until a call is given up; 5,000 when absent. */
  readonly timeoutMs?: number;
  /** Credentials and certificates, as the client of NATS takes them; appear in no error. */
  readonly connection?: Omit<ConnectionOptions, 'servers' | 'timeout'>;
}

const STORE = 'nats';
const NO_MESSAGE = 10_037;
const NO_STORAGE = 10_047;
const NAME_IN_USE = 10_058;
const NO_STREAM = 10_059;
const SUBJECTS_OVERLAP = 10_065;
const WRONG_LAST_SEQUENCE = 10_071;
const STREAM_FULL = 10_077;
const PAGE_EXPIRES_MS = 1_000;
/** Milliseconds after which the server forgets a consumer that nobody uses. */
const FORGOTTEN_MS = 60_000;
/** Milliseconds between two looks for a stream that is not there. */
const ABSENT_MS = 500;
/** What the headers of a record take at most, in bytes: the sequence that it follows. */
const HEADERS_LENGTH = 256;

/**
 * Opens a broker on NATS JetStream: a stream for each topic, whose sequence is the topic's own, made when the topic is
 * first published to. Needs the packages `@nats-io/transport-node` and `@nats-io/jetstream`.
 *
 * A record must fit into the server's `max_payload`, 1 MiB unless it is told otherwise
 * (`EVENTS_STREAM_RECORD_TOO_LARGE`). A stream that is there with settings under which records could vanish is
 * `EVENTS_STREAM_MISCONFIGURED`.
 *
 * A server syncs its disk every two minutes unless it is told `sync_interval: always`; what was published since then
 * survives the death of the server, but not of the machine, if there is only one replica.
 *
 * @throws EventsError `EVENTS_STORE_UNAVAILABLE`.
 */
export async function openNatsBroker(options: NatsBrokerOptions): Promise<StreamBroker> {
  requireRecord('options', options);
  const { servers, prefix = 'events', replicas = 1, connection = {} } = options;
  const timeoutMs = requireWhole('options.timeoutMs', options.timeoutMs ?? 5_000, 1, 0x7fff_ffff);
  requireWhole('options.replicas', replicas, 1, 5);
  requireRecord('options.connection', connection);
  // Without `_`, which ends it in the name of a stream: prefix and topic of one name are never in doubt.
  if (typeof prefix !== 'string' || !/^[A-Za-z0-9-]{1,100}$/.test(prefix))
    throw invalidArgument('options.prefix', '1 to 100 letters, digits and -', prefix);
  const list = typeof servers === 'string' ? [servers] : servers;
  if (!Array.isArray(list) || list.length === 0 || list.some((server) => typeof server !== 'string'))
    throw invalidArgument('options.servers', 'one or several nats:// URLs', servers);
  let nats: NatsConnection;
  try {
    // A lost connection is made anew for as long as the broker is open.
    nats = await connect({ maxReconnectAttempts: -1, ...connection, servers: [...list], timeout: timeoutMs });
  } catch (error) {
    // What is no URL is found out by the client.
    if (error instanceof TypeError) throw invalidArgument('options.servers', 'one or several nats:// URLs', servers);
    throw failureOf(error, 'not-done');
  }
  const client = jetstream(nats, { timeout: timeoutMs });
  const manager = await jetstreamManager(nats, { timeout: timeoutMs, checkAPI: false });
  const known = new Set<string>();
  const streamOf = (topic: string): string => `${prefix}_${checkTopic(topic)}`;
  const subjectOf = (topic: string): string => `${prefix}.${topic}`;

  /** Makes the stream of a topic when it is not there. */
  async function ensureStream(topic: string): Promise<void> {
    const name = streamOf(topic);
    if (known.has(name)) return;
    const needed = {
      subjects: [subjectOf(topic)],
      storage: StorageType.File,
      retention: RetentionPolicy.Limits,
      // A full stream must refuse: to discard old records would be a gap.
      discard: DiscardPolicy.New,
      deny_delete: true,
      deny_purge: true,
      max_age: 0,
    };
    try {
      await manager.streams.add({ name, ...needed, num_replicas: replicas });
    } catch (error) {
      const code = codeOf(error);
      if (code === SUBJECTS_OVERLAP) throw misconfigured(topic, 'subjects');
      if (code !== NAME_IN_USE) throw error;
      // Made before with other settings: those that no promise depends on are its administrator's.
      const { config } = await manager.streams.info(name);
      for (const [setting, value] of Object.entries(needed))
        if (JSON.stringify(config[setting as keyof typeof needed]) !== JSON.stringify(value))
          throw misconfigured(topic, setting);
    }
    known.add(name);
  }

  async function call<Result>(name: string, options: CallOptions, work: () => Promise<Result>): Promise<Result> {
    checkCall(name, options);
    try {
      return await abortable(name, options.signal, work());
    } catch (error) {
      throw failureOf(error, 'not-done');
    }
  }

  /** What a stream answers; `undefined` when there is none, or no such message. */
  async function present<Result>(work: Promise<Result>): Promise<Result | undefined> {
    try {
      return await work;
    } catch (error) {
      const code = codeOf(error);
      if (code === NO_MESSAGE || code === NO_STREAM) return undefined;
      throw error;
    }
  }

  async function messageOf(
    topic: string,
    query: { readonly seq: number } | { readonly last_by_subj: string },
  ): Promise<StreamRecord | undefined> {
    const message = await present(manager.streams.getMessage(streamOf(topic), query));
    return message === undefined || message === null ? undefined : parseRecord(message.string());
  }

  async function lastOf(topic: string): Promise<StreamRecord | undefined> {
    return messageOf(topic, { last_by_subj: subjectOf(topic) });
  }

  /** Records by a consumer of their own, which is gone afterwards. */
  async function page(topic: string, { after, count }: { readonly after: number; readonly count: number }) {
    const info = await manager.consumers.add(streamOf(topic), {
      ack_policy: AckPolicy.None,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: after + 1,
      inactive_threshold: nanos(FORGOTTEN_MS),
      mem_storage: true,
      num_replicas: 1,
    });
    try {
      const consumer = client.consumers.getConsumerFromInfo(info);
      const messages = await consumer.fetch({ max_messages: count, expires: PAGE_EXPIRES_MS });
      const records: StreamRecord[] = [];
      for await (const message of messages) records.push(parseRecord(message.string()));
      return records;
    } finally {
      // One that stays because the server is away is forgotten by the server itself.
      void manager.consumers.delete(info.stream_name, info.name).catch(() => undefined);
    }
  }

  async function send(record: StreamRecord, options: CallOptions): Promise<void> {
    const { topic, sequence } = record;
    const payload = new TextEncoder().encode(JSON.stringify(record));
    const maximum = nats.info?.max_payload ?? Number.MAX_SAFE_INTEGER;
    if (payload.length + HEADERS_LENGTH > maximum)
      throw recordTooLarge(topic, payload.length, maximum - HEADERS_LENGTH);
    checkCall('publish', options);
    // The server refuses what comes out of turn, and so also what comes again.
    const settings = { expect: { lastSequence: sequence - 1 }, timeout: timeoutMs };
    await abortable('publish', options.signal, client.publish(subjectOf(topic), payload, settings));
  }

  return {
    async last(topic, options = {}) {
      checkTopic(topic);
      return call('last', options, () => lastOf(topic));
    },
    async publish(record, options = {}) {
      requireRecord('record', record);
      const copy = readRecord(record);
      const { topic, sequence } = copy;
      for (let again = false; ; again = true) {
        await call('publish', options, () => ensureStream(topic));
        try {
          return await send(copy, options);
        } catch (error) {
          const code = codeOf(error);
          if (code === WRONG_LAST_SEQUENCE) {
            const newest = await call('last', options, () => lastOf(topic));
            throw streamConflict(topic, sequence, newest?.sequence ?? 0);
          }
          if (again || !(code === NO_STREAM || isUnheard(error))) throw failureOf(error, 'unknown');
          // Deleted behind our back, perhaps.
          known.delete(streamOf(topic));
        }
      }
    },
    async read(topic, options = {}) {
      checkTopic(topic);
      checkCall('read', options);
      const { after = 0, limit = 1_000 } = options;
      requireWhole('options.after', after, 0);
      requireWhole('options.limit', limit, 1, 10_000);
      return call('read', options, async () => {
        if (limit === 1) {
          const record = await messageOf(topic, { seq: after + 1 });
          return record === undefined ? [] : [record];
        }
        const newest = await lastOf(topic);
        const count = Math.min(limit, (newest?.sequence ?? 0) - after);
        if (newest === undefined || count <= 0) return [];
        const records = count === 1 && newest.sequence === after + 1 ? [newest] : await page(topic, { after, count });
        if (records.length === 0) throw unavailable('no records came', 'not-done');
        return records;
      });
    },
    async *subscribe(topic, options) {
      checkTopic(topic);
      requireRecord('options', options);
      const { after, signal } = options;
      requireWhole('options.after', after, 0);
      if (!(signal instanceof AbortSignal)) throw invalidArgument('options.signal', 'an AbortSignal', signal);
      try {
        while (!signal.aborted) {
          const consumer = await call('subscribe', { signal }, () =>
            present(
              client.consumers.get(streamOf(topic), {
                deliver_policy: DeliverPolicy.StartSequence,
                opt_start_seq: after + 1,
                inactive_threshold: FORGOTTEN_MS,
              }),
            ),
          );
          if (consumer !== undefined) return yield* consumed(consumer, signal);
          // Nobody has written to the topic; to look is no reason to make its stream.
          await call('subscribe', { signal }, () => new Promise((done) => setTimeout(done, ABSENT_MS)));
        }
      } catch (error) {
        if (!signal.aborted) throw failureOf(error, 'not-done');
      }
    },
    async close() {
      await nats.close();
    },
  };
}

/** Records of a consumer until the signal comes; the consumer is gone afterwards. */
async function* consumed(consumer: Consumer, signal: AbortSignal): AsyncGenerator<StreamRecord, void, undefined> {
  const messages = await consumer.consume();
  const stop = (): void => messages.stop();
  signal.addEventListener('abort', stop, { once: true });
  // It may have come meanwhile.
  if (signal.aborted) stop();
  try {
    for await (const message of messages) yield parseRecord(message.string());
  } finally {
    signal.removeEventListener('abort', stop);
    messages.stop();
    void consumer.delete().catch(() => undefined);
  }
}

/** Ends a wait by its signal; what was begun may still happen. */
async function abortable<Result>(
  name: string,
  signal: AbortSignal | undefined,
  work: Promise<Result>,
): Promise<Result> {
  if (signal === undefined) return work;
  let stop: () => void = () => undefined;
  const ended = new Promise<never>((_, fail) => {
    stop = () => fail(aborted(name));
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, ended]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function codeOf(error: unknown): number | undefined {
  return error instanceof JetStreamApiError ? error.code : undefined;
}

/** Whether nobody took a message: it was not published. */
function isUnheard(error: unknown): boolean {
  if (error instanceof errors.NoRespondersError) return true;
  if (error instanceof errors.RequestError && error.isNoResponders()) return true;
  return error instanceof Error && error.cause !== undefined && isUnheard(error.cause);
}

/** The error of this package. It has no cause: what the client throws may carry the URL, and with it a password. */
function failureOf(error: unknown, outcome: 'not-done' | 'unknown'): EventsError {
  if (error instanceof EventsError) return error;
  if (error instanceof errors.ClosedConnectionError || error instanceof errors.DrainingConnectionError)
    return storeClosed(STORE);
  const code = codeOf(error);
  // An answer of the server says that nothing was done; silence does not.
  if (code === STREAM_FULL || code === NO_STORAGE)
    return new EventsError('EVENTS_STORE_FULL', 'the stream or the server is full', { details: { store: STORE } });
  if (code !== undefined) return unavailable(`JetStream error ${code}`, 'not-done');
  const name = error instanceof Error ? error.name : 'unknown error';
  if (error instanceof errors.AuthorizationError || error instanceof errors.PermissionViolationError)
    return unavailable(`refused by the server (${name})`, 'not-done', 'for good');
  return unavailable(`no answer from the server (${name})`, isUnheard(error) ? 'not-done' : outcome);
}

function unavailable(
  reason: string,
  outcome: 'not-done' | 'unknown',
  how: 'for now' | 'for good' = 'for now',
): EventsError<'EVENTS_STORE_UNAVAILABLE'> {
  return new EventsError('EVENTS_STORE_UNAVAILABLE', reason, {
    details: { store: STORE, outcome, reason },
    retryable: how === 'for now',
  });
}

function misconfigured(topic: string, setting: string): EventsError<'EVENTS_STREAM_MISCONFIGURED'> {
  return new EventsError('EVENTS_STREAM_MISCONFIGURED', `the stream of ${topic} exists with another ${setting}`, {
    details: { topic, setting },
    hint: 'change that setting of the stream in NATS, or take another prefix',
  });
}
