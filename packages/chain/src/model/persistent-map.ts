/** One key, which is 32 bytes and an index, with its value. */
export interface MapEntry<Value> {
  readonly key: Uint8Array;
  readonly index: number;
  readonly value: Value;
}

/** An entry in the trie; those whose 32-bit hashes are equal hang on one another. */
interface Leaf<Value> extends MapEntry<Value> {
  readonly hash: number;
  readonly next: Leaf<Value> | undefined;
}

/** Up to 32 children, of which only those present take room; `bitmap` says which. */
class Branch<Value> {
  readonly owner: object | undefined;
  bitmap: number;
  readonly slots: (Branch<Value> | Leaf<Value>)[];

  constructor(owner: object | undefined, bitmap: number, slots: (Branch<Value> | Leaf<Value>)[]) {
    this.owner = owner;
    this.bitmap = bitmap;
    this.slots = slots;
  }
}

/**
 * A map that never changes, from (32 bytes, index) to a value: a hash array mapped trie.
 *
 * A changed copy shares all that is alike, so that keeping the coins of every block costs what the blocks changed,
 * and a snapshot costs nothing. Keys are ids, which are hashes already: four of their bytes choose the path.
 */
export class PersistentMap<Value> {
  readonly #root: Branch<Value>;
  /** Number of keys. */
  readonly size: number;

  private constructor(root: Branch<Value>, size: number) {
    this.#root = root;
    this.size = size;
  }

  /** A map without keys. */
  static empty<Value>(): PersistentMap<Value> {
    return new PersistentMap<Value>(new Branch(undefined, 0, []), 0);
  }

  /** Wraps the root that a draft has built. */
  static of<Value>(root: unknown, size: number): PersistentMap<Value> {
    return new PersistentMap(root as Branch<Value>, size);
  }

  /** The value of a key. */
  get(key: Uint8Array, index = 0): Value | undefined {
    return find(this.#root, key, index);
  }

  /** A copy to change in place, many times, before it is frozen again. */
  draft(): MapDraft<Value> {
    return new MapDraft(this.#root, this.size);
  }

  /** A copy with one key set. */
  with(key: Uint8Array, value: Value, index = 0): PersistentMap<Value> {
    const draft = this.draft();
    draft.set(key, index, value);
    return draft.freeze();
  }

  /** A copy without one key. */
  without(key: Uint8Array, index = 0): PersistentMap<Value> {
    const draft = this.draft();
    draft.delete(key, index);
    return draft.freeze();
  }

  /**
   * What another map has lost and gained against this one; what the two share is not looked at, so that the cost is
   * that of the changes.
   */
  changesTo(other: PersistentMap<Value>): {
    readonly lost: readonly MapEntry<Value>[];
    readonly gained: readonly MapEntry<Value>[];
  } {
    const lost: MapEntry<Value>[] = [];
    const gained: MapEntry<Value>[] = [];
    for (const leaf of unshared(this.#root, other.#root))
      if (other.get(leaf.key, leaf.index) !== leaf.value) lost.push(leaf);
    for (const leaf of unshared(other.#root, this.#root))
      if (this.get(leaf.key, leaf.index) !== leaf.value) gained.push(leaf);
    return { lost, gained };
  }

  /** All values, in no order. */
  *values(): Generator<Value> {
    for (const leaf of leavesOf(this.#root)) yield leaf.value;
  }

  /** All keys with their values, in no order. */
  *entries(): Generator<MapEntry<Value>> {
    yield* leavesOf(this.#root);
  }
}

/** A map in the making: nodes it made itself are changed in place, others are copied first. */
export class MapDraft<Value> {
  #owner: object = {};
  #root: Branch<Value>;
  #size: number;

  constructor(root: unknown, size: number) {
    this.#root = root as Branch<Value>;
    this.#size = size;
  }

  /** The value of a key. */
  get(key: Uint8Array, index = 0): Value | undefined {
    return find(this.#root, key, index);
  }

  /** Sets a key. */
  set(key: Uint8Array, index: number, value: Value): void {
    const leaf: Leaf<Value> = { hash: hashOf(key, index), key, index, value, next: undefined };
    this.#root = this.#insert(this.#root, leaf, 0);
  }

  /** Removes a key and returns what it had. */
  delete(key: Uint8Array, index = 0): Value | undefined {
    const found = find(this.#root, key, index);
    if (found === undefined) return undefined;
    this.#root = this.#remove(this.#root, hashOf(key, index), key, index, 0) as Branch<Value>;
    this.#size--;
    return found;
  }

  /** The map as it is now; the draft may go on, on copies. */
  freeze(): PersistentMap<Value> {
    this.#owner = {};
    return PersistentMap.of(this.#root, this.#size);
  }

  #insert(branch: Branch<Value>, leaf: Leaf<Value>, shift: number): Branch<Value> {
    const bit = 1 << ((leaf.hash >>> shift) & 31);
    const position = countBits(branch.bitmap & (bit - 1));
    const own = this.#own(branch);
    if ((branch.bitmap & bit) === 0) {
      own.slots.splice(position, 0, leaf);
      own.bitmap |= bit;
      this.#size++;
      return own;
    }
    const slot = branch.slots[position] as Branch<Value> | Leaf<Value>;
    if (slot instanceof Branch) own.slots[position] = this.#insert(slot, leaf, shift + 5);
    else if (slot.hash === leaf.hash) own.slots[position] = this.#chain(slot, leaf);
    else own.slots[position] = this.#insert(this.#split(slot, shift + 5), leaf, shift + 5);
    return own;
  }

  #split(leaf: Leaf<Value>, shift: number): Branch<Value> {
    return new Branch(this.#owner, 1 << ((leaf.hash >>> shift) & 31), [leaf]);
  }

  #chain(old: Leaf<Value>, leaf: Leaf<Value>): Leaf<Value> {
    const rest = dropFromChain(old, leaf.key, leaf.index);
    if (chainLength(rest) === chainLength(old)) this.#size++;
    return { ...leaf, next: rest };
  }

  #remove(
    branch: Branch<Value>,
    hash: number,
    key: Uint8Array,
    index: number,
    shift: number,
  ): Branch<Value> | Leaf<Value> | undefined {
    const bit = 1 << ((hash >>> shift) & 31);
    const position = countBits(branch.bitmap & (bit - 1));
    const slot = branch.slots[position] as Branch<Value> | Leaf<Value>;
    const left =
      slot instanceof Branch ? this.#remove(slot, hash, key, index, shift + 5) : dropFromChain(slot, key, index);
    const own = this.#own(branch);
    if (left !== undefined) own.slots[position] = left;
    else {
      own.slots.splice(position, 1);
      own.bitmap &= ~bit;
    }
    if (shift === 0) return own;
    if (own.slots.length === 0) return undefined;
    // A branch with one leaf is that leaf: the shape then depends on the keys alone, not on their history.
    const only = own.slots[0];
    return own.slots.length === 1 && !(only instanceof Branch) ? only : own;
  }

  #own(branch: Branch<Value>): Branch<Value> {
    return branch.owner === this.#owner ? branch : new Branch(this.#owner, branch.bitmap, branch.slots.slice());
  }
}

function find<Value>(root: Branch<Value>, key: Uint8Array, index: number): Value | undefined {
  const hash = hashOf(key, index);
  let branch = root;
  for (let shift = 0; ; shift += 5) {
    const bit = 1 << ((hash >>> shift) & 31);
    if ((branch.bitmap & bit) === 0) return undefined;
    const slot = branch.slots[countBits(branch.bitmap & (bit - 1))] as Branch<Value> | Leaf<Value>;
    if (slot instanceof Branch) {
      branch = slot;
      continue;
    }
    for (let leaf: Leaf<Value> | undefined = slot; leaf !== undefined; leaf = leaf.next)
      if (leaf.hash === hash && leaf.index === index && sameKey(leaf.key, key)) return leaf.value;
    return undefined;
  }
}

function dropFromChain<Value>(leaf: Leaf<Value>, key: Uint8Array, index: number): Leaf<Value> | undefined {
  if (leaf.index === index && sameKey(leaf.key, key)) return leaf.next;
  if (leaf.next === undefined) return leaf;
  return { ...leaf, next: dropFromChain(leaf.next, key, index) };
}

function chainLength(leaf: Leaf<unknown> | undefined): number {
  let length = 0;
  for (let at = leaf; at !== undefined; at = at.next) length++;
  return length;
}

function* leavesOf<Value>(branch: Branch<Value>): Generator<Leaf<Value>> {
  for (const slot of branch.slots) {
    if (slot instanceof Branch) yield* leavesOf(slot);
    else for (let leaf: Leaf<Value> | undefined = slot; leaf !== undefined; leaf = leaf.next) yield leaf;
  }
}

/** The leaves of a branch that are not by identity in the other one, and perhaps a few that are. */
function* unshared<Value>(branch: Branch<Value>, other: Branch<Value>): Generator<Leaf<Value>> {
  if (branch === other) return;
  for (let bit = 0; bit < 32; bit++) {
    const mine = slotAt(branch, bit);
    const theirs = slotAt(other, bit);
    if (mine === undefined || mine === theirs) continue;
    if (mine instanceof Branch) yield* theirs instanceof Branch ? unshared(mine, theirs) : leavesOf(mine);
    else for (let leaf: Leaf<Value> | undefined = mine; leaf !== undefined; leaf = leaf.next) yield leaf;
  }
}

function slotAt<Value>({ bitmap, slots }: Branch<Value>, bit: number): Branch<Value> | Leaf<Value> | undefined {
  const mask = 1 << bit;
  return (bitmap & mask) === 0 ? undefined : slots[countBits(bitmap & (mask - 1))];
}

/** Outputs of one transaction share its id, so the index is mixed in by Knuth's multiplicative constant. */
function hashOf(key: Uint8Array, index: number): number {
  const word = (key[0] as number) | ((key[1] as number) << 8) | ((key[2] as number) << 16) | ((key[3] as number) << 24);
  return word ^ Math.imul(index, 0x9e37_79b1);
}

function sameKey(left: Uint8Array, right: Uint8Array): boolean {
  for (let i = 0; i < 32; i++) if (left[i] !== right[i]) return false;
  return true;
}

function countBits(word: number): number {
  let count = word - ((word >>> 1) & 0x5555_5555);
  count = (count & 0x3333_3333) + ((count >>> 2) & 0x3333_3333);
  return Math.imul((count + (count >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}
