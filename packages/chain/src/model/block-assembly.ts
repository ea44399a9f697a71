import { MAX_BLOCK_SIGOPS_COST, MAX_BLOCK_WEIGHT } from './limits.ts';
import type { Mempool, MempoolEntry } from './mempool.ts';
import { MempoolGraph, type PackageSum } from './mempool-graph.ts';

/** Room kept for the header and the coinbase: what Core's miner reserves. */
export const RESERVED_WEIGHT: number = 8_000;
const RESERVED_SIGOPS_COST = 400;

/** After so many packages that do not fit, the block is as good as full. */
const MAX_MISFITS = 1_000;

/**
 * Chooses what goes into the next block: always the transaction that pays best together with the ancestors it still
 * needs, as Core's miner does.
 *
 * @returns Transactions with parents before children.
 */
export function chooseTransactions(
  pool: Mempool,
  options: {
    /** Least fee rate of what is taken together, sat/kvB; 0 when absent. */
    readonly minFeeRate?: number;
    /** Most weight of the block, with what is kept free; that of consensus when absent. */
    readonly maxWeight?: number;
    /** Weight kept free for the header and the coinbase; 8000 when absent. */
    readonly reservedWeight?: number;
  } = {},
): readonly MempoolEntry[] {
  const { minFeeRate = 0, maxWeight = MAX_BLOCK_WEIGHT, reservedWeight = RESERVED_WEIGHT } = options;
  const graph = new MempoolGraph(pool);
  const { entries } = graph;
  // What each transaction and the ancestors it still needs pay and weigh; kept up as ancestors get in.
  const own = entries.map((_, i) => graph.sumOf([i]));
  const needed = entries.map((_, i) => graph.sumOf(graph.ancestorsOf(i)));
  const chosen = new Set<number>();
  // The last round in which a transaction was found to need less; one number each, so that nothing need be cleared.
  const touchedIn = new Uint32Array(entries.length);
  const heap = new RateHeap(needed);
  for (let i = 0; i < entries.length; i++) heap.update(i);

  let weight = reservedWeight;
  let sigops = RESERVED_SIGOPS_COST;
  let misfits = 0;
  for (let best = heap.pop(); best !== undefined && misfits < MAX_MISFITS; best = heap.pop()) {
    const sum = needed[best] as PackageSum;
    // What comes behind pays no better.
    if (sum.fee * 1_000 < minFeeRate * sum.size) break;
    // As Core has it: a block is never quite full.
    if (weight + sum.weight >= maxWeight || sigops + sum.sigopsCost >= MAX_BLOCK_SIGOPS_COST) {
      misfits++;
      continue;
    }
    weight += sum.weight;
    sigops += sum.sigopsCost;
    const package_ = sum.count === 1 ? [best] : graph.ancestorsOf(best).filter((i) => !chosen.has(i));
    for (const i of package_.toSorted((a, b) => a - b)) {
      chosen.add(i);
      heap.remove(i);
    }
    if (chosen.size === entries.length) break;
    const touched: number[] = [];
    for (const i of package_)
      for (const descendant of graph.descendantsOf(i)) {
        if (heap.lacks(descendant) && chosen.has(descendant)) continue;
        subtract(needed[descendant] as PackageSum, own[i] as PackageSum);
        if (touchedIn[descendant] === chosen.size) continue;
        touchedIn[descendant] = chosen.size;
        touched.push(descendant);
      }
    for (const descendant of touched) heap.update(descendant);
  }
  return Array.from(chosen, (i) => entries[i] as MempoolEntry);
}

function subtract(from: PackageSum, part: PackageSum): void {
  from.fee -= part.fee;
  from.size -= part.size;
  from.weight -= part.weight;
  from.sigopsCost -= part.sigopsCost;
  from.count -= part.count;
}

/** A binary heap of positions with the best rate on top, of equal ones the earliest; any can move or be taken out. */
class RateHeap {
  readonly #sums: readonly PackageSum[];
  readonly #items: number[] = [];
  /** Where in the heap a position is; -1 when it is not. */
  readonly #places: Int32Array;
  /** The rates that the heap is ordered by: those of the last update, so that it is in order at all times. */
  readonly #rates: Float64Array;

  constructor(sums: readonly PackageSum[]) {
    this.#sums = sums;
    this.#places = new Int32Array(sums.length).fill(-1);
    this.#rates = new Float64Array(sums.length);
  }

  /** Whether a position is not in the heap. */
  lacks(item: number): boolean {
    return this.#places[item] === -1;
  }

  /** Adds a position, or moves it to where its rate of now belongs. */
  update(item: number): void {
    const { fee, size } = this.#sums[item] as PackageSum;
    this.#rates[item] = fee / size;
    const place = this.#places[item] as number;
    this.#sink(item, this.#rise(item, place < 0 ? this.#items.push(item) - 1 : place));
  }

  /** Takes a position out, if it is there. */
  remove(item: number): void {
    const at = this.#places[item] as number;
    if (at < 0) return;
    this.#places[item] = -1;
    const last = this.#items.pop() as number;
    if (last !== item) this.#sink(last, this.#rise(last, at));
  }

  /** Takes out the best one. */
  pop(): number | undefined {
    const top = this.#items[0];
    if (top !== undefined) this.remove(top);
    return top;
  }

  #rise(item: number, from: number): number {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = this.#items[parent] as number;
      if (!this.#before(item, above)) break;
      this.#put(above, at);
      at = parent;
    }
    return at;
  }

  #sink(item: number, from: number): void {
    const items = this.#items;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && this.#before(items[child + 1] as number, items[child] as number)) child++;
      const below = items[child] as number;
      if (!this.#before(below, item)) break;
      this.#put(below, at);
      at = child;
    }
    this.#put(item, at);
  }

  #put(item: number, at: number): void {
    this.#items[at] = item;
    this.#places[item] = at;
  }

  #before(a: number, b: number): boolean {
    const difference = (this.#rates[a] as number) - (this.#rates[b] as number);
    return difference === 0 ? a < b : difference > 0;
  }
}
