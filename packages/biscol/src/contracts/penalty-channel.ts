import { currentCrypto, equalBytes, satoshis } from '@bitcoin-enterprise/core';
import { and, type Clause, musig, older, pk, sha256 } from '../contract/clauses.ts';
import { type Contract, defineContract } from '../contract/define.ts';
import { defineGuarantees, type Guarantees, type HistoryStep } from '../contract/guarantees.ts';
import { anchor, pay, rest, to } from '../contract/outputs.ts';
import { distinctKeys, rule } from '../contract/rules.ts';
import { amount, blocks, hash, type NamedKey, party, preimage, type Values, whole } from '../contract/values.ts';
import type { AmountKind, BytesKind, NoArgs, NumberKind, PartyKind } from './kinds.ts';

/** Parameters of {@link penaltyChannel}. */
export type PenaltyChannelParams = {
  readonly alice: PartyKind;
  readonly bob: PartyKind;
  /** Satoshis in the channel, of both together. */
  readonly capacity: AmountKind;
  /** Satoshis that each side always keeps: what a cheat has to lose at least. */
  readonly reserve: AmountKind;
  /** Blocks that the one who closes alone waits for his share: in them the other can punish an old commitment. */
  readonly delay: NumberKind;
};

/** Data of the outputs of {@link penaltyChannel}: of a share that waits. */
export type PenaltyChannelData = {
  /** Of the commitment, from 0 up. */
  readonly number: NumberKind;
  /** SHA-256 of the secret that its owner gives away once there is a later one. */
  readonly revocation: BytesKind;
};

/** What a commitment is about. */
export type CommitmentArgs = {
  readonly number: NumberKind;
  /** Alice's share, in satoshis; Bob has the rest of the capacity. */
  readonly toAlice: AmountKind;
  /** SHA-256 of the secret of this commitment, of the one who may send it. */
  readonly revocation: BytesKind;
};

/** Transitions of {@link penaltyChannel}. */
export type PenaltyChannelTransitions = {
  readonly close: { readonly toAlice: AmountKind };
  readonly commitAlice: CommitmentArgs;
  readonly commitBob: CommitmentArgs;
  readonly takeAlice: NoArgs;
  readonly punishAlice: { readonly secret: BytesKind };
  readonly takeBob: NoArgs;
  readonly punishBob: { readonly secret: BytesKind };
};

type Params = Values<PenaltyChannelParams>;
type CommitmentContext = { readonly args: Values<CommitmentArgs> };

const commitment = {
  args: { number: whole({ maximum: 2 ** 48 - 1 }), toAlice: amount(), revocation: hash() },
  refuses: ({ capacity, reserve }: Params, { args }: { readonly args: { readonly toAlice: bigint } }) =>
    args.toAlice < reserve || capacity - args.toAlice < reserve ? `each side keeps ${reserve} sat` : undefined,
};

/** The share of the one who closed alone. */
const waiting = (
  owner: NamedKey,
  other: NamedKey,
  delay: number,
  revocation: Uint8Array,
): Record<'take' | 'punish', Clause> => ({
  take: and(pk(owner), older(delay)),
  punish: and(pk(other), sha256(revocation)),
});

const punishment = {
  by: 'punish',
  // Version 3 (BIP431), as the commitment that it may have to spend before that is confirmed.
  version: 3,
  args: { secret: preimage() },
  reveals: (_: Params, { args }: { readonly args: { readonly secret: Uint8Array } }): readonly Uint8Array[] => [
    args.secret,
  ],
} as const;

/**
 * A payment channel in both directions with penalties, as in Lightning: each update is two commitments, transactions that
 * both sign (MuSig2) and only one of them may send, each his own. Then each gives away the secret of his commitment
 * before. Who sends an old one loses everything: his share waits for `delay` blocks, and the other takes it with the secret.
 * Who sends a commitment pays its fee.
 *
 * In the engine an update is the executions `commitAlice` and `commitBob` that are held, each by its owner; secrets of old
 * ones are given to the engine as they come. {@link commitmentSecret} makes them.
 *
 * @example An update
 * ```ts
 * import { fundingOutputs, instantiate, planTransition } from '@bitcoin-enterprise/biscol';
 * import { commitmentSecret, penaltyChannel } from '@bitcoin-enterprise/biscol/contracts';
 * import { currentCrypto, feeRate, loadCrypto, toHex } from '@bitcoin-enterprise/core';
 *
 * await loadCrypto();
 * const { publicKey, sha256 } = currentCrypto();
 * const key = (n: number) => toHex(publicKey(new Uint8Array(32).fill(n)) as Uint8Array);
 * const someone = (n: number) => ({ key: key(n), payTo: `5120${key(n).slice(2)}` });
 * const params = { alice: someone(1), bob: someone(2), capacity: 500_000n, reserve: 5_000n, delay: 144 };
 * const instance = instantiate(penaltyChannel, { network: 'regtest', params });
 * const [open] = fundingOutputs(instance);
 * const cells = [{ state: 'open', data: open!.data, value: open!.value, txid: new Uint8Array(32), index: 0 }];
 * const revocation = sha256(commitmentSecret(new Uint8Array(32).fill(9), 7));
 * const args = { number: 7, toAlice: 200_000n, revocation };
 * const seventh = planTransition(instance, 'commitAlice', { cells, args, feeRate: feeRate(1_000n) });
 * seventh.payouts.map(({ party, value }) => [party, value]); // => [['bob', 300_000n]]
 * ```
 */
export const penaltyChannel: Contract<
  PenaltyChannelParams,
  PenaltyChannelData,
  'open' | 'aliceWaits' | 'bobWaits',
  PenaltyChannelTransitions
> = defineContract({
  name: 'penalty-channel',
  description: 'Payments in both directions; who closes with an old state loses everything.',
  params: {
    alice: party(),
    bob: party(),
    capacity: amount({ minimum: 10_000n }),
    reserve: amount({ minimum: 2_000n }),
    delay: blocks({ minimum: 2 }),
  },
  data: { number: whole({ maximum: 2 ** 48 - 1 }), revocation: hash() },
  rules: ({ alice, bob, capacity, reserve }) => [
    distinctKeys(alice, bob),
    rule(2n * reserve <= capacity, 'reserve', 'at most half of the capacity'),
  ],
  states: {
    open: {
      description: 'open',
      amount: ({ capacity }) => capacity,
      key: ({ alice, bob }) => musig(alice, bob),
    },
    aliceWaits: {
      description: 'closed by Alice, whose share waits',
      paths: ({ alice, bob, delay }, { revocation }) => waiting(alice, bob, delay, revocation),
    },
    bobWaits: {
      description: 'closed by Bob, whose share waits',
      paths: ({ alice, bob, delay }, { revocation }) => waiting(bob, alice, delay, revocation),
    },
  },
  transitions: {
    close: {
      from: 'open',
      by: 'key',
      description: 'closes; both agree',
      args: { toAlice: amount() },
      refuses: commitment.refuses,
      outputs: ({ alice, bob }, { args }) => [pay(alice, args.toAlice), pay(bob, rest)],
    },
    commitAlice: {
      ...commitment,
      from: 'open',
      by: 'key',
      version: 3,
      description: 'closes by Alice alone, who has Bob’s signature',
      outputs: ({ bob, capacity }: Params, { args: { number, revocation, toAlice } }: CommitmentContext) => [
        to('aliceWaits', { amount: rest, data: { number, revocation } }),
        pay(bob, satoshis(capacity - toAlice)),
        anchor(),
      ],
    },
    commitBob: {
      ...commitment,
      from: 'open',
      by: 'key',
      version: 3,
      description: 'closes by Bob alone, who has Alice’s signature',
      outputs: ({ alice }: Params, { args: { number, revocation, toAlice } }: CommitmentContext) => [
        to('bobWaits', { amount: rest, data: { number, revocation } }),
        pay(alice, toAlice),
        anchor(),
      ],
    },
    takeAlice: {
      from: 'aliceWaits',
      by: 'take',
      description: 'takes her share, after the delay',
      outputs: ({ alice }) => [pay(alice, rest)],
    },
    punishAlice: {
      ...punishment,
      from: 'aliceWaits',
      description: 'takes Alice’s share for an old commitment',
      outputs: ({ bob }) => [pay(bob, rest)],
    },
    takeBob: {
      from: 'bobWaits',
      by: 'take',
      description: 'takes his share, after the delay',
      outputs: ({ bob }) => [pay(bob, rest)],
    },
    punishBob: {
      ...punishment,
      from: 'bobWaits',
      description: 'takes Bob’s share for an old commitment',
      outputs: ({ alice }) => [pay(alice, rest)],
    },
  },
  funding: () => [to('open')],
  duties: [
    { party: ({ bob }) => bob, state: 'aliceWaits', transition: 'punishAlice', secrets: ['secret'] },
    { party: ({ alice }) => alice, state: 'bobWaits', transition: 'punishBob', secrets: ['secret'] },
    { party: ({ alice }) => alice, state: 'aliceWaits', transition: 'takeAlice' },
    { party: ({ bob }) => bob, state: 'bobWaits', transition: 'takeBob' },
  ],
});

/**
 * Each side gets its share of the commitment that was sent, or everything for one whose secret it has. An honest party
 * sends none but its latest.
 */
export const penaltyChannelGuarantees: Guarantees<typeof penaltyChannel> = defineGuarantees(penaltyChannel, {
  reaction: ({ delay }) => delay - 1,
  sides: ({ capacity, delay }) => [
    {
      name: 'alice',
      members: ['alice'],
      least: ({ steps, secrets }) => {
        const end = steps[0];
        if (end?.transition === 'commitBob' && knows(secrets, 'alice', end)) return capacity;
        if (isTheft(end, 'alice')) return capacity;
        return shareOf(end) ?? 0n;
      },
      paidBy: ({ steps: [end] }) => paidBy(end, delay),
    },
    {
      name: 'bob',
      members: ['bob'],
      least: ({ steps, secrets }) => {
        const end = steps[0];
        if (end?.transition === 'commitAlice' && knows(secrets, 'bob', end)) return capacity;
        if (isTheft(end, 'bob')) return capacity;
        return capacity - (shareOf(end) ?? capacity);
      },
      paidBy: ({ steps: [end] }) => paidBy(end, delay),
    },
  ],
  endsBy: ({ delay }, { steps: [end] }) => (end === undefined ? undefined : end.height + 2 * (delay - 1)),
});

type Step = HistoryStep<typeof penaltyChannel>;
type Commitment = Extract<Step, { readonly transition: 'commitAlice' | 'commitBob' }>;

/** Each side waits for its own share, or takes the other's, for as long as the delay and its reaction. */
function paidBy(end: Step | undefined, delay: number): number | undefined {
  return end === undefined ? undefined : end.height + 2 * (delay - 1);
}

/** Whether the channel was taken without somebody's signature. */
function isTheft(end: Step | undefined, from: string): boolean {
  return end !== undefined && end.transition === undefined && !end.signers.includes(from);
}

/** What Alice gets of an end, fees aside. */
function shareOf(end: Step | undefined): bigint | undefined {
  return end?.transition === 'close' || end?.transition === 'commitAlice' || end?.transition === 'commitBob'
    ? end.args.toAlice
    : undefined;
}

function knows(
  secrets: readonly { readonly party: string; readonly secret: Uint8Array; readonly since: number }[],
  who: string,
  { args, height }: Commitment,
): boolean {
  return secrets.some(
    (one) =>
      one.party === who && one.since <= height && equalBytes(currentCrypto().sha256(one.secret), args.revocation),
  );
}
