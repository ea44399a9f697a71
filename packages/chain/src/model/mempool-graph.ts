import { inOrder, type Mempool, type MempoolEntry, parentsOf } from './mempool.ts';

/** What some transactions pay and weigh together. */
export interface PackageSum {
  /** Satoshis. */
  fee: number;
  /** Virtual bytes. */
  size: number;
  weight: number;
  sigopsCost: number;
  count: number;
}

/** Who spends whom in a pool, by position in the order of arrival: parents have lower numbers than their children. */
export class MempoolGraph {
  readonly entries: readonly MempoolEntry[];
  readonly #parents: (readonly number[])[] = [];
  readonly #children: number[][] = [];
  /** Marks what a walk has seen by the number of the walk, so that nothing need be cleared. */
  readonly #seen: Uint32Array;
  #walk = 0;

  constructor(pool: Mempool) {
    this.entries = inOrder(pool);
    this.#seen = new Uint32Array(this.entries.length);
    const positions = new Map(this.entries.map((entry, i) => [entry, i]));
    for (const [i, { tx }] of this.entries.entries()) {
      const parents = Array.from(parentsOf(pool, tx), (parent) => positions.get(parent) as number);
      this.#parents.push(parents);
      this.#children.push([]);
      for (const parent of parents) (this.#children[parent] as number[]).push(i);
    }
  }

  /** A transaction and all it stands on, in no order. */
  ancestorsOf(start: number): readonly number[] {
    return this.#reach(start, this.#parents);
  }

  /** A transaction and all that stand on it, in no order. */
  descendantsOf(start: number): readonly number[] {
    return this.#reach(start, this.#children);
  }

  /** What some transactions pay and weigh together. */
  sumOf(positions: readonly number[]): PackageSum {
    const sum = { fee: 0, size: 0, weight: 0, sigopsCost: 0, count: positions.length };
    for (const position of positions) {
      const { tx, modifiedFee, size, sigopsCost } = this.entries[position] as MempoolEntry;
      sum.fee += Number(modifiedFee);
      sum.size += size;
      sum.weight += tx.weight;
      sum.sigopsCost += sigopsCost;
    }
    return sum;
  }

  #reach(start: number, next: readonly (readonly number[])[]): readonly number[] {
    const walk = ++this.#walk;
    const found = [start];
    this.#seen[start] = walk;
    for (let at = 0; at < found.length; at++)
      for (const other of next[found[at] as number] as readonly number[]) {
        if (this.#seen[other] === walk) continue;
        this.#seen[other] = walk;
        found.push(other);
      }
    return found;
  }
}
