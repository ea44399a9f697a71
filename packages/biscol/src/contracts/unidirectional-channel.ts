import type { Satoshis } from '@bitcoin-enterprise/core';
import { after, and, musig, pk } from '../contract/clauses.ts';
import { type Contract, defineContract } from '../contract/define.ts';
import { defineGuarantees, type Guarantees } from '../contract/guarantees.ts';
import { pay, rest, to } from '../contract/outputs.ts';
import { distinctKeys, rule } from '../contract/rules.ts';
import { amount, blocks, height, party, type Values } from '../contract/values.ts';
import type { AmountKind, HeightKind, NoArgs, NoData, NumberKind, PartyKind } from './kinds.ts';

/** Parameters of {@link unidirectionalChannel}. */
export type UnidirectionalChannelParams = {
  readonly payer: PartyKind;
  readonly payee: PartyKind;
  /** Satoshis that can be paid in all. */
  readonly capacity: AmountKind;
  /** Height from which on the payer may take everything back. */
  readonly expiry: HeightKind;
  /** Blocks before `expiry` by which the payee closes. */
  readonly margin: NumberKind;
};

/** Transitions of {@link unidirectionalChannel}. */
export type UnidirectionalChannelTransitions = {
  readonly pay: { readonly paid: AmountKind };
  readonly close: { readonly paid: AmountKind };
  readonly refund: NoArgs;
};

/** Both outputs of a payment can be relayed; what is less goes to the other. */
const SMALLEST_SHARE = 1_000n;

type Params = Values<UnidirectionalChannelParams>;
type PaymentContext = { readonly args: { readonly paid: Satoshis }; readonly value: bigint };

const payment = {
  args: { paid: amount({ minimum: SMALLEST_SHARE }) },
  refuses: (_: Params, { args, value }: PaymentContext): string | undefined =>
    args.paid > value ? `more than the ${value} sat of the channel` : undefined,
  outputs: ({ payer, payee }: Params, { args, value }: PaymentContext) =>
    args.paid > value - SMALLEST_SHARE ? [pay(payee, rest)] : [pay(payee, args.paid), pay(payer, rest)],
};

/**
 * A payment channel in one direction (Spillman's, with CHECKLOCKTIMEVERIFY): the payer signs one transaction after another,
 * each of which pays the payee more than the one before, and gives it to him; he keeps the latest and sends it, with his
 * own signature, whenever he likes before the channel expires. A payment needs one message and no answer.
 *
 * In the engine a payment is an execution of `pay` that is held: its latest is what the payee's duty sends.
 *
 * @example A hundred payments, one transaction
 * ```ts
 * import { fundingOutputs, instantiate, planTransition } from '@bitcoin-enterprise/biscol';
 * import { unidirectionalChannel } from '@bitcoin-enterprise/biscol/contracts';
 * import { currentCrypto, feeRate, loadCrypto, toHex } from '@bitcoin-enterprise/core';
 *
 * await loadCrypto();
 * const key = (n: number) => toHex(currentCrypto().publicKey(new Uint8Array(32).fill(n)) as Uint8Array);
 * const someone = (n: number) => ({ key: key(n), payTo: `5120${key(n).slice(2)}` });
 * const instance = instantiate(unidirectionalChannel, {
 *   network: 'regtest',
 *   params: { payer: someone(1), payee: someone(2), capacity: 1_000_000n, expiry: 900_000, margin: 18 },
 * });
 * const [open] = fundingOutputs(instance);
 * const cells = [{ state: 'open', data: {}, value: open!.value, txid: new Uint8Array(32), index: 0 }];
 * const hundredth = planTransition(instance, 'pay', { cells, args: { paid: 100_000n }, feeRate: feeRate(1_000n) });
 * hundredth.payouts.map(({ party, value }) => [party, value]); // => [['payee', 100_000n], ['payer', 899_796n]]
 * ```
 */
export const unidirectionalChannel: Contract<
  UnidirectionalChannelParams,
  NoData,
  'open',
  UnidirectionalChannelTransitions
> = defineContract({
  name: 'unidirectional-channel',
  description: 'Many payments in one direction, settled by one transaction.',
  params: {
    payer: party(),
    payee: party(),
    capacity: amount({ minimum: 5_000n }),
    expiry: height(),
    margin: blocks(),
  },
  rules: ({ payer, payee, margin, expiry }) => [
    distinctKeys(payer, payee),
    rule(margin < expiry, 'margin', 'less than expiry: the channel would be closed before it opens'),
  ],
  states: {
    open: {
      description: 'open',
      amount: ({ capacity }) => capacity,
      key: ({ payer, payee }) => musig(payer, payee),
      paths: ({ payer, payee, expiry }) => ({
        // Two signatures, not one of both together: the payer's is made alone, and needs no answer.
        pay: and(pk(payer), pk(payee)),
        refund: and(pk(payer), after(expiry)),
      }),
      odds: { pay: 9, refund: 1 },
    },
  },
  transitions: {
    pay: { ...payment, from: 'open', by: 'pay', description: 'pays so much in all, and ends' },
    close: { ...payment, from: 'open', by: 'key', description: 'ends it; both agree' },
    refund: {
      from: 'open',
      by: 'refund',
      description: 'takes everything back, after it has expired',
      outputs: ({ payer }) => [pay(payer, rest)],
    },
  },
  funding: () => [to('open')],
  duties: [
    {
      party: ({ payee }) => payee,
      state: 'open',
      transition: 'pay',
      held: true,
      when: ({ expiry, margin }, { height: tip }) => tip + 2 * margin >= expiry,
    },
    { party: ({ payer }) => payer, state: 'open', transition: 'refund' },
  ],
});

/** The payee gets the most that he holds a signature for; the payer loses no more than the most that she has signed. */
export const unidirectionalChannelGuarantees: Guarantees<typeof unidirectionalChannel> = defineGuarantees(
  unidirectionalChannel,
  {
    reaction: ({ margin }) => margin,
    sides: ({ capacity, expiry, margin }) => [
      {
        name: 'payee',
        members: ['payee'],
        least: ({ held, steps: [end] }) => {
          if (end?.transition === 'close') return end.args.paid;
          return held.reduce((most, one) => {
            if (one.party !== 'payee' || one.since + margin >= expiry) return most;
            const paid = one.transition === 'pay' ? one.args.paid : 0n;
            return paid > most ? paid : most;
          }, 0n);
        },
        paidBy: () => expiry,
      },
      {
        name: 'payer',
        members: ['payer'],
        least: ({ steps: [end] }) => {
          if (end?.transition !== 'pay' && end?.transition !== 'close') return capacity;
          const left = capacity - end.args.paid;
          return left < SMALLEST_SHARE ? 0n : left;
        },
        paidBy: ({ startHeight }) => Math.max(startHeight, expiry) + margin,
      },
    ],
    endsBy: ({ expiry, margin }, { startHeight }) => Math.max(startHeight, expiry as number) + margin,
  },
);
