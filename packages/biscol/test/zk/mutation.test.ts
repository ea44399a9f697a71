import { currentCrypto, loadCrypto } from '@bitcoin-enterprise/core';
import { beforeAll, expect, it } from 'vitest';
import { Random } from '../../../../scripts/testing/random.ts';
import {
  commitTo,
  equalValuesRelation,
  keyRelation,
  openingRelation,
  proveAny,
  proveMembership,
  proveRange,
  proveRelation,
  proveSolvency,
  type ReserveChallenge,
  valueMembers,
  verifyAny,
  verifyMembership,
  verifyRange,
  verifyRelation,
} from '../../src/zk/index.ts';
import { reserveContext } from '../../src/zk/reserve-challenge.ts';
import { flipBit, isLong, keyOf, openingOf, secretOf, seed } from './support/known.ts';
import { mutantOf, type Subject } from './support/mutants.ts';

/** Mutants of all subjects together: range proofs take half of them. */
const mutants = isLong ? 100_000 : 1_500;
const context = Uint8Array.of(1, 2, 3);

beforeAll(async () => {
  await loadCrypto();
});

function rangeSubject(bits: number, count: number): Subject {
  const make = (name: string) =>
    proveRange(
      Array.from({ length: count }, (_, i) => openingOf(BigInt(i + 1), name)),
      { bits, context },
    );
  const [{ commitments, proof }, other] = [make('a'), make('b')];
  return {
    name: `${count} of ${bits} bits`,
    points: (proof.length - 96) / 33,
    proof,
    other: other.proof,
    holds: (bytes) => verifyRange({ commitments, proof: bytes, bits, context }),
  };
}

function relationSubjects(): readonly Subject[] {
  const [left, right] = [openingOf(7n, 'l'), openingOf(7n, 'r')];
  const witness = [secretOf(7n), left.blinding, right.blinding];
  const equal = equalValuesRelation([commitTo(left), commitTo(right)]);
  const any = [openingRelation(commitTo(openingOf(1n))), equal, keyRelation(keyOf(secretOf(5n)))];
  const members = valueMembers(commitTo(left), [5n, 6n, 7n, 8n, 9n]);
  const one = () => proveRelation(equal, witness, { context });
  const oneOf = () => proveAny(any, { place: 1, witness }, { context });
  const member = () => proveMembership(members, { place: 2, secret: left.blinding }, { context });
  return [
    {
      name: 'a relation',
      points: 0,
      proof: one(),
      other: one(),
      holds: (bytes) => verifyRelation(equal, bytes, { context }),
    },
    {
      name: 'any relation',
      points: 0,
      proof: oneOf(),
      other: oneOf(),
      holds: (bytes) => verifyAny(any, bytes, { context }),
    },
    {
      name: 'membership',
      points: 4 + 3,
      proof: member(),
      other: member(),
      holds: (bytes) => verifyMembership(members, bytes, { context }),
    },
  ];
}

it(`refuses ${mutants} mutated proofs`, () => {
  console.log(`mutated proofs: BE_SEED=${seed}`);
  const random = new Random(seed);
  const [small, wide, two] = [rangeSubject(8, 1), rangeSubject(64, 1), rangeSubject(16, 3)];
  const subjects = [wide, wide, small, two, ...relationSubjects()];
  for (const { name, proof, other, holds } of subjects) {
    expect(holds(proof), name).toBe(true);
    expect(other, name).toHaveLength(proof.length);
  }
  const accepted: string[] = [];
  for (let i = 0; i < mutants; i++) {
    const subject = subjects[i % subjects.length] as Subject;
    const mutant = mutantOf(subject, random);
    if (subject.holds(mutant)) accepted.push(`${subject.name}, mutant ${i}: ${Buffer.from(mutant).toString('hex')}`);
  }

  expect(accepted).toStrictEqual([]);
});

it('refuses a proof whose statement is another by one bit', () => {
  const random = new Random(seed + 1);
  const proven = proveRange([openingOf(1n), openingOf(2n)], { bits: 16, context });
  const rounds = isLong ? 20_000 : 300;
  for (let i = 0; i < rounds; i++) {
    const place = random.below(2);
    const statements = [
      {
        commitments: proven.commitments.map((bytes, at) => (at === place ? flipBit(bytes, random.below(264)) : bytes)),
      },
      { context: flipBit(context, random.below(24)) },
      { bits: random.pick([1, 2, 8, 15, 17, 32, 33, 64]) },
    ];
    expect(verifyRange({ ...proven, bits: 16, context, ...random.pick(statements) })).toBe(false);
  }
});

it('refuses a proof that coins are enough whose challenge is another by any field', () => {
  const liabilities = openingOf(50n, 'owed');
  const challenge: ReserveChallenge = {
    nonce: currentCrypto().sha256(Uint8Array.of(1)),
    block: { hash: currentCrypto().sha256(Uint8Array.of(2)), height: 100 },
    time: 1_700_000_000,
    liabilities: commitTo(liabilities),
    liabilitiesHash: currentCrypto().sha256(Uint8Array.of(3)),
  };
  proveSolvency(challenge, { assets: 60n, liabilities });
  const { liabilitiesHash: _, ...without } = challenge;
  const others: readonly ReserveChallenge[] = [
    { ...challenge, nonce: challenge.nonce.slice(1) },
    { ...challenge, nonce: flipBit(challenge.nonce, 200) },
    { ...challenge, block: { ...challenge.block, height: 101 } },
    { ...challenge, block: { ...challenge.block, hash: flipBit(challenge.block.hash, 0) } },
    { ...challenge, time: challenge.time + 1 },
    { ...challenge, liabilities: commitTo(openingOf(50n, 'others')) },
    { ...challenge, liabilitiesHash: flipBit(challenge.block.hash, 9) },
    without,
  ];

  expect(new Set([challenge, ...others].map((one) => String(reserveContext(one)))).size).toBe(9);
});
