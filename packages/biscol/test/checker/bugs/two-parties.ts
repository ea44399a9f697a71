import { after, anchor, and, older, pay, pk, rest, sha256, thresh, to } from '@bitcoin-enterprise/biscol';
import { currentCrypto, satoshis } from '@bitcoin-enterprise/core';
import { secretOf } from '../../support/people.ts';
import type { Checked } from '../../support/checked-library.ts';
import {
  all,
  type Bug,
  type C,
  duty,
  type P,
  params,
  paths,
  playing,
  state,
  transition,
  transitions,
  type V,
  without,
} from './seed.ts';

const refund = [{ transition: 'refund' }];
const reacting =
  (reaction: Checked['guarantees']['reaction']): Bug['mutate'] =>
  (checked) => ({
    ...checked,
    guarantees: { ...checked.guarantees, reaction },
  });

const htlcBugs: readonly Bug[] = [
  {
    name: 'the sender takes it back at once',
    kind: 'time-lock missing',
    of: 'htlc',
    mutate: paths('offered', ({ sender }) => ({ refund: pk(sender) })),
  },
  {
    name: 'the sender’s time ends before the receiver’s',
    kind: 'time-lock order',
    of: 'htlc',
    mutate: paths('offered', ({ sender, refundAfter, margin }) => ({
      refund: and(pk(sender), after(refundAfter - margin)),
    })),
  },
  {
    name: 'the receiver needs no secret',
    kind: 'hash lock missing',
    of: 'htlc without its secret',
    mutate: paths('offered', ({ receiver }) => ({ claim: pk(receiver) })),
  },
  {
    name: 'the sender cancels without the receiver’s secret',
    kind: 'hash lock missing',
    of: 'htlc',
    mutate: paths('offered', ({ sender }) => ({ cancel: pk(sender) })),
  },
  {
    name: 'both locks are exchanged',
    kind: 'hash locks swapped',
    of: 'htlc',
    mutate: paths('offered', ({ sender, receiver, digest, cancelDigest }) => ({
      claim: and(pk(receiver), sha256(cancelDigest)),
      cancel: and(pk(sender), sha256(digest)),
    })),
    walk: refund,
  },
  {
    name: 'the secret that pays also cancels',
    kind: 'hash locks swapped',
    of: 'htlc',
    mutate: paths('offered', ({ sender, digest }) => ({ cancel: and(pk(sender), sha256(digest)) })),
  },
  {
    name: 'the sender can do everything on the key path',
    kind: 'key path left open',
    of: 'htlc',
    mutate: state('offered', { key: ({ sender }: P) => sender }),
  },
  {
    name: 'the receiver can do everything on the key path',
    kind: 'key path left open',
    of: 'htlc without its secret',
    mutate: state('offered', { key: ({ receiver }: P) => receiver }),
    walk: refund,
  },
  {
    name: 'the receiver waits until the last block',
    kind: 'duty too late',
    of: 'htlc',
    mutate: duty('claim', { when: ({ refundAfter }: P, { height }: V) => height + 1 >= refundAfter }),
  },
  {
    name: 'the sender forgets to take it back',
    kind: 'duty missing',
    of: 'htlc without its secret',
    mutate: without('refund'),
  },
  {
    name: 'the whole margin is for the first try',
    kind: 'reorganisation after a reveal',
    of: 'htlc with reorganisations that take their time',
    mutate: reacting(({ margin }) => margin as number),
    sides: ['receiver'],
  },
  {
    name: 'taking it back pays the receiver',
    kind: 'wrong receiver',
    of: 'htlc without its secret',
    mutate: transition('refund', { outputs: ({ receiver }: P) => [pay(receiver, rest)] }),
    walk: [{ transition: 'settle' }],
  },
  {
    name: 'settling pays the sender',
    kind: 'wrong receiver',
    of: 'htlc',
    mutate: transition('settle', { outputs: ({ sender }: P) => [pay(sender, rest)] }),
  },
];

const escrowBugs: readonly Bug[] = [
  {
    name: 'the buyer takes it back at once',
    kind: 'time-lock missing',
    of: 'escrow',
    mutate: paths('funded', ({ buyer }) => ({ refund: pk(buyer) })),
  },
  {
    name: 'the buyer’s patience is not what was agreed',
    kind: 'time-lock too short',
    of: 'escrow',
    mutate: paths('funded', ({ buyer, patience }) => ({ refund: and(pk(buyer), older(patience - 1)) })),
    sides: ['seller'],
  },
  {
    name: 'the seller can do everything on the key path',
    kind: 'key path left open',
    of: 'escrow',
    mutate: state('funded', { key: ({ seller }: P) => seller }),
  },
  {
    name: 'the buyer can do everything on the key path',
    kind: 'key path left open',
    of: 'escrow',
    mutate: state('funded', { key: ({ buyer }: P) => buyer }),
  },
  {
    name: 'the seller rules for himself',
    kind: 'signers too few',
    of: 'escrow',
    mutate: paths('funded', ({ seller }) => ({ ruleForSeller: pk(seller) })),
  },
  {
    name: 'the arbiter rules alone',
    kind: 'signers too few',
    of: 'escrow',
    mutate: paths('funded', ({ seller, arbiter }) => ({ ruleForSeller: thresh(1, [pk(seller), pk(arbiter)]) })),
    walk: [{ transition: 'release' }],
  },
  { name: 'nobody takes it back', kind: 'duty missing', of: 'escrow', mutate: without('refund') },
  {
    name: 'taking it back pays the seller',
    kind: 'wrong receiver',
    of: 'escrow',
    mutate: transition('refund', { outputs: ({ seller }: P) => [pay(seller, rest)] }),
  },
  {
    name: 'shares of a split are exchanged',
    kind: 'wrong amount',
    of: 'escrow',
    mutate: transitions(['settle', 'splitWithBuyer', 'splitWithSeller'], {
      outputs: ({ buyer, seller }: P, { args }: C) => [pay(seller, args.toBuyer), pay(buyer, rest)],
    }),
  },
];

const almostAll = [{ party: 'payee', transition: 'pay', args: { paid: 100_000_000n - 400n } }];

const oneWayBugs: readonly Bug[] = [
  {
    name: 'the payer takes it back at once',
    kind: 'time-lock missing',
    of: 'unidirectional-channel',
    mutate: paths('open', ({ payer }) => ({ refund: pk(payer) })),
  },
  {
    name: 'the channel expires before the payee closes it',
    kind: 'time-lock order',
    of: 'unidirectional-channel',
    mutate: paths('open', ({ payer, expiry, margin }) => ({ refund: and(pk(payer), after(expiry - 2 * margin)) })),
  },
  { name: 'the payee does not close', kind: 'duty missing', of: 'unidirectional-channel', mutate: without('pay') },
  {
    name: 'the payee closes when it has expired',
    kind: 'duty too late',
    of: 'unidirectional-channel',
    mutate: duty('pay', { when: ({ expiry }: P, { height }: V) => height >= expiry }),
  },
  {
    name: 'the payer forgets to take it back',
    kind: 'duty missing',
    of: 'unidirectional-channel',
    mutate: without('refund'),
  },
  {
    name: 'a payment needs the payer alone',
    kind: 'signers too few',
    of: 'unidirectional-channel',
    mutate: paths('open', ({ payer }) => ({ pay: pk(payer) })),
  },
  {
    name: 'a payment needs the payee alone',
    kind: 'signers too few',
    of: 'unidirectional-channel',
    mutate: paths('open', ({ payee }) => ({ pay: pk(payee) })),
  },
  {
    name: 'shares are exchanged',
    kind: 'wrong amount',
    of: 'unidirectional-channel',
    mutate: transition('pay', {
      outputs: ({ payer, payee }: P, { args }: C) => [pay(payer, args.paid), pay(payee, rest)],
    }),
  },
  {
    name: 'a payment leaves nothing to the payer',
    kind: 'wrong amount',
    of: 'unidirectional-channel',
    mutate: transition('pay', { outputs: ({ payee }: P) => [pay(payee, rest)] }),
  },
  {
    name: 'what is left to the payer is dust',
    kind: 'dust',
    of: 'unidirectional-channel',
    mutate: all(
      transition('pay', {
        outputs: ({ payer, payee }: P, { args }: C) => [pay(payee, args.paid), pay(payer, rest)],
      }),
      playing({ held: almostAll }),
    ),
    control: playing({ held: almostAll }),
  },
  {
    name: 'the whole margin is for the first try',
    kind: 'reorganisation after a reveal',
    of: 'unidirectional-channel',
    mutate: all(
      reacting(({ margin }) => 2 * (margin as number)),
      params(({ expiry }) => ({ expiry: expiry + 1 })),
    ),
    control: params(({ expiry }) => ({ expiry: expiry + 1 })),
    sides: ['payee'],
    bounds: { renews: true, spikes: false, blocks: 14, reorgDepth: 2 },
  },
];

const take = (whose: 'alice' | 'bob', clause: (params: P) => unknown): Bug['mutate'] =>
  paths(`${whose}Waits`, (of) => ({ take: clause(of) }));

const penaltyBugs: readonly Bug[] = [
  {
    name: 'a share can be punished without its secret',
    kind: 'hash lock missing',
    of: 'penalty-channel',
    mutate: paths('aliceWaits', ({ bob }) => ({ punish: pk(bob) })),
  },
  {
    name: 'Bob’s share does not wait',
    kind: 'time-lock missing',
    of: 'penalty-channel',
    mutate: take('bob', ({ bob }) => pk(bob)),
  },
  {
    name: 'Alice’s share waits a block',
    kind: 'time-lock too short',
    of: 'penalty-channel',
    mutate: take('alice', ({ alice }) => and(pk(alice), older(1))),
  },
  { name: 'Alice does not punish', kind: 'duty missing', of: 'penalty-channel', mutate: without('punishBob') },
  {
    name: 'the secret of no commitment opens Bob’s share',
    kind: 'replay of an old state',
    of: 'penalty-channel',
    mutate: transition('commitBob', {
      outputs: ({ alice }: P, { args: { number, revocation, toAlice } }: C) => [
        to('bobWaits', { amount: rest, data: { number, revocation: currentCrypto().sha256(revocation) } }),
        pay(alice, toAlice),
        anchor(),
      ],
    }),
  },
  {
    name: 'Alice was given the secret of another commitment',
    kind: 'replay of an old state',
    of: 'penalty-channel',
    mutate: paths('bobWaits', ({ alice }) => ({
      punish: and(pk(alice), sha256(currentCrypto().sha256(secretOf(77)))),
    })),
  },
  {
    name: 'the penalty pays the cheat',
    kind: 'wrong receiver',
    of: 'penalty-channel',
    mutate: transition('punishBob', { outputs: ({ bob }: P) => [pay(bob, rest)] }),
  },
  {
    name: 'Bob’s commitment keeps Alice’s reserve back',
    kind: 'wrong amount',
    of: 'penalty-channel',
    mutate: transition('commitBob', {
      outputs: ({ alice, reserve }: P, { args: { number, revocation, toAlice } }: C) => [
        to('bobWaits', { amount: rest, data: { number, revocation } }),
        pay(alice, satoshis(toAlice - reserve)),
        anchor(),
      ],
    }),
  },
  {
    name: 'Bob can do everything on the key path',
    kind: 'key path left open',
    of: 'penalty-channel',
    mutate: state('open', { key: ({ bob }: P) => bob }),
  },
  {
    name: 'Bob’s share has his key on the key path',
    kind: 'key path left open',
    of: 'penalty-channel',
    mutate: state('bobWaits', { key: ({ bob }: P) => bob }),
  },
  {
    name: 'Alice’s share is Bob’s after the delay',
    kind: 'wrong key',
    of: 'penalty-channel',
    mutate: take('alice', ({ bob, delay }) => and(pk(bob), older(delay))),
  },
  {
    name: 'Alice does not take her share',
    kind: 'duty missing',
    of: 'penalty-channel',
    mutate: without('takeAlice'),
  },
  {
    name: 'shares of an end are exchanged',
    kind: 'wrong amount',
    of: 'penalty-channel',
    mutate: transition('close', {
      outputs: ({ alice, bob }: P, { args }: C) => [pay(bob, args.toAlice), pay(alice, rest)],
    }),
  },
];

const dlcBugs: readonly Bug[] = [
  {
    name: 'the offerer alone takes it after the height',
    kind: 'signers too few',
    of: 'dlc',
    mutate: paths('funded', ({ offerer, refundAfter }) => ({ refund: and(pk(offerer), after(refundAfter)) })),
  },
  {
    name: 'the accepter can do everything on the key path',
    kind: 'key path left open',
    of: 'dlc',
    mutate: state('funded', { key: ({ accepter }: P) => accepter }),
  },
  {
    name: 'nobody sends the refund',
    kind: 'duty missing',
    of: 'dlc',
    mutate: without('refund'),
  },
  {
    name: 'the refund pays the accepter both collaterals',
    kind: 'wrong receiver',
    of: 'dlc',
    mutate: transition('refund', {
      outputs: ({ accepter }: P, { value }: C) => [pay(accepter, satoshis(value - 1_000n))],
    }),
  },
  {
    name: 'an attested outcome is paid the other way round',
    kind: 'wrong amount',
    of: 'dlc',
    mutate: transition('execute', {
      outputs: ({ offerer, accepter }: P, { args, value }: C) => [
        pay(accepter, args.toOfferer),
        pay(offerer, satoshis(value - args.toOfferer - 1_000n)),
      ],
    }),
  },
  {
    name: 'the refund waits for longer than was agreed',
    kind: 'time-lock order',
    of: 'dlc',
    mutate: paths('funded', ({ offerer, accepter, refundAfter }) => ({
      refund: and(pk(offerer), pk(accepter), after(refundAfter + 7)),
    })),
    bounds: { reorgs: 0, pins: 0 },
  },
  {
    name: 'the refund’s fee is fixed at 400 sat, and nobody can add to it',
    kind: 'fee too low',
    of: 'dlc',
    mutate: all(
      params(() => ({ feeReserve: 400n })),
      playing({ offline: [1, 2] }),
    ),
    control: all(
      params(() => ({ feeReserve: 20_000n })),
      playing({ offline: [1, 2] }),
    ),
    bounds: { reorgs: 0, pins: 0, blocks: 11 },
  },
];

/** Mistakes in contracts of two or three. */
export const twoPartyBugs: readonly Bug[] = [...htlcBugs, ...escrowBugs, ...oneWayBugs, ...penaltyBugs, ...dlcBugs];
