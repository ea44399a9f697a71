/** ZMTP 3.0 with the NULL mechanism, as far as a subscriber needs it (rfc.zeromq.org/spec/23). */
import { concatBytes } from '@bitcoin-enterprise/core';
import { answerInvalid } from '../adapters/answer.ts';

/** One frame as it goes over the wire. */
export interface Frame {
  /** Whether more frames of the same message follow. */
  readonly more: boolean;
  /** Whether it speaks to the other end and not to its user. */
  readonly command: boolean;
  readonly body: Uint8Array;
}

const GREETING_SIZE = 64;
const MORE = 0x01;
const LONG = 0x02;
const COMMAND = 0x04;
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

/** What both ends send first: signature, version 3.0, mechanism NULL, not a server. */
export function greeting(): Uint8Array {
  const bytes = new Uint8Array(GREETING_SIZE);
  bytes[0] = 0xff;
  bytes[9] = 0x7f;
  bytes[10] = 3;
  bytes.set(ascii('NULL'), 12);
  return bytes;
}

/** The command that opens the conversation. */
export function readyCommand(): Uint8Array {
  return encodeFrame({
    more: false,
    command: true,
    body: concatBytes(shortText('READY'), property('Socket-Type', 'SUB')),
  });
}

/** The message by which version 3.0 subscribes to a topic. */
export function subscription(topic: string): Uint8Array {
  return encodeFrame({ more: false, command: false, body: concatBytes(Uint8Array.of(1), ascii(topic)) });
}

/** The answer to a PING of a peer that speaks a later version after all: its context comes back. */
export function pongCommand(ping: Uint8Array): Uint8Array {
  return encodeFrame({ more: false, command: true, body: concatBytes(shortText('PONG'), ping.subarray(7)) });
}

/** Name of a command. */
export function commandName(body: Uint8Array): string {
  const length = body[0] ?? 0;
  return new TextDecoder().decode(body.subarray(1, 1 + length));
}

/** Writes a frame. */
export function encodeFrame({ more, command, body }: Frame): Uint8Array {
  const long = body.length > 255;
  const flags = (more ? MORE : 0) | (long ? LONG : 0) | (command ? COMMAND : 0);
  if (!long) return concatBytes(Uint8Array.of(flags, body.length), body);
  const head = new Uint8Array(9);
  head[0] = flags;
  new DataView(head.buffer).setBigUint64(1, BigInt(body.length));
  return concatBytes(head, body);
}

/** Takes a stream of bytes apart; what breaks the protocol throws, and the connection is to be given up. */
export class FrameReader {
  readonly #maxFrameLength: number;
  #buffer: Uint8Array = new Uint8Array(0);
  #greeted = false;

  /** @param maxFrameLength - Longest body that is taken, in bytes. */
  constructor(maxFrameLength: number) {
    this.#maxFrameLength = maxFrameLength;
  }

  /** Whether the other end has introduced itself. */
  get greeted(): boolean {
    return this.#greeted;
  }

  /**
   * Takes bytes in and gives the frames that are complete.
   *
   * @throws ChainError `CHAIN_NODE_ANSWER_INVALID`.
   */
  push(chunk: Uint8Array): readonly Frame[] {
    this.#buffer = this.#buffer.length === 0 ? chunk : concatBytes(this.#buffer, chunk);
    if (!this.#greeted) {
      requireSignature(this.#buffer);
      if (this.#buffer.length < GREETING_SIZE) return [];
      requireGreeting(this.#buffer);
      this.#greeted = true;
      this.#buffer = this.#buffer.subarray(GREETING_SIZE);
    }
    const frames: Frame[] = [];
    for (let frame = this.#next(); frame !== undefined; frame = this.#next()) frames.push(frame);
    return frames;
  }

  #next(): Frame | undefined {
    const flags = this.#buffer[0];
    if (flags === undefined) return undefined;
    if ((flags & ~(MORE | LONG | COMMAND)) !== 0) throw answerInvalid('zmq', 'frames of ZMTP 3.0');
    const headLength = (flags & LONG) === 0 ? 2 : 9;
    if (this.#buffer.length < headLength) return undefined;
    const { buffer, byteOffset } = this.#buffer;
    const length = headLength === 2 ? BigInt(this.#buffer[1] ?? 0) : new DataView(buffer, byteOffset).getBigUint64(1);
    if (length > BigInt(this.#maxFrameLength))
      throw answerInvalid('zmq', `frames of at most ${this.#maxFrameLength} bytes`);
    const end = headLength + Number(length);
    if (this.#buffer.length < end) return undefined;
    const body = new Uint8Array(this.#buffer.subarray(headLength, end));
    this.#buffer = this.#buffer.subarray(end);
    return { more: (flags & MORE) !== 0, command: (flags & COMMAND) !== 0, body };
  }
}

function requireSignature(bytes: Uint8Array): void {
  const wrong = (bytes.length > 0 && bytes[0] !== 0xff) || (bytes.length > 9 && ((bytes[9] ?? 0) & 1) !== 1);
  if (wrong) throw answerInvalid('zmq', 'the greeting of ZMTP');
}

function requireGreeting(bytes: Uint8Array): void {
  const mechanism = new TextDecoder().decode(bytes.subarray(12, 32)).replace(/\0+$/, '');
  if ((bytes[10] ?? 0) < 3 || mechanism !== 'NULL')
    throw answerInvalid('zmq', 'the greeting of ZMTP 3 without security');
}

function shortText(text: string): Uint8Array {
  return concatBytes(Uint8Array.of(text.length), ascii(text));
}

function property(name: string, value: string): Uint8Array {
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, value.length);
  return concatBytes(shortText(name), length, ascii(value));
}
