import { requireContext, requireNamed } from '../arguments.ts';
import { invalidArgument } from '../errors.ts';
import type { Fragment, FragmentShape, MiniscriptContext, MiniscriptType } from './fragment.ts';

const LETTERS: readonly string[] = Array.from('BVKWzondufesmxghijk');

/** The letters of a type, in the order of its description. */
export function typeLetters(type: MiniscriptType): string {
  requireType(type);
  return LETTERS.filter((_, place) => (type & (1 << place)) !== 0).join('');
}

/** Whether a type has all of some letters. */
export function hasLetters(type: MiniscriptType, letters: string): boolean {
  requireType(type);
  if (typeof letters !== 'string') throw invalidArgument('letters', 'a string', letters);
  let bits = KNOWN_BITS.get(letters);
  if (bits === undefined) KNOWN_BITS.set(letters, (bits = bitsOf(letters)));
  return (type & bits) === bits;
}

/** Of the few sets of letters that are asked for again and again. */
const KNOWN_BITS = new Map<string, number>();

/**
 * The type of a node, from those of its parts.
 *
 * @returns `undefined` when it has none: the parts do not fit together.
 */
export function typeOfShape(shape: FragmentShape<unknown>, context: MiniscriptContext): MiniscriptType | undefined {
  const type = bitsOfShape(shape, context);
  return (type & BASIC) === 0 ? undefined : (type as MiniscriptType);
}

/**
 * A node of a shape, with its type.
 *
 * @returns `undefined` when the parts do not fit together.
 */
export function makeFragment<Key>(shape: FragmentShape<Key>, context: MiniscriptContext): Fragment<Key> | undefined {
  requireNamed(shape, 'shape');
  requireContext(context);
  const type = typeOfShape(shape, context);
  return type === undefined ? undefined : { ...shape, type };
}

function requireType(type: unknown): void {
  if (typeof type !== 'number') throw invalidArgument('type', 'the type of a miniscript', type);
}

function bitsOf(letters: string): number {
  let bits = 0;
  for (const letter of letters) bits |= 1 << LETTERS.indexOf(letter);
  return bits;
}

const [B, V, K, W, Z, O, N, D, U, F, E, S, M, X, G, H, I, J, NO_MIX] = LETTERS.map(bitsOf) as [
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
];
const BASIC = B | V | K | W;
const LOCKS = G | H | I | J;

/** BIP68: the lock is of time, not of height. */
const SEQUENCE_TIME_FLAG = 1 << 22;
/** BIP65: from here on a lock is of time. */
const LOCK_TIME_THRESHOLD = 500_000_000;

const PK_K = bitsOf('Konudemsxk');
const PK_H = bitsOf('Knudemsxk');
const LOCK = bitsOf('Bzfmxk');
const HASH = bitsOf('Bonudmk');
const ONE = bitsOf('Bzufmxk');
const ZERO = bitsOf('Bzudemsxk');
const MULTI = bitsOf('Bnudemsk');
const MULTI_A = bitsOf('Budemsk');

function bitsOfShape(shape: FragmentShape<unknown>, context: MiniscriptContext): number {
  switch (shape.name) {
    case '0':
      return ZERO;
    case '1':
      return ONE;
    case 'pk_k':
      return PK_K;
    case 'pk_h':
      return PK_H;
    case 'older':
      return LOCK | ((shape.value & SEQUENCE_TIME_FLAG) === 0 ? H : G);
    case 'after':
      return LOCK | (shape.value < LOCK_TIME_THRESHOLD ? J : I);
    case 'sha256':
    case 'hash256':
    case 'ripemd160':
    case 'hash160':
      return HASH;
    case 'multi':
      return MULTI;
    case 'multi_a':
      return MULTI_A;
    case 'thresh':
      return threshBits(
        shape.threshold,
        shape.subs.map(({ type }) => type),
      );
    case 'andor':
      return andOrBits(shape.subs[0].type, shape.subs[1].type, shape.subs[2].type);
    case 'and_v':
    case 'and_b':
    case 'or_b':
    case 'or_c':
    case 'or_d':
    case 'or_i':
      return pairBits(shape.name, shape.subs[0].type, shape.subs[1].type);
    default:
      return wrapperBits(shape.name, shape.subs[0].type, context);
  }
}

const has = (type: number, bits: number): boolean => (type & bits) === bits;
const when = (condition: boolean, bits: number): number => (condition ? bits : 0);

function wrapperBits(name: 'a' | 's' | 'c' | 'd' | 'v' | 'j' | 'n', x: number, context: MiniscriptContext): number {
  const locks = x & (LOCKS | NO_MIX);
  switch (name) {
    case 'a':
      return when(has(x, B), W) | locks | (x & (U | D | F | E | M | S)) | X;
    case 's':
      return when(has(x, B | O), W) | locks | (x & (U | D | F | E | M | S | X));
    case 'c':
      return when(has(x, K), B) | locks | (x & (O | N | D | F | E | M)) | U | S;
    case 'd':
      // In tapscript the minimal IF is consensus, so that what it leaves is exactly 1.
      return (
        when(has(x, V | Z), B) |
        when(has(x, Z), O) |
        when(has(x, F), E) |
        locks |
        (x & (M | S)) |
        when(context === 'tapscript', U) |
        (N | D | X)
      );
    case 'v':
      return when(has(x, B), V) | locks | (x & (Z | O | N | M | S)) | F | X;
    case 'j':
      return when(has(x, B | N), B) | when(has(x, F), E) | locks | (x & (O | U | M | S)) | (N | D | X);
    case 'n':
      return locks | (x & (B | Z | O | N | D | F | E | M | S)) | U | X;
  }
}

/** Whether both together need locks of time and of height of the same kind: no transaction has both. */
function excludes(x: number, y: number): boolean {
  return (has(x, G) && has(y, H)) || (has(x, H) && has(y, G)) || (has(x, I) && has(y, J)) || (has(x, J) && has(y, I));
}

type Pair = 'and_v' | 'and_b' | 'or_b' | 'or_c' | 'or_d' | 'or_i';

function pairBits(name: Pair, x: number, y: number): number {
  const either = x | y;
  const both = x & y;
  const locks = either & LOCKS;
  const mixAnd = when(has(both, NO_MIX) && !excludes(x, y), NO_MIX);
  const mixOr = both & NO_MIX;
  switch (name) {
    case 'and_v':
      return (
        when(has(x, V), y & (K | V | B)) |
        (x & N) |
        when(has(x, Z), y & N) |
        when(has(either, Z), either & O) |
        (both & (D | M | Z)) |
        (either & S) |
        when(has(y, F) || has(x, S), F) |
        (y & (U | X)) |
        locks |
        mixAnd
      );
    case 'and_b':
      return (
        when(has(y, W), x & B) |
        when(has(either, Z), either & O) |
        (x & N) |
        when(has(x, Z), y & N) |
        when(has(both, S), both & E) |
        (both & (D | Z | M)) |
        when(has(both, F) || has(x, S | F) || has(y, S | F), F) |
        (either & S) |
        (U | X) |
        locks |
        mixAnd
      );
    case 'or_b':
      return (
        when(has(x, B | D) && has(y, W | D), B) |
        when(has(either, Z), either & O) |
        when(has(either, S) && has(both, E), both & M) |
        (both & (Z | S)) |
        (D | U | E | X) |
        locks |
        mixOr
      );
    case 'or_d':
      return (
        when(has(x, B | D | U), y & B) |
        when(has(y, Z), x & O) |
        when(has(x, E) && has(either, S), both & M) |
        (both & (Z | S)) |
        (y & (U | F | D | E)) |
        X |
        locks |
        mixOr
      );
    case 'or_c':
      return (
        when(has(x, B | D | U), y & V) |
        when(has(y, Z), x & O) |
        when(has(x, E) && has(either, S), both & M) |
        (both & (Z | S)) |
        (F | X) |
        locks |
        mixOr
      );
    case 'or_i':
      return (
        (both & (V | B | K | U | F | S)) |
        when(has(both, Z), O) |
        when(has(either, F), either & E) |
        when(has(either, S), both & M) |
        (either & D) |
        X |
        locks |
        mixOr
      );
  }
}

function andOrBits(x: number, y: number, z: number): number {
  return (
    when(has(x, B | D | U), y & z & (B | K | V)) |
    (x & y & z & Z) |
    when(has(x | (y & z), Z), (x | (y & z)) & O) |
    (y & z & U) |
    when(has(x, S) || has(y, F), z & F) |
    (z & D) |
    when(has(x, S) || has(y, F), z & E) |
    when(has(x, E) && has(x | y | z, S), x & y & z & M) |
    (z & (x | y) & S) |
    X |
    ((x | y | z) & LOCKS) |
    when(has(x & y & z, NO_MIX) && !excludes(x, y), NO_MIX)
  );
}

function threshBits(threshold: number, subs: readonly number[]): number {
  let allE = true;
  let allM = true;
  let elements = 0;
  let signed = 0;
  let locks = NO_MIX;
  for (const [place, type] of subs.entries()) {
    if (!has(type, (place === 0 ? B : W) | D | U)) return 0;
    allE &&= has(type, E);
    allM &&= has(type, M);
    if (has(type, S)) signed += 1;
    elements += has(type, Z) ? 0 : has(type, O) ? 1 : 2;
    const isApart = has(locks & type, NO_MIX) && (threshold === 1 || !excludes(locks, type));
    locks = ((locks | type) & LOCKS) | when(isApart, NO_MIX);
  }
  return (
    B |
    D |
    U |
    when(elements === 0, Z) |
    when(elements === 1, O) |
    when(allE && signed === subs.length, E) |
    when(allE && allM && signed >= subs.length - threshold, M) |
    when(signed >= subs.length - threshold + 1, S) |
    locks
  );
}
