import { concatBytes } from '@bitcoin-enterprise/core';
import { BiscolError } from '../errors.ts';

/** The error of bytes that are no message of dlcspecs. */
export function messageInvalid(offset: number, expected: string): BiscolError<'BISCOL_DLC_MESSAGE_INVALID'> {
  return new BiscolError('BISCOL_DLC_MESSAGE_INVALID', `expected ${expected} at byte ${offset}, got another`, {
    details: { offset, expected },
  });
}

/** A number in so many bytes, big endian. */
export function writeInteger(value: number | bigint, width: number): Uint8Array {
  const bytes = new Uint8Array(width);
  for (let at = width - 1, rest = BigInt.asUintN(8 * width, BigInt(value)); at >= 0; at--, rest >>= 8n)
    bytes[at] = Number(rest & 0xffn);
  return bytes;
}

/** A number as BOLT 1 writes it in as few bytes as can be: big endian, after `fd`, `fe` or `ff`. */
export function writeBigSize(value: number): Uint8Array {
  if (value < 0xfd) return writeInteger(value, 1);
  const width = value <= 0xffff ? 2 : value <= 0xffff_ffff ? 4 : 8;
  return concatBytes(Uint8Array.of({ 2: 0xfd, 4: 0xfe, 8: 0xff }[width]), writeInteger(value, width));
}

/** A record: type, length, value. */
export function writeRecord(type: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const value = concatBytes(...parts);
  return concatBytes(writeBigSize(type), writeBigSize(value.length), value);
}

/** A text in UTF-8, normalised (NFC), after its length in bytes. */
export function writeText(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text.normalize('NFC'));
  return concatBytes(writeBigSize(bytes.length), bytes);
}

/** Reads bytes from their beginning; each call that finds something else throws `BISCOL_DLC_MESSAGE_INVALID`. */
export class WireReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at: number;

  constructor(bytes: Uint8Array, from: number = 0, end: number = bytes.length) {
    this.#bytes = bytes;
    this.#at = from;
    this.#end = end;
  }

  /** So many bytes. */
  take(length: number): Uint8Array {
    if (length > this.#end - this.#at) throw messageInvalid(this.#at, `${length} bytes more`);
    const bytes = new Uint8Array(this.#bytes.subarray(this.#at, this.#at + length));
    this.#at += length;
    return bytes;
  }

  /** A number of at most six bytes. */
  integer(width: number): number {
    return this.take(width).reduce((value, byte) => value * 256 + byte, 0);
  }

  /** A number as {@link writeBigSize} writes it, in its only form, up to 2^53-1. */
  bigSize(): number {
    const from = this.#at;
    const first = this.integer(1);
    if (first < 0xfd) return first;
    const width = first === 0xfd ? 2 : first === 0xfe ? 4 : 8;
    const value = width === 8 ? this.integer(2) * 2 ** 48 + this.integer(6) : this.integer(width);
    if (!Number.isSafeInteger(value) || writeBigSize(value).length !== width + 1)
      throw messageInvalid(from, 'a number in its shortest form');
    return value;
  }

  /** 0 or 1. */
  boolean(): boolean {
    const from = this.#at;
    const value = this.integer(1);
    if (value > 1) throw messageInvalid(from, '0 or 1');
    return value === 1;
  }

  /** A text as {@link writeText} writes it. */
  text(): string {
    const from = this.#at;
    const bytes = this.take(this.bigSize());
    try {
      const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
      if (text === text.normalize('NFC')) return text;
    } catch {
      // Not UTF-8: the same answer.
    }
    throw messageInvalid(from, 'a normalised text (NFC) in UTF-8');
  }

  /** A record of one of several types: which, and what is in it. */
  record(types: readonly number[]): { readonly type: number; readonly value: WireReader } {
    const from = this.#at;
    const type = this.bigSize();
    if (!types.includes(type)) throw messageInvalid(from, `a record of type ${types.join(' or ')}`);
    const length = this.bigSize();
    const start = this.#at;
    this.skip(length);
    return { type, value: new WireReader(this.#bytes, start, start + length) };
  }

  /** Throws unless all was read. */
  finish(): void {
    if (this.#at !== this.#end) throw messageInvalid(this.#at, 'the end');
  }

  private skip(length: number): void {
    if (length > this.#end - this.#at) throw messageInvalid(this.#at, `${length} bytes more`);
    this.#at += length;
  }
}
