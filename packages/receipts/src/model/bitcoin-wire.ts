import { concatBytes, readCompactSize } from '@bitcoin-enterprise/core';

/** What an anchor needs to know of a transaction. */
export interface WireTransaction {
  /** The bytes that the transaction id hashes: without witnesses. */
  readonly stripped: Uint8Array;
  readonly outputScripts: readonly Uint8Array[];
  /** Whether it is a coinbase: one input that spends nothing. */
  readonly isCoinbase: boolean;
  /** Where it ends. */
  readonly end: number;
}

/**
 * Reads a transaction of a block, with or without witnesses (BIP144).
 *
 * @throws CoreError when the bytes end too early or a count is not minimal; RangeError is impossible, since every count
 * is bounded by the bytes that are left.
 */
export function readTransaction(bytes: Uint8Array, start = 0): WireTransaction {
  let at = start;
  const skip = (length: number): number => {
    const from = at;
    if (length > bytes.length - at) throw new CutShort();
    at += length;
    return from;
  };
  const count = (): number => {
    const { value, size } = readCompactSize(bytes, at);
    skip(size);
    if (value > bytes.length) throw new CutShort();
    return value;
  };
  const script = (): Uint8Array => {
    const length = count();
    const from = skip(length);
    return bytes.subarray(from, from + length);
  };

  skip(4);
  const hasWitness = bytes[at] === 0 && bytes[at + 1] === 1;
  if (hasWitness) skip(2);
  const bodyStart = at;
  const inputs = count();
  if (inputs === 0) throw new CutShort();
  let isCoinbase = inputs === 1;
  for (let i = 0; i < inputs; i++) {
    const from = skip(36);
    // The outpoint of a coinbase: 32 zeros and the index 0xffffffff.
    isCoinbase &&= bytes.subarray(from, from + 32).every((byte) => byte === 0);
    isCoinbase &&= bytes.subarray(from + 32, from + 36).every((byte) => byte === 0xff);
    script();
    skip(4);
  }
  const outputScripts: Uint8Array[] = [];
  for (let left = count(); left > 0; left--) {
    skip(8);
    outputScripts.push(script());
  }
  const bodyEnd = at;
  if (hasWitness) for (let i = 0; i < inputs; i++) for (let left = count(); left > 0; left--) script();
  const lockTime = skip(4);
  const stripped = concatBytes(
    bytes.subarray(start, start + 4),
    bytes.subarray(bodyStart, bodyEnd),
    bytes.subarray(lockTime, lockTime + 4),
  );
  return { stripped, outputScripts, isCoinbase, end: at };
}

/** Bytes that are no transaction; never leaves this package. */
export class CutShort extends Error {
  override readonly name: string = 'CutShort';
}

/** The transactions of a block after its header of 80 bytes. */
export function readBlock(block: Uint8Array): {
  readonly header: Uint8Array;
  readonly transactions: readonly WireTransaction[];
} {
  if (block.length < 81) throw new CutShort();
  const { value, size } = readCompactSize(block, 80);
  if (value > block.length) throw new CutShort();
  const transactions: WireTransaction[] = [];
  let at = 80 + size;
  for (let left = value; left > 0; left--) {
    const transaction = readTransaction(block, at);
    transactions.push(transaction);
    at = transaction.end;
  }
  if (at !== block.length || transactions.length === 0) throw new CutShort();
  return { header: new Uint8Array(block.subarray(0, 80)), transactions };
}
