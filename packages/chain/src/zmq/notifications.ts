import { webEntropy } from '@bitcoin-enterprise/core';
import { fullJitterMs } from '@bitcoin-enterprise/core/resilience';
import { requireCallOptions, signalOf } from '../adapters/arguments.ts';
import { endable } from '../adapters/endable.ts';
import { invalidArgument } from '../errors.ts';
import type { ChangeSignal } from '../ports/change-signal.ts';
import { Subscriber } from './subscriber.ts';

/** What bitcoind publishes (`-zmqpubhashblock=…` and so on). */
export type ZmqTopic = 'hashblock' | 'hashtx' | 'rawblock' | 'rawtx' | 'sequence';

/** Something a node published, or what happened to the connection; hashes in internal order. */
export type ZmqNotification =
  | { readonly type: 'hashblock' | 'hashtx'; readonly hash: Uint8Array; readonly sequence: number }
  | { readonly type: 'rawblock' | 'rawtx'; readonly bytes: Uint8Array; readonly sequence: number }
  | {
      readonly type: 'sequence';
      readonly hash: Uint8Array;
      readonly change: 'block-connected' | 'block-disconnected' | 'transaction-added' | 'transaction-removed';
      /** Of a transaction: the mempool's own count. */
      readonly mempoolSequence?: bigint;
      readonly sequence: number;
    }
  /** A connection is ready; what was published before it is lost. */
  | { readonly type: 'connected'; readonly address: string }
  /** A connection is lost. */
  | { readonly type: 'disconnected'; readonly address: string }
  /** Notifications are lost: as many as the numbers that are missing, or unknown when the node began to count anew. */
  | { readonly type: 'gap'; readonly topic: string; readonly missed?: number };

/** Settings of {@link zmqNotifications}. */
export interface ZmqNotificationsOptions {
  /** Where the node publishes: `tcp://127.0.0.1:28332`, one or more. */
  readonly addresses: readonly string[];
  /** What to subscribe to; `hashblock` and `hashtx` when absent. */
  readonly topics?: readonly ZmqTopic[];
  /** Longest frame that is read, in bytes; 32 million when absent. */
  readonly maxFrameLength?: number;
  /** Bound of the first wait before a connection is tried again, in milliseconds, growing to 50 times that; 100 when absent. */
  readonly reconnectMs?: number;
}

/** Notifications of a node. Connected only while somebody listens. */
export interface ZmqNotifications extends ChangeSignal {
  /**
   * What is published from now on. A reader that is too slow loses some, and is told so by a `gap`.
   *
   * @param options - `signal` ends the iteration without an error.
   */
  notifications(options?: { readonly signal?: AbortSignal }): AsyncIterable<ZmqNotification>;
}

const TOPICS: readonly ZmqTopic[] = ['hashblock', 'hashtx', 'rawblock', 'rawtx', 'sequence'];
/** Notifications that wait for a reader. */
const MAX_WAITING = 10_000;

/**
 * Follows what a bitcoind publishes over ZMQ: a ZMTP 3.0 subscriber of our own, that notices gaps in the node's
 * numbering and connects again by itself. To be given to `BitcoindChain` as `wake`.
 *
 * @throws ChainError `CHAIN_INVALID_ARGUMENT`.
 *
 * @example A node that is looked at when it says so, and every 30 seconds
 * ```ts no-run
 * import { BitcoindChain } from '@bitcoin-enterprise/chain/bitcoind';
 * import { cookieFile, zmqNotifications } from '@bitcoin-enterprise/chain/zmq';
 *
 * const wake = zmqNotifications({ addresses: ['tcp://127.0.0.1:28332'] });
 * const auth = cookieFile('/var/lib/bitcoind/.cookie');
 * const chain = new BitcoindChain({ url: 'http://127.0.0.1:8332', auth, wake });
 * for await (const { type, height } of chain.blockEvents()) type === 'connected' && height;
 * ```
 */
export function zmqNotifications(options: ZmqNotificationsOptions): ZmqNotifications {
  return new Notifications(options);
}

type Listener = (notification: ZmqNotification) => void;

interface Endpoint {
  readonly address: string;
  readonly host: string;
  readonly port: number;
}

class Notifications implements ZmqNotifications {
  readonly #endpoints: readonly Endpoint[];
  readonly #topics: readonly ZmqTopic[];
  readonly #maxFrameLength: number;
  readonly #reconnectMs: number;
  readonly #listeners = new Set<Listener>();
  #ends: (() => void)[] = [];

  constructor(options: ZmqNotificationsOptions) {
    if (typeof options !== 'object' || options === null) throw invalidArgument('options', 'an object', options);
    const { addresses, topics = ['hashblock', 'hashtx'], maxFrameLength = 32_000_000, reconnectMs = 100 } = options;
    if (!Array.isArray(addresses) || addresses.length === 0)
      throw invalidArgument('options.addresses', 'one address or more', addresses);
    this.#endpoints = addresses.map((address: unknown) => endpointOf(address));
    if (!Array.isArray(topics) || topics.length === 0 || !topics.every((topic) => TOPICS.includes(topic)))
      throw invalidArgument('options.topics', `some of ${TOPICS.join(', ')}`, topics);
    if (typeof maxFrameLength !== 'number' || !(maxFrameLength > 0))
      throw invalidArgument('options.maxFrameLength', 'a number above zero', maxFrameLength);
    if (typeof reconnectMs !== 'number' || !(reconnectMs >= 1 && reconnectMs <= 60_000))
      throw invalidArgument('options.reconnectMs', 'a number from 1 to 60000', reconnectMs);
    this.#topics = topics;
    this.#maxFrameLength = maxFrameLength;
    this.#reconnectMs = reconnectMs;
  }

  onChange(listener: () => void): () => void {
    return this.#listen(() => listener());
  }

  notifications(options: { readonly signal?: AbortSignal } = {}): AsyncIterable<ZmqNotification> {
    return endable((signal) => this.#follow(options, signal), signalOf(options));
  }

  async *#follow(
    options: { readonly signal?: AbortSignal },
    signal: AbortSignal,
  ): AsyncGenerator<ZmqNotification, void, undefined> {
    requireCallOptions(options);
    let waiting: ZmqNotification[] = [];
    let wake = (): void => undefined;
    const leave = this.#listen((notification) => {
      if (waiting.length >= MAX_WAITING) waiting = [{ type: 'gap', topic: 'all', missed: waiting.length }];
      waiting.push(notification);
      wake();
    });
    const onAbort = (): void => wake();
    signal.addEventListener('abort', onAbort);
    try {
      while (!signal.aborted) {
        const next = waiting.shift();
        if (next !== undefined) yield next;
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      leave();
    }
  }

  #listen(listener: Listener): () => void {
    const own: Listener = (notification) => listener(notification);
    this.#listeners.add(own);
    if (this.#listeners.size === 1) this.#ends = this.#endpoints.map((endpoint) => this.#keepConnected(endpoint));
    return () => {
      if (!this.#listeners.delete(own) || this.#listeners.size > 0) return;
      for (const end of this.#ends) end();
      this.#ends = [];
    };
  }

  /** Connects to an address, again and again; the answer ends it. */
  #keepConnected({ address, host, port }: Endpoint): () => void {
    let failures = 0;
    let ended = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let subscriber: Subscriber | undefined;
    const begin = (): void => {
      let ready = false;
      const last = new Map<string, number>();
      const facts = { host, port, topics: this.#topics, maxFrameLength: this.#maxFrameLength };
      subscriber = new Subscriber(facts, {
        onReady: () => {
          ready = true;
          failures = 0;
          this.#tell({ type: 'connected', address });
        },
        onMessage: (frames) => this.#receive(frames, last),
        onEnd: () => {
          if (ended) return;
          if (ready) this.#tell({ type: 'disconnected', address });
          failures += 1;
          const baseMs = this.#reconnectMs;
          timer = setTimeout(begin, fullJitterMs(failures, { baseMs, capMs: baseMs * 50, entropy: webEntropy() }));
        },
      });
    };
    begin();
    return () => {
      ended = true;
      clearTimeout(timer);
      subscriber?.end(undefined);
    };
  }

  #receive(frames: readonly Uint8Array[], last: Map<string, number>): void {
    const [name, body, count] = frames;
    const topic = name === undefined ? '' : new TextDecoder().decode(name);
    // Topics are prefixes: subscribed to hashtx, one also gets whatever begins so.
    if (body === undefined || count?.length !== 4 || !(this.#topics as readonly string[]).includes(topic)) return;
    const sequence = new DataView(count.buffer, count.byteOffset).getUint32(0, true);
    const before = last.get(topic);
    last.set(topic, sequence);
    const missed = before === undefined ? 0 : (sequence - before - 1) >>> 0;
    // A number that goes back means that the node counts from the beginning.
    if (missed > 0) this.#tell({ type: 'gap', topic, ...(missed < 0x8000_0000 ? { missed } : {}) });
    const notification = notificationOf(topic as ZmqTopic, body, sequence);
    if (notification !== undefined) this.#tell(notification);
  }

  #tell(notification: ZmqNotification): void {
    for (const listener of this.#listeners) listener(notification);
  }
}

const CHANGES = {
  C: 'block-connected',
  D: 'block-disconnected',
  A: 'transaction-added',
  R: 'transaction-removed',
} as const;

/** A message of bitcoind; hashes come in the order in which people read them. */
function notificationOf(topic: ZmqTopic, body: Uint8Array, sequence: number): ZmqNotification | undefined {
  if (topic === 'rawblock' || topic === 'rawtx') return { type: topic, bytes: body, sequence };
  if (body.length < 32) return undefined;
  const hash = body.slice(0, 32).reverse();
  if (topic !== 'sequence') return { type: topic, hash, sequence };
  const label = String.fromCharCode(body[32] ?? 0);
  if (!Object.hasOwn(CHANGES, label)) return undefined;
  const change = CHANGES[label as keyof typeof CHANGES];
  if (body.length < 41) return { type: 'sequence', hash, change, sequence };
  const mempoolSequence = new DataView(body.buffer, body.byteOffset).getBigUint64(33, true);
  return { type: 'sequence', hash, change, mempoolSequence, sequence };
}

function endpointOf(address: unknown): Endpoint {
  const match = typeof address === 'string' ? /^tcp:\/\/(\[[0-9a-f:]+\]|[\w.-]+):(\d{1,5})$/i.exec(address) : null;
  const port = Number(match?.[2]);
  if (typeof address !== 'string' || match === null || port < 1 || port > 65_535)
    throw invalidArgument('options.addresses[]', 'tcp://host:port', address);
  return { address, host: (match[1] ?? '').replace(/^\[|\]$/g, ''), port };
}
