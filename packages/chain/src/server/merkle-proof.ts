import {
  concatBytes,
  type CryptoEngine,
  encodeCompactSize,
  equalBytes,
  readCompactSize,
} from '@bitcoin-enterprise/core';

/** The smallest size of a transaction, bytes: what bounds the number of them in a block. */
const MIN_TRANSACTION_BYTES = 60;

/** Longest list that Core reads. */
const MAX_SIZE = 0x0200_0000;

/** Writes which of a block's transactions are meant, with the hashes that lead to its Merkle root (BIP37's partial tree). */
export function writeProof(
  header: Uint8Array,
  ids: readonly Uint8Array[],
  matches: ReadonlySet<number>,
  crypto: CryptoEngine,
): Uint8Array {
  const tree = new Tree(ids.length);
  const bits: boolean[] = [];
  const hashes: Uint8Array[] = [];
  const visit = (height: number, position: number): void => {
    const first = position << height;
    const last = Math.min((position + 1) << height, ids.length);
    let isParent = false;
    for (let i = first; i < last && !isParent; i++) isParent = matches.has(i);
    bits.push(isParent);
    if (height === 0 || !isParent) {
      hashes.push(hashAt(ids, height, position, crypto));
      return;
    }
    visit(height - 1, position * 2);
    if (position * 2 + 1 < tree.width(height - 1)) visit(height - 1, position * 2 + 1);
  };
  visit(tree.height, 0);
  const flags = new Uint8Array(Math.ceil(bits.length / 8));
  for (const [i, bit] of bits.entries()) if (bit) (flags[i >> 3] as number) |= 1 << (i & 7);
  const count = new Uint8Array(4);
  new DataView(count.buffer).setUint32(0, ids.length, true);
  return concatBytes(
    header,
    count,
    encodeCompactSize(hashes.length),
    ...hashes,
    encodeCompactSize(flags.length),
    flags,
  );
}

/**
 * Reads a proof: its header, and the ids that it proves; `undefined` where it proves nothing, `short` if it is cut, `large`
 * if it says that more is to come than may come.
 */
export function readProof(
  bytes: Uint8Array,
  crypto: CryptoEngine,
):
  | { readonly header: Uint8Array; readonly ids: readonly Uint8Array[]; readonly count: number }
  | 'short'
  | 'large'
  | undefined {
  if (bytes.length < 85) return 'short';
  const header = bytes.subarray(0, 80);
  const count = new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(80, true);
  const hashCount = sizeAt(bytes, 84);
  if (hashCount === undefined) return 'short';
  if (hashCount.value > MAX_SIZE) return 'large';
  const flagCount = sizeAt(bytes, hashCount.end + hashCount.value * 32);
  if (flagCount === undefined) return 'short';
  if (flagCount.value > MAX_SIZE) return 'large';
  const flags = bytes.subarray(flagCount.end, flagCount.end + flagCount.value);
  if (flags.length !== flagCount.value) return 'short';
  if (count === 0 || count > 4_000_000 / MIN_TRANSACTION_BYTES || hashCount.value > count) return undefined;
  const tree = new Tree(count);
  const ids: Uint8Array[] = [];
  let [bit, hash] = [0, 0];
  let isBad = false;
  const visit = (height: number, position: number): Uint8Array => {
    if (bit >= flags.length * 8) {
      isBad = true;
      return new Uint8Array(32);
    }
    const isParent = ((flags[bit >> 3] as number) & (1 << (bit & 7))) !== 0;
    bit++;
    if (height === 0 || !isParent) {
      if (hash >= hashCount.value) {
        isBad = true;
        return new Uint8Array(32);
      }
      const found = bytes.subarray(hashCount.end + hash * 32, hashCount.end + hash * 32 + 32);
      hash++;
      if (height === 0 && isParent) ids.push(found);
      return found;
    }
    const left = visit(height - 1, position * 2);
    const right = position * 2 + 1 < tree.width(height - 1) ? visit(height - 1, position * 2 + 1) : left;
    // Two equal halves could hide a transaction that is not there (CVE-2012-2459).
    if (right !== left && equalBytes(left, right)) isBad = true;
    return crypto.hash256(concatBytes(left, right));
  };
  const root = visit(tree.height, 0);
  const isWhole = Math.ceil(bit / 8) === flags.length && hash === hashCount.value;
  return isBad || !isWhole || !equalBytes(root, header.subarray(36, 68)) ? undefined : { header, ids, count };
}

/** A compact size and where it ends; `undefined` where the bytes end before. */
function sizeAt(bytes: Uint8Array, offset: number): { readonly value: number; readonly end: number } | undefined {
  try {
    const { value, size } = readCompactSize(bytes, offset);
    return { value, end: offset + size };
  } catch {
    // A length of 64 bits that is no number here is larger than anything that is read.
    return bytes[offset] === 0xff && bytes.length >= offset + 9 ? { value: Infinity, end: offset + 9 } : undefined;
  }
}

/** The shape of a Merkle tree. */
class Tree {
  readonly #count: number;
  readonly height: number;

  constructor(count: number) {
    this.#count = count;
    let height = 0;
    while (this.width(height) > 1) height++;
    this.height = height;
  }

  /** How many nodes a level has; 0 is that of the transactions. */
  width(height: number): number {
    return (this.#count + (1 << height) - 1) >> height;
  }
}

function hashAt(ids: readonly Uint8Array[], height: number, position: number, crypto: CryptoEngine): Uint8Array {
  if (height === 0) return ids[position] as Uint8Array;
  const left = hashAt(ids, height - 1, position * 2, crypto);
  const isAlone = (position * 2 + 1) << (height - 1) >= ids.length;
  return crypto.hash256(concatBytes(left, isAlone ? left : hashAt(ids, height - 1, position * 2 + 1, crypto)));
}
