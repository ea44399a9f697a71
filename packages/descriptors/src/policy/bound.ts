import { numberSize } from '../miniscript/bounds.ts';
import {
  type AmbiguousWay,
  type Condition,
  hasRelatedConditions,
  lockOf,
  minimalWays,
  type Way,
} from './minimal-ways.ts';
import type { NormalPolicy } from './normal.ts';
import { printPolicy } from './policy.ts';

/** What an output may do. */
export interface BoundOptions<Key> {
  /** Whether several keys can sign as one. */
  readonly canAggregate: boolean;
  /** Whether they can in leaves, too. */
  readonly aggregateLeaves: boolean;
  readonly keyName: (key: Key) => string;
}

/**
 * A weight that no P2WSH output for a policy can fall below in expectation: one script holds each condition, and a witness
 * those of its way.
 */
export function scriptBoundOf<Key>(policy: NormalPolicy<Key>, keyName: (key: Key) => string): number {
  const { script, witness } = hasRelatedConditions(policy) ? relatedBytes(policy, keyName) : scriptBytes(policy);
  // Number of elements and length of the script.
  return 1 + 1 + script + witness;
}

interface ScriptBytes {
  readonly script: number;
  readonly witness: number;
}

/** Where conditions hold others: each that some minimal way has, once, and of each way the cheapest minimal one in it. */
function relatedBytes<Key>(policy: NormalPolicy<Key>, keyName: (key: Key) => string): ScriptBytes {
  const ways = waysOf(policy, { keyName }, MOST_WAYS);
  if (ways === undefined) return HASHED_KEY;
  const { ways: fixed, ambiguous } = minimalWays(ways);
  const conditions = new Map<string, Condition>();
  for (const way of [...fixed, ...ambiguous.flatMap(({ candidates }) => candidates)])
    for (const [name, condition] of way.conditions) conditions.set(name, condition);
  let script = 0;
  for (const condition of conditions.values()) script += condition.isKey ? HASHED_KEY.script : condition.script;
  const witnessOf = (way: Way): number => {
    let bytes = 0;
    for (const { isKey, witness } of way.conditions.values()) bytes += isKey ? HASHED_KEY.witness : witness;
    return bytes;
  };
  let witness = 0;
  for (const way of fixed) witness += way.probability * witnessOf(way);
  for (const { probability, candidates } of ambiguous) witness += probability * Math.min(...candidates.map(witnessOf));
  return { script, witness };
}

/** As its hash: 24 bytes and the check; signatures have up to 72 bytes, which is what costs are counted with. */
const HASHED_KEY: ScriptBytes = { script: 25, witness: 73 };

function scriptBytes<Key>(policy: NormalPolicy<Key>): ScriptBytes {
  switch (policy.name) {
    case 'pk':
      return HASHED_KEY;
    case 'older':
    case 'after':
      return { script: 1 + numberSize(policy.value), witness: 0 };
    case 'sha256':
    case 'hash256':
      return { script: 39, witness: 33 };
    case 'ripemd160':
    case 'hash160':
      return { script: 27, witness: 33 };
    default: {
      let script = 0;
      let witness = 0;
      for (const [place, sub] of policy.subs.entries()) {
        const own = scriptBytes(sub);
        const share =
          policy.name === 'or'
            ? (policy.weights[place] as number)
            : policy.name === 'and'
              ? 1
              : policy.threshold / policy.subs.length;
        script += own.script;
        witness += share * own.witness;
      }
      return { script, witness };
    }
  }
}

/** Number of elements, length of the script, control block without branches. */
const LEAF_OVERHEAD = 1 + 1 + 34;
const KEY_PATH = 66;
const BRANCH_BYTES = 32;
const DEEPEST = 128;
/** So many key paths are bounded as well as can be; of more, the others as quickly as can be. */
const MOST_REFINED = 12;
/** More ways than this are not told apart. */
const MOST_WAYS = 4_000;
/** Up to here every set of bundles of conditions is looked at: two to the power of their number. */
const MOST_BUNDLES = 11;
/** A key that is checked and not signed for: its check and an empty element. */
const KEY_UNSIGNED = 35;
/** A key in a branch that is not taken, at the least: as its hash. */
const KEY_SKIPPED = 25;
/** NOTIF and ENDIF around what is not taken. */
const SKIP = 2;

/**
 * A weight that no Taproot output for a policy can fall below in expectation.
 *
 * Each way needs at least the bytes of its own conditions and of a control block. Beyond that its leaf costs 32 bytes for
 * each branch above it, and the bytes of the conditions that it holds for other ways. Depths obey Kraft's inequality; its
 * Lagrangian dual, in which the ways of a leaf pay for its place by their probability, bounds both from below for every
 * multiplier. One way of keys alone may be the key path.
 */
export function lowerBoundOf<Key>(policy: NormalPolicy<Key>, options: BoundOptions<Key>): number {
  const all = waysOf(policy, options, MOST_WAYS);
  if (all === undefined) {
    // Which ways others make superfluous cannot be told.
    if (hasRelatedConditions(policy)) return KEY_PATH;
    return Math.max(coarseBound(policy, options), thresholdBound(policy, options));
  }
  const { ways, ambiguous } = minimalWays(all);
  const places = placesOf(ways, options);
  const fixed = ways.map(
    ({ conditions, probability }) => probability * (LEAF_OVERHEAD + ownCost(conditions.values(), options)),
  );
  const base = sum(fixed);
  const whole = placement(places);
  let best = base + whole.value + ambiguousCost(ambiguous, undefined, options);
  // With each way of keys alone as the key path: first a bound that is quickly had, from the multiplier of the whole.
  const total = dualAt(places, whole.multiplier);
  const candidates = ways.flatMap((way, place) => {
    const conditions = [...way.conditions.values()];
    const isKeys = conditions.every(({ isKey }) => isKey) && (conditions.length === 1 || options.canAggregate);
    if (!isKeys) return [];
    const saved = (fixed[place] as number) - KEY_PATH * way.probability;
    const rest = total - termAt(places[place] as Placed, whole.multiplier);
    const along = ambiguousCost(ambiguous, way, options) - saved;
    return [{ place, along, value: base + along + Math.max(0, rest) }];
  });
  // Then the lowest of them exactly, until the lowest is exact.
  candidates.sort((a, b) => a.value - b.value);
  for (const [count, { place, along, value }] of candidates.entries()) {
    if (value >= best) break;
    if (count >= MOST_REFINED) return Math.min(best, value);
    const others = ways.filter((_, other) => other !== place);
    best = Math.min(best, base + along + placement(placesOf(others, options)).value);
  }
  return best;
}

/** What may go several ways takes the cheapest, and pays for no place. */
function ambiguousCost<Key>(
  ambiguous: readonly AmbiguousWay[],
  keyPath: Way | undefined,
  options: BoundOptions<Key>,
): number {
  const costOf = (way: Way): number =>
    way === keyPath ? KEY_PATH : LEAF_OVERHEAD + ownCost(way.conditions.values(), options);
  return sum(ambiguous.map(({ probability, candidates }) => probability * Math.min(...candidates.map(costOf))));
}

function ownCost<Key>(conditions: Iterable<Condition>, options: BoundOptions<Key>): number {
  let cost = 0;
  let hasKey = false;
  for (const { isKey, script, witness } of conditions) {
    const isFree = isKey && hasKey && options.canAggregate && options.aggregateLeaves;
    if (!isFree) cost += script + witness;
    hasKey ||= isKey;
  }
  return cost;
}

/** Bytes that conditions of others add to a leaf, at the least. */
function extraCost<Key>(conditions: readonly Condition[], options: BoundOptions<Key>): number {
  if (conditions.length === 0) return 0;
  const keys = conditions.filter(({ isKey }) => isKey).length;
  const counted = options.canAggregate && options.aggregateLeaves ? Math.min(1, keys) : keys;
  let others = 0;
  for (const { isKey, script } of conditions) if (!isKey) others += script;
  const skipped = others + KEY_SKIPPED * counted + SKIP;
  return others > 0 ? skipped : Math.min(skipped, KEY_UNSIGNED * counted);
}

/** A kind of leaf that a way may have: what it costs beyond the way, and the probability of all ways in it. */
interface Place {
  readonly extra: number;
  readonly mass: number;
}

interface Placed {
  readonly probability: number;
  readonly places: readonly Place[];
}

/** Conditions that the same ways have: they stand in a leaf together or not at all. */
interface Bundle {
  readonly conditions: readonly Condition[];
  /** Places of the ways that have it. */
  readonly ways: readonly number[];
}

function bundlesOf(ways: readonly Way[]): readonly Bundle[] {
  const owners = new Map<string, { readonly condition: Condition; readonly ways: number[] }>();
  for (const [place, { conditions }] of ways.entries())
    for (const [name, condition] of conditions) {
      const known = owners.get(name);
      if (known === undefined) owners.set(name, { condition, ways: [place] });
      else known.ways.push(place);
    }
  const bundles = new Map<string, { readonly conditions: Condition[]; readonly ways: readonly number[] }>();
  for (const { condition, ways: places } of owners.values()) {
    const known = bundles.get(places.join());
    if (known === undefined) bundles.set(places.join(), { conditions: [condition], ways: places });
    else known.conditions.push(condition);
  }
  return [...bundles.values()];
}

/** The kinds of leaves of each way that no other kind beats. */
function placesOf<Key>(ways: readonly Way[], options: BoundOptions<Key>): readonly Placed[] {
  const bundles = bundlesOf(ways);
  return bundles.length <= MOST_BUNDLES ? allPlaces(ways, bundles, options) : roughPlaces(ways, bundles, options);
}

function allPlaces<Key>(
  ways: readonly Way[],
  bundles: readonly Bundle[],
  options: BoundOptions<Key>,
): readonly Placed[] {
  const sets = 1 << bundles.length;
  const masks = ways.map(() => 0);
  for (const [bit, { ways: places }] of bundles.entries())
    for (const place of places) masks[place] = (masks[place] as number) | (1 << bit);
  const masses = Array.from({ length: sets }, () => 0);
  for (const [place, { probability }] of ways.entries()) masses[masks[place] as number] = probability;
  // The sum over all subsets, one bundle after the other.
  for (let bit = 0; bit < bundles.length; bit++)
    for (let set = 0; set < sets; set++)
      if ((set & (1 << bit)) !== 0) masses[set] = (masses[set] as number) + (masses[set ^ (1 << bit)] as number);
  const extras = Array.from({ length: sets }, (_, set) =>
    extraCost(
      bundles.flatMap(({ conditions }, bit) => ((set & (1 << bit)) === 0 ? [] : conditions)),
      options,
    ),
  );
  return ways.map(({ probability }, place) => {
    const own = masks[place] as number;
    const places: Place[] = [];
    for (let set = 0; set < sets; set++)
      if ((set & own) === own) places.push({ extra: extras[set ^ own] as number, mass: masses[set] as number });
    return { probability, places: frontOf(places) };
  });
}

/** Where sets are too many: the smallest bundles of others, with the likeliest ways that they could make room for. */
function roughPlaces<Key>(
  ways: readonly Way[],
  bundles: readonly Bundle[],
  options: BoundOptions<Key>,
): readonly Placed[] {
  const sized = bundles
    .map((bundle) => ({ ...bundle, own: new Set(bundle.ways), size: extraCost(bundle.conditions, options) }))
    .sort((a, b) => a.size - b.size);
  const hasOwn = new Set(bundles.flatMap(({ ways: places }) => (places.length === 1 ? places : [])));
  // Each other way needs a bundle that it shares with none.
  const oneEach = hasOwn.size === ways.length;
  const likely = ways.map(({ probability }) => probability).sort((a, b) => b - a);
  return ways.map(({ probability }, place) => {
    const others = sized.filter(({ own }) => !own.has(place)).slice(0, MOST_BUNDLES);
    const places: Place[] = [{ extra: 0, mass: probability }];
    let mass = probability;
    for (let count = 1; count <= others.length; count++) {
      mass = oneEach && count < MOST_BUNDLES ? mass + (likely[count - 1] as number) : 1;
      const conditions = others.slice(0, count).flatMap((bundle) => bundle.conditions);
      places.push({ extra: extraCost(conditions, options), mass: Math.min(1, mass) });
    }
    return { probability, places: frontOf(places) };
  });
}

/** Places that are cheaper than all with as many ways. */
function frontOf(places: readonly Place[]): readonly Place[] {
  const front: Place[] = [];
  for (const place of places.toSorted((a, b) => a.extra - b.extra || b.mass - a.mass))
    if (place.mass > (front.at(-1)?.mass ?? 0) + 1e-12) front.push(place);
  return front;
}

/** The dual of the least cost of places at its best multiplier; it is concave in that. */
function placement(ways: readonly Placed[]): { readonly value: number; readonly multiplier: number } {
  let low = 0;
  let high = BRANCH_BYTES * DEEPEST;
  for (let round = 0; round < 60; round++) {
    const third = (high - low) / 3;
    if (dualAt(ways, low + third) < dualAt(ways, high - third)) low += third;
    else high -= third;
  }
  return { value: Math.max(0, dualAt(ways, low)), multiplier: low };
}

function dualAt(ways: readonly Placed[], multiplier: number): number {
  let value = -multiplier;
  for (const way of ways) value += termAt(way, multiplier);
  return value;
}

/** What a way costs at the least when places have a price. */
function termAt({ probability, places }: Placed, multiplier: number): number {
  let least = Infinity;
  for (const { extra, mass } of places) {
    if (extra >= least) break;
    // The price halves with each branch, which costs 32 bytes: the best depth is beside the root of the derivative.
    const price = multiplier / mass;
    const root = price <= 0 ? 0 : Math.log2((price * Math.LN2) / BRANCH_BYTES);
    const depth = Math.min(DEEPEST, Math.max(0, Math.floor(root)));
    for (const one of [depth, depth + 1]) least = Math.min(least, extra + BRANCH_BYTES * one + price * 2 ** -one);
  }
  return probability * least;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Where ways are too many to be told apart: their own conditions alone, and the likeliest as the key path. */
function coarseBound<Key>(policy: NormalPolicy<Key>, options: BoundOptions<Key>): number {
  const { cost, dearest, likeliest } = coarseOf(policy, options);
  return Math.max(KEY_PATH, LEAF_OVERHEAD + cost - likeliest * Math.max(0, LEAF_OVERHEAD + dearest - KEY_PATH));
}

/** Of a threshold of many keys alone: a leaf of so many keys has so many of its ways, all as likely. */
function thresholdBound<Key>(policy: NormalPolicy<Key>, options: BoundOptions<Key>): number {
  if (policy.name !== 'thresh' || policy.subs.some(({ name }) => name !== 'pk')) return 0;
  const { threshold, subs } = policy;
  const key: Condition = { isKey: true, script: 34, witness: 65 };
  const places = Array.from({ length: subs.length - threshold + 1 }, (_, extra): Place => {
    const mass = choose(threshold + extra, threshold) / choose(subs.length, threshold);
    return {
      extra: extraCost(
        Array.from({ length: extra }, () => key),
        options,
      ),
      mass,
    };
  });
  const own = ownCost(
    Array.from({ length: threshold }, () => key),
    options,
  );
  const bound = LEAF_OVERHEAD + own + placement([{ probability: 1, places: frontOf(places) }]).value;
  return bound - (options.canAggregate ? (bound - KEY_PATH) / choose(subs.length, threshold) : 0);
}

interface Coarse {
  /** Of the own conditions, in expectation. */
  readonly cost: number;
  /** Of the dearest way. */
  readonly dearest: number;
  /** Probability of the likeliest way, at the most. */
  readonly likeliest: number;
}

function coarseOf<Key>(policy: NormalPolicy<Key>, options: BoundOptions<Key>): Coarse {
  if (policy.name !== 'and' && policy.name !== 'or' && policy.name !== 'thresh') {
    const cost = ownCost(waysOf(policy, options, 1)?.[0]?.conditions.values() ?? [], options);
    // Aggregated with others a key may cost nothing more.
    const counted = policy.name === 'pk' && options.canAggregate && options.aggregateLeaves ? 0 : cost;
    return { cost: counted, dearest: cost, likeliest: 1 };
  }
  const subs = policy.subs.map((sub) => coarseOf(sub, options));
  let cost = 0;
  let dearest = 0;
  let likeliest = policy.name === 'or' ? 0 : 1;
  for (const [place, sub] of subs.entries()) {
    const share =
      policy.name === 'or'
        ? (policy.weights[place] as number)
        : policy.name === 'and'
          ? 1
          : policy.threshold / subs.length;
    cost += share * sub.cost;
    dearest = policy.name === 'or' ? Math.max(dearest, sub.dearest) : dearest + sub.dearest;
    if (policy.name === 'or') likeliest = Math.max(likeliest, share * sub.likeliest);
    else if (policy.name === 'and') likeliest *= sub.likeliest;
  }
  if (policy.name === 'thresh') likeliest = 1 / choose(subs.length, policy.threshold);
  return { cost, dearest, likeliest };
}

function choose(count: number, size: number): number {
  let ways = 1;
  for (let i = 1; i <= size; i++) ways = (ways * (count - size + i)) / i;
  return ways;
}

/** All ways of a policy; `undefined` when there are more than `most`. */
function waysOf<Key>(
  policy: NormalPolicy<Key>,
  options: Pick<BoundOptions<Key>, 'keyName'>,
  most: number,
): readonly Way[] | undefined {
  switch (policy.name) {
    case 'and': {
      let ways: readonly Way[] | undefined = [{ conditions: new Map(), probability: 1 }];
      for (const sub of policy.subs) ways = both(ways, waysOf(sub, options, most), most);
      return ways;
    }
    case 'or': {
      const found: Way[] = [];
      for (const [place, sub] of policy.subs.entries()) {
        const ways = waysOf(sub, options, most);
        if (ways === undefined || found.length + ways.length > most) return undefined;
        const weight = policy.weights[place] as number;
        for (const { conditions, probability } of ways) found.push({ conditions, probability: probability * weight });
      }
      return found;
    }
    case 'thresh':
      return thresholdWays(
        policy.threshold,
        policy.subs.map((sub) => waysOf(sub, options, most)),
        most,
      );
    case 'pk':
      return [single(`pk(${options.keyName(policy.key)})`, { isKey: true, script: 34, witness: 65 })];
    case 'older':
    case 'after': {
      const lock = lockOf(policy);
      const script = 1 + numberSize(policy.value);
      return [single(`${lock.kind} ${lock.amount}`, { isKey: false, lock, script, witness: 0 })];
    }
    case 'sha256':
    case 'hash256':
      return [single(printPolicy(policy, options.keyName), { isKey: false, script: 39, witness: 33 })];
    default:
      return [single(printPolicy(policy, options.keyName), { isKey: false, script: 27, witness: 33 })];
  }
}

function single(name: string, condition: Condition): Way {
  return { conditions: new Map([[name, condition]]), probability: 1 };
}

function both(a: readonly Way[] | undefined, b: readonly Way[] | undefined, most: number): readonly Way[] | undefined {
  if (a === undefined || b === undefined || a.length * b.length > most) return undefined;
  return a.flatMap((x) =>
    b.map((y) => ({
      conditions: new Map([...x.conditions, ...y.conditions]),
      probability: x.probability * y.probability,
    })),
  );
}

function thresholdWays(
  threshold: number,
  subs: readonly (readonly Way[] | undefined)[],
  most: number,
): readonly Way[] | undefined {
  // By number of parts: ways of those so far, each choice of parts as likely as any other.
  let counts: (readonly Way[] | undefined)[] = [[{ conditions: new Map(), probability: 1 }]];
  for (const sub of subs) {
    const next: (readonly Way[] | undefined)[] = [];
    for (let count = 0; count <= Math.min(threshold, counts.length); count++) {
      const without: readonly Way[] | undefined = count < counts.length ? counts[count] : [];
      const withIt = count > 0 ? both(counts[count - 1], sub, most) : [];
      next.push(
        without === undefined || withIt === undefined || without.length + withIt.length > most
          ? undefined
          : [...without, ...withIt],
      );
    }
    counts = next;
  }
  const ways = counts[threshold];
  if (ways === undefined) return undefined;
  const total = ways.reduce((sum, { probability }) => sum + probability, 0);
  return ways.map(({ conditions, probability }) => ({ conditions, probability: probability / total }));
}
