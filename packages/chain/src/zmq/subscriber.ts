import { connect, type Socket } from 'node:net';
import { answerInvalid } from '../adapters/answer.ts';
import { commandName, FrameReader, greeting, pongCommand, readyCommand, subscription } from './zmtp.ts';

/** What a subscriber tells of. */
export interface SubscriberEvents {
  /** Both ends are ready, and the topics were asked for. */
  readonly onReady: () => void;
  /** A message, as its frames. */
  readonly onMessage: (frames: readonly Uint8Array[]) => void;
  /** The connection is over; told once. */
  readonly onEnd: (error: unknown) => void;
}

/** Where to subscribe, and to what. */
export interface SubscriberOptions {
  readonly host: string;
  readonly port: number;
  readonly topics: readonly string[];
  readonly maxFrameLength: number;
}

/** The most frames of a message. */
const MAX_FRAMES = 16;
/** After a silence of this length the system asks whether the other side is still there, in milliseconds. */
const KEEP_ALIVE_MS = 30_000;

/** One connection of a ZMTP subscriber. */
export class Subscriber {
  readonly #socket: Socket;
  readonly #events: SubscriberEvents;
  readonly #reader: FrameReader;
  #frames: Uint8Array[] = [];
  #ready = false;
  #ended = false;

  /**
   * @param options - Whom to connect to.
   * @param events - Whom to tell.
   */
  constructor(options: SubscriberOptions, events: SubscriberEvents) {
    const { host, port, topics, maxFrameLength } = options;
    this.#events = events;
    this.#reader = new FrameReader(maxFrameLength);
    this.#socket = connect({ host, port });
    this.#socket.setKeepAlive(true, KEEP_ALIVE_MS);
    this.#socket.on('connect', () => this.#socket.write(greeting()));
    this.#socket.on('data', (chunk: Uint8Array) => this.#take(chunk, topics));
    this.#socket.on('error', (error) => this.end(error));
    this.#socket.on('close', () => this.end(undefined));
  }

  /** Ends the connection. */
  end(error: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#socket.destroy();
    this.#events.onEnd(error);
  }

  #take(chunk: Uint8Array, topics: readonly string[]): void {
    try {
      const before = this.#reader.greeted;
      const frames = this.#reader.push(chunk);
      if (!before && this.#reader.greeted) this.#socket.write(readyCommand());
      for (const { more, command, body } of frames)
        if (command) this.#obey(body, topics);
        else this.#collect(body, more);
    } catch (error) {
      this.end(error);
    }
  }

  #obey(body: Uint8Array, topics: readonly string[]): void {
    const name = commandName(body);
    if (name === 'PING') this.#socket.write(pongCommand(body));
    if (name === 'ERROR') throw answerInvalid('zmq', 'a peer that wants to speak');
    if (name !== 'READY' || this.#ready) return;
    this.#ready = true;
    for (const topic of topics) this.#socket.write(subscription(topic));
    this.#events.onReady();
  }

  #collect(body: Uint8Array, more: boolean): void {
    if (!this.#ready) throw answerInvalid('zmq', 'ready before its first message');
    this.#frames.push(body);
    if (this.#frames.length > MAX_FRAMES) throw answerInvalid('zmq', `messages of at most ${MAX_FRAMES} frames`);
    if (more) return;
    const frames = this.#frames;
    this.#frames = [];
    this.#events.onMessage(frames);
  }
}
