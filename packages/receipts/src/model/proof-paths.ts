import { ReceiptsError } from '../errors.ts';
import { requireCount } from './checks.ts';
import { subtreesBetween } from './compact-range.ts';
import type { TreeHasher } from './merkle.ts';

/** The leaves from `start` up to, without, `end`. */
export interface LeafRange {
  readonly start: number;
  readonly end: number;
}

/** Gives the hash of a complete subtree: `2^level` leaves from `index * 2^level`. */
export type ReadSubtree = (level: number, index: number) => Promise<Uint8Array>;

/**
 * The subtrees whose hashes prove that a leaf is in a tree, from the leaf's sibling up (RFC 6962 §2.1.1).
 *
 * @throws {@link ReceiptsError} `RECEIPTS_INDEX_OUT_OF_RANGE`.
 */
export function inclusionPath(index: number, size: number): readonly LeafRange[] {
  requireCount('index', index);
  requireCount('size', size);
  if (index >= size) throw outOfRange(index, size);
  const path: LeafRange[] = [];
  let [start, end] = [0, size];
  while (end - start > 1) {
    const middle = start + splitOf(end - start);
    if (index < middle) {
      path.push({ start: middle, end });
      end = middle;
    } else {
      path.push({ start, end: middle });
      start = middle;
    }
  }
  return path.toReversed();
}

/**
 * The subtrees whose hashes prove that a tree goes on from an earlier one (RFC 6962 §2.1.2); none for equal sizes, and
 * none from an empty tree.
 *
 * @throws {@link ReceiptsError} `RECEIPTS_INDEX_OUT_OF_RANGE` when `first` is above `second`.
 */
export function consistencyPath(first: number, second: number): readonly LeafRange[] {
  requireCount('first', first);
  requireCount('second', second);
  if (first > second) throw outOfRange(first, second);
  if (first === 0 || first === second) return [];
  const path: LeafRange[] = [];
  let [start, end] = [0, second];
  while (end !== first) {
    const middle = start + splitOf(end - start);
    if (first <= middle) {
      path.push({ start: middle, end });
      end = middle;
    } else {
      path.push({ start, end: middle });
      start = middle;
    }
  }
  // The verifier knows the whole old tree; any smaller part of it has to be told.
  if (start !== 0) path.push({ start, end });
  return path.toReversed();
}

/** The hashes of ranges, each folded from the complete subtrees that cover it. */
export function hashesOf(
  ranges: readonly LeafRange[],
  read: ReadSubtree,
  hasher: TreeHasher,
): Promise<readonly Uint8Array[]> {
  return Promise.all(
    ranges.map(async ({ start, end }) => {
      const subtrees = subtreesBetween(start, end);
      const hashes = await Promise.all(subtrees.map(({ level, index }) => read(level, index)));
      return hashes.reduceRight((right, left) => hasher.node(left, right));
    }),
  );
}

/** The largest power of two below `count`. */
function splitOf(count: number): number {
  let split = 1;
  while (split * 2 < count) split *= 2;
  return split;
}

/** The error for an entry or a size that the tree does not reach. */
export function outOfRange(index: number, size: number): ReceiptsError<'RECEIPTS_INDEX_OUT_OF_RANGE'> {
  return new ReceiptsError('RECEIPTS_INDEX_OUT_OF_RANGE', `expected an index within ${size} entries, got ${index}`, {
    details: { index, size },
  });
}
