import { requireFunction, requireNamed } from '../arguments.ts';

/**
 * A type of miniscript (BIP379, sections “Type system” and “Malleability”; mixing of time locks as in Core): a basic
 * type and properties, as bits of one number, so that a rule is a few operations.
 *
 * Basic: `B` leaves a value, `V` verifies, `K` leaves a key, `W` is a `B` under another element. Properties: `z` takes no
 * element, `o` one, `n` none that is zero on top; `d` can be dissatisfied, `u` leaves exactly 1; `e` has one
 * dissatisfaction, `f` none; `s` needs a signature, `m` can be satisfied without malleability; `x` ends in an opcode
 * without a VERIFY form; `g` `h` `i` `j` hold relative time, relative height, absolute time, absolute height; `k` needs
 * no two of them that exclude each other.
 */
export type MiniscriptType = number & { readonly [miniscriptType]: 'type' };
declare const miniscriptType: unique symbol;

/** Where a miniscript lives: its rules of resources, keys and minimal IF differ (BIP379). */
export type MiniscriptContext = 'wsh' | 'tapscript';

/** The hash functions of hash locks. */
export type HashFunction = 'sha256' | 'hash256' | 'ripemd160' | 'hash160';

/** Wrappers that have an opcode of their own; `t`, `l` and `u` are written forms of `and_v`, `or_i`. */
export type Wrapper = 'a' | 's' | 'c' | 'd' | 'v' | 'j' | 'n';

/** What a node is made of, by the names of BIP379. */
export type FragmentShape<Key> =
  | { readonly name: '0' | '1' }
  | { readonly name: 'pk_k'; readonly key: Key }
  | { readonly name: 'pk_h'; readonly key: Key }
  | {
      readonly name: 'older' | 'after';
      /** 1 to 2³¹-1. */
      readonly value: number;
    }
  | {
      readonly name: HashFunction;
      /** 32 bytes, or 20 of `ripemd160` and `hash160`. */
      readonly hash: Uint8Array;
    }
  | { readonly name: 'andor'; readonly subs: readonly [Fragment<Key>, Fragment<Key>, Fragment<Key>] }
  | {
      readonly name: 'and_v' | 'and_b' | 'or_b' | 'or_c' | 'or_d' | 'or_i';
      readonly subs: readonly [Fragment<Key>, Fragment<Key>];
    }
  | {
      readonly name: 'thresh';
      /** 1 to the number of subs. */
      readonly threshold: number;
      readonly subs: readonly Fragment<Key>[];
    }
  | {
      /** `multi` in P2WSH, `multi_a` in tapscript. */
      readonly name: 'multi' | 'multi_a';
      /** 1 to the number of keys. */
      readonly threshold: number;
      readonly keys: readonly Key[];
    }
  | { readonly name: Wrapper; readonly subs: readonly [Fragment<Key>] };

/** A node of a miniscript with its type; made by `makeFragment` alone, so that the type is always that of the shape. */
export type Fragment<Key> = FragmentShape<Key> & { readonly type: MiniscriptType };

/** What makes the written form short: sugar for two nodes (BIP379). */
export type Sugar = 'pk' | 'pkh' | 'and_n' | 't' | 'l' | 'u';

/** The parts of a node, left to right. */
export function subsOf<Key>(fragment: FragmentShape<Key>): readonly Fragment<Key>[] {
  requireNamed(fragment, 'fragment');
  return 'subs' in fragment ? fragment.subs : [];
}

/** The keys of a miniscript, in the order in which they are written. */
export function* keysOf<Key>(fragment: FragmentShape<Key>): Generator<Key, void, undefined> {
  requireNamed(fragment, 'fragment');
  if (fragment.name === 'pk_k' || fragment.name === 'pk_h') yield fragment.key;
  else if (fragment.name === 'multi' || fragment.name === 'multi_a') yield* fragment.keys;
  else for (const sub of subsOf(fragment)) yield* keysOf(sub);
}

/** The same miniscript with other keys: names become expressions, expressions become derived keys. */
export function mapKeys<From, To>(fragment: Fragment<From>, map: (key: From) => To): Fragment<To> {
  requireNamed(fragment, 'fragment');
  requireFunction(map, 'map');
  const { type } = fragment;
  switch (fragment.name) {
    case 'pk_k':
    case 'pk_h':
      return { name: fragment.name, key: map(fragment.key), type };
    case 'multi':
    case 'multi_a':
      return { name: fragment.name, threshold: fragment.threshold, keys: fragment.keys.map(map), type };
    case '0':
    case '1':
    case 'older':
    case 'after':
    case 'sha256':
    case 'hash256':
    case 'ripemd160':
    case 'hash160':
      return fragment;
    default: {
      const subs = fragment.subs.map((sub: Fragment<From>) => mapKeys(sub, map));
      // The same number of parts as before.
      return { ...fragment, subs } as unknown as Fragment<To>;
    }
  }
}
