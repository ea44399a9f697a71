import {
  type Consumer,
  DeliverPolicy,
  DiscardPolicy,
  jetstream,
  JetStreamApiError,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
} from '@nats-io/jetstream';
import { connect, type ConnectionOptions, type NatsConnection } from '@nats-io/transport-node';
import { aborted, EventsError, invalidArgument, streamConflict } from '../errors.ts';
import { checkCall, requireRecord, requireWhole } from '../model/checks.ts';
import type { CallOptions } from '../ports/event-store.ts';
import type { StreamBroker, StreamRecord } from '../ports/stream-broker.ts';
import { checkTopic, parseRecord } from '../streams/chain.ts';

/** Settings of {@link openNatsBroker}. */
export interface NatsBrokerOptions {
  /** `nats://host:port`, one or several of a cluster. */
  readonly servers: string | readonly string[];
  /** First part of the names of streams and subjects: letters, digits, `-` and `_`; `events` when absent. */
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
const WRONG_LAST_SEQUENCE = 10_071;
const PAGE_EXPIRES_MS = 1_000;

/**
 * Opens a broker on NATS JetStream: a stream for each topic, whose sequence is the topic's own. Needs the packages
 * `@nats-io/transport-node` and `@nats-io/jetstream`.
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
  if (typeof prefix !== 'string' || !/^[\w-]{1,100}$/.test(prefix))
    throw invalidArgument('options.prefix', '1 to 100 letters, digits, - and _', prefix);
  const list = typeof servers === 'string' ? [servers] : servers;
  if (!Array.isArray(list) || list.length === 0 || list.some((server) => typeof server !== 'string'))
    throw invalidArgument('options.servers', 'one or several nats:// URLs', servers);
  let nats: NatsConnection;
  try {
    // A lost connection is made anew for as long as the broker is open.
    nats = await connect({ maxReconnectAttempts: -1, ...connection, servers: [...list], timeout: timeoutMs });
  } catch (error) {
    throw unavailable(error, 'not-done');
  }
  const client = jetstream(nats, { timeout: timeoutMs });
  const manager = await jetstreamManager(nats, { timeout: timeoutMs, checkAPI: false });
  const known = new Set<string>();
  const streamOf = (topic: string): string => `${prefix}_${checkTopic(topic)}`;
  const subjectOf = (topic: string): string => `${prefix}.${topic}`;

  /** Makes the stream of a topic when it is not there. */
  async function ensureStream(topic: string): Promise<string> {
    const name = streamOf(topic);
    if (known.has(name)) return name;
    await manager.streams.add({
      name,
      subjects: [subjectOf(topic)],
      storage: StorageType.File,
      retention: RetentionPolicy.Limits,
      // A full stream must refuse: to discard old records would be a gap.
      discard: DiscardPolicy.New,
      deny_delete: true,
      num_replicas: replicas,
    });
    known.add(name);
    return name;
  }

  async function call<Result>(
    name: string,
    options: CallOptions,
    work: () => Promise<Result>,
    outcome: 'not-done' | 'unknown' = 'not-done',
  ): Promise<Result> {
    checkCall(name, options);
    try {
      return await abortable(name, options.signal, work());
    } catch (error) {
      if (error instanceof EventsError) throw error;
      throw unavailable(error, outcome);
    }
  }

  async function last(topic: string, options: CallOptions = {}): Promise<StreamRecord | undefined> {
    checkTopic(topic);
    return call('last', options, async () => {
      const name = await ensureStream(topic);
      try {
        const message = await manager.streams.getMessage(name, { last_by_subj: subjectOf(topic) });
        return message === null ? undefined : parseRecord(message.string());
      } catch (error) {
        if (codeOf(error) === NO_MESSAGE) return undefined;
        throw error;
      }
    });
  }

  async function consumerAfter(topic: string, after: number): Promise<Consumer> {
    const name = await ensureStream(topic);
    return client.consumers.get(name, { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: after + 1 });
  }

  return {
    last,
    async publish(record, options = {}) {
      const { topic, sequence, hash } = record;
      checkTopic(topic);
      await call('publish', options, () => ensureStream(topic));
      try {
        await call(
          'publish',
          options,
          () =>
            client.publish(subjectOf(topic), JSON.stringify(record), {
              // The server knows a record that comes again, and refuses one that comes out of turn.
              msgID: hash,
              expect: { lastSequence: sequence - 1 },
              timeout: timeoutMs,
            }),
          'unknown',
        );
      } catch (error) {
        const cause = error instanceof Error ? error.cause : undefined;
        if (codeOf(cause) !== WRONG_LAST_SEQUENCE) throw error;
        throw streamConflict(topic, sequence, (await last(topic, options))?.sequence ?? 0);
      }
    },
    async read(topic, options = {}) {
      const { after = 0, limit = 1_000 } = options;
      checkTopic(topic);
      requireWhole('options.after', after, 0);
      requireWhole('options.limit', limit, 1, 10_000);
      const newest = (await last(topic, options))?.sequence ?? 0;
      const wanted = Math.min(limit, newest - after);
      if (wanted <= 0) return [];
      return call('read', options, async () => {
        const consumer = await consumerAfter(topic, after);
        const messages = await consumer.fetch({ max_messages: wanted, expires: PAGE_EXPIRES_MS });
        const records: StreamRecord[] = [];
        for await (const message of messages) records.push(parseRecord(message.string()));
        return records;
      });
    },
    async *subscribe(topic, { after, signal }) {
      checkTopic(topic);
      requireWhole('options.after', after, 0);
      if (signal.aborted) return;
      try {
        const consumer = await call('subscribe', { signal }, () => consumerAfter(topic, after));
        const messages = await consumer.consume();
        const stop = (): void => messages.stop();
        signal.addEventListener('abort', stop, { once: true });
        try {
          for await (const message of messages) yield parseRecord(message.string());
        } finally {
          signal.removeEventListener('abort', stop);
          messages.stop();
        }
      } catch (error) {
        if (!signal.aborted) throw error instanceof EventsError ? error : unavailable(error, 'not-done');
      }
    },
    async close() {
      await nats.close();
    },
  };
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

function unavailable(error: unknown, outcome: 'not-done' | 'unknown'): EventsError<'EVENTS_STORE_UNAVAILABLE'> {
  // An answer of the server says that nothing was done; silence does not.
  const code = codeOf(error);
  const reason = code === undefined ? 'no answer from the server' : `JetStream error ${code}`;
  return new EventsError('EVENTS_STORE_UNAVAILABLE', reason, {
    details: { store: STORE, outcome: code === undefined ? outcome : 'not-done', reason },
    retryable: true,
    cause: error,
  });
}
