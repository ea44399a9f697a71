/** Proofs of today must verify tomorrow: everything that goes into a challenge is pinned by the bytes that come out. */
import { concatBytes, currentCrypto, loadCrypto, toHex } from '@bitcoin-enterprise/core';
import { createSeededEntropy } from '@bitcoin-enterprise/core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  commitTo,
  createLiabilities,
  equalLogsRelation,
  equalValuesRelation,
  keyRelation,
  offerSecrets,
  openingRelation,
  proveAny,
  proveLiability,
  proveMembership,
  proveRange,
  proveRelation,
  proveSolvency,
  type ReserveChallenge,
  reserveMessage,
  saleScripts,
  valueMembers,
} from '../../src/zk/index.ts';
import { createTranscript } from '../../src/zk/transcript.ts';
import { keyOf, secretOf } from './support/known.ts';

beforeAll(async () => {
  await loadCrypto();
});

const context = new TextEncoder().encode('fixed');
const opening = (value: bigint) => ({ value, blinding: secretOf(value + 1_000n) });
const options = () => ({ context, entropy: createSeededEntropy('fixed') });
const digest = (...parts: readonly Uint8Array[]): string =>
  toHex(currentCrypto().sha256(concatBytes(...parts))).slice(0, 32);

describe('the bytes that come out are the same as ever, of', () => {
  it('commitments', () => {
    expect(toHex(commitTo(opening(7n)))).toMatchInlineSnapshot(
      `"03caeb0e2077d982891975b74d0490943c4fd114f8b98c943eb756a45432d18526"`,
    );
  });

  it('range proofs', () => {
    const { commitments, proof } = proveRange([opening(1n), opening(2n), opening(3n)], { ...options(), bits: 5 });
    expect(digest(...commitments, proof)).toMatchInlineSnapshot(`"4f796a6503af0206b8ec99f1d853d209"`);
  });

  it('relations', () => {
    const [one, other] = [opening(5n), opening(6n)];
    const [left, right] = [{ ...one }, { ...other, value: 5n }];
    const base = keyOf(secretOf(9n));
    const proofs = [
      proveRelation(keyRelation(keyOf(secretOf(5n))), [secretOf(5n)], options()),
      proveRelation(openingRelation(commitTo(one)), [secretOf(5n), one.blinding], options()),
      proveRelation(
        equalLogsRelation([
          { base, image: keyOf(secretOf(27n)) },
          { base: keyOf(secretOf(1n)), image: keyOf(secretOf(3n)) },
        ]),
        [secretOf(3n)],
        options(),
      ),
      proveRelation(
        equalValuesRelation([commitTo(left), commitTo(right)]),
        [secretOf(5n), left.blinding, right.blinding],
        options(),
      ),
    ];
    expect(proofs.map((proof) => digest(proof))).toMatchInlineSnapshot(`
      [
        "e44dd06dd0b2e8653e7c1172818184d2",
        "86fda6e26ea675fbc56a19c6f28b06aa",
        "2a0ebda89aab250047d21f25587853c5",
        "beab75cb3ffc8fe947feb0207222e743",
      ]
    `);
  });

  it('any relations, and memberships', () => {
    const relations = [keyRelation(keyOf(secretOf(5n))), openingRelation(commitTo(opening(8n)))];
    const members = valueMembers(commitTo(opening(8n)), [6n, 7n, 8n]);
    const proofs = [
      proveAny(relations, { place: 1, witness: [secretOf(8n), opening(8n).blinding] }, options()),
      proveMembership(members, { place: 2, secret: opening(8n).blinding }, options()),
    ];
    expect(proofs.map((proof) => digest(proof))).toMatchInlineSnapshot(`
      [
        "b1c90aee8663acf6615f2f045f07de0a",
        "fcd9f9b3b0a4e2a7294b88aa7722b689",
      ]
    `);
  });

  it('reserves and liabilities', () => {
    const { entropy } = options();
    const tree = createLiabilities(
      [
        { id: 'a', balance: 5n },
        { id: 'b', balance: 6n },
        { id: 'c', balance: 7n },
      ],
      { entropy },
    );
    const challenge: ReserveChallenge = {
      nonce: new Uint8Array(16).fill(1),
      block: { hash: Uint8Array.from({ length: 32 }, (_, i) => i), height: 800_000 },
      time: 1_700_000_000,
      liabilities: tree.root.commitment,
      liabilitiesHash: tree.root.hash,
    };
    const { liabilitiesHash: _, ...without } = challenge;
    const { siblings, ranges, salt } = proveLiability(tree, 'b', { entropy });

    expect(reserveMessage(challenge)).toMatchInlineSnapshot(`
      "Proof of reserves
      auditor 01010101010101010101010101010101
      block 800000 1f1e1d1c1b1a191817161514131211100f0e0d0c0b0a09080706050403020100
      time 1700000000
      liabilities 038662f5851a8a959772ca8475c98d1e9aa8a8b01b7293c4101e6b7f9426e672de
      tree ce63a331116f90fb8515534fd051f09e40a52cfbc0d17cf9cdc7883653b4b2d9"
    `);
    expect(reserveMessage(without)).toBe(reserveMessage(challenge).split('\n').slice(0, -1).join('\n'));
    expect([
      digest(tree.root.hash, tree.root.commitment),
      digest(proveSolvency(challenge, { assets: 20n, liabilities: tree.total, entropy })),
      digest(ranges, salt, ...siblings.flatMap(({ hash, commitment }) => [hash, commitment])),
    ]).toMatchInlineSnapshot(`
      [
        "5b5cfb2a58309f21b0f733361b4327bc",
        "71d0baa5fe297e2b88e6f494684bac61",
        "4ee095ffd3a2527d9ad2bd5c19245f53",
      ]
    `);
  });

  it('sales', () => {
    const { offer, preimages } = offerSecrets(keyRelation(keyOf(secretOf(5n))), [secretOf(5n)], {
      ...options(),
      total: 12,
      sealed: 4,
    });
    const locks = offer.locks.flatMap(({ hash, cipher, masked }) => [hash, cipher, masked]);
    const revealed = preimages.map((preimage) => preimage.use((bytes) => bytes.slice()));

    expect(offer.locks.map(({ place }) => place)).toMatchInlineSnapshot(`
      [
        1,
        2,
        7,
        8,
      ]
    `);
    expect([digest(...offer.seeds), digest(...locks), digest(...revealed)]).toMatchInlineSnapshot(`
      [
        "c0d5acca612fee2dabb95e0e335b51c6",
        "5185655d6baadf850f95f8ea87071230",
        "5cb09bb8cfc5ed23eb5dafd8dbdf1f92",
      ]
    `);
    expect(
      saleScripts({
        hashes: [new Uint8Array(32), new Uint8Array(32).fill(1)],
        seller: 'S',
        buyer: 'B',
        refundHeight: 9,
      }),
    ).toMatchInlineSnapshot(`
      {
        "claim": "and_v(v:sha256(0000000000000000000000000000000000000000000000000000000000000000),and_v(v:sha256(0101010101010101010101010101010101010101010101010101010101010101),pk(S)))",
        "refund": "and_v(v:pk(B),after(9))",
      }
    `);
  });
});

describe('a transcript', () => {
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);
  const stateOf = (...messages: ReadonlyArray<readonly [string, string]>): string => {
    const transcript = createTranscript('test');
    for (const [label, message] of messages) transcript.append(label, text(message));
    return toHex(transcript.state());
  };

  it('tells apart what would run together', () => {
    const states = [
      stateOf(),
      stateOf(['ab', 'c']),
      stateOf(['a', 'bc']),
      stateOf(['', 'abc']),
      stateOf(['abc', '']),
      stateOf(['a', 'b'], ['', 'c']),
      stateOf(['a', ''], ['b', 'c']),
      toHex(createTranscript('other').state()),
    ];

    expect(new Set(states).size).toBe(states.length);
  });

  it('never gives a challenge twice, and depends on the ones before', () => {
    const transcript = createTranscript('test');
    const challenges = [transcript.challenge('x'), transcript.challenge('x'), transcript.challenge('y')];
    const other = createTranscript('test');

    expect(new Set(challenges).size).toBe(3);
    expect(other.challenge('y')).not.toBe(challenges[2]);
    expect(other.challenge('x')).not.toBe(challenges[0]);
  });

  it('lends its state as a copy', () => {
    const transcript = createTranscript('test');
    const before = toHex(transcript.state());
    transcript.state().fill(0);

    expect(toHex(transcript.state())).toBe(before);
  });
});
