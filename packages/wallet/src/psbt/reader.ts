import { WalletError } from '../errors.ts';

/** A record of a map, with the place of its key and value in the bytes. */
export interface PsbtRecord {
  /** Type, a compact size of at most 4 bytes. */
  readonly type: number;
  /** Type and data. */
  readonly key: Uint8Array;
  /** What follows the type. */
  readonly keyData: Uint8Array;
  readonly value: Uint8Array;
  /** Where the key starts. */
  readonly offset: number;
}

/** Fields of a whole PSBT: each takes hundreds of bytes of memory, and may be six bytes long. */
const MOST_FIELDS = 500_000;

/** Elements of a witness, leaves of a tree: more than any that can be spent. */
export const MOST_ITEMS = 100_000;

/** Bytes that are no PSBT. */
export function malformed(offset: number, reason: string): WalletError<'WALLET_PSBT_MALFORMED'> {
  return new WalletError('WALLET_PSBT_MALFORMED', `expected a PSBT, got at byte ${offset}: ${reason}`, {
    details: { offset, reason },
  });
}

/** Reads numbers and bytes one after the other; whatever is cut short is malformed. */
export class PsbtReader {
  readonly bytes: Uint8Array;
  /** Where these bytes stand in the whole. */
  readonly base: number;
  position = 0;
  #fields = 0;

  constructor(bytes: Uint8Array, base = 0) {
    this.bytes = bytes;
    this.base = base;
  }

  /** Where the next byte stands in the whole. */
  get offset(): number {
    return this.base + this.position;
  }

  /** Whether nothing is left. */
  get isAtEnd(): boolean {
    return this.position === this.bytes.length;
  }

  /** The next bytes, as a view. */
  take(length: number): Uint8Array {
    const end = this.position + length;
    if (end > this.bytes.length) throw malformed(this.offset, `${length} bytes expected, fewer left`);
    const taken = this.bytes.subarray(this.position, end);
    this.position = end;
    return taken;
  }

  byte(): number {
    const { position } = this;
    if (position >= this.bytes.length) throw malformed(this.offset, 'a byte expected, none left');
    this.position = position + 1;
    return this.bytes[position] as number;
  }

  uint32(): number {
    const { bytes, position: at } = this;
    if (at + 4 > bytes.length) throw malformed(this.offset, '4 bytes expected, fewer left');
    this.position = at + 4;
    return uint32At(bytes, at);
  }

  /** A signed number of 64 bits. */
  int64(): bigint {
    const taken = this.take(8);
    return BigInt.asIntN(64, (BigInt(uint32At(taken, 4)) << 32n) | BigInt(uint32At(taken, 0)));
  }

  /** A compact size in its shortest form, below 2³². */
  compactSize(): number {
    const { offset } = this;
    const first = this.byte();
    if (first < 0xfd) return first;
    if (first === 0xff) throw malformed(offset, 'a size of 8 bytes');
    const value = first === 0xfd ? this.byte() + this.byte() * 256 : this.uint32();
    if (value < (first === 0xfd ? 0xfd : 0x1_0000)) throw malformed(offset, 'a size that is not in its shortest form');
    return value;
  }

  /** Bytes behind their length. */
  sized(): Uint8Array {
    return this.take(this.compactSize());
  }

  end(): void {
    if (!this.isAtEnd) throw malformed(this.offset, 'bytes behind the end');
  }

  /** The records of a map, up to its separator. */
  map(): readonly PsbtRecord[] {
    const records: PsbtRecord[] = [];
    for (;;) {
      const { offset } = this;
      const length = this.compactSize();
      if (length === 0) return unique(records);
      const keyStart = this.offset;
      if (++this.#fields > MOST_FIELDS) throw malformed(offset, `more than ${MOST_FIELDS} fields`);
      const key = this.take(length);
      const keyReader = new PsbtReader(key, keyStart);
      const type = keyReader.compactSize();
      const keyData = key.subarray(keyReader.position);
      records.push({ type, key, keyData, value: this.sized(), offset });
    }
  }
}

/** A number of 32 bits, little endian. */
export function uint32At(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)) >>>
    0
  );
}

function unique(records: readonly PsbtRecord[]): readonly PsbtRecord[] {
  if (records.length < 2) return records;
  const seen = new Set<string>();
  for (const { key, offset } of records) {
    const name = key.length === 1 ? String.fromCharCode(key[0] as number) : latin1(key);
    if (seen.has(name)) throw malformed(offset, 'a key twice in one map');
    seen.add(name);
  }
  return records;
}

/** Bytes as a text of as many characters. */
function latin1(bytes: Uint8Array): string {
  let text = '';
  // In parts: a call takes only so many arguments.
  for (let from = 0; from < bytes.length; from += 4096)
    text += String.fromCharCode(...bytes.subarray(from, from + 4096));
  return text;
}
