import { requireContext, requireFragment } from '../arguments.ts';
import type { Fragment, MiniscriptContext } from './fragment.ts';
import { subsOf } from './fragment.ts';
import { hasLetters } from './type.ts';

/** What is needed in order to satisfy, and to dissatisfy; `undefined` where that is impossible. */
export interface Cost {
  readonly satisfied: number | undefined;
  readonly dissatisfied: number | undefined;
}

/** How the stack moves: `net` elements fewer at the end than at the start, at most `peak` more on the way than at the end. */
interface StackMove {
  readonly net: number;
  readonly peak: number;
}

interface StackMoves {
  readonly satisfied: StackMove | undefined;
  readonly dissatisfied: StackMove | undefined;
}

/** The resources of a miniscript: upper bounds over all its satisfactions without malleability (BIP379, “Resource limits”). */
export interface MiniscriptBounds {
  /** Bytes. */
  readonly scriptSize: number;
  /** Opcodes beyond pushes that count against the limit of 201 in P2WSH. */
  readonly operations: number | undefined;
  /** Elements of the witness before the script. */
  readonly stackElements: number | undefined;
  /** Elements on both stacks at the most while it runs. */
  readonly executionStack: number | undefined;
  /** Bytes of the witness elements with their lengths, without script and control block. */
  readonly witnessSize: number | undefined;
}

/** Measures a miniscript as a whole. */
export function boundsOf<Key>(fragment: Fragment<Key>, context: MiniscriptContext): MiniscriptBounds {
  requireFragment(fragment);
  requireContext(context);
  const moves = stackOf(fragment);
  const { operations } = opsOf(fragment);
  const keeps =
    hasLetters(fragment.type, 'B') || hasLetters(fragment.type, 'K') || hasLetters(fragment.type, 'W') ? 1 : 0;
  const { satisfied } = moves;
  return {
    scriptSize: scriptSizeOf(fragment, context),
    operations,
    stackElements: satisfied === undefined ? undefined : satisfied.net + keeps,
    executionStack: satisfied === undefined ? undefined : satisfied.peak + keeps,
    witnessSize: witnessSizeOf(fragment, context).satisfied,
  };
}

/** Bytes of a number in a script. */
export function numberSize(value: number): number {
  if (value <= 16) return 1;
  let bytes = 0;
  let top = 0;
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) {
    bytes += 1;
    top = rest;
  }
  return 1 + bytes + (top >= 0x80 ? 1 : 0);
}

/** Bytes of the script of a miniscript, without compiling it. */
export function scriptSizeOf<Key>(fragment: Fragment<Key>, context: MiniscriptContext): number {
  const keySize = context === 'tapscript' ? 33 : 34;
  let subs = 0;
  for (const sub of subsOf(fragment)) subs += scriptSizeOf(sub, context);
  switch (fragment.name) {
    case '0':
    case '1':
      return 1;
    case 'pk_k':
      return keySize;
    case 'pk_h':
      return 24;
    case 'older':
    case 'after':
      return 1 + numberSize(fragment.value);
    case 'sha256':
    case 'hash256':
      return 39;
    case 'ripemd160':
    case 'hash160':
      return 27;
    case 'multi':
      return 1 + numberSize(fragment.keys.length) + numberSize(fragment.threshold) + keySize * fragment.keys.length;
    case 'multi_a':
      return (keySize + 1) * fragment.keys.length + numberSize(fragment.threshold) + 1;
    case 'thresh':
      return subs + fragment.subs.length + numberSize(fragment.threshold);
    case 'v':
      return subs + (hasLetters(fragment.subs[0].type, 'x') ? 1 : 0);
    case 's':
    case 'c':
    case 'n':
    case 'and_b':
    case 'or_b':
      return subs + 1;
    case 'a':
    case 'or_c':
      return subs + 2;
    case 'd':
    case 'or_d':
    case 'or_i':
    case 'andor':
      return subs + 3;
    case 'j':
      return subs + 4;
    case 'and_v':
      return subs;
  }
}

const plus = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? undefined : a + b;
const larger = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined ? b : b === undefined ? a : Math.max(a, b);

/** The costs of all numbers of satisfied parts, 0 to `most`. */
function thresholdCosts<Value>(
  subs: readonly { readonly satisfied: Value | undefined; readonly dissatisfied: Value | undefined }[],
  facts: {
    readonly most: number;
    readonly none: Value;
    readonly join: (a: Value | undefined, b: Value | undefined, place: number) => Value | undefined;
    readonly either: (a: Value | undefined, b: Value | undefined) => Value | undefined;
  },
): readonly (Value | undefined)[] {
  const { most, none, join, either } = facts;
  let costs: (Value | undefined)[] = [none];
  for (const [place, { satisfied, dissatisfied }] of subs.entries()) {
    const next: (Value | undefined)[] = [];
    for (let count = 0; count <= Math.min(costs.length, most); count++) {
      const without = count < costs.length ? join(costs[count], dissatisfied, place) : undefined;
      const withIt = count > 0 ? join(costs[count - 1], satisfied, place) : undefined;
      next.push(either(without, withIt));
    }
    // What cannot be reached here cannot be reached later.
    while (next.length > 1 && next.at(-1) === undefined) next.pop();
    costs = next;
  }
  return costs;
}

/** Opcodes that run at the most: a count of all, and what multi adds for its keys when it is reached. */
function opsOf<Key>(fragment: Fragment<Key>): { readonly operations: number | undefined } {
  const { count, cost } = opCosts(fragment);
  return { operations: plus(count, cost.satisfied) };
}

interface OpCosts {
  /** Opcodes in the script, whether they run or not (Core counts those of branches not taken, too). */
  readonly count: number;
  /** Keys of multi that are checked. */
  readonly cost: Cost;
}

const OPS: Readonly<Record<string, number>> = {
  pk_h: 3,
  older: 1,
  after: 1,
  sha256: 4,
  hash256: 4,
  ripemd160: 4,
  hash160: 4,
  multi: 1,
  a: 2,
  s: 1,
  c: 1,
  d: 3,
  j: 4,
  n: 1,
  and_b: 1,
  or_b: 1,
  or_c: 2,
  or_d: 3,
  or_i: 3,
  andor: 3,
};

function opCosts<Key>(fragment: Fragment<Key>): OpCosts {
  const subs = subsOf(fragment).map(opCosts);
  let count = OPS[fragment.name] ?? 0;
  for (const sub of subs) count += sub.count;
  if (fragment.name === 'thresh') count += fragment.subs.length;
  if (fragment.name === 'multi_a') count += fragment.keys.length + 1;
  if (fragment.name === 'v') count += hasLetters(fragment.subs[0].type, 'x') ? 1 : 0;
  const leaf = leafOps(fragment);
  const costs = subs.map(({ cost }) => cost);
  return {
    count,
    cost:
      leaf ?? combine(fragment, costs, { satisfiedFirst: 0, satisfiedSecond: 0, add: plus, either: larger, none: 0 }),
  };
}

function leafOps<Key>(fragment: Fragment<Key>): Cost | undefined {
  switch (fragment.name) {
    case '0':
      return { satisfied: undefined, dissatisfied: 0 };
    case '1':
    case 'older':
    case 'after':
    case 'sha256':
    case 'hash256':
    case 'ripemd160':
    case 'hash160':
      return { satisfied: 0, dissatisfied: undefined };
    case 'pk_k':
    case 'pk_h':
    case 'multi_a':
      return { satisfied: 0, dissatisfied: 0 };
    case 'multi':
      return { satisfied: fragment.keys.length, dissatisfied: fragment.keys.length };
    default:
      return undefined;
  }
}

interface Algebra {
  readonly satisfiedFirst: number;
  readonly satisfiedSecond: number;
  readonly none: number;
  readonly add: (a: number | undefined, b: number | undefined) => number | undefined;
  readonly either: (a: number | undefined, b: number | undefined) => number | undefined;
}

/** How the costs of parts come to those of the whole: the same for opcodes and for bytes of the witness. */
function combine<Key>(fragment: Fragment<Key>, subs: readonly Cost[], algebra: Algebra): Cost {
  const { add, either, none, satisfiedFirst, satisfiedSecond } = algebra;
  const [x, y, z] = subs as [Cost, Cost, Cost];
  switch (fragment.name) {
    case 'a':
    case 's':
    case 'c':
    case 'n':
      return x;
    case 'v':
      return { satisfied: x.satisfied, dissatisfied: undefined };
    case 'and_v':
      return { satisfied: add(x.satisfied, y.satisfied), dissatisfied: undefined };
    case 'and_b':
      return { satisfied: add(x.satisfied, y.satisfied), dissatisfied: add(x.dissatisfied, y.dissatisfied) };
    case 'or_b':
      return {
        satisfied: either(add(x.satisfied, y.dissatisfied), add(x.dissatisfied, y.satisfied)),
        dissatisfied: add(x.dissatisfied, y.dissatisfied),
      };
    case 'or_c':
      return { satisfied: either(x.satisfied, add(x.dissatisfied, y.satisfied)), dissatisfied: undefined };
    case 'or_d':
      return {
        satisfied: either(x.satisfied, add(x.dissatisfied, y.satisfied)),
        dissatisfied: add(x.dissatisfied, y.dissatisfied),
      };
    case 'or_i':
      return {
        satisfied: either(add(x.satisfied, satisfiedFirst), add(y.satisfied, satisfiedSecond)),
        dissatisfied: either(add(x.dissatisfied, satisfiedFirst), add(y.dissatisfied, satisfiedSecond)),
      };
    case 'andor':
      return {
        satisfied: either(add(x.satisfied, y.satisfied), add(x.dissatisfied, z.satisfied)),
        dissatisfied: add(x.dissatisfied, z.dissatisfied),
      };
    case 'thresh': {
      const costs = thresholdCosts(subs, { most: fragment.threshold, none, join: add, either });
      return { satisfied: costs[fragment.threshold], dissatisfied: costs[0] };
    }
    case 'd':
      return { satisfied: add(x.satisfied, satisfiedFirst), dissatisfied: satisfiedSecond };
    default:
      // j: a single empty element.
      return { satisfied: x.satisfied, dissatisfied: satisfiedSecond };
  }
}

/** Bytes of witness elements with their lengths, at the most. */
export function witnessSizeOf<Key>(fragment: Fragment<Key>, context: MiniscriptContext): Cost {
  const signature = context === 'tapscript' ? 66 : 73;
  const key = context === 'tapscript' ? 33 : 34;
  switch (fragment.name) {
    case '0':
      return { satisfied: undefined, dissatisfied: 0 };
    case '1':
    case 'older':
    case 'after':
      return { satisfied: 0, dissatisfied: undefined };
    case 'pk_k':
      return { satisfied: signature, dissatisfied: 1 };
    case 'pk_h':
      return { satisfied: signature + key, dissatisfied: 1 + key };
    case 'sha256':
    case 'hash256':
    case 'ripemd160':
    case 'hash160':
      return { satisfied: 33, dissatisfied: undefined };
    case 'multi':
      return { satisfied: 1 + fragment.threshold * signature, dissatisfied: 1 + fragment.threshold };
    case 'multi_a':
      return {
        satisfied: fragment.threshold * signature + fragment.keys.length - fragment.threshold,
        dissatisfied: fragment.keys.length,
      };
    default:
      return combine(
        fragment,
        subsOf(fragment).map((sub) => witnessSizeOf(sub, context)),
        // An element of one byte chooses the first branch, an empty one the second.
        { satisfiedFirst: 2, satisfiedSecond: 1, none: 0, add: plus, either: larger },
      );
  }
}

const NONE: StackMove = { net: 0, peak: 0 };
const PUSH: StackMove = { net: -1, peak: 0 };
const DUP: StackMove = PUSH;
const SIZE: StackMove = PUSH;
const IF: StackMove = { net: 1, peak: 1 };
const VERIFY: StackMove = { net: 1, peak: 1 };
const TWO_TO_ONE: StackMove = { net: 1, peak: 1 };
const EQUALVERIFY: StackMove = { net: 2, peak: 2 };

/** One after the other. */
function after(...moves: readonly (StackMove | undefined)[]): StackMove | undefined {
  let net = 0;
  let peak = 0;
  for (const move of moves) {
    if (move === undefined) return undefined;
    peak = Math.max(move.peak, move.net + peak);
    net += move.net;
  }
  return { net, peak };
}

function either(a: StackMove | undefined, b: StackMove | undefined): StackMove | undefined {
  if (a === undefined) return b;
  return b === undefined ? a : { net: Math.max(a.net, b.net), peak: Math.max(a.peak, b.peak) };
}

function stackOf<Key>(fragment: Fragment<Key>): StackMoves {
  switch (fragment.name) {
    case '0':
      return { satisfied: undefined, dissatisfied: PUSH };
    case '1':
    case 'older':
    case 'after':
      return { satisfied: PUSH, dissatisfied: undefined };
    case 'pk_k':
      return { satisfied: PUSH, dissatisfied: PUSH };
    case 'pk_h': {
      const move = after(DUP, NONE, PUSH, EQUALVERIFY);
      return { satisfied: move, dissatisfied: move };
    }
    case 'sha256':
    case 'hash256':
    case 'ripemd160':
    case 'hash160':
      return { satisfied: after(SIZE, PUSH, EQUALVERIFY, NONE, PUSH, TWO_TO_ONE), dissatisfied: undefined };
    case 'multi': {
      const { threshold, keys } = fragment;
      const move = { net: threshold, peak: threshold + keys.length + 2 };
      return { satisfied: move, dissatisfied: move };
    }
    case 'multi_a': {
      const move = { net: fragment.keys.length - 1, peak: fragment.keys.length };
      return { satisfied: move, dissatisfied: move };
    }
    case 'thresh': {
      const costs = thresholdCosts<StackMove>(fragment.subs.map(stackOf), {
        most: fragment.threshold,
        none: NONE,
        join: (a, b, place) => (place === 0 ? after(a, b) : after(a, b, TWO_TO_ONE)),
        either,
      });
      return {
        satisfied: after(costs[fragment.threshold], PUSH, TWO_TO_ONE),
        dissatisfied: after(costs[0], PUSH, TWO_TO_ONE),
      };
    }
    default:
      return stackOfCombination(fragment.name, fragment.subs.map(stackOf));
  }
}

function stackOfCombination(name: string, subs: readonly StackMoves[]): StackMoves {
  const [x, y, z] = subs as [StackMoves, StackMoves, StackMoves];
  switch (name) {
    case 'c':
      return { satisfied: after(x.satisfied, TWO_TO_ONE), dissatisfied: after(x.dissatisfied, TWO_TO_ONE) };
    case 'd':
      return { satisfied: after(DUP, IF, x.satisfied), dissatisfied: after(DUP, IF) };
    case 'v':
      return { satisfied: after(x.satisfied, VERIFY), dissatisfied: undefined };
    case 'j':
      return { satisfied: after(SIZE, NONE, IF, x.satisfied), dissatisfied: after(SIZE, NONE, IF) };
    case 'and_v':
      return { satisfied: after(x.satisfied, y.satisfied), dissatisfied: undefined };
    case 'and_b':
      return {
        satisfied: after(x.satisfied, y.satisfied, TWO_TO_ONE),
        dissatisfied: after(x.dissatisfied, y.dissatisfied, TWO_TO_ONE),
      };
    case 'or_b':
      return {
        satisfied: after(either(after(x.satisfied, y.dissatisfied), after(x.dissatisfied, y.satisfied)), TWO_TO_ONE),
        dissatisfied: after(x.dissatisfied, y.dissatisfied, TWO_TO_ONE),
      };
    case 'or_c':
      return {
        satisfied: either(after(x.satisfied, IF), after(x.dissatisfied, IF, y.satisfied)),
        dissatisfied: undefined,
      };
    case 'or_d':
      return {
        satisfied: either(after(x.satisfied, DUP, IF), after(x.dissatisfied, NONE, IF, y.satisfied)),
        dissatisfied: after(x.dissatisfied, NONE, IF, y.dissatisfied),
      };
    case 'or_i':
      return {
        satisfied: after(IF, either(x.satisfied, y.satisfied)),
        dissatisfied: after(IF, either(x.dissatisfied, y.dissatisfied)),
      };
    case 'andor':
      return {
        satisfied: either(after(x.satisfied, IF, y.satisfied), after(x.dissatisfied, IF, z.satisfied)),
        dissatisfied: after(x.dissatisfied, IF, z.dissatisfied),
      };
    default:
      return x;
  }
}
