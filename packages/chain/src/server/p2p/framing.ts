import { concatBytes, type CryptoEngine } from '@bitcoin-enterprise/core';
import { ReceivedBytes } from '../../adapters/received-bytes.ts';

/** Opens every message on regtest. */
const MAGIC = Uint8Array.of(0xfa, 0xbf, 0xb5, 0xda);
const HEADER_BYTES = 24;

/** Longest message that is read, bytes: Core's limit. */
const MAX_PAYLOAD_BYTES = 4_000_000;

/** A message of the peer-to-peer protocol, version 1. */
export interface Message {
  readonly type: string;
  readonly payload: Uint8Array;
}

/** Writes a message with its header: magic, type, length, checksum. */
export function frame({ type, payload }: Message, crypto: CryptoEngine): Uint8Array {
  const header = new Uint8Array(HEADER_BYTES);
  header.set(MAGIC);
  header.set(new TextEncoder().encode(type), 4);
  new DataView(header.buffer).setUint32(16, payload.length, true);
  header.set(crypto.hash256(payload).subarray(0, 4), 20);
  return concatBytes(header, payload);
}

/** Cuts a stream of bytes into messages. */
export class FrameReader {
  readonly #crypto: CryptoEngine;
  readonly #rest = new ReceivedBytes();

  constructor(crypto: CryptoEngine) {
    this.#crypto = crypto;
  }

  /**
   * Takes bytes and gives the messages that are complete.
   *
   * @returns `undefined` where the other side does not speak this protocol: it is to be left.
   */
  push(bytes: Uint8Array): readonly Message[] | undefined {
    this.#rest.add(bytes);
    const messages: Message[] = [];
    while (this.#rest.length >= HEADER_BYTES) {
      const { view } = this.#rest;
      if (MAGIC.some((byte, i) => view[i] !== byte)) return undefined;
      const length = new DataView(view.buffer, view.byteOffset).getUint32(16, true);
      if (length > MAX_PAYLOAD_BYTES) return undefined;
      if (view.length < HEADER_BYTES + length) break;
      const payload = new Uint8Array(view.subarray(HEADER_BYTES, HEADER_BYTES + length));
      const checksum = this.#crypto.hash256(payload);
      const isWhole = [0, 1, 2, 3].every((i) => checksum[i] === view[20 + i]);
      const type = new TextDecoder().decode(view.subarray(4, 16)).replace(/\0+$/, '');
      // What was damaged on the way is dropped alone, as Core does.
      if (isWhole) messages.push({ type, payload });
      this.#rest.drop(HEADER_BYTES + length);
    }
    return messages;
  }
}
