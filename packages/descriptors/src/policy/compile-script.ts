import { numberSize } from '../miniscript/bounds.ts';
import { type Fragment, type FragmentShape, type MiniscriptContext, type Wrapper } from '../miniscript/fragment.ts';
import { makeFragment } from '../miniscript/type.ts';
import { hasLetters } from '../miniscript/type.ts';
import { huffman, type WeightedTree } from './huffman.ts';
import { andOf, conditionsOf, type NormalPolicy, orOf } from './normal.ts';

/** What a miniscript costs: bytes of the script, and of the witness in expectation over its ways. */
export interface ScriptCost {
  readonly size: number;
  readonly satisfied: number;
  /** `undefined` when it cannot be dissatisfied. */
  readonly dissatisfied: number | undefined;
}

/** A miniscript with what it costs. */
export interface CompiledScript<Key> extends ScriptCost {
  readonly fragment: Fragment<Key>;
}

/** How scripts are compiled. */
export interface CompileScriptOptions {
  readonly context: MiniscriptContext;
  /** Without IF, NOTIF and what needs them. */
  readonly ifFree: boolean;
}

/** How often a part is satisfied and dissatisfied in a spend; `undefined`: it never has to be dissatisfied. */
interface Odds {
  readonly satisfied: number;
  readonly dissatisfied: number | undefined;
}

/** Up to here all groupings of `and` and `or` are tried: three to the power of the number of parts, */
const MOST_GROUPED = 5;
/** in policies of no more conditions than this; in larger ones parts stay as they are written. */
const MOST_CONDITIONS = 8;
/** In policies of more conditions than this odds are rounded: parts meet the same ones again, and are compiled once. */
const MOST_EXACT = 14;
/** An `or` of more parts than this is only split by what is likely, never part by part. */
const MOST_CHAINED = 8;
/** To powers of this, down to its sixth. */
const ODDS_BASE = 4;
const LEAST_ODDS = -6;

/**
 * Compiles parts of policies to the cheapest miniscript: the least of script size and expected witness size, over all
 * fragments and wrappers and, for few parts, all orders and groupings of `and` and `or`. Exact within that space,
 * because what a part adds to the whole depends on its type and its odds alone (dynamic programming over both).
 */
export class ScriptCompiler<Key> {
  readonly #options: CompileScriptOptions;
  #mostGrouped = MOST_GROUPED;
  #isLarge = false;
  /** What is known of parts, by their odds; of parts of large policies, whose odds are rounded, apart. */
  readonly #exact: Known<Key> = new Map();
  readonly #rounded: Known<Key> = new Map();
  readonly #groups = new Map<NormalPolicy<Key>, Map<string, NormalPolicy<Key>>>();
  readonly #sizes: { readonly signature: number; readonly key: number };

  constructor(options: CompileScriptOptions) {
    this.#options = options;
    this.#sizes = options.context === 'tapscript' ? { signature: 65, key: 33 } : { signature: 73, key: 34 };
  }

  /** The cheapest safe script: of type B, without malleability, never without a signature; `undefined` when none is. */
  compile(policy: NormalPolicy<Key>): CompiledScript<Key> | undefined {
    const conditions = conditionsOf(policy);
    this.#mostGrouped = conditions <= MOST_CONDITIONS ? MOST_GROUPED : 2;
    this.#isLarge = conditions > MOST_EXACT;
    let best: CompiledScript<Key> | undefined;
    for (const one of this.#best(policy, { satisfied: 1, dissatisfied: undefined }))
      if (hasLetters(one.fragment.type, 'Bms') && (best === undefined || totalOf(one) < totalOf(best))) best = one;
    return best === undefined ? undefined : { ...best, fragment: this.#readable(best.fragment) };
  }

  /** `and_v(X,pk(K))` for `c:and_v(X,pk_k(K))`: the same script in words that are read more easily. */
  #readable(fragment: Fragment<Key>): Fragment<Key> {
    if (!('subs' in fragment)) return fragment;
    const [first] = fragment.subs;
    if (fragment.name === 'c' && first?.name === 'and_v') {
      const [x, y] = first.subs;
      const checked = makeFragment<Key>({ name: 'c', subs: [y] }, this.#options.context);
      const moved =
        checked === undefined
          ? undefined
          : makeFragment<Key>({ name: 'and_v', subs: [x, checked] }, this.#options.context);
      if (moved !== undefined) return this.#readable(moved);
    }
    const subs = fragment.subs.map((sub: Fragment<Key>) => this.#readable(sub));
    // Parts of the same script and as good a type in the same places.
    return makeFragment({ ...fragment, subs } as unknown as FragmentShape<Key>, this.#options.context) ?? fragment;
  }

  #best(policy: NormalPolicy<Key>, exact: Odds): readonly CompiledScript<Key>[] {
    const odds = this.#isLarge
      ? { satisfied: rounded(exact.satisfied), dissatisfied: rounded(exact.dissatisfied) }
      : exact;
    const name = `${odds.satisfied.toPrecision(9)} ${odds.dissatisfied?.toPrecision(9)}`;
    const knownOf = this.#isLarge ? this.#rounded : this.#exact;
    let ofPolicy = knownOf.get(policy);
    if (ofPolicy === undefined) knownOf.set(policy, (ofPolicy = new Map()));
    const known = ofPolicy.get(name);
    if (known !== undefined) return known;
    const found = new Candidates<Key>(odds, this.#options);
    this.#compile(policy, odds, found);
    const best = this.#isLarge ? found.few() : found.list();
    ofPolicy.set(name, best);
    return best;
  }

  #compile(policy: NormalPolicy<Key>, odds: Odds, found: Candidates<Key>): void {
    const { signature, key } = this.#sizes;
    switch (policy.name) {
      case 'pk':
        found.add({ name: 'pk_k', key: policy.key }, { size: key, satisfied: signature, dissatisfied: 1 });
        found.add({ name: 'pk_h', key: policy.key }, { size: 24, satisfied: signature + key, dissatisfied: 1 + key });
        return;
      case 'older':
      case 'after':
        found.add(
          { name: policy.name, value: policy.value },
          { size: 1 + numberSize(policy.value), satisfied: 0, dissatisfied: undefined },
        );
        return;
      case 'sha256':
      case 'hash256':
        found.add({ name: policy.name, hash: policy.hash }, { size: 39, satisfied: 33, dissatisfied: 33 });
        return;
      case 'ripemd160':
      case 'hash160':
        found.add({ name: policy.name, hash: policy.hash }, { size: 27, satisfied: 33, dissatisfied: 33 });
        return;
      case 'and':
        this.#multi(policy.subs, policy.subs.length, found);
        for (const [left, right] of this.#splits(policy)) this.#and(left.policy, right.policy, { odds, found });
        this.#thresh(
          policy.subs,
          policy.subs.map(() => 1),
          { odds, found, threshold: policy.subs.length },
        );
        return;
      case 'or':
        if (isEven(policy.weights)) this.#multi(policy.subs, 1, found);
        for (const [left, right] of this.#splits(policy)) this.#or(left, right, { odds, found });
        this.#thresh(policy.subs, policy.weights, { odds, found, threshold: 1 });
        return;
      case 'thresh': {
        this.#multi(policy.subs, policy.threshold, found);
        const share = policy.threshold / policy.subs.length;
        this.#thresh(
          policy.subs,
          policy.subs.map(() => share),
          { odds, found, threshold: policy.threshold },
        );
      }
    }
  }

  /** `multi` or `multi_a`, when all parts are keys. */
  #multi(subs: readonly NormalPolicy<Key>[], threshold: number, found: Candidates<Key>): void {
    const keys = subs.flatMap((sub) => (sub.name === 'pk' ? [sub.key] : []));
    const isTapscript = this.#options.context === 'tapscript';
    if (keys.length < subs.length || keys.length > (isTapscript ? 999 : 20)) return;
    const { signature, key } = this.#sizes;
    const count = keys.length;
    if (isTapscript)
      found.add(
        { name: 'multi_a', threshold, keys },
        {
          size: (key + 1) * count + numberSize(threshold) + 1,
          satisfied: threshold * signature + count - threshold,
          dissatisfied: count,
        },
      );
    else
      found.add(
        { name: 'multi', threshold, keys },
        {
          size: 1 + numberSize(count) + numberSize(threshold) + key * count,
          satisfied: 1 + threshold * signature,
          dissatisfied: 1 + threshold,
        },
      );
  }

  #and(
    x: NormalPolicy<Key>,
    y: NormalPolicy<Key>,
    facts: { readonly odds: Odds; readonly found: Candidates<Key> },
  ): void {
    const { odds, found } = facts;
    const always = { satisfied: odds.satisfied, dissatisfied: undefined };
    this.#pairs(this.#best(x, always), this.#best(y, always), (a, b) =>
      found.add(
        { name: 'and_v', subs: [a.fragment, b.fragment] },
        { size: a.size + b.size, satisfied: a.satisfied + b.satisfied, dissatisfied: undefined },
      ),
    );
    if (odds.dissatisfied === undefined) return;
    this.#pairs(this.#best(x, odds), this.#best(y, odds), (a, b) =>
      found.add(
        { name: 'and_b', subs: [a.fragment, b.fragment] },
        {
          size: a.size + b.size + 1,
          satisfied: a.satisfied + b.satisfied,
          dissatisfied: plus(a.dissatisfied, b.dissatisfied),
        },
      ),
    );
    if (this.#options.ifFree) return;
    const zero = makeFragment<Key>({ name: '0' }, this.#options.context) as Fragment<Key>;
    this.#pairs(this.#best(x, odds), this.#best(y, always), (a, b) =>
      found.add(
        { name: 'andor', subs: [a.fragment, b.fragment, zero] },
        { size: a.size + b.size + 4, satisfied: a.satisfied + b.satisfied, dissatisfied: a.dissatisfied },
      ),
    );
  }

  #or(left: Share<Key>, right: Share<Key>, facts: { readonly odds: Odds; readonly found: Candidates<Key> }): void {
    const { odds, found } = facts;
    const total = left.weight + right.weight;
    const l = left.weight / total;
    const r = right.weight / total;
    const { satisfied } = odds;
    const otherwise = odds.dissatisfied ?? 0;
    const x = { satisfied: satisfied * l, dissatisfied: satisfied * r + otherwise };
    const y = { satisfied: satisfied * r, dissatisfied: satisfied * l + otherwise };
    const xs = this.#best(left.policy, x);
    this.#pairs(xs, this.#best(right.policy, y), (a, b) => {
      if (a.dissatisfied === undefined || b.dissatisfied === undefined) return;
      found.add(
        { name: 'or_b', subs: [a.fragment, b.fragment] },
        {
          size: a.size + b.size + 1,
          satisfied: l * (a.satisfied + b.dissatisfied) + r * (a.dissatisfied + b.satisfied),
          dissatisfied: a.dissatisfied + b.dissatisfied,
        },
      );
    });
    if (this.#options.ifFree) return;
    const second = { satisfied: satisfied * r, dissatisfied: odds.dissatisfied };
    this.#pairs(xs, this.#best(right.policy, second), (a, b) => {
      if (a.dissatisfied === undefined) return;
      const cost = l * a.satisfied + r * (a.dissatisfied + b.satisfied);
      const size = a.size + b.size;
      const dissatisfied = plus(a.dissatisfied, b.dissatisfied);
      found.add({ name: 'or_d', subs: [a.fragment, b.fragment] }, { size: size + 3, satisfied: cost, dissatisfied });
      found.add(
        { name: 'or_c', subs: [a.fragment, b.fragment] },
        { size: size + 2, satisfied: cost, dissatisfied: undefined },
      );
    });
    this.#orI(left, right, { l, r, ...facts });
    if (left.policy.name !== 'and') return;
    for (const [first, then] of this.#splits(left.policy))
      this.#andOr(first.policy, then.policy, { z: right.policy, l, r, ...facts });
  }

  /** Only one of both needs to be dissatisfied, if any. */
  #orI(
    left: Share<Key>,
    right: Share<Key>,
    facts: { readonly l: number; readonly r: number; readonly odds: Odds; readonly found: Candidates<Key> },
  ): void {
    const { l, r, odds, found } = facts;
    const { satisfied, dissatisfied } = odds;
    const cases: readonly (readonly [number | undefined, number | undefined])[] =
      dissatisfied === undefined
        ? [[undefined, undefined]]
        : [
            [dissatisfied, undefined],
            [undefined, dissatisfied],
          ];
    for (const [ofLeft, ofRight] of cases) {
      const xs = this.#best(left.policy, { satisfied: satisfied * l, dissatisfied: ofLeft });
      const ys = this.#best(right.policy, { satisfied: satisfied * r, dissatisfied: ofRight });
      this.#pairs(xs, ys, (a, b) =>
        found.add(
          { name: 'or_i', subs: [a.fragment, b.fragment] },
          {
            size: a.size + b.size + 3,
            satisfied: l * (a.satisfied + 2) + r * (b.satisfied + 1),
            dissatisfied: smaller(plus(a.dissatisfied, 2), plus(b.dissatisfied, 1)),
          },
        ),
      );
    }
  }

  #andOr(
    x: NormalPolicy<Key>,
    y: NormalPolicy<Key>,
    facts: {
      readonly z: NormalPolicy<Key>;
      readonly l: number;
      readonly r: number;
      readonly odds: Odds;
      readonly found: Candidates<Key>;
    },
  ): void {
    const { z, l, r, odds, found } = facts;
    const { satisfied } = odds;
    const otherwise = odds.dissatisfied ?? 0;
    const xs = this.#best(x, { satisfied: satisfied * l, dissatisfied: satisfied * r + otherwise });
    const ys = this.#best(y, { satisfied: satisfied * l, dissatisfied: undefined });
    const zs = this.#best(z, { satisfied: satisfied * r, dissatisfied: odds.dissatisfied });
    for (const a of xs)
      if (a.dissatisfied !== undefined && hasLetters(a.fragment.type, 'Bdu'))
        for (const b of ys)
          for (const c of zs)
            found.add(
              { name: 'andor', subs: [a.fragment, b.fragment, c.fragment] },
              {
                size: a.size + b.size + c.size + 3,
                satisfied: l * (a.satisfied + b.satisfied) + r * (a.dissatisfied + c.satisfied),
                dissatisfied: plus(a.dissatisfied, c.dissatisfied),
              },
            );
  }

  /** `shares`: how often each part is among those that are satisfied. */
  #thresh(
    subs: readonly NormalPolicy<Key>[],
    shares: readonly number[],
    facts: { readonly odds: Odds; readonly found: Candidates<Key>; readonly threshold: number },
  ): void {
    const { odds, found, threshold } = facts;
    const parts = subs.map((sub, place) => {
      const share = shares[place] as number;
      const own: Odds = {
        satisfied: odds.satisfied * share,
        dissatisfied: odds.satisfied * (1 - share) + (odds.dissatisfied ?? 0),
      };
      const all = this.#best(sub, own);
      const cost = (one: CompiledScript<Key>): number => costAt(one, own);
      const first = least(
        all.filter(({ fragment }) => hasLetters(fragment.type, 'Bdue')),
        cost,
      );
      const next = least(
        all.filter(({ fragment }) => hasLetters(fragment.type, 'Wdue')),
        cost,
      );
      return {
        share,
        first,
        next,
        gain: first === undefined || next === undefined ? -Infinity : cost(next) - cost(first),
      };
    });
    if (parts.some(({ next }) => next === undefined) && parts.filter(({ next }) => next === undefined).length > 1)
      return;
    // The part that is dearest as another one than the first comes first.
    const order = parts
      .map((part, place) => ({ part, place }))
      .sort(
        (a, b) => Number(a.part.next !== undefined) - Number(b.part.next !== undefined) || b.part.gain - a.part.gain,
      );
    const chosen = order.map(({ part }, place) => ({ share: part.share, one: place === 0 ? part.first : part.next }));
    let size = numberSize(threshold) + chosen.length;
    let satisfied = 0;
    let dissatisfied = 0;
    const fragments: Fragment<Key>[] = [];
    for (const { share, one } of chosen) {
      if (one?.dissatisfied === undefined) return;
      size += one.size;
      satisfied += share * one.satisfied + (1 - share) * one.dissatisfied;
      dissatisfied += one.dissatisfied;
      fragments.push(one.fragment);
    }
    found.add({ name: 'thresh', threshold, subs: fragments }, { size, satisfied, dissatisfied });
  }

  #pairs(
    xs: readonly CompiledScript<Key>[],
    ys: readonly CompiledScript<Key>[],
    use: (a: CompiledScript<Key>, b: CompiledScript<Key>) => void,
  ): void {
    for (const a of xs) for (const b of ys) use(a, b);
  }

  /** Ways to see an `and` or `or` as one of two parts, both orders. */
  *#splits(policy: Many<Key>): Generator<readonly [Share<Key>, Share<Key>]> {
    const places = policy.subs.map((_, place) => place);
    const both = (first: readonly number[]): readonly [Share<Key>, Share<Key>] => {
      const chosen = new Set(first);
      return [
        this.#group(policy, first),
        this.#group(
          policy,
          places.filter((place) => !chosen.has(place)),
        ),
      ];
    };
    if (places.length <= this.#mostGrouped) {
      for (let mask = 1; mask < 2 ** places.length - 1; mask++)
        yield both(places.filter((place) => (mask & (1 << place)) !== 0));
      return;
    }
    // As written, and by what is likely: neighbours of a Huffman tree.
    const likely = policy.name === 'or' ? [likelyHalf(policy.weights)] : [];
    const firsts = policy.name === 'or' && places.length > MOST_CHAINED ? likely : [[0], ...likely];
    for (const first of firsts) {
      const [a, b] = both(first);
      yield [a, b];
      yield [b, a];
    }
  }

  /** Some parts; the same object each time, so that what is known of it is found again. */
  #group(policy: Many<Key>, places: readonly number[]): Share<Key> {
    const subs = places.map((place) => policy.subs[place] as NormalPolicy<Key>);
    const weights = policy.name === 'or' ? places.map((place) => policy.weights[place] as number) : [1];
    const weight = weights.reduce((sum, one) => sum + one, 0);
    let groups = this.#groups.get(policy);
    if (groups === undefined) this.#groups.set(policy, (groups = new Map()));
    const name = places.join();
    const made = groups.get(name) ?? (policy.name === 'or' ? orOf(subs, weights) : andOf(subs));
    groups.set(name, made);
    return { policy: made, weight };
  }
}

type Many<Key> = Extract<NormalPolicy<Key>, { readonly name: 'and' | 'or' }>;

/** One side of the first branch of a Huffman tree: as likely as the other side, as far as can be. */
function likelyHalf(weights: readonly number[]): readonly number[] {
  const { root } = huffman(weights, (weight) => weight);
  const leaves = (tree: WeightedTree<number>): readonly number[] =>
    tree.kind === 'leaf' ? [tree.leaf] : [...leaves(tree.left), ...leaves(tree.right)];
  return root?.kind === 'branch' ? [...leaves(root.left)].sort((a, b) => a - b) : [0];
}

type Known<Key> = Map<NormalPolicy<Key>, Map<string, readonly CompiledScript<Key>[]>>;

interface Share<Key> {
  readonly policy: NormalPolicy<Key>;
  readonly weight: number;
}

function rounded<Value extends number | undefined>(odds: Value): Value | number {
  if (odds === undefined) return odds;
  const power = odds <= 0 ? LEAST_ODDS : Math.round(Math.log(odds) / Math.log(ODDS_BASE));
  return ODDS_BASE ** Math.max(LEAST_ODDS, power);
}

const isEven = (weights: readonly number[]): boolean =>
  weights.every((weight) => Math.abs(weight - (weights[0] as number)) < 1e-12);
const totalOf = ({ size, satisfied }: ScriptCost): number => size + satisfied;
const plus = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? undefined : a + b;
const smaller = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined ? b : b === undefined ? a : Math.min(a, b);

function costAt({ size, satisfied, dissatisfied = 0 }: ScriptCost, odds: Odds): number {
  return size + odds.satisfied * satisfied + (odds.dissatisfied ?? 0) * dissatisfied;
}

function least<Item>(items: readonly Item[], cost: (item: Item) => number): Item | undefined {
  let best: Item | undefined;
  for (const item of items) if (best === undefined || cost(item) < cost(best)) best = item;
  return best;
}

/** Bits of a type that matter to what surrounds it: basic type and properties, not the kinds of locks. */
const TYPE_BITS = 0x1fff;
/** Of types that end in an opcode without a VERIFY form: worse than those that do not. */
const X_BIT = 1 << 13;

/** What surroundings ask of a part. */
const PLACES = ['K', 'V', 'Vz', 'Vs', 'B', 'Bs', 'Bf', 'Bo', 'Bn', 'Bdu', 'Bdue', 'Bdues', 'Wdu', 'Wdue', 'Wdues', 'W'];

/** The scripts of a part that no other one beats: of as good a type and not dearer. */
class Candidates<Key> {
  readonly #odds: Odds;
  readonly #options: CompileScriptOptions;
  #list: CompiledScript<Key>[] = [];

  constructor(odds: Odds, options: CompileScriptOptions) {
    this.#odds = odds;
    this.#options = options;
  }

  list(): readonly CompiledScript<Key>[] {
    return this.#list;
  }

  /** The cheapest for each of the places that a part can have: enough of them where there are very many parts. */
  few(): readonly CompiledScript<Key>[] {
    const cost = (one: CompiledScript<Key>): number => costAt(one, this.#odds);
    const kept = PLACES.map((letters) =>
      least(
        this.#list.filter(({ fragment }) => hasLetters(fragment.type, letters)),
        cost,
      ),
    );
    return [...new Set(kept.filter((one) => one !== undefined))];
  }

  /** Adds a script and all that wrappers make of it. */
  add(shape: FragmentShape<Key>, cost: ScriptCost): void {
    const fragment = makeFragment(shape, this.#options.context);
    // What is malleable stays so in whatever surrounds it.
    if (fragment === undefined || !hasLetters(fragment.type, 'm')) return;
    const one = { fragment, ...cost };
    const price = costAt(one, this.#odds);
    for (const other of this.#list)
      if (isAsGood(other.fragment.type, fragment.type) && costAt(other, this.#odds) <= price) return;
    this.#list = this.#list.filter(
      (other) => !(isAsGood(fragment.type, other.fragment.type) && price <= costAt(other, this.#odds)),
    );
    this.#list.push(one);
    this.#wrap(one);
  }

  #wrap(one: CompiledScript<Key>): void {
    const { fragment, size, satisfied, dissatisfied } = one;
    const { context, ifFree } = this.#options;
    const { type } = fragment;
    const simple = (name: Wrapper, extra: number, of: number | undefined = dissatisfied): void =>
      this.add({ name, subs: [fragment] }, { size: size + extra, satisfied, dissatisfied: of });
    if (hasLetters(type, 'K')) simple('c', 1);
    if (hasLetters(type, 'B')) {
      simple('a', 2);
      if (hasLetters(type, 'o')) simple('s', 1);
      if (!hasLetters(type, 'u')) simple('n', 1);
      this.add(
        { name: 'v', subs: [fragment] },
        { size: size + (hasLetters(type, 'x') ? 1 : 0), satisfied, dissatisfied: undefined },
      );
    }
    if (hasLetters(type, 'V')) {
      const truth = makeFragment<Key>({ name: '1' }, context) as Fragment<Key>;
      this.add({ name: 'and_v', subs: [fragment, truth] }, { size: size + 1, satisfied, dissatisfied: undefined });
    }
    if (ifFree) return;
    if (hasLetters(type, 'Vz'))
      this.add({ name: 'd', subs: [fragment] }, { size: size + 3, satisfied: satisfied + 2, dissatisfied: 1 });
    if (hasLetters(type, 'Bn') && !hasLetters(type, 'd')) simple('j', 4, 1);
    if (!hasLetters(type, 'B') || this.#odds.dissatisfied === undefined) return;
    const zero = makeFragment<Key>({ name: '0' }, context) as Fragment<Key>;
    if (fragment.name === 'or_i' && fragment.subs.some((sub: Fragment<Key>) => sub.name === '0')) return;
    this.add(
      { name: 'or_i', subs: [zero, fragment] },
      { size: size + 4, satisfied: satisfied + 1, dissatisfied: smaller(2, plus(dissatisfied, 1)) },
    );
    this.add({ name: 'or_i', subs: [fragment, zero] }, { size: size + 4, satisfied: satisfied + 2, dissatisfied: 1 });
  }
}

function isAsGood(a: number, b: number): boolean {
  return (a & b & TYPE_BITS) === (b & TYPE_BITS) && ((a & X_BIT) === 0 || (b & X_BIT) !== 0);
}
