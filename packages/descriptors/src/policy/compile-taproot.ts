import { compactSizeLength } from '@bitcoin-enterprise/core';
import type { Fragment } from '../miniscript/fragment.ts';
import { lowerBoundOf } from './bound.ts';
import { ScriptCompiler } from './compile-script.ts';
import { andOf, conditionsOf, type NormalPolicy, orOf } from './normal.ts';
import { huffman, type WeightedTree } from './huffman.ts';
import { printPolicy } from './policy.ts';
import { everySpreading, type Part, thresholdOf } from './spread.ts';

/** A leaf of a compiled tree. */
export interface CompiledLeaf<Key> {
  readonly fragment: Fragment<Key>;
  /** How likely a spend goes through it, 0 to 1. */
  readonly probability: number;
  /** Branches above it. */
  readonly depth: number;
  /** Witness of a spend through it in weight units, in expectation over its own ways. */
  readonly weight: number;
}

/** What a policy comes to as a Taproot output. */
export interface CompiledTaproot<Key> {
  /** `undefined` when no key path is wanted by the policy: nobody may then know its secret key. */
  readonly internalKey: Key | undefined;
  /** How likely the key path is, 0 to 1. */
  readonly keyPathProbability: number;
  /** `undefined` when the key path is the only way. */
  readonly tree: WeightedTree<CompiledLeaf<Key>> | undefined;
  /** Left to right. */
  readonly leaves: readonly CompiledLeaf<Key>[];
  /** Witness of a spend in weight units, in expectation. */
  readonly expectedWeight: number;
  /** No Taproot output for this policy can have less. */
  readonly lowerBound: number;
}

/** How a policy is compiled to a Taproot output. */
export interface CompileTaprootOptions<Key> {
  readonly ifFree: boolean;
  /** Makes one key of several that all have to sign (MuSig2). */
  readonly aggregate?: ((keys: readonly Key[]) => Key) | undefined;
  /** Whether aggregated keys may stand in leaves, too. */
  readonly aggregateLeaves: boolean;
  /** Names a key. */
  readonly keyName: (key: Key) => string;
}

/** Bytes beside the elements: how many there are, the control block with its length. */
const LEAF_OVERHEAD = 1;
const CONTROL_BASE = 33;
const BRANCH_BYTES = 32;
/** A signature of the default hash type with its length, and how many elements there are. */
const KEY_PATH_WEIGHT = 66;
/** Conditions of a policy of which all spreadings are tried, */
const MOST_SEARCHED = 6;
/** up to this many; */
const MOST_SPREADINGS = 30_000;
/** of others, from where they begin, so many improvements one after the other, */
const MOST_ROUNDS = 30;
/** of so many splittings of a leaf, */
const MOST_CHOICES = 12;
/** of so many likely leaves, */
const MOST_SPLIT = 12;
/** of the merges of so many rare leaves, */
const MOST_MERGED = 5;
/** from leaves for every `or` when they are no more than this, */
const MOST_FINEST = 64;
/** with each leaf of keys as the key path when they are no more than this, else with so many of the likeliest, */
const MOST_SEARCHED_LEAVES = 24;
const MOST_KEY_PATHS = 3;
/** as long as no more leaves than this were weighed, */
const MOST_WEIGHED = 60_000;
/** each script of more conditions than are searched counting as so many, */
const LARGE_LEAF = 500;
/** and no more leaves than this. */
const MOST_LEAVES = 128;
/** A threshold with more ways than this is not split into them. */
const MOST_WAYS = 64;

type Splitting<Key> = readonly Part<Key>[];

/** Searches the cheapest Taproot output for a policy. */
export function compileTaproot<Key>(
  policy: NormalPolicy<Key>,
  options: CompileTaprootOptions<Key>,
): CompiledTaproot<Key> | undefined {
  return new TaprootCompiler(options).compile(policy);
}

/** A threshold of more parts than this is not taken apart part by part. */
const MOST_TAKEN_APART = 4;

interface LeafScript<Key> {
  readonly fragment: Fragment<Key>;
  /** Witness at depth 0, in weight units. */
  readonly weight: number;
}

interface Arrangement<Key> {
  readonly keyPath: Part<Key> | undefined;
  readonly internalKey: Key | undefined;
  readonly parts: Splitting<Key>;
  readonly weight: number;
}

class TaprootCompiler<Key> {
  readonly #options: CompileTaprootOptions<Key>;
  readonly #scripts: ScriptCompiler<Key>;
  /** Leaves that may still be weighed in arrangements of a policy too large to try everything. */
  #budget = MOST_WEIGHED;
  readonly #leaves = new Map<string, LeafScript<Key> | undefined>();
  /** The same without the way over names. */
  readonly #known = new WeakMap<NormalPolicy<Key>, { readonly leaf: LeafScript<Key> | undefined }>();
  readonly #splits = new WeakMap<NormalPolicy<Key>, Map<number, readonly Splitting<Key>[]>>();

  constructor(options: CompileTaprootOptions<Key>) {
    this.#options = options;
    this.#scripts = new ScriptCompiler({ context: 'tapscript', ifFree: options.ifFree });
  }

  compile(policy: NormalPolicy<Key>): CompiledTaproot<Key> | undefined {
    let best: Arrangement<Key> | undefined;
    const { keyName } = this.#options;
    const every =
      conditionsOf(policy) <= MOST_SEARCHED ? everySpreading(policy, { keyName, most: MOST_SPREADINGS }) : undefined;
    if (every === undefined) best = this.#climb(policy);
    else for (const splitting of every) best = this.#better(best, splitting);
    return best === undefined ? undefined : this.#finish(best, policy);
  }

  /** Of a policy too large to try everything: the best that step by step improvement comes to, from each begin. */
  #climb(policy: NormalPolicy<Key>): Arrangement<Key> | undefined {
    let best: Arrangement<Key> | undefined;
    for (const begin of this.#outlines(policy)) {
      let here = this.#better(undefined, begin);
      for (let round = 0; round < MOST_ROUNDS && here !== undefined && this.#budget > 0; round++) {
        const improved = this.#improved(here);
        if (improved === undefined) break;
        here = improved;
      }
      if (here !== undefined && (best === undefined || here.weight < best.weight)) best = here;
    }
    return best;
  }

  /** Where to begin: split at those `or` that are on top, and at every one where those leaves are few. */
  #outlines(policy: NormalPolicy<Key>): readonly Splitting<Key>[] {
    const top: Splitting<Key> =
      policy.name === 'or'
        ? policy.subs.map((sub, place) => ({ policy: sub, share: policy.weights[place] as number }))
        : [{ policy, share: 1 }];
    const [finest = top] = this.#split(policy, 1);
    return finest.length > MOST_FINEST && top.length < finest.length ? [top] : [top, finest];
  }

  #better(best: Arrangement<Key> | undefined, splitting: Splitting<Key>): Arrangement<Key> | undefined {
    let better = best;
    for (const arrangement of this.#arrangements(splitting))
      if (better === undefined || arrangement.weight < better.weight - 1e-9) better = arrangement;
    return better;
  }

  /** A splitting with each of its parts that are keys alone as the key path, of many the most likely, and with none. */
  *#arrangements(splitting: Splitting<Key>): Generator<Arrangement<Key>> {
    this.#budget -= splitting.length;
    const scripts = splitting.map(({ policy }) => this.#leafOf(policy));
    const missing = scripts.filter((script) => script === undefined).length;
    const keys = splitting
      .map((part, place) => ({ part, place, internalKey: this.#keyOf(part.policy) }))
      .filter(({ internalKey }) => internalKey !== undefined)
      .sort((a, b) => b.part.share - a.part.share)
      .slice(0, splitting.length <= MOST_SEARCHED_LEAVES ? undefined : MOST_KEY_PATHS);
    for (const { part: keyPath, place, internalKey } of [
      { part: undefined, place: -1, internalKey: undefined },
      ...keys,
    ]) {
      if (missing - (keyPath !== undefined && scripts[place] === undefined ? 1 : 0) > 0) continue;
      const parts = splitting.filter((_, other) => other !== place);
      let weight = keyPath === undefined ? 0 : KEY_PATH_WEIGHT * keyPath.share;
      const { depths } = huffman(parts, ({ share }) => share);
      for (const [at, part] of parts.entries()) {
        const script = this.#leafOf(part.policy) as LeafScript<Key>;
        weight += part.share * (script.weight + controlWeight(depths[at] as number));
      }
      yield { keyPath, internalKey, parts, weight };
    }
  }

  /** The best of what merging two leaves, or splitting one, makes of an arrangement. */
  #improved(from: Arrangement<Key>): Arrangement<Key> | undefined {
    const all = from.keyPath === undefined ? from.parts : [from.keyPath, ...from.parts];
    const rare = all.toSorted((a, b) => a.share - b.share).slice(0, MOST_MERGED);
    let best: Arrangement<Key> | undefined = from;
    for (const [place, a] of rare.entries())
      for (const b of rare.slice(place + 1)) {
        const merged = { policy: orOf([a.policy, b.policy], [a.share, b.share]), share: a.share + b.share };
        best = this.#better(best, [...all.filter((part) => part !== a && part !== b), merged]);
      }
    if (this.#budget <= 0) return best === from ? undefined : best;
    const dear = all.toSorted((a, b) => b.share - a.share).slice(0, MOST_SPLIT);
    for (const part of dear)
      for (const splitting of this.#budget > 0 ? this.#split(part.policy, MOST_CHOICES) : [])
        if (splitting.length > 1 && splitting.length + all.length <= MOST_LEAVES)
          best = this.#better(best, [...all.filter((other) => other !== part), ...scaled(splitting, part.share)]);
    return best === from ? undefined : best;
  }

  #finish(best: Arrangement<Key>, policy: NormalPolicy<Key>): CompiledTaproot<Key> {
    const { keyPath, internalKey, parts, weight } = best;
    const tree = huffman(parts, ({ share }) => share);
    const leaves = parts.map(({ policy: leaf, share }, place): CompiledLeaf<Key> => {
      const { fragment, weight: own } = this.#leafOf(leaf) as LeafScript<Key>;
      const depth = tree.depths[place] as number;
      return { fragment, probability: share, depth, weight: own + controlWeight(depth) };
    });
    const placed =
      tree.root === undefined ? undefined : mapTree(tree.root, (place) => leaves[place] as CompiledLeaf<Key>);
    const { aggregate, aggregateLeaves, keyName } = this.#options;
    return {
      internalKey,
      keyPathProbability: keyPath?.share ?? 0,
      tree: placed,
      leaves: placed === undefined ? [] : leavesOfTree(placed),
      expectedWeight: weight,
      lowerBound: lowerBoundOf(policy, { canAggregate: aggregate !== undefined, aggregateLeaves, keyName }),
    };
  }

  /** The key of a part that keys alone fulfil. */
  #keyOf(policy: NormalPolicy<Key>): Key | undefined {
    if (policy.name === 'pk') return policy.key;
    if (policy.name !== 'and' || this.#options.aggregate === undefined) return undefined;
    const keys = policy.subs.flatMap((sub) => (sub.name === 'pk' ? [sub.key] : []));
    return keys.length < policy.subs.length ? undefined : this.#options.aggregate(keys);
  }

  #leafOf(policy: NormalPolicy<Key>): LeafScript<Key> | undefined {
    const known = this.#known.get(policy);
    if (known !== undefined) return known.leaf;
    const leaf = this.#leafByName(policy);
    this.#known.set(policy, { leaf });
    return leaf;
  }

  #leafByName(policy: NormalPolicy<Key>): LeafScript<Key> | undefined {
    const name = printPolicy(policy, this.#options.keyName);
    if (this.#leaves.has(name)) return this.#leaves.get(name);
    const aggregated = this.#aggregated(policy);
    if (conditionsOf(aggregated) > MOST_SEARCHED) this.#budget -= LARGE_LEAF;
    const compiled = this.#scripts.compile(aggregated);
    const leaf =
      compiled === undefined
        ? undefined
        : {
            fragment: compiled.fragment,
            weight: LEAF_OVERHEAD + compiled.satisfied + compactSizeLength(compiled.size) + compiled.size,
          };
    this.#leaves.set(name, leaf);
    return leaf;
  }

  /** With one key where several have to sign together. */
  #aggregated(policy: NormalPolicy<Key>): NormalPolicy<Key> {
    const { aggregate, aggregateLeaves } = this.#options;
    if (aggregate === undefined || !aggregateLeaves || policy.name !== 'and') return policy;
    const keys = policy.subs.flatMap((sub) => (sub.name === 'pk' ? [sub.key] : []));
    if (keys.length < 2) return policy;
    const others = policy.subs.filter((sub) => sub.name !== 'pk');
    return andOf([{ name: 'pk', key: aggregate(keys) }, ...others]);
  }

  /** The whole as one leaf, and split; no more than `most`, of which the finest is always one. */
  #split(policy: NormalPolicy<Key>, most: number): readonly Splitting<Key>[] {
    let ofPolicy = this.#splits.get(policy);
    if (ofPolicy === undefined) this.#splits.set(policy, (ofPolicy = new Map()));
    const found = ofPolicy.get(most) ?? this.#splitAnew(policy, most);
    ofPolicy.set(most, found);
    return found;
  }

  #splitAnew(policy: NormalPolicy<Key>, most: number): readonly Splitting<Key>[] {
    const whole: Splitting<Key> = [{ policy, share: 1 }];
    switch (policy.name) {
      case 'or':
        return this.#unique([...this.#splitOr(policy, most), whole], most);
      case 'and': {
        const subs = policy.subs.map((sub) => this.#split(sub, most));
        return this.#unique([...products(subs, most).filter(isFew).map(distribute), whole], most);
      }
      case 'thresh':
        return this.#unique([...this.#splitThresh(policy, most), whole], most);
      default:
        return [whole];
    }
  }

  #splitOr(policy: Extract<NormalPolicy<Key>, { readonly name: 'or' }>, most: number): readonly Splitting<Key>[] {
    const { subs, weights } = policy;
    const found: Splitting<Key>[] = [];
    for (const blocks of partitions(subs.length)) {
      const choices = blocks.map((block): readonly Splitting<Key>[] => {
        const shares = block.map((place) => weights[place] as number);
        const share = shares.reduce((sum, one) => sum + one, 0);
        const parts = block.map((place) => subs[place] as NormalPolicy<Key>);
        const [only] = parts;
        if (parts.length === 1 && only !== undefined)
          return this.#split(only, most).map((splitting) => scaled(splitting, share));
        return [[{ policy: orOf(parts, shares), share }]];
      });
      const [finest, ...others] = products(choices, most);
      if (finest !== undefined) found.push(finest.flat());
      if (found.length === 1) found.push(subs.map((sub, place) => ({ policy: sub, share: weights[place] as number })));
      for (const product of others) found.push(product.flat());
      if (found.length >= most) break;
    }
    return found;
  }

  #splitThresh(
    policy: Extract<NormalPolicy<Key>, { readonly name: 'thresh' }>,
    most: number,
  ): readonly Splitting<Key>[] {
    const { threshold, subs } = policy;
    const count = subs.length;
    const found: Splitting<Key>[] = [];
    if (waysOf(count, threshold) <= MOST_WAYS) {
      const ways = combinations(count, threshold).map((places) =>
        andOf(places.map((place) => subs[place] as NormalPolicy<Key>)),
      );
      // All ways apart, their own alternatives included.
      const each = ways.map((way) => this.#split(way, 4).map((splitting) => scaled(splitting, 1 / ways.length)));
      const [finest, ...others] = products(each, Math.min(most, 16));
      if (finest !== undefined) found.push(finest.flat());
      found.push(ways.map((way) => ({ policy: way, share: 1 / ways.length })));
      for (const product of others) found.push(product.flat());
    }
    // With one part, or without it.
    if (most > 1 && count <= MOST_TAKEN_APART)
      for (const [place, sub] of subs.entries()) {
        const rest = subs.filter((_, other) => other !== place);
        const withIt = andOf([sub, thresholdOf(threshold - 1, rest)]);
        const without = thresholdOf(threshold, rest);
        const choices = [
          this.#split(withIt, 24).map((splitting) => scaled(splitting, threshold / count)),
          this.#split(without, 24).map((splitting) => scaled(splitting, 1 - threshold / count)),
        ];
        for (const product of products(choices, most)) found.push(product.flat());
      }
    return found;
  }

  #unique(splittings: readonly Splitting<Key>[], most: number): readonly Splitting<Key>[] {
    const seen = new Map<string, Splitting<Key>>();
    for (const splitting of splittings) {
      const name = splitting
        .map(({ policy, share }) => `${share.toPrecision(9)} ${printPolicy(policy, this.#options.keyName)}`)
        .sort()
        .join('\n');
      if (!seen.has(name)) seen.set(name, splitting);
      if (seen.size === most) break;
    }
    return [...seen.values()];
  }
}

function controlWeight(depth: number): number {
  const bytes = CONTROL_BASE + BRANCH_BYTES * depth;
  return compactSizeLength(bytes) + bytes;
}

function scaled<Key>(splitting: Splitting<Key>, by: number): Splitting<Key> {
  return splitting.map(({ policy, share }) => ({ policy, share: share * by }));
}

/** Whether all of several splittings at once are no more leaves than are looked at. */
function isFew<Key>(splittings: readonly Splitting<Key>[]): boolean {
  return splittings.reduce((count, { length }) => count * length, 1) <= MOST_LEAVES;
}

/** All of several splittings at once: one leaf for each choice of one part of each. */
function distribute<Key>(splittings: readonly Splitting<Key>[]): Splitting<Key> {
  let leaves: Splitting<Key> = [];
  for (const [place, splitting] of splittings.entries())
    leaves =
      place === 0
        ? splitting
        : leaves.flatMap((left) =>
            splitting.map((right) => ({
              policy: andOf([left.policy, right.policy]),
              share: left.share * right.share,
            })),
          );
  return leaves;
}

/** One of each list, in all combinations, the first ones first; no more than `most`. */
function products<Item>(lists: readonly (readonly Item[])[], most: number): readonly (readonly Item[])[] {
  let found: (readonly Item[])[] = [[]];
  for (const list of lists) {
    const next: (readonly Item[])[] = [];
    for (const before of found) for (const item of list) if (next.length < most) next.push([...before, item]);
    found = next;
  }
  return found;
}

/** Partitions of 0 to count - 1 into blocks: all of them for few, else each by itself. */
function partitions(count: number): readonly (readonly (readonly number[])[])[] {
  const apart = Array.from({ length: count }, (_, place) => [place]);
  if (count > 5) return [apart];
  let found: number[][][] = [[]];
  for (let place = 0; place < count; place++)
    found = found.flatMap((blocks) => [
      [...blocks, [place]],
      ...blocks.map((_, at) => blocks.map((block, other) => (other === at ? [...block, place] : block))),
    ]);
  return found;
}

function combinations(count: number, size: number): readonly (readonly number[])[] {
  if (size === 0) return [[]];
  const found: (readonly number[])[] = [];
  for (let last = size - 1; last < count; last++)
    for (const before of combinations(last, size - 1)) found.push([...before, last]);
  return found;
}

function waysOf(count: number, size: number): number {
  let ways = 1;
  for (let i = 1; i <= size; i++) ways = (ways * (count - size + i)) / i;
  return ways;
}

/** Left to right. */
function leavesOfTree<Leaf>(tree: WeightedTree<Leaf>): readonly Leaf[] {
  return tree.kind === 'leaf' ? [tree.leaf] : [...leavesOfTree(tree.left), ...leavesOfTree(tree.right)];
}

function mapTree<From, To>(tree: WeightedTree<From>, map: (leaf: From) => To): WeightedTree<To> {
  return tree.kind === 'leaf'
    ? { kind: 'leaf', leaf: map(tree.leaf) }
    : { kind: 'branch', left: mapTree(tree.left, map), right: mapTree(tree.right, map) };
}
