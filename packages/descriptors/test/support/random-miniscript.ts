import { concatBytes, currentCrypto, equalBytes } from '@bitcoin-enterprise/core';
import {
  type Fragment,
  type FragmentShape,
  type HashFunction,
  hasLetters,
  insanityOf,
  makeFragment,
  type MiniscriptContext,
} from '../../src/index.ts';
import type { Dice } from './dice.ts';

/** How many preimages there are. */
const PREIMAGES = 6;
const PAIRS = ['and_v', 'and_b', 'or_b', 'or_c', 'or_d', 'or_i'] as const;
const WRAPPERS = ['a', 's', 'c', 'd', 'v', 'j', 'n'] as const;
const HASHES: readonly HashFunction[] = ['sha256', 'hash256', 'ripemd160', 'hash160'];

const one = <Item>(roll: Dice, items: readonly Item[]): Item => items[roll.below(items.length)] as Item;

/** The preimage of a number. */
export function preimage(place: number): Uint8Array {
  return currentCrypto().sha256(concatBytes(new TextEncoder().encode('preimage '), Uint8Array.of(place)));
}

/** The preimage of a hash that a random miniscript has. */
export function preimageOf(hashFunction: HashFunction, hash: Uint8Array): Uint8Array | undefined {
  for (let place = 0; place < PREIMAGES; place++)
    if (equalBytes(hashOf(hashFunction, preimage(place)), hash)) return preimage(place);
  return undefined;
}

function hashOf(hashFunction: HashFunction, data: Uint8Array): Uint8Array {
  const engine = currentCrypto();
  return engine[hashFunction](data);
}

/** A random miniscript that is sane; its keys are numbers, each used once. */
export function randomMiniscript(roll: Dice, context: MiniscriptContext): Fragment<number> {
  for (;;) {
    const fragment = draw(roll, 1 + roll.below(4), { context, keys: { next: 0 } });
    const isSane = insanityOf(fragment, { context, keyName: String }) === undefined;
    if (hasLetters(fragment.type, 'B') && isSane) return fragment;
  }
}

interface Facts {
  readonly context: MiniscriptContext;
  readonly keys: { next: number };
}

function draw(roll: Dice, depth: number, facts: Facts): Fragment<number> {
  for (;;) {
    const made = makeFragment(shapeOf(roll, depth, facts), facts.context);
    if (made !== undefined) return made;
  }
}

function shapeOf(roll: Dice, depth: number, facts: Facts): FragmentShape<number> {
  const sub = (): Fragment<number> => draw(roll, depth - 1, facts);
  const key = (): number => facts.keys.next++;
  switch (roll.below(depth <= 0 ? 7 : 16)) {
    case 0:
    case 1:
      return { name: 'pk_k', key: key() };
    case 2:
      return { name: 'pk_h', key: key() };
    case 3:
      return { name: 'older', value: 1 + roll.below(30) };
    case 4:
      return { name: 'after', value: 1 + roll.below(100) };
    case 5: {
      const name = one(roll, HASHES);
      return { name, hash: hashOf(name, preimage(roll.below(PREIMAGES))) };
    }
    case 6: {
      if (roll.oneIn(6)) return { name: roll.oneIn(2) ? '0' : '1' };
      const keys = Array.from({ length: 1 + roll.below(3) }, key);
      return { name: facts.context === 'wsh' ? 'multi' : 'multi_a', threshold: 1 + roll.below(keys.length), keys };
    }
    case 7:
    case 8:
    case 9:
      return { name: one(roll, WRAPPERS), subs: [sub()] };
    case 10: {
      const subs = Array.from({ length: 1 + roll.below(3) }, sub);
      return { name: 'thresh', threshold: 1 + roll.below(subs.length), subs };
    }
    case 11:
      return { name: 'andor', subs: [sub(), sub(), sub()] };
    default:
      return { name: one(roll, PAIRS), subs: [sub(), sub()] };
  }
}
