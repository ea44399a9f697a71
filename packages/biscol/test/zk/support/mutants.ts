import { currentCrypto, equalBytes } from '@bitcoin-enterprise/core';
import type { Random } from '../../../../../scripts/testing/random.ts';
import { ORDER, readNumber, writeNumber } from '../../../src/zk/scalars.ts';

/** A proof that holds, and how its bytes are laid out: points of 33 bytes, then scalars of 32. */
export interface Subject {
  readonly name: string;
  readonly points: number;
  readonly proof: Uint8Array;
  /** Another that holds, of another statement or of other randomness: parts of it are put in. */
  readonly other: Uint8Array;
  readonly holds: (proof: Uint8Array) => boolean;
}

/** A proof with one thing changed: bits at random, or a part replaced by another that is as well formed. */
export function mutantOf({ points, proof, other }: Subject, random: Random): Uint8Array {
  for (;;) {
    const mutant = random.pick(mutations)({ points, proof, other }, random);
    if (!equalBytes(mutant, proof)) return mutant;
  }
}

type Layout = Pick<Subject, 'points' | 'proof' | 'other'>;
type Mutation = (layout: Layout, random: Random) => Uint8Array;

const scalarsOf = ({ points, proof }: Layout): number => (proof.length - 33 * points) / 32;

function replaced(proof: Uint8Array, at: number, bytes: Uint8Array): Uint8Array {
  const copy = proof.slice();
  copy.set(bytes, at);
  return copy;
}

/** Where a part begins and how long it is. */
function partOf(layout: Layout, place: number): readonly [number, number] {
  const { points } = layout;
  return place < points ? [33 * place, 33] : [33 * points + 32 * (place - points), 32];
}

const flip: Mutation = ({ proof }, random) => {
  const at = random.below(proof.length);
  return proof.with(at, (proof[at] as number) ^ (1 << random.below(8)));
};
const replaceByte: Mutation = ({ proof }, random) => proof.with(random.below(proof.length), random.below(256));
const replaceMany: Mutation = ({ proof }, random) => {
  const at = random.below(proof.length);
  return replaced(proof, at, random.bytes(1 + random.below(Math.min(40, proof.length - at))));
};
const resize: Mutation = ({ proof }, random) =>
  random.below(2) === 0 ? proof.slice(0, random.below(proof.length)) : Uint8Array.from([...proof, ...random.bytes(33)]);
const negatePoint: Mutation = ({ proof, points }, random) => {
  const at = 33 * random.below(Math.max(points, 1));
  return proof.with(at, (proof[at] as number) ^ 1);
};
const movePoint: Mutation = (layout, random) => {
  if (layout.points === 0) return flip(layout, random);
  const at = 33 * random.below(layout.points);
  const moved = currentCrypto().publicKeyTweakAdd(
    layout.proof.slice(at, at + 33),
    writeNumber(1n + BigInt(random.below(9))),
  );
  return moved === undefined ? flip(layout, random) : replaced(layout.proof, at, moved);
};
const moveScalar: Mutation = (layout, random) => {
  const count = scalarsOf(layout);
  if (count === 0) return flip(layout, random);
  const at = 33 * layout.points + 32 * random.below(count);
  const value = readNumber(layout.proof.subarray(at, at + 32));
  const moved = random.pick([
    0n,
    1n,
    ORDER - 1n,
    value + 1n,
    value + ORDER - 1n,
    ORDER - value,
    2n * value,
    value * value,
  ]);
  return replaced(layout.proof, at, writeNumber(moved % ORDER));
};
const swapParts: Mutation = (layout, random) => {
  const total = layout.points + scalarsOf(layout);
  const [left, right] = [random.below(total), random.below(total)];
  const [from, size] = partOf(layout, left);
  const [to, otherSize] = partOf(layout, right);
  if (size !== otherSize) return flip(layout, random);
  const { proof } = layout;
  return replaced(replaced(proof, from, proof.slice(to, to + size)), to, proof.slice(from, from + size));
};
const splice: Mutation = (layout, random) => {
  const [at, size] = partOf(layout, random.below(layout.points + scalarsOf(layout)));
  return replaced(layout.proof, at, layout.other.slice(at, at + size));
};

const mutations: readonly Mutation[] = [
  flip,
  flip,
  replaceByte,
  replaceMany,
  resize,
  negatePoint,
  movePoint,
  moveScalar,
  moveScalar,
  swapParts,
  splice,
];
