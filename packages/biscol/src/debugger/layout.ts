import { type Fragment, hasLetters, printFragment, subsOf } from '@bitcoin-enterprise/descriptors';

/** A node of a miniscript and the bytes that it has in a script. */
export interface Placed<Key> {
  readonly parent: number | undefined;
  readonly name: string;
  readonly start: number;
  readonly end: number;
  /** Absent for what is no fragment: a key of a `multi_a`, a template. */
  readonly fragment?: Fragment<Key>;
  /** Of a key of a `multi_a`. */
  readonly key?: Key;
}

/** Bytes of the opcodes of a fragment before its first part, and behind its last. */
const AROUND: Readonly<Record<string, readonly [before: number, behind: number]>> = {
  a: [1, 1],
  s: [1, 0],
  c: [0, 1],
  d: [2, 1],
  j: [3, 1],
  n: [0, 1],
  and_b: [0, 1],
  or_b: [0, 1],
  or_c: [0, 1],
  or_d: [0, 1],
  or_i: [1, 1],
  andor: [0, 1],
};
/** Bytes between parts, before the second and the third. */
const BETWEEN: Readonly<Record<string, readonly number[]>> = {
  or_c: [1],
  or_d: [2],
  or_i: [1],
  andor: [1, 1],
};

/**
 * Where each fragment of a miniscript lies in its script (BIP379, “Translation table”), parents before children. A VERIFY
 * that is one opcode with what it verifies belongs to that.
 *
 * @param keySize - Bytes of a key: 32 in tapscript, 33 in P2WSH.
 */
export function layOut<Key>(root: Fragment<Key>, keySize: number): readonly Placed<Key>[] {
  const placed: Placed<Key>[] = [];
  const place = (fragment: Fragment<Key>, parent: number | undefined, start: number): number => {
    placed.push({ parent, name: fragment.name, start, end: start, fragment });
    return placed.length - 1;
  };
  const visit = (fragment: Fragment<Key>, parent: number | undefined, start: number): number => {
    // A chain of and_v is as deep as the script is long, and has no opcodes of its own.
    const chain: number[] = [];
    let last = fragment;
    let at = start;
    for (; last.name === 'and_v'; last = last.subs[1]) {
      chain.push(place(last, chain.at(-1) ?? parent, at));
      at = visit(last.subs[0], chain.at(-1), at);
    }
    const index = place(last, chain.at(-1) ?? parent, at);
    const end = endOf(last, index, at);
    for (const one of [...chain, index]) placed[one] = { ...(placed[one] as Placed<Key>), end };
    return end;
  };
  const endOf = (fragment: Fragment<Key>, index: number, start: number): number => {
    switch (fragment.name) {
      case '0':
      case '1':
        return start + 1;
      case 'pk_k':
        return start + 1 + keySize;
      case 'pk_h':
        return start + 24;
      case 'older':
      case 'after':
        return start + numberSize(fragment.value) + 1;
      case 'sha256':
      case 'hash256':
      case 'ripemd160':
      case 'hash160':
        return start + 1 + numberSize(32) + 2 + 1 + fragment.hash.length + 1;
      case 'multi':
        return (
          start +
          numberSize(fragment.threshold) +
          fragment.keys.length * (1 + keySize) +
          numberSize(fragment.keys.length) +
          1
        );
      case 'multi_a': {
        let at = start;
        for (const key of fragment.keys) {
          placed.push({ parent: index, name: 'key', start: at, end: at + keySize + 2, key });
          at += keySize + 2;
        }
        return at + numberSize(fragment.threshold) + 1;
      }
      case 'thresh': {
        let at = start;
        for (const [place, sub] of fragment.subs.entries()) at = visit(sub, index, at) + (place > 0 ? 1 : 0);
        return at + numberSize(fragment.threshold) + 1;
      }
      case 'v': {
        const [sub] = fragment.subs;
        return visit(sub, index, start) + (hasLetters(sub.type, 'x') ? 1 : 0);
      }
      default: {
        const [before, behind] = AROUND[fragment.name] as readonly [number, number];
        const between = BETWEEN[fragment.name] ?? [];
        let at = start + before;
        for (const [place, sub] of inScript(fragment).entries())
          at = visit(sub, index, at + (place === 0 ? 0 : (between[place - 1] ?? 0)));
        return at + behind;
      }
    }
  };
  visit(root, undefined, 0);
  return placed;
}

/** The parts of a fragment in the order of the script, in which the last of an `andor` comes second. */
function inScript<Key>(fragment: Fragment<Key>): readonly Fragment<Key>[] {
  if (fragment.name !== 'andor') return subsOf(fragment);
  const [condition, then, otherwise] = fragment.subs;
  return [condition, otherwise, then];
}

/** Bytes of a push of a number from 0 up. */
function numberSize(value: number): number {
  if (value <= 16) return 1;
  let size = 1;
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) {
    size += 1;
    if (rest < 256 && rest >= 0x80) size += 1;
  }
  return size;
}

/** More bytes of script than anybody reads as one text. */
const MOST_SHOWN = 400;

/** A placed fragment as a miniscript; a long one by its name alone. */
export function textOfPlaced<Key>(placed: Placed<Key>, nameOf: (key: Key) => string): string {
  const { fragment, key, name, start, end } = placed;
  if (key !== undefined) return `pk(${nameOf(key)})`;
  if (fragment === undefined || end - start > MOST_SHOWN) return `${name}(…)`;
  return printFragment(fragment, nameOf);
}
