/** A transaction of a cluster, for the order in which a miner would take them. */
export interface LinearNode {
  /** Satoshis; may be below zero where a fee was modified. */
  readonly fee: bigint;
  readonly size: bigint;
  /** Positions of what it spends in the same cluster. */
  readonly parents: readonly number[];
}

/** Transactions that a miner takes together, and what they pay. */
export interface Chunk {
  readonly fee: bigint;
  readonly size: bigint;
  /** Positions in the cluster. */
  readonly members: readonly number[];
}

/**
 * Cuts a cluster into chunks of falling fee rate, the best possible: each is a set that pays best among all sets of
 * what is left that hold their ancestors.
 *
 * The best rate is found by Dinkelbach's method: a guess of the rate makes a gain or a loss of each transaction, and the
 * set with the most gain that holds its ancestors is a minimum cut. Clusters have at most some dozens of members.
 */
export function chunksOf(nodes: readonly LinearNode[]): readonly Chunk[] {
  return coarseChunksOf(nodes).flatMap(({ members }) => finest(nodes, members));
}

/** As {@link chunksOf}, but sets that could follow one another at the same rate may be one chunk: enough for a diagram. */
export function coarseChunksOf(nodes: readonly LinearNode[]): readonly Chunk[] {
  const left = new Set(nodes.keys());
  const chunks: Chunk[] = [];
  while (left.size > 0) {
    const members = bestClosure(nodes, [...left]);
    for (const member of members) left.delete(member);
    chunks.push(sumOf(nodes, members));
  }
  return chunks;
}

/** Splits a chunk into sets of the same rate that can follow one another, as small as can be. */
function finest(nodes: readonly LinearNode[], members: readonly number[]): readonly Chunk[] {
  const whole = sumOf(nodes, members);
  if (members.length === 1) return [whole];
  const gains = gainsAt(nodes, members, whole);
  for (const [i, member] of members.entries()) {
    const must = ancestorsWithin(nodes, member, members);
    if (must.size === members.length) continue;
    // A gain beyond all losses draws the member in with what it stands on; what is left over shows whether it is even.
    const bonus = gains.reduce((sum, gain) => sum + (gain < 0n ? -gain : gain), 1n);
    const drawn = gains.map((gain, j) => (j === i ? gain + bonus : gain));
    const found = maximumClosure(nodes, members, drawn);
    const part = sumOf(nodes, found);
    if (found.length === members.length || part.fee * whole.size !== whole.fee * part.size) continue;
    const inside = new Set(found);
    return [
      ...finest(nodes, found),
      ...finest(
        nodes,
        members.filter((other) => !inside.has(other)),
      ),
    ];
  }
  return [whole];
}

function ancestorsWithin(nodes: readonly LinearNode[], start: number, members: readonly number[]): ReadonlySet<number> {
  const inside = new Set(members);
  const found = new Set([start]);
  for (const at of found)
    for (const parent of (nodes[at] as LinearNode).parents) if (inside.has(parent)) found.add(parent);
  return found;
}

/** What each gains or loses at the rate of all together. */
function gainsAt(
  nodes: readonly LinearNode[],
  members: readonly number[],
  { fee, size }: Pick<Chunk, 'fee' | 'size'>,
): readonly bigint[] {
  return members.map((i) => {
    const node = nodes[i] as LinearNode;
    return node.fee * size - fee * node.size;
  });
}

function sumOf(nodes: readonly LinearNode[], members: readonly number[]): Chunk {
  let fee = 0n;
  let size = 0n;
  for (const member of members) {
    const node = nodes[member] as LinearNode;
    fee += node.fee;
    size += node.size;
  }
  return { fee, size, members };
}

function bestClosure(nodes: readonly LinearNode[], left: readonly number[]): readonly number[] {
  let best = left;
  for (;;) {
    if (best.length === 1 && left.length === 1) return best;
    const better = maximumClosure(nodes, left, gainsAt(nodes, left, sumOf(nodes, best)));
    if (better.length === 0) return best;
    best = better;
  }
}

/** The set with the most gain that holds the ancestors of its members; empty when no set gains anything. */
function maximumClosure(
  nodes: readonly LinearNode[],
  left: readonly number[],
  gains: readonly bigint[],
): readonly number[] {
  const count = left.length;
  const positions = new Map(left.map((node, i) => [node, i]));
  const [source, sink] = [count, count + 1];
  const total = gains.reduce((sum, gain) => (gain > 0n ? sum + gain : sum), 0n);
  if (total === 0n) return [];
  const unlimited = total + 1n;
  const capacity = Array.from({ length: count + 2 }, () => new Map<number, bigint>());
  const addEdge = (from: number, to: number, limit: bigint): void => {
    (capacity[from] as Map<number, bigint>).set(to, limit);
    const back = capacity[to] as Map<number, bigint>;
    if (!back.has(from)) back.set(from, 0n);
  };
  for (const [i, gain] of gains.entries()) {
    if (gain > 0n) addEdge(source, i, gain);
    else if (gain < 0n) addEdge(i, sink, -gain);
    for (const parent of (nodes[left[i] as number] as LinearNode).parents) {
      const at = positions.get(parent);
      if (at !== undefined) addEdge(i, at, unlimited);
    }
  }
  for (;;) {
    const before = searchFrom(capacity, source);
    if (!before.has(sink)) {
      const closure = left.filter((_, i) => before.has(i));
      return closure;
    }
    const path: (readonly [number, number])[] = [];
    for (let at = sink; at !== source; at = before.get(at) as number) path.push([before.get(at) as number, at]);
    const flow = path.reduce((least, [from, to]) => {
      const limit = capacity[from]?.get(to) ?? 0n;
      return limit < least ? limit : least;
    }, unlimited);
    for (const [from, to] of path) {
      const [forth, back] = [capacity[from], capacity[to]] as [Map<number, bigint>, Map<number, bigint>];
      forth.set(to, (forth.get(to) ?? 0n) - flow);
      back.set(from, (back.get(from) ?? 0n) + flow);
    }
  }
}

/** What can be reached over edges with room, with the position each was reached from. */
function searchFrom(capacity: readonly ReadonlyMap<number, bigint>[], source: number): ReadonlyMap<number, number> {
  const before = new Map<number, number>([[source, source]]);
  for (const at of before.keys())
    for (const [to, room] of capacity[at] ?? []) if (room > 0n && !before.has(to)) before.set(to, at);
  return before;
}

/**
 * Compares two fee rate diagrams: for each size, the most fee that so much of a block can hold.
 *
 * @returns Whether the first is nowhere below the second and somewhere above it.
 */
export function isBetterDiagram(first: readonly Chunk[], second: readonly Chunk[]): boolean {
  const [mine, other] = [diagramOf(first), diagramOf(second)];
  let better = false;
  for (const [size] of [...mine, ...other]) {
    const order = compareAt(mine, other, size);
    if (order < 0n) return false;
    if (order > 0n) better = true;
  }
  return better;
}

type Point = readonly [size: bigint, fee: bigint];

function diagramOf(chunks: readonly Chunk[]): readonly Point[] {
  const sorted = chunks.toSorted((a, b) => {
    const difference = b.fee * a.size - a.fee * b.size;
    return difference < 0n ? -1 : difference > 0n ? 1 : 0;
  });
  const points: Point[] = [[0n, 0n]];
  let [size, fee] = [0n, 0n];
  for (const chunk of sorted) {
    size += chunk.size;
    fee += chunk.fee;
    points.push([size, fee]);
  }
  return points;
}

/** Sign of the difference of two diagrams at a size; behind its end a diagram stays level. */
function compareAt(first: readonly Point[], second: readonly Point[], size: bigint): bigint {
  const a = valueAt(first, size);
  const b = valueAt(second, size);
  return a.fee * b.by - b.fee * a.by;
}

function valueAt(points: readonly Point[], size: bigint): { readonly fee: bigint; readonly by: bigint } {
  const next = points.findIndex(([end]) => end >= size);
  if (next < 0) return { fee: (points.at(-1) as Point)[1], by: 1n };
  const [endSize, endFee] = points[next] as Point;
  if (endSize === size || next === 0) return { fee: endFee, by: 1n };
  const [startSize, startFee] = points[next - 1] as Point;
  const by = endSize - startSize;
  return { fee: startFee * by + (endFee - startFee) * (size - startSize), by };
}
