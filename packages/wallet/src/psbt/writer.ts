import { compareBytes, writeCompactSize } from '@bitcoin-enterprise/core';

/** Grows as it is written to. */
export class PsbtWriter {
  #bytes: Uint8Array = new Uint8Array(512);
  #length = 0;

  /** What was written, as a view of its own. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  uint32(value: number): void {
    this.#reserve(4);
    for (let shift = 0; shift < 32; shift += 8) this.#bytes[this.#length++] = value >>> shift;
  }

  int64(value: bigint): void {
    this.uint32(Number(value & 0xffff_ffffn));
    this.uint32(Number((value >> 32n) & 0xffff_ffffn));
  }

  compactSize(value: number): void {
    this.#reserve(9);
    this.#length = writeCompactSize(this.#bytes, this.#length, value);
  }

  sized(bytes: Uint8Array): void {
    this.compactSize(bytes.length);
    this.raw(bytes);
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}

/** The records of a map while it is made; written in the order of their keys, so that equal PSBTs have equal bytes. */
export class PsbtMap {
  readonly #records: { readonly key: Uint8Array; readonly value: Uint8Array }[] = [];

  /** A record, unless there is no value. */
  add(type: number, value: Uint8Array | undefined, keyData?: Uint8Array): void {
    if (value !== undefined) this.addRaw(keyOf(type, keyData), value);
  }

  /** A record whose value is a number of 32 bits, unless there is none. */
  addUint32(type: number, value: number | undefined): void {
    if (value !== undefined)
      this.add(
        type,
        written((writer) => writer.uint32(value)),
      );
  }

  addRaw(key: Uint8Array, value: Uint8Array): void {
    this.#records.push({ key, value });
  }

  writeTo(writer: PsbtWriter): void {
    for (const { key, value } of this.#records.sort((a, b) => compareBytes(a.key, b.key))) {
      writer.sized(key);
      writer.sized(value);
    }
    writer.byte(0);
  }
}

/** Types are below 0xfd but for proprietary ones, which are kept as they came. */
function keyOf(type: number, keyData: Uint8Array | undefined): Uint8Array {
  if (keyData === undefined) return Uint8Array.of(type);
  const key = new Uint8Array(1 + keyData.length);
  key[0] = type;
  key.set(keyData, 1);
  return key;
}

/** What a function writes. */
export function written(write: (writer: PsbtWriter) => void): Uint8Array {
  const writer = new PsbtWriter();
  write(writer);
  return writer.finish();
}
