import { requireFunction } from '../arguments.ts';
import { invalidArgument } from '../errors.ts';

/** A binary tree with something at its ends. */
export type WeightedTree<Leaf> =
  | { readonly kind: 'leaf'; readonly leaf: Leaf }
  | { readonly kind: 'branch'; readonly left: WeightedTree<Leaf>; readonly right: WeightedTree<Leaf> };

/** The tree in which likely leaves lie high: the least expected depth that any has (Huffman 1952). */
export interface Huffman {
  /** Leaves are places in the list; `undefined` for none. */
  readonly root: WeightedTree<number> | undefined;
  /** Of each item, in the order of the list. */
  readonly depths: readonly number[];
}

interface Node {
  readonly weight: number;
  readonly height: number;
  readonly tree: WeightedTree<number>;
}

/** Rarer than this is as rare: no leaf may lie deeper than 128. */
const RAREST = 1e-15;

/**
 * Arranges items by how likely they are.
 *
 * @param weightOf - How likely an item is beside the others, above 0.
 * @throws DescriptorsError `DESCRIPTORS_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts
 * import { huffman } from '@bitcoin-enterprise/descriptors';
 *
 * huffman([8, 1, 1], (weight) => weight).depths; // => [1, 2, 2]
 * ```
 */
export function huffman<Item>(items: readonly Item[], weightOf: (item: Item) => number): Huffman {
  if (!Array.isArray(items)) throw invalidArgument('items', 'a list', items);
  requireFunction(weightOf, 'weightOf');
  const leaves = items
    .map((item, place): Node => {
      return { weight: Math.max(weightOf(item), RAREST), height: 0, tree: { kind: 'leaf', leaf: place } };
    })
    .sort((a, b) => a.weight - b.weight);
  // Two queues, both ascending: leaves, and branches in the order in which they are made.
  const branches: Node[] = [];
  let nextLeaf = 0;
  let nextBranch = 0;
  const least = (): Node => {
    const leaf = leaves[nextLeaf];
    const branch = branches[nextBranch];
    if (branch === undefined || (leaf !== undefined && leaf.weight <= branch.weight)) {
      nextLeaf += 1;
      return leaf as Node;
    }
    nextBranch += 1;
    return branch;
  };
  for (let made = 1; made < leaves.length; made++) {
    const left = least();
    const right = least();
    branches.push({
      weight: left.weight + right.weight,
      height: 1 + Math.max(left.height, right.height),
      tree: { kind: 'branch', left: left.tree, right: right.tree },
    });
  }
  const root = (branches.at(-1) ?? leaves[0])?.tree;
  const depths: number[] = items.map(() => 0);
  const rest: { readonly tree: WeightedTree<number>; readonly depth: number }[] =
    root === undefined ? [] : [{ tree: root, depth: 0 }];
  for (let next = rest.pop(); next !== undefined; next = rest.pop())
    if (next.tree.kind === 'leaf') depths[next.tree.leaf] = next.depth;
    else rest.push({ tree: next.tree.left, depth: next.depth + 1 }, { tree: next.tree.right, depth: next.depth + 1 });
  return { root, depths };
}
