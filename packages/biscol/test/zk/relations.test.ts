import { currentCrypto, loadCrypto } from '@bitcoin-enterprise/core';
import type { SecretBytes } from '@bitcoin-enterprise/wallet/multiparty';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  commitTo,
  equalLogsRelation,
  equalValuesRelation,
  hashToCurve,
  keyRelation,
  openingRelation,
  proveAny,
  proveRelation,
  type Relation,
  verifyAny,
  verifyRelation,
} from '../../src/zk/index.ts';
import { ORDER } from '../../src/zk/scalars.ts';
import { codeOf } from '../support/code-of.ts';
import { entropy, flipBit, isLong, keyOf, openingOf, secretOf, seed } from './support/known.ts';

const INVALID = 'BISCOL_INVALID_ARGUMENT';
const context = new TextEncoder().encode('ctx');

beforeAll(async () => {
  await loadCrypto();
});

/** A base of which nobody knows the logarithm. */
function base(name: string): Uint8Array {
  const point = hashToCurve(new TextEncoder().encode(name), 'TEST');
  return currentCrypto().publicKeyConvert(point) as Uint8Array;
}

function times(secret: SecretBytes, point: Uint8Array): Uint8Array {
  return secret.use((bytes) => currentCrypto().publicKeyTweakMul(point, bytes)) as Uint8Array;
}

interface Known {
  readonly name: string;
  readonly relation: Relation;
  readonly witness: readonly SecretBytes[];
}

/** One of each kind, for a number. */
function kinds(number: bigint): readonly Known[] {
  const secret = secretOf(number);
  const [left, right, third] = ['l', 'r', 't'].map((name) => openingOf(number, name)) as [
    ReturnType<typeof openingOf>,
    ReturnType<typeof openingOf>,
    ReturnType<typeof openingOf>,
  ];
  const commitments = [left, right, third].map((opening) => commitTo(opening));
  return [
    { name: 'a key', relation: keyRelation(keyOf(secret)), witness: [secret] },
    { name: 'a logarithm', relation: keyRelation(times(secret, base('b')), base('b')), witness: [secret] },
    { name: 'an opening', relation: openingRelation(commitments[0] as Uint8Array), witness: [secret, left.blinding] },
    {
      name: 'equal logarithms',
      relation: equalLogsRelation(
        ['a', 'b', 'c'].map((name) => ({ image: times(secret, base(name)), base: base(name) })),
      ),
      witness: [secret],
    },
    {
      name: 'equal values',
      relation: equalValuesRelation(commitments),
      witness: [secret, left.blinding, right.blinding, third.blinding],
    },
  ];
}

describe('a proof of a relation', () => {
  it('is accepted, for its relation and context alone', () => {
    fc.assert(
      fc.property(fc.bigInt(1n, ORDER - 2n), (number) => {
        const [all, others] = [kinds(number), kinds(number + 1n)];
        for (const [place, { relation, witness, name }] of all.entries()) {
          const proof = proveRelation(relation, witness, { context, entropy });

          expect(proof, name).toHaveLength(32 + 32 * witness.length);
          expect(verifyRelation(relation, proof, { context }), name).toBe(true);
          expect(verifyRelation(relation, proof), name).toBe(false);
          expect(verifyRelation((others[place] as Known).relation, proof, { context }), name).toBe(false);
          for (const { relation: other } of all)
            if (other !== relation) expect(verifyRelation(other, proof, { context }), name).toBe(false);
        }
      }),
      { numRuns: isLong ? 300 : 10, seed },
    );
  });

  it('is not made of secrets that the equations do not hold for', () => {
    for (const { relation, witness } of kinds(77n)) {
      for (const [place] of witness.entries())
        expect(codeOf(() => proveRelation(relation, witness.with(place, secretOf(78n))))).toBe(INVALID);
      expect(codeOf(() => proveRelation(relation, witness.slice(1)))).toBe(INVALID);
      expect(codeOf(() => proveRelation(relation, [...witness, secretOf(1n)]))).toBe(INVALID);
    }
  });

  it('is made of zeros too, but never of a key that is zero', () => {
    const [left, right] = [openingOf(0n, 'l'), openingOf(0n, 'r')];
    const relation = equalValuesRelation([commitTo(left), commitTo(right)]);
    const proof = proveRelation(relation, [secretOf(0n), left.blinding, right.blinding], { entropy });

    expect(verifyRelation(relation, proof)).toBe(true);
    expect(codeOf(() => proveRelation(keyRelation(keyOf(secretOf(1n))), [secretOf(0n)]))).toBe(INVALID);
    expect(codeOf(() => proveRelation(keyRelation(keyOf(secretOf(1n))), [secretOf(ORDER)]))).toBe(INVALID);
  });

  it('has one encoding', () => {
    for (const { relation, witness } of kinds(5n)) {
      const proof = proveRelation(relation, witness, { entropy });
      for (let at = 0; at < proof.length; at += 32) {
        const beyond = proof.slice();
        beyond.set(new Uint8Array(32).fill(255), at);
        expect(verifyRelation(relation, beyond)).toBe(false);
      }
      for (const length of [0, 31, 32, proof.length - 1])
        expect(verifyRelation(relation, proof.slice(0, length))).toBe(false);
      expect(verifyRelation(relation, Uint8Array.from([...proof, 0]))).toBe(false);
      expect(verifyRelation(relation, new Uint8Array(proof.length))).toBe(false);
    }
  });
});

describe('a proof of one of several relations', () => {
  it('is accepted whichever is known, and looks the same', () => {
    const [known, unknown] = [kinds(9n), kinds(10n)];
    for (const [place, { witness }] of known.entries()) {
      const relations = unknown.map(({ relation }, at) => (at === place ? (known[at] as Known).relation : relation));
      const proof = proveAny(relations, { place, witness }, { context, entropy });

      expect(verifyAny(relations, proof, { context })).toBe(true);
      expect(proof).toHaveLength(relations.reduce((sum, { secrets }) => sum + 32 + 32 * secrets, 0));
      expect(verifyAny(relations, proof)).toBe(false);
      expect(verifyAny(relations.toReversed(), proof, { context })).toBe(false);
      expect(verifyAny(relations.slice(1), proof, { context })).toBe(false);
      for (let bit = 3; bit < 8 * proof.length; bit += 211)
        expect(verifyAny(relations, flipBit(proof, bit), { context })).toBe(false);
    }
  });

  it('of one is a proof of that one', () => {
    const [{ relation, witness }] = kinds(3n) as [Known];

    expect(verifyAny([relation], proveAny([relation], { place: 0, witness }))).toBe(true);
  });

  it('is not made for a relation whose secrets are others', () => {
    const [known, unknown] = [kinds(9n), kinds(10n)];
    const relations = [(known[0] as Known).relation, (unknown[0] as Known).relation];

    expect(codeOf(() => proveAny(relations, { place: 1, witness: (known[0] as Known).witness }))).toBe(INVALID);
    expect(codeOf(() => proveAny(relations, { place: 2, witness: (known[0] as Known).witness }))).toBe(INVALID);
  });
});

describe('arguments that are none', () => {
  it('are answered with a code', () => {
    const [{ relation, witness }] = kinds(4n) as [Known];
    const proof = proveRelation(relation, witness);
    const equation = relation.equations[0] as Relation['equations'][number];
    const notAPoint = new Uint8Array(33);
    const relations: readonly unknown[] = [
      undefined,
      null,
      5,
      {},
      [],
      { ...relation, secrets: 0 },
      { ...relation, secrets: 65 },
      { ...relation, secrets: 2 },
      { ...relation, equations: [] },
      { ...relation, equations: [null] },
      { ...relation, equations: [{ ...equation, image: notAPoint }] },
      { ...relation, equations: [{ ...equation, terms: [] }] },
      { ...relation, equations: [{ ...equation, terms: [null] }] },
      { ...relation, equations: [{ ...equation, terms: [{ secret: 1, base: equation.image }] }] },
      { ...relation, equations: [{ ...equation, terms: [{ secret: 0, base: notAPoint }] }] },
      { ...relation, equations: new Array(65).fill(equation) },
    ];
    for (const wrong of relations as readonly Relation[]) {
      expect(codeOf(() => proveRelation(wrong, witness))).toBe(INVALID);
      expect(codeOf(() => verifyRelation(wrong, proof))).toBe(INVALID);
      expect(codeOf(() => proveAny([wrong], { place: 0, witness }))).toBe(INVALID);
      expect(codeOf(() => verifyAny([wrong], proof))).toBe(INVALID);
    }
    for (const wrong of [undefined, null, 5, 'x', {}, 1n] as never[]) {
      expect(codeOf(() => proveRelation(relation, wrong))).toBe(INVALID);
      expect(codeOf(() => proveRelation(relation, [wrong]))).toBe(INVALID);
      expect(codeOf(() => verifyRelation(relation, wrong))).toBe(INVALID);
      expect(codeOf(() => verifyAny([relation], wrong))).toBe(INVALID);
      expect(codeOf(() => verifyAny(wrong, proof))).toBe(INVALID);
      expect(codeOf(() => proveAny([relation], wrong))).toBe(INVALID);
      expect(codeOf(() => keyRelation(wrong))).toBe(INVALID);
      expect(codeOf(() => openingRelation(wrong))).toBe(INVALID);
      expect(codeOf(() => equalLogsRelation(wrong))).toBe(INVALID);
      expect(codeOf(() => equalLogsRelation([wrong, wrong]))).toBe(INVALID);
      expect(codeOf(() => equalValuesRelation(wrong))).toBe(INVALID);
      expect(codeOf(() => equalValuesRelation([wrong, wrong]))).toBe(INVALID);
      if ((wrong as unknown) === undefined || typeof (wrong as unknown) === 'object') continue;
      expect(codeOf(() => proveRelation(relation, witness, wrong))).toBe(INVALID);
      expect(codeOf(() => verifyRelation(relation, proof, { context: wrong }))).toBe(INVALID);
    }
    expect(codeOf(() => equalLogsRelation([{ image: equation.image, base: equation.image }]))).toBe(INVALID);
    expect(codeOf(() => verifyAny([], proof))).toBe(INVALID);
    expect(codeOf(() => proveRelation(relation, witness, { entropy: { bytes: () => new Uint8Array(1) } }))).toBe(
      INVALID,
    );
  });
});
