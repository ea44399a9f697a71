import { currentCrypto, parseHex, toHex, webEntropy } from '@bitcoin-enterprise/core';
import { schnorr_FROST as oracle } from '@noble/curves/secp256k1.js';
import { describe, expect, it, vi } from 'vitest';
import { createFrostDkg, type FrostDkg, type FrostDkgMessage, SecretBytes } from '../../src/multiparty/index.ts';
import { broadcastHash, sealShare, transcriptOf } from '../../src/multiparty/frost/dkg-messages.ts';
import {
  commitTo,
  evaluateSecret,
  isPossessionProved,
  isShareValid,
  provePossession,
} from '../../src/multiparty/frost/polynomial.ts';

type Commitments = FrostDkgMessage & { readonly kind: 'commitments' };

const secrets = [1, 2, 3].map((n) => new SecretBytes(new Uint8Array(32).fill(n)));
const identityKeys = secrets.map((key) => key.use((bytes) => currentCrypto().publicKey(bytes)) as Uint8Array);
const entropy = webEntropy();
const [honest, liar] = secrets as [SecretBytes, SecretBytes];

const party = (identitySecret: SecretBytes): FrostDkg =>
  createFrostDkg({ threshold: 2, identityKeys, identitySecret, ceremony: 'x' });
const commitmentsOf = ({ outbox }: FrostDkg): Commitments => outbox[0] as Commitments;

/** What the liar says, signed by his identity. */
function signed(change: Partial<Commitments>): Commitments {
  const message = { ...commitmentsOf(party(liar)), ...change };
  const hash = broadcastHash(message.ceremony, message);
  return { ...message, signature: toHex(liar.use((key) => currentCrypto().schnorrSign(hash, key)) as Uint8Array) };
}

/** Commitments of a secret polynomial that the test knows, well proved. */
function known(): { readonly coefficients: readonly Uint8Array[]; readonly message: Commitments } {
  const coefficients = [new Uint8Array(32).fill(11), new Uint8Array(32).fill(12)];
  const points = commitTo(coefficients);
  const [commitment] = points as [Uint8Array];
  const proof = provePossession(coefficients[0] as Uint8Array, { identifier: 2, commitment, entropy });
  return { coefficients, message: signed({ commitments: points.map((point) => toHex(point)), proof: toHex(proof) }) };
}

/** The liar's share for participant 1, sealed as it should be. */
function sealed(value: Uint8Array, all: readonly Commitments[]): FrostDkgMessage {
  const [{ ceremony }] = all as [Commitments];
  const transcript = transcriptOf(ceremony, all);
  const facts = { from: 2, to: 1, transcript };
  const bytes = sealShare(value, { identitySecret: liar, other: identityKeys[0] as Uint8Array, facts, entropy });
  return { kind: 'share', ceremony, from: 2, to: 1, transcript: toHex(transcript), sealed: toHex(bytes) };
}

function blameOf(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return (error as { readonly details?: unknown }).details;
  }
  return undefined;
}

describe('a key generation blames a participant', () => {
  it.for([
    ['for a commitment that is no point', { commitments: ['02'.repeat(33), `05${'01'.repeat(32)}`] }, 'commitment'],
    ['for a commitment too few', { commitments: [toHex(identityKeys[0] as Uint8Array)] }, 'commitment'],
    ['for no commitments', { commitments: [] }, 'commitment'],
    ['for a proof of nothing', { proof: '01'.repeat(64) }, 'proof of possession'],
    ['for a proof that is too short', { proof: '01' }, 'proof of possession'],
    ['for a proof that is too long', { proof: `${commitmentsOf(party(liar)).proof}00` }, 'proof of possession'],
    [
      "for somebody else's commitment, to cancel his key out",
      { commitments: identityKeys.slice(1).map((key) => toHex(key)) },
      'proof of possession',
    ],
  ] as ReadonlyArray<readonly [string, Partial<Commitments>, string]>)('%s', ([, change, kind]) => {
    const one = party(honest);

    expect(blameOf(() => one.receive(signed(change)))).toEqual({ signer: 2, kind });
    // It has failed for good.
    expect(one.receive(commitmentsOf(party(secrets[2] as SecretBytes)))).toEqual([]);
    expect(one.share).toBeUndefined();
  });

  it('for a share that is not the committed one', () => {
    const one = party(honest);
    const { coefficients, message } = known();
    const third = commitmentsOf(party(secrets[2] as SecretBytes));
    one.receive(message);
    one.receive(third);
    const all = [commitmentsOf(one), message, third];

    expect(blameOf(() => one.receive(sealed(evaluateSecret(coefficients, 3), all)))).toEqual({
      signer: 2,
      kind: 'share',
    });
  });

  it('for such a share that came before the commitments', () => {
    const one = party(honest);
    const { coefficients, message } = known();
    const third = commitmentsOf(party(secrets[2] as SecretBytes));
    one.receive(sealed(evaluateSecret(coefficients, 3), [commitmentsOf(one), message, third]));
    one.receive(third);

    expect(blameOf(() => one.receive(message))).toEqual({ signer: 2, kind: 'share' });
  });

  it('for two different commitments', () => {
    const one = party(honest);
    one.receive(signed({}));

    expect(blameOf(() => one.receive(signed({})))).toEqual({ signer: 2, kind: 'broadcast' });
  });

  it('and nobody in particular when two participants were told different things', () => {
    const one = party(honest);
    const { coefficients, message } = known();
    const third = commitmentsOf(party(secrets[2] as SecretBytes));
    one.receive(message);
    one.receive(third);
    const other = commitmentsOf(party(secrets[2] as SecretBytes));
    const share = sealed(evaluateSecret(coefficients, 1), [commitmentsOf(one), message, other]);

    expect(blameOf(() => one.receive(share))).toEqual({ kind: 'broadcast' });
  });

  it('and accepts the right share', () => {
    const one = party(honest);
    const { coefficients, message } = known();
    const third = commitmentsOf(party(secrets[2] as SecretBytes));
    one.receive(message);
    one.receive(third);

    expect(one.receive(sealed(evaluateSecret(coefficients, 1), [commitmentsOf(one), message, third]))).toEqual([]);
    expect(one.share).toBeUndefined();
  });
});

describe('a key generation wipes its secrets', () => {
  it('when it ends, and when it fails', () => {
    const wiping = vi.spyOn(SecretBytes.prototype, 'wipe');
    const all = secrets.map(party);
    const wires = all.flatMap(({ outbox }) => outbox);
    for (let sent = wires.shift(); sent !== undefined; sent = wires.shift())
      for (const one of all) if (one.identifier !== sent.from) wires.push(...one.receive(sent));
    // Two coefficients each.
    expect(wiping).toHaveBeenCalledTimes(6);

    const failing = party(honest);
    expect(() => failing.receive(signed({ proof: '01'.repeat(64) }))).toThrow(/proof of possession/);
    expect(wiping).toHaveBeenCalledTimes(8);
    wiping.mockRestore();
  });
});

describe('the key generation of noble', () => {
  it('accepts our commitments, proofs and shares, and we theirs', () => {
    const identifiers = [1, 2].map((n) => oracle.Identifier.fromNumber(n)) as [string, string];
    const theirs = oracle.DKG.round1(identifiers[1], { min: 2, max: 2 });
    const coefficients = [new Uint8Array(32).fill(21), new Uint8Array(32).fill(22)];
    const points = commitTo(coefficients) as Array<Uint8Array<ArrayBuffer>>;
    const [commitment] = points as [Uint8Array<ArrayBuffer>];
    for (let round = 0; round < 8; round++) {
      const again = oracle.DKG.round1(identifiers[1], { min: 2, max: 2 });
      const [first] = again.public.commitment as [Uint8Array];
      expect(isPossessionProved(again.public.proofOfKnowledge, { identifier: 2, commitment: first })).toBe(true);
      expect(isPossessionProved(again.public.proofOfKnowledge, { identifier: 1, commitment: first })).toBe(false);
    }
    const proofOfKnowledge = provePossession(coefficients[0] as Uint8Array, {
      identifier: 1,
      commitment,
      entropy,
    }) as Uint8Array<ArrayBuffer>;
    const ours = { identifier: identifiers[0], commitment: points, proofOfKnowledge };
    const sent = oracle.DKG.round2(theirs.secret, [ours])[identifiers[0]] as { readonly signingShare: Uint8Array };
    expect(isShareValid(sent.signingShare, theirs.public.commitment, 1)).toBe(true);
    expect(isShareValid(sent.signingShare, theirs.public.commitment, 2)).toBe(false);
    const signingShare = evaluateSecret(coefficients, 2) as Uint8Array<ArrayBuffer>;
    const key = oracle.DKG.round3(theirs.secret, [ours], [{ identifier: identifiers[0], signingShare }]);

    expect(key.public.commitments.length).toBe(2);
    expect(parseHex(identifiers[0]).at(-1)).toBe(1);
  });
});
