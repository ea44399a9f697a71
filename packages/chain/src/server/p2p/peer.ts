import type { Socket } from 'node:net';
import type { CryptoEngine } from '@bitcoin-enterprise/core';
import { frame, FrameReader, type Message } from './framing.ts';
import type { PeerVersion } from './payloads.ts';

/** What happens at a connection. */
export interface PeerEvents {
  readonly onMessage: (peer: Peer, message: Message) => void;
  readonly onClose: (peer: Peer) => void;
}

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

  constructor(
    socket: Socket,
    options: {
      readonly id: number;
      readonly isInbound: boolean;
      readonly now: number;
      readonly crypto: CryptoEngine;
      readonly events: PeerEvents;
    },
  ) {
    const { id, isInbound, now, crypto, events } = options;
    this.id = id;
    this.isInbound = isInbound;
    this.connectedAt = now;
    this.#socket = socket;
    this.#crypto = crypto;
    const reader = new FrameReader(crypto);
    socket.on('data', (bytes: Buffer) => {
      const messages = reader.push(new Uint8Array(bytes));
      if (messages === undefined) return this.close();
      for (const message of messages) {
        count(this.received, message);
        if (!socket.destroyed) events.onMessage(this, message);
      }
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => events.onClose(this));
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
    count(this.sent, { type, payload });
    this.#socket.write(frame({ type, payload }, this.#crypto));
  }

  close(): void {
    this.#socket.destroy();
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
