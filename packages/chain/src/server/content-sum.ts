import { createHash } from 'node:crypto';

const MODULUS = 1n << 256n;

/** A value of a row. */
export type RowValue = string | number | bigint | Uint8Array;

/**
 * A checksum over rows in no order, kept up to date by what comes and goes: the sum of their hashes. SQLite has none of
 * its own, so that a byte that changes on the disk would pass for what was written.
 */
export class ContentSum {
  #sum = 0n;

  /** Another one that has counted the same. */
  copy(): ContentSum {
    const copy = new ContentSum();
    copy.#sum = this.#sum;
    return copy;
  }

  /** Counts a row in. */
  add(...row: readonly RowValue[]): void {
    this.#sum = (this.#sum + hashOf(row)) % MODULUS;
  }

  /** Counts a row out. */
  remove(...row: readonly RowValue[]): void {
    this.#sum = (this.#sum + MODULUS - hashOf(row)) % MODULUS;
  }

  /** The sum together with what there is one of. */
  sealed(...single: readonly RowValue[]): string {
    return ((this.#sum + hashOf(single)) % MODULUS).toString(16).padStart(64, '0');
  }
}

function hashOf(row: readonly RowValue[]): bigint {
  const hash = createHash('sha256');
  for (const value of row) {
    const bytes = value instanceof Uint8Array ? value : Buffer.from(String(value));
    hash.update(`${bytes.length}:`).update(bytes);
  }
  return BigInt(`0x${hash.digest('hex')}`);
}
