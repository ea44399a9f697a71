import { MAX_BLOCK_SIGOPS_COST, MAX_BLOCK_WEIGHT } from './limits.ts';
import { ancestorsOf, inOrder, type Mempool, type MempoolEntry, withDescendants } from './mempool.ts';

/** Room kept for the header and the coinbase: what Core's miner reserves. */
const RESERVED_WEIGHT = 8_000;
const RESERVED_SIGOPS_COST = 400;

/** After so many packages that do not fit, the block is as good as full. */
const MAX_MISFITS = 1_000;

interface Candidate {
  readonly entry: MempoolEntry;
  readonly rate: number;
  /** How many transactions the rate was taken over; fewer are left once an ancestor is in. */
  readonly count: number;
}

/**
 * Chooses what goes into the next block: always the transaction that pays best together with the ancestors it still
 * needs, as Core's miner does.
 *
 * @returns Transactions with parents before children.
 */
export function chooseTransactions(pool: Mempool): readonly MempoolEntry[] {
  const chosen = new Set<MempoolEntry>();
  const missing = (entry: MempoolEntry): MempoolEntry[] => {
    const needed = [...ancestorsOf(pool, entry.tx)].filter((ancestor) => !chosen.has(ancestor));
    return [...needed, entry].sort((a, b) => a.sequence - b.sequence);
  };
  const heap = new RateHeap();
  for (const entry of inOrder(pool)) heap.push(candidateOf(entry, missing(entry)));

  let weight = RESERVED_WEIGHT;
  let sigops = RESERVED_SIGOPS_COST;
  let misfits = 0;
  for (let best = heap.pop(); best !== undefined && misfits < MAX_MISFITS; best = heap.pop()) {
    if (chosen.has(best.entry)) continue;
    const package_ = missing(best.entry);
    if (package_.length !== best.count) continue;
    const packageWeight = package_.reduce((sum, { tx }) => sum + tx.weight, 0);
    const packageSigops = package_.reduce((sum, { sigopsCost }) => sum + sigopsCost, 0);
    if (weight + packageWeight > MAX_BLOCK_WEIGHT || sigops + packageSigops > MAX_BLOCK_SIGOPS_COST) {
      misfits++;
      continue;
    }
    weight += packageWeight;
    sigops += packageSigops;
    for (const entry of package_) chosen.add(entry);
    if (package_.length < pool.entries.size)
      for (const entry of withDescendants(pool, package_))
        if (!chosen.has(entry)) heap.push(candidateOf(entry, missing(entry)));
  }
  return [...chosen];
}

function candidateOf(entry: MempoolEntry, package_: readonly MempoolEntry[]): Candidate {
  let fee = 0;
  let size = 0;
  for (const member of package_) {
    fee += Number(member.fee);
    size += member.size;
  }
  return { entry, rate: fee / size, count: package_.length };
}

/** A binary heap with the best rate on top; of equal ones the earlier transaction. */
class RateHeap {
  readonly #items: Candidate[] = [];

  push(item: Candidate): void {
    const items = this.#items;
    let at = items.length;
    items.push(item);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(item, items[parent] as Candidate)) break;
      items[at] = items[parent] as Candidate;
      at = parent;
    }
    items[at] = item;
  }

  pop(): Candidate | undefined {
    const items = this.#items;
    const top = items[0];
    const last = items.pop();
    if (top === undefined || last === undefined || items.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && before(items[child + 1] as Candidate, items[child] as Candidate)) child++;
      if (!before(items[child] as Candidate, last)) break;
      items[at] = items[child] as Candidate;
      at = child;
    }
    items[at] = last;
    return top;
  }
}

function before(a: Candidate, b: Candidate): boolean {
  return a.rate === b.rate ? a.entry.sequence < b.entry.sequence : a.rate > b.rate;
}
