import { requireContext, requireFragment, requireFunction, requireObject } from '../arguments.ts';
import type { Fragment, HashFunction, MiniscriptContext } from '../miniscript/fragment.ts';

/** An element of a witness that is not there yet: who or what supplies it. */
export type WitnessItem<Key> =
  | {
      readonly kind: 'signature';
      readonly key: Key;
    }
  | {
      /** The public key itself, which its hash in the script stands for. */
      readonly kind: 'key';
      readonly key: Key;
    }
  | {
      /** 32 bytes. */
      readonly kind: 'preimage';
      readonly hashFunction: HashFunction;
      readonly hash: Uint8Array;
    }
  | {
      readonly kind: 'bytes';
      readonly bytes: Uint8Array;
    };

/** What is at hand for a spend. */
export interface SatisfyAssets<Key> {
  /** Whether a signature of the key will be there. */
  readonly canSign: (key: Key) => boolean;
  /** Whether the preimage of a hash is known. */
  readonly hasPreimage: (hashFunction: HashFunction, hash: Uint8Array) => boolean;
  /** Whether `older(value)` holds when the transaction says so (BIP68, BIP112). */
  readonly isOld: (value: number) => boolean;
  /** Whether `after(value)` holds when the transaction says so (BIP65). */
  readonly isAfter: (value: number) => boolean;
  /** Bytes of a signature with its hash type, at the least and at the most: 64 or 65 of Schnorr. */
  readonly signatureSize: (key: Key) => SizeRange;
  /** Bytes of a public key where its hash stands in the script; 33, or 32 in tapscript, when absent. */
  readonly keySize?: (key: Key) => number;
  /** What a preimage counts, beside its 33 bytes; 0 when absent. More makes it the last resort. */
  readonly preimageExtra?: (hashFunction: HashFunction, hash: Uint8Array) => number;
}

/** A size that is known exactly, or within bounds. */
export interface SizeRange {
  readonly minimum: number;
  readonly maximum: number;
}

/** A way to satisfy a miniscript. */
export interface Satisfaction<Key> {
  /** Bottom of the stack first: the order of a witness, before the script. */
  readonly items: readonly WitnessItem<Key>[];
  /** Bytes of the items with their lengths, at the least and at the most. */
  readonly size: SizeRange;
  /** The largest `after` on the way; 0 when there is none. */
  readonly lockTime: number;
  /** The longest `older` on the way, by the bits that BIP112 looks at; 0 when there is none. */
  readonly sequence: number;
}

/**
 * The smallest satisfaction that nobody else can change into another one, in one pass over the miniscript (BIP379,
 * “Satisfaction”): signatures are given only where they are needed, and where a part can be satisfied without one, it is.
 *
 * @returns `undefined` when the assets do not suffice, or only for a malleable one.
 */
export function satisfy<Key>(
  fragment: Fragment<Key>,
  options: { readonly context: MiniscriptContext; readonly assets: SatisfyAssets<Key> },
): Satisfaction<Key> | undefined {
  requireFragment(fragment);
  const { context, assets } = requireObject<typeof options>(options, 'options');
  requireContext(context, 'options.context');
  const given = requireObject<SatisfyAssets<Key>>(assets, 'options.assets');
  for (const name of ['canSign', 'hasPreimage', 'isOld', 'isAfter', 'signatureSize'] as const)
    requireFunction(given[name], `options.assets.${name}`);
  const { satisfied } = new Satisfier(options).visit(fragment);
  if (satisfied === undefined || satisfied.malleable) return undefined;
  const items: WitnessItem<Key>[] = [];
  flatten(satisfied.items, items);
  const { minimum, maximum, lockTime, sequence } = satisfied;
  return { items, size: { minimum, maximum }, lockTime, sequence };
}

/** Items in order, joined without copying. */
type Rope<Key> = readonly [] | WitnessItem<Key> | readonly [Rope<Key>, Rope<Key>];

/** One way to leave a part satisfied, or dissatisfied. */
interface Way<Key> {
  readonly items: Rope<Key>;
  readonly minimum: number;
  readonly maximum: number;
  /** Whether a signature is in it, which nobody else could have made. */
  readonly signed: boolean;
  /** Whether somebody else could make another one of it. */
  readonly malleable: boolean;
  readonly lockTime: number;
  readonly sequence: number;
}

interface Ways<Key> {
  readonly satisfied: Way<Key> | undefined;
  readonly dissatisfied: Way<Key> | undefined;
}

function flatten<Key>(rope: Rope<Key>, into: WitnessItem<Key>[]): void {
  // With a stack of its own: a rope may be as deep as the miniscript is long.
  const rest: Rope<Key>[] = [rope];
  for (let next = rest.pop(); next !== undefined; next = rest.pop())
    if (!isList(next)) into.push(next);
    else if (next.length === 2) rest.push(next[1], next[0]);
}

function isList<Key>(rope: Rope<Key>): rope is readonly [] | readonly [Rope<Key>, Rope<Key>] {
  return Array.isArray(rope);
}

const NOTHING = {
  items: [],
  minimum: 0,
  maximum: 0,
  signed: false,
  malleable: false,
  lockTime: 0,
  sequence: 0,
} as const satisfies Way<never>;

const EMPTY_ELEMENT = bytesWay(new Uint8Array(0));
const ONE_ELEMENT = bytesWay(Uint8Array.of(1));
const WRONG_PREIMAGE = { ...bytesWay(new Uint8Array(32)), malleable: true };

function bytesWay(bytes: Uint8Array): Way<never> {
  const size = bytes.length + 1;
  return { ...NOTHING, items: { kind: 'bytes', bytes }, minimum: size, maximum: size };
}

/** Both, `below` deeper in the stack. */
function join<Key>(below: Way<Key> | undefined, above: Way<Key> | undefined): Way<Key> | undefined {
  if (below === undefined || above === undefined) return undefined;
  return {
    items: [below.items, above.items],
    minimum: below.minimum + above.minimum,
    maximum: below.maximum + above.maximum,
    signed: below.signed || above.signed,
    malleable: below.malleable || above.malleable,
    lockTime: Math.max(below.lockTime, above.lockTime),
    sequence: longer(below.sequence, above.sequence),
  };
}

/** The relative lock that holds the other one, too: the lower 16 bits are the time (BIP112), bits above the flag are nothing. */
function longer(a: number, b: number): number {
  return (b & 0xffff) > (a & 0xffff) || ((b & 0xffff) === (a & 0xffff) && b > a) ? b : a;
}

function spoiled<Key>(way: Way<Key> | undefined): Way<Key> | undefined {
  return way === undefined ? undefined : { ...way, malleable: true };
}

/** The better of two ways, of which either could be taken. */
function choose<Key>(a: Way<Key> | undefined, b: Way<Key> | undefined): Way<Key> | undefined {
  if (a === undefined) return b;
  if (b === undefined) return a;
  // Whoever sees the signed one could replace it by the other, which needs no signature.
  if (a.signed !== b.signed) return a.signed ? b : a;
  const malleable = !a.signed;
  if (a.malleable !== b.malleable && !malleable) return a.malleable ? b : a;
  const smaller = a.maximum <= b.maximum ? a : b;
  return malleable ? { ...smaller, malleable } : smaller;
}

interface Threshold<Key> {
  readonly threshold: number;
  readonly keys: readonly Key[];
}

class Satisfier<Key> {
  readonly #context: MiniscriptContext;
  readonly #assets: SatisfyAssets<Key>;

  constructor(options: { readonly context: MiniscriptContext; readonly assets: SatisfyAssets<Key> }) {
    this.#context = options.context;
    this.#assets = options.assets;
  }

  visit(fragment: Fragment<Key>): Ways<Key> {
    switch (fragment.name) {
      case '0':
        return { satisfied: undefined, dissatisfied: NOTHING };
      case '1':
        return { satisfied: NOTHING, dissatisfied: undefined };
      case 'older':
        return this.#lock(this.#assets.isOld(fragment.value), { ...NOTHING, sequence: fragment.value });
      case 'after':
        return this.#lock(this.#assets.isAfter(fragment.value), { ...NOTHING, lockTime: fragment.value });
      case 'pk_k':
        return { satisfied: this.#signature(fragment.key), dissatisfied: EMPTY_ELEMENT };
      case 'pk_h': {
        const size = 1 + (this.#assets.keySize?.(fragment.key) ?? (this.#context === 'tapscript' ? 32 : 33));
        const key: Way<Key> = { ...NOTHING, items: { kind: 'key', key: fragment.key }, minimum: size, maximum: size };
        return { satisfied: join(this.#signature(fragment.key), key), dissatisfied: join<Key>(EMPTY_ELEMENT, key) };
      }
      case 'sha256':
      case 'hash256':
      case 'ripemd160':
      case 'hash160': {
        const { name: hashFunction, hash } = fragment;
        const isKnown = this.#assets.hasPreimage(hashFunction, hash);
        const size = 33 + (this.#assets.preimageExtra?.(hashFunction, hash) ?? 0);
        const items = { kind: 'preimage', hashFunction, hash } as const;
        const preimage: Way<Key> = { ...NOTHING, items, minimum: size, maximum: size };
        return { satisfied: isKnown ? preimage : undefined, dissatisfied: WRONG_PREIMAGE };
      }
      case 'multi':
        return this.#multi(fragment);
      case 'multi_a':
        return this.#multiA(fragment);
      case 'thresh':
        return thresh(
          fragment.threshold,
          fragment.subs.map((sub) => this.visit(sub)),
        );
      default:
        return combine(
          fragment.name,
          fragment.subs.map((sub: Fragment<Key>) => this.visit(sub)),
        );
    }
  }

  #lock(holds: boolean, way: Way<Key>): Ways<Key> {
    return { satisfied: holds ? way : undefined, dissatisfied: undefined };
  }

  #signature(key: Key): Way<Key> | undefined {
    if (!this.#assets.canSign(key)) return undefined;
    const { minimum, maximum } = this.#assets.signatureSize(key);
    const items = { kind: 'signature', key } as const;
    return { ...NOTHING, items, minimum: minimum + 1, maximum: maximum + 1, signed: true };
  }

  #multi({ threshold, keys }: Threshold<Key>): Ways<Key> {
    const signatures = keys.map((key) => this.#signature(key));
    const chosen = cheapest(signatures, threshold);
    let dissatisfied: Way<Key> | undefined = EMPTY_ELEMENT;
    for (let count = 0; count < threshold; count++) dissatisfied = join(dissatisfied, EMPTY_ELEMENT);
    if (chosen === undefined) return { satisfied: undefined, dissatisfied };
    // BIP147: one element that is not looked at, then signatures in the order of the keys.
    let satisfied: Way<Key> | undefined = EMPTY_ELEMENT;
    for (const place of chosen) satisfied = join(satisfied, signatures[place]);
    return { satisfied, dissatisfied };
  }

  #multiA({ threshold, keys }: Threshold<Key>): Ways<Key> {
    const signatures = keys.map((key) => this.#signature(key));
    const chosen = new Set(cheapest(signatures, threshold));
    let satisfied: Way<Key> | undefined = NOTHING;
    let dissatisfied: Way<Key> | undefined = NOTHING;
    // The first key looks at the top of the stack.
    for (let place = keys.length - 1; place >= 0; place--) {
      satisfied = join(satisfied, chosen.has(place) ? signatures[place] : EMPTY_ELEMENT);
      dissatisfied = join<Key>(dissatisfied, EMPTY_ELEMENT);
    }
    return { satisfied: chosen.size === threshold ? satisfied : undefined, dissatisfied };
  }
}

/** Places of the smallest signatures, ascending; `undefined` when there are too few. */
function cheapest<Key>(signatures: readonly (Way<Key> | undefined)[], count: number): readonly number[] | undefined {
  const there = signatures.flatMap((way, place) => (way === undefined ? [] : [{ way, place }]));
  if (there.length < count) return undefined;
  there.sort((a, b) => a.way.maximum - b.way.maximum || a.place - b.place);
  return there
    .slice(0, count)
    .map(({ place }) => place)
    .sort((a, b) => a - b);
}

/** More than any witness has bytes: what is malleable is taken last. */
const MALLEABLE = 2 ** 32;

function thresh<Key>(threshold: number, subs: readonly Ways<Key>[]): Ways<Key> {
  const unsigned = subs.filter(({ satisfied }) => satisfied?.signed === false).length;
  let dissatisfied: Way<Key> | undefined = NOTHING;
  for (const sub of subs.toReversed()) dissatisfied = join(dissatisfied, sub.dissatisfied);
  // Another number of parts could be satisfied by anybody, and would dissatisfy the whole as well.
  if (unsigned > 1 || (unsigned === 1 && threshold !== 1)) dissatisfied = spoiled(dissatisfied);
  const places = subs.flatMap(({ satisfied, dissatisfied: without }, place) => {
    if (satisfied === undefined) return [];
    // What cannot be dissatisfied has to be satisfied.
    const extra = without === undefined ? -Infinity : costOf(satisfied) - costOf(without);
    return [{ place, extra, signed: satisfied.signed }];
  });
  const forced = subs.filter((sub) => sub.dissatisfied === undefined).length;
  if (places.length < threshold || forced > threshold) return { satisfied: undefined, dissatisfied };
  // Where no signature is needed, none must be given.
  places.sort(
    (a, b) =>
      (unsigned >= threshold ? Number(a.signed) - Number(b.signed) : 0) || a.extra - b.extra || a.place - b.place,
  );
  const chosen = new Set(places.slice(0, threshold).map(({ place }) => place));
  let satisfied: Way<Key> | undefined = NOTHING;
  for (let place = subs.length - 1; place >= 0; place--)
    satisfied = join(satisfied, chosen.has(place) ? subs[place]?.satisfied : subs[place]?.dissatisfied);
  return { satisfied: unsigned > threshold ? spoiled(satisfied) : satisfied, dissatisfied };
}

function costOf<Key>({ maximum, malleable }: Way<Key>): number {
  return maximum + (malleable ? MALLEABLE : 0);
}

function combine<Key>(name: string, subs: readonly Ways<Key>[]): Ways<Key> {
  const [x, y, z] = subs as [Ways<Key>, Ways<Key>, Ways<Key>];
  switch (name) {
    case 'v':
      return { satisfied: x.satisfied, dissatisfied: undefined };
    case 'd':
      return { satisfied: join(x.satisfied, ONE_ELEMENT), dissatisfied: EMPTY_ELEMENT };
    case 'j':
      // Anybody could replace the empty element by what dissatisfies the part, if that needs no signature.
      return {
        satisfied: x.satisfied,
        dissatisfied: { ...EMPTY_ELEMENT, malleable: x.dissatisfied?.signed === false },
      };
    case 'and_v':
      return { satisfied: join(y.satisfied, x.satisfied), dissatisfied: join(y.dissatisfied, x.satisfied) };
    case 'and_b':
      return {
        satisfied: join(y.satisfied, x.satisfied),
        dissatisfied: choose(
          choose(join(y.dissatisfied, x.dissatisfied), spoiled(join(y.satisfied, x.dissatisfied))),
          spoiled(join(y.dissatisfied, x.satisfied)),
        ),
      };
    case 'or_b':
      return {
        satisfied: choose(
          choose(join(y.dissatisfied, x.satisfied), join(y.satisfied, x.dissatisfied)),
          spoiled(join(y.satisfied, x.satisfied)),
        ),
        dissatisfied: join(y.dissatisfied, x.dissatisfied),
      };
    case 'or_c':
      return { satisfied: choose(x.satisfied, join(y.satisfied, x.dissatisfied)), dissatisfied: undefined };
    case 'or_d':
      return {
        satisfied: choose(x.satisfied, join(y.satisfied, x.dissatisfied)),
        dissatisfied: join(y.dissatisfied, x.dissatisfied),
      };
    case 'or_i':
      return {
        satisfied: choose(join(x.satisfied, ONE_ELEMENT), join(y.satisfied, EMPTY_ELEMENT)),
        dissatisfied: choose(join(x.dissatisfied, ONE_ELEMENT), join(y.dissatisfied, EMPTY_ELEMENT)),
      };
    case 'andor':
      return {
        satisfied: choose(join(y.satisfied, x.satisfied), join(z.satisfied, x.dissatisfied)),
        dissatisfied: choose(join(y.dissatisfied, x.satisfied), join(z.dissatisfied, x.dissatisfied)),
      };
    default:
      // a, s, c and n change nothing of the witness.
      return x;
  }
}
