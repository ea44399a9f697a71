import { emptyRoot, type TreeHasher } from './merkle.ts';

/** A complete subtree of `2^level` leaves, by its hash. */
export interface Subtree {
  readonly level: number;
  readonly hash: Uint8Array;
}

/**
 * The right edge of a tree: its complete subtrees from left to right, each less high than the one before. It is all
 * that appending needs, and one leaf more costs one leaf hash and, on average, one node hash.
 */
export class CompactRange {
  readonly #hasher: TreeHasher;
  readonly #levels: number[];
  readonly #hashes: Uint8Array[];
  #size: number;

  /**
   * @param hasher - Hashes nodes.
   * @param subtrees - The edge of a tree that exists; empty for a new one.
   */
  constructor(hasher: TreeHasher, subtrees: readonly Subtree[] = []) {
    this.#hasher = hasher;
    this.#levels = subtrees.map(({ level }) => level);
    this.#hashes = subtrees.map(({ hash }) => hash);
    this.#size = this.#levels.reduce((size, level) => size + 2 ** level, 0);
  }

  /** How many leaves the tree has. */
  get size(): number {
    return this.#size;
  }

  /** A copy that goes its own way. */
  clone(): CompactRange {
    const subtrees = this.#levels.map((level, i) => ({ level, hash: this.#hashes[i] as Uint8Array }));
    return new CompactRange(this.#hasher, subtrees);
  }

  /**
   * Appends a leaf by its hash.
   *
   * @param onSubtree - Told every subtree that the leaf completes, from the leaf itself upwards.
   */
  append(leaf: Uint8Array, onSubtree?: (level: number, hash: Uint8Array) => void): void {
    let level = 0;
    let hash = leaf;
    onSubtree?.(level, hash);
    while (this.#levels.at(-1) === level) {
      this.#levels.pop();
      hash = this.#hasher.node(this.#hashes.pop() as Uint8Array, hash);
      level++;
      onSubtree?.(level, hash);
    }
    this.#levels.push(level);
    this.#hashes.push(hash);
    this.#size++;
  }

  /** The root: the subtrees folded from the right. */
  root(): Uint8Array {
    if (this.#hashes.length === 0) return emptyRoot();
    return this.#hashes.reduceRight((right, left) => this.#hasher.node(left, right));
  }
}

/** The complete subtrees of a tree of `size` leaves, left to right: level, and index among those of the level. */
export function subtreesOf(size: number): ReadonlyArray<{ readonly level: number; readonly index: number }> {
  return subtreesBetween(0, size);
}

/**
 * The fewest complete subtrees that cover the leaves from `start` to `end`, where `start` is a multiple of the power of
 * two that holds the range, as in every range of a Merkle proof.
 */
export function subtreesBetween(
  start: number,
  end: number,
): ReadonlyArray<{ readonly level: number; readonly index: number }> {
  const found: Array<{ readonly level: number; readonly index: number }> = [];
  for (let at = start; at < end;) {
    let level = 0;
    // Arithmetic, not shifts: sizes go beyond 32 bits.
    while (at % 2 ** (level + 1) === 0 && at + 2 ** (level + 1) <= end) level++;
    found.push({ level, index: at / 2 ** level });
    at += 2 ** level;
  }
  return found;
}
