import { concatBytes, currentCrypto, loadCrypto, toHex } from '@bitcoin-enterprise/core';
import { createMemoryStore } from '@bitcoin-enterprise/events';
import { createMemoryKeyStore } from '@bitcoin-enterprise/receipts';
import { schnorr_FROST as oracle } from '@noble/curves/secp256k1.js';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  aggregateFrostSignature,
  combineFrostShares,
  createFrostDkg,
  createFrostNonce,
  createFrostRefresh,
  createFrostSession,
  dealFrostShares,
  formatFrostGroup,
  type FrostDkg,
  type FrostDkgMessage,
  type FrostGroup,
  type FrostSession,
  type FrostShare,
  type FrostSignatureShare,
  type NonceVault,
  openNonceVault,
  parseFrostGroup,
  SecretBytes,
  signFrost,
  tweakFrostGroup,
  tweakFrostShare,
  verifyFrostShare,
} from '../../src/multiparty/index.ts';
import { broadcastHash } from '../../src/multiparty/frost/dkg-messages.ts';
import { frostNonceOf } from '../../src/multiparty/frost/signing.ts';

const long = process.env['BE_LONG'] === '1';
const seed = Number(process.env['BE_SEED'] ?? 20_261_127);
const message = new Uint8Array(32).fill(5);

beforeAll(() => loadCrypto());

const newVault = (): Promise<NonceVault> => openNonceVault({ store: createMemoryStore(), name: 'frost' });

/** A signature by some participants, each with a vault of its own. */
async function signed(
  group: FrostGroup,
  shares: readonly FrostShare[],
  what: Uint8Array = message,
): Promise<{ readonly session: FrostSession; readonly parts: readonly FrostSignatureShare[] }> {
  const vaults = await Promise.all(shares.map(newVault));
  const nonces = await Promise.all(shares.map((share, at) => createFrostNonce(vaults[at] as NonceVault, { share })));
  const session = createFrostSession(group, { nonces, message: what });
  const parts = await Promise.all(shares.map((share, at) => signFrost(vaults[at] as NonceVault, { session, share })));
  return { session, parts };
}

const pick = <Item>(items: readonly Item[], places: readonly number[]): readonly Item[] =>
  places.map((place) => items[place] as Item);

/** The secret of a share: for the oracle alone. */
const secretOf = ({ secretShare }: FrostShare): Uint8Array => secretShare.use((secret) => new Uint8Array(secret));
const nobleId = (identifier: number): string => oracle.Identifier.fromNumber(identifier);

function nobleGroup(group: FrostGroup): Parameters<typeof oracle.aggregate>[0] {
  return {
    signers: { min: group.threshold, max: group.verifyingShares.length },
    commitments: [...group.commitments] as Uint8Array<ArrayBuffer>[],
    verifyingShares: Object.fromEntries(
      group.verifyingShares.map((point, index) => [nobleId(index + 1), point as Uint8Array<ArrayBuffer>]),
    ),
  };
}

/** Runs a key generation to its end; `tamper` may change, drop or multiply what is sent. */
function converse(
  parties: readonly FrostDkg[],
  tamper: (sent: FrostDkgMessage, to: number) => readonly unknown[] = (sent) => [sent],
  order: (bound: number) => number = () => 0,
): ReadonlyMap<number, unknown> {
  const errors = new Map<number, unknown>();
  const wires = parties.flatMap(({ outbox }) => outbox).flatMap((sent) => parties.map((to) => ({ sent, to })));
  while (wires.length > 0) {
    const [{ sent, to }] = wires.splice(order(wires.length), 1) as [(typeof wires)[number]];
    if (to.identifier === sent.from) continue;
    for (const changed of tamper(sent, to.identifier)) {
      try {
        const more = to.receive(structuredClone(changed));
        wires.push(...more.flatMap((next) => parties.map((other) => ({ sent: next, to: other }))));
      } catch (error) {
        errors.set(to.identifier, error);
      }
    }
  }
  return errors;
}

function ceremony(threshold: number, participants: number): readonly FrostDkg[] {
  const secrets = Array.from({ length: participants }, (_, n) => new SecretBytes(new Uint8Array(32).fill(n + 1)));
  const identityKeys = secrets.map((key) => key.use((bytes) => currentCrypto().publicKey(bytes)) as Uint8Array);
  return secrets.map((identitySecret) =>
    createFrostDkg({ threshold, identityKeys, identitySecret, ceremony: 'a treasury' }),
  );
}

const sharesOf = (parties: readonly FrostDkg[]): readonly FrostShare[] =>
  parties.map(({ share }) => share as FrostShare);

describe('a threshold of participants', () => {
  it('signs, whoever they are, with a key that was dealt or made together, tweaked or not', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 2, max: 6 }),
        fc.nat(),
        fc.nat(),
        fc.boolean(),
        fc.constantFrom('plain', 'no scripts', 'scripts'),
        fc.uint8Array({ maxLength: 70 }),
        async (participants, first, order, isDealt, tweak, what) => {
          const threshold = 2 + (first % (participants - 1));
          let shares: readonly FrostShare[];
          if (isDealt) shares = dealFrostShares({ threshold, participants }).shares;
          else {
            const parties = ceremony(threshold, participants);
            expect(converse(parties).size).toBe(0);
            shares = sharesOf(parties);
          }
          const options = tweak === 'scripts' ? { merkleRoot: new Uint8Array(32).fill(3) } : {};
          const used = tweak === 'plain' ? shares : shares.map((share) => tweakFrostShare(share, options));
          const signers = Array.from(
            { length: threshold + (order % (participants - threshold + 1)) },
            (_, at) => (at + order) % participants,
          );
          const { group } = used[0] as FrostShare;
          const { session, parts } = await signed(group, pick(used, signers), what);
          const signature = aggregateFrostSignature(session, parts);

          expect(currentCrypto().schnorrVerify(signature, what, group.xOnlyPublicKey)).toBe(true);
        },
      ),
      { numRuns: long ? 200 : 12, seed },
    );
  });

  it('is 8 of 15', { timeout: 60_000 }, async () => {
    const parties = ceremony(8, 15);
    expect(converse(parties).size).toBe(0);
    const shares = sharesOf(parties);
    const { session, parts } = await signed((shares[0] as FrostShare).group, shares.slice(4, 12));

    const signature = aggregateFrostSignature(session, parts);
    expect(currentCrypto().schnorrVerify(signature, message, session.group.xOnlyPublicKey)).toBe(true);
    expect(new Set(shares.map(({ group }) => JSON.stringify(formatFrostGroup(group)))).size).toBe(1);
  });

  it('is named when its part is wrong, all that are', async () => {
    const { group, shares } = dealFrostShares({ threshold: 3, participants: 5 });
    const { session, parts } = await signed(group, pick(shares, [0, 2, 4]));
    const wrong = parts.map((part, at) =>
      at === 0 ? part : { ...part, signature: new Uint8Array(32).fill(part.identifier) },
    );

    expect(parts.map((part) => verifyFrostShare(session, part))).toEqual([true, true, true]);
    expect(wrong.map((part) => verifyFrostShare(session, part))).toEqual([true, false, false]);
    expect(() => aggregateFrostSignature(session, wrong)).toThrow(/participant 3, 5/);
    const beyond = [{ identifier: 1, signature: new Uint8Array(32).fill(255) }, ...parts.slice(1)];
    expect(() => aggregateFrostSignature(session, beyond)).toThrow(/participant 1/);
  });

  it('signs one session with a nonce', async () => {
    const { group, shares } = dealFrostShares({ threshold: 2, participants: 2 });
    const [left, right] = shares as [FrostShare, FrostShare];
    const keys = createMemoryKeyStore();
    const vault = await openNonceVault({ store: createMemoryStore(), guards: [createMemoryStore()], keys, name: 'v' });
    const nonces = [await createFrostNonce(vault, { share: left }), await createFrostNonce(vault, { share: right })];
    const [one, two] = [message, new Uint8Array(32)].map((what) =>
      createFrostSession(group, { nonces, message: what }),
    ) as [FrostSession, FrostSession];
    const part = await signFrost(vault, { session: one, share: left });

    expect(await signFrost(vault, { session: one, share: left })).toEqual(part);
    await expect(signFrost(vault, { session: two, share: left })).rejects.toMatchObject({ code: 'WALLET_NONCE_SPENT' });
    expect((await signFrost(vault, { session: two, share: right })).identifier).toBe(2);
  });

  it('can leave with its key', () => {
    const secretKey = new SecretBytes(new Uint8Array(32).fill(77));
    const { shares } = dealFrostShares({ threshold: 3, participants: 5, secretKey });

    expect(
      secretOf({ ...(shares[0] as FrostShare), secretShare: combineFrostShares(pick(shares, [4, 0, 3])) }),
    ).toEqual(new Uint8Array(32).fill(77));
    expect(() => combineFrostShares(pick(shares, [0, 1]))).toThrow(/WALLET_INVALID_ARGUMENT/);
    expect(() => combineFrostShares(pick(shares, [0, 1, 1]))).toThrow(/WALLET_INVALID_ARGUMENT/);
  });

  it('does not leave with a key that is none: of shares of two groups, or of one that was altered', () => {
    const [one, other] = [1, 2].map(() => dealFrostShares({ threshold: 2, participants: 2 }));
    const [first, second] = one?.shares ?? [];
    const [, stranger] = other?.shares ?? [];
    if (first === undefined || second === undefined || stranger === undefined) throw new Error('no shares');
    const altered = { ...second, secretShare: new SecretBytes(new Uint8Array(32).fill(7)) };
    for (const wrong of [stranger, { ...stranger, group: first.group }, altered])
      expect(() => combineFrostShares([first, wrong])).toThrow(
        expect.objectContaining({ code: 'WALLET_INVALID_ARGUMENT' }),
      );
  });

  it('keeps its group as JSON', () => {
    const { group } = dealFrostShares({ threshold: 2, participants: 3 });
    const json = JSON.parse(JSON.stringify(formatFrostGroup(group))) as unknown;

    expect(parseFrostGroup(json)).toEqual(group);
    for (const wrong of [
      undefined,
      {},
      { threshold: 2, participants: 3, commitments: [] },
      { threshold: 2, participants: 3, commitments: ['aa', 'bb'] },
      { threshold: 2, participants: 300, commitments: formatFrostGroup(group).commitments },
      { threshold: 3, participants: 3, commitments: formatFrostGroup(group).commitments },
    ])
      expect(() => parseFrostGroup(wrong)).toThrow(/WALLET_INVALID_ARGUMENT/);
  });

  it('answers nonsense with a code', async () => {
    const { group, shares } = dealFrostShares({ threshold: 2, participants: 3 });
    const [share] = shares as [FrostShare];
    const vault = await newVault();
    const nonce = await createFrostNonce(vault, { share });
    const other = { ...nonce, identifier: 2 };
    const sync: ReadonlyArray<() => unknown> = [
      () => dealFrostShares(undefined as never),
      () => dealFrostShares({ threshold: 1, participants: 3 }),
      () => dealFrostShares({ threshold: 4, participants: 3 }),
      () => dealFrostShares({ threshold: 2, participants: 256 }),
      () => dealFrostShares({ threshold: 2, participants: 3, secretKey: new SecretBytes(new Uint8Array(32)) }),
      () => dealFrostShares({ threshold: 2, participants: 3, secretKey: new SecretBytes(new Uint8Array(31).fill(1)) }),
      () => dealFrostShares({ threshold: 2, participants: 3, entropy: { bytes: (length) => new Uint8Array(length) } }),
      () => createFrostSession(group, { nonces: [nonce], message }),
      () => createFrostSession(group, { nonces: [nonce, nonce], message }),
      () => createFrostSession(group, { nonces: [nonce, { ...other, identifier: 4 }], message }),
      () => createFrostSession({} as never, { nonces: [nonce, other], message }),
      () => tweakFrostGroup(group, { merkleRoot: new Uint8Array(31) }),
      () => tweakFrostShare({} as never),
      () => tweakFrostGroup({} as never),
      () => formatFrostGroup({} as never),
      () => verifyFrostShare({} as never, { identifier: 1, signature: message }),
      () => aggregateFrostSignature(createFrostSession(group, { nonces: [nonce, other], message }), []),
    ];
    for (const [at, call] of sync.entries()) expect(call, `call ${at}`).toThrow(/WALLET_INVALID_ARGUMENT/);
    const bad = { identifier: 2, publicNonce: nonce.publicNonce.with(0, 4) };
    expect(() => createFrostSession(group, { nonces: [nonce, bad], message })).toThrow(
      expect.objectContaining({
        code: 'WALLET_CONTRIBUTION_INVALID',
        details: { signer: 2, kind: 'public nonce' },
      }) as Error,
    );
    const session = createFrostSession(group, { nonces: [nonce, other], message });
    const third = shares[2] as FrostShare;
    await expect(signFrost(vault, { session, share: third })).rejects.toMatchObject({ code: 'WALLET_KEY_UNKNOWN' });
    const stranger = dealFrostShares({ threshold: 2, participants: 3 }).shares[0] as FrostShare;
    await expect(signFrost(vault, { session, share: stranger })).rejects.toMatchObject({
      code: 'WALLET_INVALID_ARGUMENT',
    });
    expect(() => verifyFrostShare(session, { identifier: 3, signature: message })).toThrow(/WALLET_KEY_UNKNOWN/);
  });
});

describe('a refresh', () => {
  const secrets = [1, 2, 3].map((n) => new SecretBytes(new Uint8Array(32).fill(n)));
  const identityKeys = secrets.map((key) => key.use((bytes) => currentCrypto().publicKey(bytes)) as Uint8Array);
  const begin = (shares: readonly FrostShare[]): readonly FrostDkg[] =>
    shares.map((share, at) =>
      createFrostRefresh({ share, identityKeys, identitySecret: secrets[at] as SecretBytes, ceremony: 'spring' }),
    );

  it('makes new shares of the same key, of which old ones are no part', async () => {
    for (const threshold of [2, 3]) {
      const { group, shares: old } = dealFrostShares({ threshold, participants: 3 });
      const parties = begin(old);
      expect(converse(parties).size).toBe(0);
      const fresh = sharesOf(parties);
      const { group: newGroup } = fresh[0] as FrostShare;
      const { session, parts } = await signed(newGroup, fresh.slice(3 - threshold));

      expect(newGroup.publicKey).toEqual(group.publicKey);
      expect(
        currentCrypto().schnorrVerify(aggregateFrostSignature(session, parts), message, group.xOnlyPublicKey),
      ).toBe(true);
      const key = combineFrostShares(fresh.slice(0, threshold)).use(toHex);
      expect(combineFrostShares(old.slice(0, threshold)).use(toHex)).toBe(key);
      const mixed = [...old.slice(0, threshold - 1), ...fresh.slice(threshold - 1, threshold)];
      expect(() => combineFrostShares(mixed)).toThrow(/WALLET_INVALID_ARGUMENT/);
      for (const [index, share] of fresh.entries())
        expect(secretOf(share)).not.toEqual(secretOf(old[index] as FrostShare));
    }
  });

  it('binds a nonce to the share that it is used with', async () => {
    const { shares: old } = dealFrostShares({ threshold: 2, participants: 3 });
    const parties = begin(old);
    converse(parties);
    const [before, after] = [old[0], sharesOf(parties)[0]] as [FrostShare, FrostShare];
    const vault = await newVault();
    const nonces = [
      await createFrostNonce(vault, { share: before }),
      await createFrostNonce(vault, { share: old[1] as FrostShare }),
    ];
    await signFrost(vault, { session: createFrostSession(before.group, { nonces, message }), share: before });

    const again = signFrost(vault, { session: createFrostSession(after.group, { nonces, message }), share: after });
    await expect(again).rejects.toMatchObject({ code: 'WALLET_NONCE_SPENT' });
  });

  it('blames who would move the key, and is no key generation', () => {
    const { shares } = dealFrostShares({ threshold: 2, participants: 3 });
    const [one] = begin(shares) as [FrostDkg];
    const [, liar] = begin(shares) as [FrostDkg, FrostDkg];
    const [sent] = liar.outbox as [FrostDkgMessage & { readonly kind: 'commitments' }];
    const moved = { ...sent, commitments: [...sent.commitments, ...sent.commitments] };
    const signature = (secrets[1] as SecretBytes).use((key) =>
      currentCrypto().schnorrSign(broadcastHash(sent.ceremony, moved), key),
    ) as Uint8Array;

    expect(() => one.receive({ ...moved, signature: toHex(signature) })).toThrow(
      /commitment, got another of participant 2/,
    );
    expect(
      createFrostDkg({ threshold: 2, identityKeys, identitySecret: secrets[1] as SecretBytes, ceremony: 'spring' })
        .outbox[0]?.ceremony,
    ).not.toBe(sent.ceremony);
    const [share] = shares as [FrostShare];
    const facts = { share, identityKeys, identitySecret: secrets[0] as SecretBytes, ceremony: 'x' };
    for (const wrong of [undefined, { ...facts, share: {} }, { ...facts, identityKeys: identityKeys.slice(1) }])
      expect(() => createFrostRefresh(wrong as never)).toThrow(/WALLET_INVALID_ARGUMENT/);
    expect(() => createFrostRefresh({ ...facts, identitySecret: secrets[1] as SecretBytes })).toThrow(
      /WALLET_KEY_UNKNOWN/,
    );
  });
});

describe('with noble', () => {
  it('a participant of ours and one of theirs sign together', async () => {
    for (const tweaked of [false, true])
      for (let round = 0; round < (long ? 40 : 4); round++) {
        const dealt = dealFrostShares({ threshold: 2, participants: 3 }).shares;
        const shares = tweaked ? dealt.map((share) => tweakFrostShare(share)) : dealt;
        const [ours, theirs] = pick(shares, [0, 2]) as [FrostShare, FrostShare];
        const { group } = ours;
        const vault = await newVault();
        const nonce = await createFrostNonce(vault, { share: ours });
        const theirShare = { identifier: nobleId(3), signingShare: secretOf(theirs) as Uint8Array<ArrayBuffer> };
        const { nonces, commitments } = oracle.commit(theirShare);
        const list = [
          {
            identifier: nobleId(1),
            hiding: nonce.publicNonce.slice(0, 33) as Uint8Array<ArrayBuffer>,
            binding: nonce.publicNonce.slice(33) as Uint8Array<ArrayBuffer>,
          },
          commitments,
        ];
        const session = createFrostSession(group, {
          nonces: [nonce, { identifier: 3, publicNonce: concatBytes(commitments.hiding, commitments.binding) }],
          message,
        });
        const mine = await signFrost(vault, { session, share: ours });
        const yours = oracle.signShare(theirShare, nobleGroup(group), nonces, list, message);
        expect(verifyFrostShare(session, { identifier: 3, signature: yours })).toBe(true);
        const part = mine.signature as Uint8Array<ArrayBuffer>;
        expect(oracle.verifyShare(nobleGroup(group), list, message, nobleId(1), part)).toBe(true);
        const signature = aggregateFrostSignature(session, [mine, { identifier: 3, signature: yours }]);
        const same = oracle.aggregate(nobleGroup(group), list, message, { [nobleId(1)]: part, [nobleId(3)]: yours });

        expect(toHex(signature)).toBe(toHex(same));
        expect(oracle.verify(same, message, group.xOnlyPublicKey as Uint8Array<ArrayBuffer>)).toBe(true);
      }
  });

  it('the same randomness makes the same nonce', () => {
    for (let round = 0; round < 10; round++) {
      const [share] = dealFrostShares({ threshold: 2, participants: 2 }).shares as [FrostShare];
      const random = [1, 2].map((half) => new Uint8Array(32).fill(16 * round + half));
      const take =
        (list: Uint8Array[]): (() => Uint8Array) =>
        () =>
          list.shift() as Uint8Array;
      const theirs = oracle.commit(
        { identifier: nobleId(1), signingShare: secretOf(share) as Uint8Array<ArrayBuffer> },
        take([...random]) as never,
      );
      const { publicNonce, secretNonce } = frostNonceOf(share, { bytes: take([...random]) });

      expect(toHex(publicNonce)).toBe(toHex(concatBytes(theirs.commitments.hiding, theirs.commitments.binding)));
      expect(secretNonce.use(toHex)).toBe(toHex(concatBytes(theirs.nonces.hiding, theirs.nonces.binding)));
    }
  });

  it('shares that noble dealt sign here', async () => {
    const dealt = oracle.trustedDealer({ min: 2, max: 3 });
    const group = parseFrostGroup({
      threshold: 2,
      participants: 3,
      commitments: dealt.public.commitments.map((point) => toHex(point)),
    });
    const shares = [1, 3].map((identifier): FrostShare => {
      const { signingShare } = dealt.secretShares[nobleId(identifier)] as { readonly signingShare: Uint8Array };
      return { identifier, secretShare: new SecretBytes(signingShare), group };
    });
    const { session, parts } = await signed(group, shares);

    expect(
      oracle.verify(
        aggregateFrostSignature(session, parts) as Uint8Array<ArrayBuffer>,
        message,
        group.xOnlyPublicKey as Uint8Array<ArrayBuffer>,
      ),
    ).toBe(true);
    for (const [index, point] of group.verifyingShares.entries())
      expect(toHex(point)).toBe(toHex(dealt.public.verifyingShares[nobleId(index + 1)] as Uint8Array));
  });
});

describe('a key generation', () => {
  it('ends the same in any order of messages, each of which may come twice', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 5 }),
        fc.array(fc.nat(1_000), { minLength: 5, maxLength: 30 }),
        (participants, numbers) => {
          let at = 0;
          const parties = ceremony(2, participants);
          const order = (bound: number): number => (numbers[at++ % numbers.length] as number) % bound;
          expect(converse(parties, (sent) => [sent, sent], order).size).toBe(0);

          expect(new Set(parties.map(({ share }) => toHex(share?.group.publicKey ?? message))).size).toBe(1);
        },
      ),
      { numRuns: long ? 200 : 10, seed },
    );
  });

  it('ignores what is not signed or sealed by its sender, and what is no message', () => {
    const parties = ceremony(2, 3);
    const junk = (sent: FrostDkgMessage): readonly unknown[] => [
      undefined,
      null,
      5,
      [],
      {},
      { ...sent, ceremony: '00' },
      { ...sent, from: 9 },
      { ...sent, from: 0.5 },
      { ...sent, from: 'x' },
      { ...sent, kind: 'x' },
      sent.kind === 'share' ? { ...sent, sealed: 'ab'.repeat(72) } : { ...sent, signature: 'ab'.repeat(64) },
      sent.kind === 'share' ? { ...sent, sealed: '' } : { ...sent, commitments: [...sent.commitments].reverse() },
      sent.kind === 'share' ? { ...sent, transcript: 'ab'.repeat(32) } : { ...sent, proof: 'zz' },
      sent.kind === 'share' ? { ...sent, to: 77 } : { ...sent, commitments: 'x' },
      sent,
    ];

    expect(converse(parties, junk).size).toBe(0);
    expect(parties.every(({ share }) => share !== undefined)).toBe(true);
  });

  it('uses what it has checked, whatever becomes of the message', () => {
    const [one, two] = ceremony(2, 2) as [FrostDkg, FrostDkg];
    const [sent] = structuredClone(two.outbox) as unknown as [{ commitments: string[] }];
    one.receive(sent);
    sent.commitments.reverse();
    for (const message_ of one.outbox) two.receive(message_);
    for (const message_ of two.outbox) one.receive(message_);

    expect(one.share?.group.publicKey).toEqual(two.share?.group.publicKey);
  });

  it('seals each share to its receiver: nobody else learns it', () => {
    const parties = ceremony(2, 3);
    const sealed: string[] = [];
    converse(parties, (sent) => {
      if (sent.kind === 'share') sealed.push(sent.sealed);
      return [sent];
    });
    const secrets = sharesOf(parties).map((share) => toHex(secretOf(share)));

    for (const text of sealed) for (const secret of secrets) expect(text).not.toContain(secret);
    expect(JSON.stringify(parties.map(({ outbox, share }) => ({ outbox, share })))).not.toContain(secrets[0]);
  });

  it('answers wrong arguments with a code', () => {
    const identitySecret = new SecretBytes(new Uint8Array(32).fill(1));
    const [one, two] = [1, 2].map((n) => currentCrypto().publicKey(new Uint8Array(32).fill(n)) as Uint8Array) as [
      Uint8Array,
      Uint8Array,
    ];
    const facts = { threshold: 2, identityKeys: [one, two], identitySecret, ceremony: 'x' };
    for (const wrong of [
      undefined,
      { ...facts, threshold: 3 },
      { ...facts, identityKeys: [one] },
      { ...facts, identityKeys: [one, one] },
      { ...facts, identityKeys: [one, new Uint8Array(33)] },
      { ...facts, identitySecret: new Uint8Array(32) },
      { ...facts, ceremony: 7 },
      { ...facts, entropy: {} },
    ])
      expect(() => createFrostDkg(wrong as never)).toThrow(/WALLET_INVALID_ARGUMENT/);
    for (const secret of [new Uint8Array(32).fill(9), new Uint8Array(32), new Uint8Array(5)])
      expect(() => createFrostDkg({ ...facts, identitySecret: new SecretBytes(secret) })).toThrow(/WALLET_KEY_UNKNOWN/);
  });
});
