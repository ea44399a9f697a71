import { ScriptError } from '../errors.ts';

/** Core's MAX_SIZE: no count or length on the wire may exceed 32 MiB (serialize.h). */
const MAX_SIZE = 0x02000000;

/** The one empty byte array: fields are compared by content, never by identity. */
export const EMPTY: Uint8Array = new Uint8Array(0);

/** A part of `bytes` without copying it; shares {@link EMPTY} because most scriptSigs are empty. */
export function slice(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return start === end ? EMPTY : new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start);
}

/** Unsigned 32-bit little endian number. */
export function readUint32(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset] as number) |
      ((bytes[offset + 1] as number) << 8) |
      ((bytes[offset + 2] as number) << 16) |
      ((bytes[offset + 3] as number) << 24)) >>>
    0
  );
}

/** Writes an unsigned 32-bit little endian number. */
export function writeUint32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value;
  bytes[offset + 1] = value >>> 8;
  bytes[offset + 2] = value >>> 16;
  bytes[offset + 3] = value >>> 24;
}

/** Signed 64-bit little endian number; the doubles in the middle cover every amount of money without BigInt sums. */
export function readInt64(bytes: Uint8Array, offset: number): bigint {
  const low = readUint32(bytes, offset);
  const high = readUint32(bytes, offset + 4);
  if (high < 0x200000) return BigInt(high * 0x100000000 + low);
  return BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low));
}

/** Writes a signed 64-bit little endian number. */
export function writeInt64(bytes: Uint8Array, offset: number, value: bigint): void {
  if (value >= 0n && value <= 0x1fffffffffffffn) {
    const number = Number(value);
    writeUint32(bytes, offset, number >>> 0);
    writeUint32(bytes, offset + 4, Math.floor(number / 0x100000000));
    return;
  }
  writeUint32(bytes, offset, Number(BigInt.asUintN(32, value)));
  writeUint32(bytes, offset + 4, Number(BigInt.asUintN(32, value >> 32n)));
}

/** Bytes that a compact size takes. */
export function compactSizeLength(value: number): number {
  if (value < 0xfd) return 1;
  if (value <= 0xffff) return 3;
  return value <= 0xffffffff ? 5 : 9;
}

/** Writes a compact size below 2^53 and returns the offset behind it. */
export function writeCompactSize(bytes: Uint8Array, offset: number, value: number): number {
  if (value < 0xfd) {
    bytes[offset] = value;
    return offset + 1;
  }
  if (value <= 0xffff) {
    bytes[offset] = 0xfd;
    bytes[offset + 1] = value;
    bytes[offset + 2] = value >>> 8;
    return offset + 3;
  }
  if (value <= 0xffffffff) {
    bytes[offset] = 0xfe;
    writeUint32(bytes, offset + 1, value);
    return offset + 5;
  }
  bytes[offset] = 0xff;
  writeInt64(bytes, offset + 1, BigInt(value));
  return offset + 9;
}

/** Walks over bytes and refuses to walk off their end. */
export class Scanner {
  readonly bytes: Uint8Array;
  /** Where the next read happens. */
  position: number;

  constructor(bytes: Uint8Array, position = 0) {
    this.bytes = bytes;
    this.position = position;
  }

  /** Moves over `count` bytes and returns the offset of the first. */
  skip(count: number): number {
    const offset = this.position;
    if (offset + count > this.bytes.length) this.#truncated(count);
    this.position = offset + count;
    return offset;
  }

  /** One byte. */
  byte(): number {
    return this.bytes[this.skip(1)] as number;
  }

  /** A compact size: shortest form only and at most 32 MiB, as Core's ReadCompactSize. */
  compactSize(): number {
    const first = this.bytes[this.position];
    if (first !== undefined && first < 0xfd) {
      this.position++;
      return first;
    }
    const offset = this.position;
    const bytes = this.bytes;
    let value: number;
    switch (first) {
      case 0xfd:
        this.skip(3);
        value = (bytes[offset + 1] as number) | ((bytes[offset + 2] as number) << 8);
        if (value < 0xfd) this.#nonCanonical(offset);
        return value;
      case 0xfe:
        this.skip(5);
        value = readUint32(bytes, offset + 1);
        if (value < 0x10000) this.#nonCanonical(offset);
        break;
      case 0xff:
        this.skip(9);
        if (readUint32(bytes, offset + 5) === 0) this.#nonCanonical(offset);
        value = Number.MAX_SAFE_INTEGER;
        break;
      default:
        return this.#truncated(1);
    }
    if (value > MAX_SIZE)
      throw new ScriptError('SCRIPT_ENCODING_INVALID', `expected a count of at most ${MAX_SIZE}, got a larger one`, {
        details: { offset, reason: 'compact-size-too-large' },
      });
    return value;
  }

  /** Refuses bytes behind the end. */
  end(): void {
    const extra = this.bytes.length - this.position;
    if (extra !== 0)
      throw new ScriptError('SCRIPT_BYTES_TRAILING', `expected the end, got ${extra} more bytes`, {
        details: { offset: this.position, extra },
      });
  }

  #truncated(needed: number): never {
    const available = Math.max(0, this.bytes.length - this.position);
    throw new ScriptError('SCRIPT_BYTES_TRUNCATED', `expected ${needed} more bytes, got ${available}`, {
      details: { offset: this.position, needed, available },
    });
  }

  #nonCanonical(offset: number): never {
    throw new ScriptError('SCRIPT_ENCODING_INVALID', 'expected the shortest compact size, got a longer form', {
      details: { offset, reason: 'compact-size-non-canonical' },
    });
  }
}
