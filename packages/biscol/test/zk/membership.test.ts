import { currentCrypto, loadCrypto } from '@bitcoin-enterprise/core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  addCommitments,
  commitTo,
  membershipProofSize,
  proveMembership,
  valueMembers,
  verifyMembership,
} from '../../src/zk/index.ts';
import { valueGenerator } from '../../src/zk/generators.ts';
import { ORDER, writeNumber } from '../../src/zk/scalars.ts';
import { codeOf } from '../support/code-of.ts';
import { entropy, flipBit, isLong, keyOf, openingOf, secretOf, seed } from './support/known.ts';

const INVALID = 'BISCOL_INVALID_ARGUMENT';
const context = new TextEncoder().encode('ring');

beforeAll(async () => {
  await loadCrypto();
});

const ringOf = (count: number): { readonly secrets: ReturnType<typeof secretOf>[]; readonly members: Uint8Array[] } => {
  const secrets = Array.from({ length: count }, (_, i) => secretOf(1_000n + BigInt(i)));
  return { secrets, members: secrets.map((secret) => keyOf(secret)) };
};

describe('a membership proof', () => {
  it('is accepted for every place of sets of any size', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 40 }), fc.nat(), (count, number) => {
        const { secrets, members } = ringOf(count);
        const place = number % count;
        const secret = secrets[place] as ReturnType<typeof secretOf>;
        const proof = proveMembership(members, { place, secret }, { context, entropy });

        expect(proof).toHaveLength(membershipProofSize(count));
        expect(verifyMembership(members, proof, { context })).toBe(true);
      }),
      { numRuns: isLong ? 500 : 25, seed },
    );
  });

  it('grows with the logarithm of the set', () => {
    expect([2, 3, 4, 5, 16, 1_024, 4_096].map(membershipProofSize)).toStrictEqual([
      293, 358, 358, 423, 488, 878, 1_008,
    ]);
  });

  it('is refused for another set, order or context', () => {
    const { secrets, members } = ringOf(7);
    const proof = proveMembership(members, { place: 6, secret: secrets[6] as never }, { context, entropy });
    const stranger = keyOf(secretOf(5n));

    expect(verifyMembership(members, proof, { context })).toBe(true);
    expect(verifyMembership(members, proof)).toBe(false);
    expect(verifyMembership(members.toReversed(), proof, { context })).toBe(false);
    expect(verifyMembership(members.slice(1), proof, { context })).toBe(false);
    // The set counts as filled up with its last member: that is not the same set with it.
    expect(verifyMembership([...members, members[6] as Uint8Array], proof, { context })).toBe(false);
    for (let place = 0; place < 7; place++)
      expect(verifyMembership(members.with(place, stranger), proof, { context })).toBe(false);
    for (let bit = 1; bit < 8 * proof.length; bit += 97)
      expect(verifyMembership(members, flipBit(proof, bit), { context })).toBe(false);
  });

  it('has one encoding', () => {
    const { secrets, members } = ringOf(4);
    const proof = proveMembership(members, { place: 1, secret: secrets[1] as never }, { entropy });

    for (let at = proof.length - 32; at > proof.length - 5 * 32; at -= 32) {
      const beyond = proof.slice();
      beyond.set(writeNumber(ORDER), at);
      expect(verifyMembership(members, beyond)).toBe(false);
    }
    expect(verifyMembership(members, proof.slice(1))).toBe(false);
    expect(verifyMembership(members, Uint8Array.from([...proof, 0]))).toBe(false);
    expect(verifyMembership(members, new Uint8Array(proof.length))).toBe(false);
  });

  it('shows that a commitment holds one of some values', () => {
    const opening = openingOf(300n);
    const values = [100n, 200n, 300n, 0n, 1n << 60n];
    const members = valueMembers(commitTo(opening), values);
    const proof = proveMembership(members, { place: 2, secret: opening.blinding }, { entropy });

    expect(verifyMembership(members, proof)).toBe(true);
    expect(verifyMembership(valueMembers(commitTo(opening), [100n, 200n, 301n, 0n, 1n << 60n]), proof)).toBe(false);
    expect(codeOf(() => proveMembership(members, { place: 1, secret: opening.blinding }))).toBe(INVALID);
  });

  it('shows that a commitment holds what one of others does', () => {
    const originals = [1n, 2n, 3n].map((value) => openingOf(value, 'original'));
    const blinding = openingOf(0n, 'new').blinding;
    const again = commitTo({ value: 2n, blinding });
    const members = originals.map((opening) => addCommitments([again], [commitTo(opening)]) as Uint8Array);
    const read = (secret: typeof blinding): bigint =>
      secret.use((bytes) => BigInt(`0x${Buffer.from(bytes).toString('hex')}`));
    const difference = (read(blinding) - read((originals[1] as (typeof originals)[number]).blinding) + ORDER) % ORDER;
    const proof = proveMembership(members, { place: 1, secret: secretOf(difference) }, { entropy });

    expect(verifyMembership(members, proof)).toBe(true);
  });

  it('answers wrong arguments with a code', () => {
    const { secrets, members } = ringOf(3);
    const known = { place: 0, secret: secrets[0] as ReturnType<typeof secretOf> };
    const proof = proveMembership(members, known);
    for (const wrong of [
      undefined,
      null,
      5,
      'x',
      {},
      [],
      [members[0]],
      1n,
      new Array(4_097).fill(members[0]),
    ] as never[]) {
      expect(codeOf(() => proveMembership(wrong, known))).toBe(INVALID);
      expect(codeOf(() => verifyMembership(wrong, proof))).toBe(INVALID);
      expect(codeOf(() => proveMembership(members, wrong))).toBe(INVALID);
      expect(codeOf(() => proveMembership(members, { ...known, place: wrong }))).toBe(INVALID);
      expect(codeOf(() => proveMembership(members, { ...known, secret: wrong }))).toBe(INVALID);
      expect(codeOf(() => verifyMembership(members, wrong))).toBe(INVALID);
      expect(codeOf(() => membershipProofSize(wrong))).toBe((wrong as unknown) === 5 ? 'no error' : INVALID);
      expect(codeOf(() => valueMembers(wrong, [1n]))).toBe(INVALID);
    }
    expect(codeOf(() => verifyMembership([new Uint8Array(33), members[0] as Uint8Array], proof))).toBe(INVALID);
    expect(codeOf(() => proveMembership(members, { ...known, place: 3 }))).toBe(INVALID);
    expect(verifyMembership(new Array(4_096).fill(members[0]) as Uint8Array[], proof)).toBe(false);
    // A commitment without a blinding: H alone opens to 1.
    const bare = currentCrypto().publicKeyConvert(valueGenerator()) as Uint8Array;
    expect(codeOf(() => valueMembers(bare, [2n, 1n]))).toBe(INVALID);
    expect(codeOf(() => valueMembers(bare, [2n, 3n]))).toBe('no error');
    expect(codeOf(() => valueMembers(commitTo(openingOf(1n)), [-1n]))).toBe(INVALID);
    expect(codeOf(() => valueMembers(commitTo(openingOf(1n)), ['1' as never]))).toBe(INVALID);
  });
});
