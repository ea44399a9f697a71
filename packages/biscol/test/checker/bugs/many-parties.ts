import { after, anchor, and, older, pay, pk, rest, sha256, thresh, to } from '@bitcoin-enterprise/biscol';
import { drawCommitment, drawDigest } from '@bitcoin-enterprise/biscol/contracts';
import { satoshis } from '@bitcoin-enterprise/core';
import { drawSecret } from '../../contracts/scenarios/lottery.ts';
import {
  all,
  at,
  type Bug,
  type C,
  type D,
  duty,
  funding,
  type P,
  params,
  paths,
  playing,
  state,
  transition,
  type V,
  without,
} from './seed.ts';

const inheritanceBugs: readonly Bug[] = [
  {
    name: 'heirs inherit at once',
    kind: 'time-lock missing',
    of: 'inheritance',
    mutate: paths('alive', ({ heirs, quorum }) => ({ inherit: thresh(quorum, heirs.map(pk)) })),
  },
  {
    name: 'heirs inherit when the owner is only about to give a sign',
    kind: 'time-lock too short',
    of: 'inheritance',
    mutate: paths('alive', ({ heirs, quorum, patience }) => ({
      inherit: and(thresh(quorum, heirs.map(pk)), older(Math.floor(patience / 2) + 1)),
    })),
  },
  {
    name: 'the owner gives signs only when it is late',
    kind: 'duty too late',
    of: 'inheritance',
    mutate: duty('renew', { when: ({ patience }: P, { confirmations }: V) => confirmations >= patience - 1 }),
  },
  { name: 'the owner gives no signs', kind: 'duty missing', of: 'inheritance', mutate: without('renew') },
  {
    name: 'heirs do nothing',
    kind: 'duty missing',
    of: 'inheritance',
    mutate: without('inherit'),
    bounds: { blocks: 18, pins: 0, reorgs: 0 },
    sides: ['heirs'],
  },
  {
    name: 'an heir has the owner’s key path',
    kind: 'key path left open',
    of: 'inheritance',
    mutate: state('alive', { key: ({ heirs }: P) => at(heirs, 0) }),
    walk: [{ transition: 'inherit', signers: ['heirs[0]', 'heirs[2]'] }],
  },
  {
    name: 'a sign of life pays an heir',
    kind: 'wrong amount',
    of: 'inheritance',
    mutate: transition('renew', {
      outputs: ({ heirs }: P, { value }: C) => [
        to('alive', { amount: rest }),
        pay(at(heirs, 0), satoshis(value / 100n)),
      ],
    }),
  },
];

const instalmentBugs: readonly Bug[] = [
  {
    name: 'instalments are collected before they are due',
    kind: 'time-lock missing',
    of: 'subscription',
    mutate: paths('waiting', ({ payee }) => ({ collect: pk(payee) })),
  },
  {
    name: 'instalments are due one block early',
    kind: 'time-lock too short',
    of: 'subscription',
    mutate: paths('waiting', ({ payee, start, period }, { number }) => ({
      collect: and(pk(payee), after(start + period * number - 1)),
    })),
  },
  { name: 'the payee does not collect', kind: 'duty missing', of: 'subscription', mutate: without('collect') },
  {
    name: 'the payer’s key collects',
    kind: 'wrong key',
    of: 'subscription',
    mutate: paths('waiting', ({ payer, start, period }, { number }) => ({
      collect: and(pk(payer), after(start + period * number)),
    })),
  },
  {
    name: 'the payee has the key path',
    kind: 'key path left open',
    of: 'subscription',
    mutate: state('waiting', { key: ({ payee }: P) => payee }),
  },
  {
    name: 'collecting pays the payer',
    kind: 'wrong receiver',
    of: 'subscription',
    mutate: transition('collect', { outputs: ({ payer }: P) => [pay(payer, rest)] }),
  },
  {
    name: 'the second instalment is half of one',
    kind: 'wrong amount',
    of: 'subscription',
    mutate: state('waiting', {
      amount: ({ instalment }: P, { number }: D) => satoshis(number === 1 ? instalment / 2n : instalment),
    }),
  },
  {
    name: 'an instalment that is due leads anywhere',
    kind: 'covenant missing',
    of: 'payment-stream',
    mutate: transition('instalment', { covenant: false }),
  },
  {
    name: 'giving notice leads anywhere',
    kind: 'covenant missing',
    of: 'payment-stream',
    mutate: transition('cancel', { covenant: false }),
  },
  {
    name: 'the rest is taken back with the notice',
    kind: 'time-lock missing',
    of: 'payment-stream',
    mutate: paths('ending', ({ payer }) => ({ reclaim: pk(payer) })),
  },
  {
    name: 'an instalment can be collected a period early',
    kind: 'time-lock too short',
    of: 'payment-stream',
    mutate: paths('running', ({ payee, start, period }, { paid }) => ({
      collect: and(pk(payee), after(start + period * (paid - 1))),
    })),
  },
  {
    name: 'an instalment is one and a half',
    kind: 'wrong amount',
    of: 'payment-stream',
    mutate: transition('instalment', {
      outputs: ({ payee, instalment, count }: P, { data: { paid } }: C) =>
        paid === count - 1
          ? [pay(payee, rest), anchor()]
          : [
              pay(payee, satoshis(instalment + instalment / 2n)),
              to('running', { amount: rest, data: { paid: paid + 1 } }),
              anchor(),
            ],
    }),
  },
  {
    name: 'a notice skips an instalment',
    kind: 'wrong next state',
    of: 'payment-stream',
    mutate: transition('cancel', {
      outputs: (_: P, { data }: C) => [to('ending', { amount: rest, data: { paid: data.paid + 1 } }), anchor()],
    }),
  },
  {
    name: 'what is due is not collected after a notice',
    kind: 'duty missing',
    of: 'payment-stream',
    mutate: without('lastInstalment'),
  },
  {
    name: 'collecting after a notice is of version 2',
    kind: 'pinning',
    of: 'payment-stream',
    mutate: all(transition('lastInstalment', { version: 2 }), playing({ offline: [2] })),
    control: playing({ offline: [2] }),
    sides: ['payee'],
    bounds: { reorgs: 0, pins: 1, blocks: 10 },
  },
];

const crowdfundingBugs: readonly Bug[] = [
  {
    name: 'the founder collects without pledgers',
    kind: 'signers too few',
    of: 'crowdfunding',
    mutate: paths('pledged', ({ founder }) => ({ collect: pk(founder) })),
    sides: ['pledgers[0]'],
  },
  {
    name: 'the founder has the key path',
    kind: 'key path left open',
    of: 'crowdfunding',
    mutate: state('pledged', { key: ({ founder }: P) => founder }),
    sides: ['pledgers[1]'],
  },
  {
    name: 'the founder takes what has come in below the goal',
    kind: 'wrong amount',
    of: 'crowdfunding',
    mutate: transition('collect', { outputs: ({ founder }: P) => [pay(founder, rest)] }),
    sides: ['pledgers[0]'],
  },
  {
    name: 'two pledges are taken for less than the goal',
    kind: 'wrong amount',
    of: 'crowdfunding',
    mutate: transition('collect', {
      outputs: ({ founder, goal }: P) => [pay(founder, satoshis(goal - 10_000_000n))],
    }),
    sides: ['pledgers[2]'],
  },
  {
    name: 'pledges come back to the founder',
    kind: 'wrong receiver',
    of: 'crowdfunding',
    mutate: transition('refund', { outputs: ({ founder }: P) => [pay(founder, rest)] }),
    sides: ['pledgers[0]'],
  },
  {
    name: 'a pledger forgets to take it back',
    kind: 'duty missing',
    of: 'crowdfunding',
    mutate: without('refund'),
    sides: ['pledgers[0]'],
    bounds: { blocks: 10, pins: 0, reorgs: 0, spikes: false },
  },
];

const bondBugs: readonly Bug[] = [
  {
    name: 'one judge rules',
    kind: 'signers too few',
    of: 'bond',
    mutate: paths('posted', ({ judges }, { holder }) => ({ ruling: and(pk(holder), thresh(1, judges.map(pk))) })),
    sides: ['issuer'],
  },
  {
    name: 'one judge acquits',
    kind: 'signers too few',
    of: 'bond',
    mutate: paths('posted', ({ issuer, judges }) => ({ acquittal: and(pk(issuer), thresh(1, judges.map(pk))) })),
    sides: ['holder'],
  },
  {
    name: 'the holder needs no attestation',
    kind: 'wrong key',
    of: 'bond',
    mutate: paths('posted', (_, { holder }) => ({ attested: pk(holder) })),
    sides: ['issuer'],
  },
  {
    name: 'the issuer takes it back at the term',
    kind: 'time-lock order',
    of: 'bond',
    mutate: paths('posted', ({ issuer, term }) => ({ release: and(pk(issuer), after(term)) })),
    sides: ['holder'],
  },
  {
    name: 'the issuer can do everything on the key path',
    kind: 'key path left open',
    of: 'bond',
    mutate: state('posted', { key: ({ issuer }: P) => issuer }),
    sides: ['holder'],
  },
  {
    name: 'the issuer can take coupons back',
    kind: 'key path left open',
    of: 'bond',
    mutate: state('coupon', { key: ({ issuer }: P) => issuer }),
    sides: ['holder'],
  },
  {
    name: 'coupons are not collected',
    kind: 'duty missing',
    of: 'bond',
    mutate: without('collectCoupon'),
    sides: ['holder'],
    bounds: { blocks: 9, reorgs: 0, pins: 0, spikes: false },
  },
  {
    name: 'coupons pay the issuer',
    kind: 'wrong receiver',
    of: 'bond',
    mutate: transition('collectCoupon', { outputs: ({ issuer }: P) => [pay(issuer, rest)] }),
    sides: ['holder'],
  },
  {
    name: 'a penalty is exchanged with what is left',
    kind: 'wrong amount',
    of: 'bond',
    mutate: transition('penalise', {
      outputs: ({ issuer }: P, { args, data }: C) => [
        pay(issuer, args.penalty),
        pay({ ...data.holder, payTo: data.payTo }, rest),
      ],
    }),
  },
];

const early = (clause: (player: P['players'][number]) => unknown): Bug['mutate'] =>
  paths('drawing', ({ players }, { turn }) =>
    Object.fromEntries(
      players
        .slice(1)
        .map((_, place) => [`late${place + 1}`, clause(at(players, (turn + place + 1) % players.length))]),
    ),
  );

const opens = ['open0', 'open1'];

const lotteryBugs: readonly Bug[] = [
  {
    name: 'one who is in time is called late',
    kind: 'time-lock missing',
    of: 'lottery-2',
    mutate: early((player) => pk(player)),
    sides: ['players[0]'],
  },
  {
    name: 'players have one block',
    kind: 'time-lock too short',
    of: 'lottery-2',
    mutate: early((player) => and(pk(player), older(1))),
    sides: ['players[1]'],
  },
  { name: 'players do not open', kind: 'duty missing', of: 'lottery-2', mutate: without(...opens) },
  { name: 'nobody complains', kind: 'duty missing', of: 'lottery-2', mutate: without('late1') },
  {
    name: 'a complaint pays the one who is late',
    kind: 'wrong receiver',
    of: 'lottery-2',
    mutate: transition('late1', { outputs: ({ players }: P, { data }: C) => [pay(at(players, data.turn), rest)] }),
  },
  {
    name: 'the pot goes to the other player',
    kind: 'wrong receiver',
    of: 'lottery-2',
    mutate: transition('open1', {
      outputs: ({ players }: P, { data }: C) =>
        data.turn === 0
          ? [to('drawing', { amount: rest, data: { turn: 1, sum: 1 } }), anchor()]
          : [pay(at(players, data.sum), rest), anchor()],
    }),
  },
  {
    name: 'an opening leads anywhere',
    kind: 'covenant missing',
    of: 'lottery-2',
    mutate: transition('open0', { covenant: false }),
  },
  {
    name: 'the template of an opening forgets the draw so far',
    kind: 'wrong next state',
    of: 'lottery-2',
    mutate: all(
      transition('open1', {
        outputs: ({ players }: P, { data }: C) =>
          data.turn === 0
            ? [to('drawing', { amount: rest, data: { turn: 1, sum: 0 } }), anchor()]
            : [pay(at(players, (data.sum + 1) % 2), rest), anchor()],
      }),
      params(() => ({
        commitments: [1, 0].map((value, place) => drawCommitment({ secret: drawSecret(place), value })),
      })),
    ),
    walk: [{ transition: 'late1' }],
    covenants: { kind: 'ctv', feeRate: 2_000n },
  },
  {
    name: 'there is no deposit',
    kind: 'wrong amount',
    of: 'lottery-3',
    mutate: funding(({ stake }) => [to('drawing', { amount: satoshis(3n * stake), data: { turn: 0, sum: 0 } })]),
    sides: ['players[1]'],
    walk: [{ transition: 'late1' }],
  },
  {
    name: 'values are opened by each other’s secrets',
    kind: 'hash locks swapped',
    of: 'lottery-2',
    mutate: paths('drawing', ({ players, commitments }, { turn }) => ({
      open0: and(pk(at(players, turn)), sha256(drawDigest(at(commitments, turn), 1))),
      open1: and(pk(at(players, turn)), sha256(drawDigest(at(commitments, 1 - turn), 0))),
    })),
    walk: [{ transition: 'late1' }],
  },
];

const multisigBugs: readonly Bug[] = [
  {
    name: 'recovery needs no delay',
    kind: 'time-lock missing',
    of: 'rotating-multisig',
    mutate: paths('held', ({ recovery }) => ({ recover: pk(recovery) })),
  },
  {
    name: 'recovery comes a block early',
    kind: 'time-lock too short',
    of: 'rotating-multisig',
    mutate: paths('held', ({ recovery, recoveryDelay }) => ({ recover: and(pk(recovery), older(recoveryDelay - 1)) })),
    sides: ['members'],
  },
  {
    name: 'one member is a quorum',
    kind: 'signers too few',
    of: 'rotating-multisig',
    mutate: paths('held', (_, { members }) => ({ quorum: thresh(1, members.map(pk)) })),
  },
  {
    name: 'one member has the key path',
    kind: 'key path left open',
    of: 'rotating-multisig',
    mutate: state('held', { key: (_: P, { members }: D) => at(members, 0) }),
  },
];

/** Mistakes in contracts of several, and of instalments. */
export const manyPartyBugs: readonly Bug[] = [
  ...inheritanceBugs,
  ...instalmentBugs,
  ...crowdfundingBugs,
  ...bondBugs,
  ...lotteryBugs,
  ...multisigBugs,
];
