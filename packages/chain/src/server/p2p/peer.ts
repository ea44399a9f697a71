import type { Socket } from 'node:net';
import type { CryptoEngine } from '@bitcoin-enterprise/core';
import { frame, FrameReader, type Message } from './framing.ts';
import type { PeerVersion } from './payloads.ts';

/** What happens at a connection. */
export interface PeerEvents {
  /** Takes a message. Answers that may be many are drawn one by one, as the other side reads them. */
  readonly onMessage: (peer: Peer, message: Message) => Iterator<Message> | undefined;
  readonly onClose: (peer: Peer) => void;
}

/** How long a connection may be of no use, milliseconds. */
export interface PeerTimeouts {
  /** While what was sent is not read; a minute when absent. */
  readonly stalledMs?: number;
  /** Before both have said who they are; a minute, as in Core, when absent. */
  readonly handshakeMs?: number;
}

/** What may wait until it is answered, bytes: Core's limit. */
const MAX_INBOX_BYTES = 5_000_000;
/** What may wait until the other side reads it, bytes: two of the longest messages, and some. */
const MAX_OUTBOX_BYTES = 10_000_000;
const PATIENCE_MS = 60_000;

/** One connection: its socket, what was said in the handshake, and how much went to and fro. */
export class Peer {
  readonly id: number;
  readonly isInbound: boolean;
  /** Unix seconds. */
  readonly connectedAt: number;
  readonly sent: Map<string, number> = new Map();
  readonly received: Map<string, number> = new Map();
  /** What the other side says of itself. */
  version: PeerVersion | undefined;
  /** Whether both have said `verack`. */
  isReady = false;
  /** Whether it names transactions by witness id (BIP339). */
  wantsWitnessIds = false;
  /** Whether it wants new blocks announced by their headers (BIP130). */
  wantsHeaders = false;
  /** Names of what it knows, in hex, so that nothing is told twice. */
  readonly known: Set<string> = new Set();
  readonly #socket: Socket;
  readonly #crypto: CryptoEngine;
  readonly #events: PeerEvents;
  #inbox: Message[] = [];
  #nextInInbox = 0;
  #inboxBytes = 0;
  #replies: Iterator<Message> | undefined;

  constructor(
    socket: Socket,
    options: {
      readonly id: number;
      readonly isInbound: boolean;
      readonly now: number;
      readonly crypto: CryptoEngine;
      readonly events: PeerEvents;
      readonly timeouts: PeerTimeouts;
    },
  ) {
    const { id, isInbound, now, crypto, events } = options;
    const { stalledMs = PATIENCE_MS, handshakeMs = PATIENCE_MS } = options.timeouts;
    this.id = id;
    this.isInbound = isInbound;
    this.connectedAt = now;
    this.#socket = socket;
    this.#crypto = crypto;
    this.#events = events;
    const reader = new FrameReader(crypto);
    socket.on('data', (bytes: Buffer) => {
      const messages = reader.push(bytes);
      if (messages === undefined) return this.close();
      for (const message of messages) this.#take(message);
      this.#work();
    });
    socket.on('drain', () => this.#work());
    const handshake = setTimeout(() => {
      if (!this.isReady) this.close();
    }, handshakeMs);
    handshake.unref();
    // Who is silent may stay; who does not read what it was sent may not.
    socket.setTimeout(stalledMs, () => {
      if (socket.writableLength > 0) this.close();
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      clearTimeout(handshake);
      events.onClose(this);
    });
    socket.setNoDelay(true);
  }

  /** Address and port of the other side. */
  get address(): string {
    return `${this.#socket.remoteAddress ?? ''}:${this.#socket.remotePort ?? 0}`;
  }

  /** Address and port of this side. */
  get bind(): string {
    return `${this.#socket.localAddress ?? ''}:${this.#socket.localPort ?? 0}`;
  }

  /** Notes that the other side knows something; what was noted long ago is forgotten. */
  knows(name: string): void {
    this.known.add(name);
    const [oldest] = this.known;
    if (this.known.size > MAX_KNOWN && oldest !== undefined) this.known.delete(oldest);
  }

  send(type: string, payload: Uint8Array = new Uint8Array(0)): void {
    if (this.#socket.destroyed) return;
    if (this.#socket.writableLength > MAX_OUTBOX_BYTES) return this.close();
    count(this.sent, { type, payload });
    this.#socket.write(frame({ type, payload }, this.#crypto));
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(message: Message): void {
    count(this.received, message);
    this.#inbox.push(message);
    this.#inboxBytes += HEADER_BYTES + message.payload.length;
  }

  /** Answers what came, in its order, as long as the other side reads the answers; reads on while not too much waits. */
  #work(): void {
    const socket = this.#socket;
    while (!socket.destroyed && !socket.writableNeedDrain) {
      const reply = this.#replies?.next();
      if (reply !== undefined && reply.done !== true) {
        this.send(reply.value.type, reply.value.payload);
        continue;
      }
      this.#replies = undefined;
      const message = this.#inbox[this.#nextInInbox++];
      if (message === undefined) {
        this.#inbox = [];
        this.#nextInInbox = 0;
        break;
      }
      this.#inboxBytes -= HEADER_BYTES + message.payload.length;
      this.#replies = this.#events.onMessage(this, message);
    }
    if (this.#inboxBytes > MAX_INBOX_BYTES) socket.pause();
    else if (socket.isPaused()) socket.resume();
  }
}

const HEADER_BYTES = 24;
/** Names that are kept for a peer, and types of messages that are counted apart: it may send any number. */
const MAX_KNOWN = 50_000;
const MAX_TYPES = 64;
const OTHER_TYPES = '*other*';

function count(into: Map<string, number>, { type, payload }: Message): void {
  const name = into.has(type) || into.size < MAX_TYPES ? type : OTHER_TYPES;
  into.set(name, (into.get(name) ?? 0) + HEADER_BYTES + payload.length);
}
