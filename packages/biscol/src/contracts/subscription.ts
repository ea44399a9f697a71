import { guarded } from '../checks.ts';
import { after, and, pk } from '../contract/clauses.ts';
import { type Contract, defineContract } from '../contract/define.ts';
import { defineGuarantees, type Guarantees } from '../contract/guarantees.ts';
import { pay, rest, to } from '../contract/outputs.ts';
import { distinctKeys, rule } from '../contract/rules.ts';
import { amount, blocks, height, party, whole } from '../contract/values.ts';
import type { AmountKind, HeightKind, NoArgs, NumberKind, PartyKind } from './kinds.ts';

/** Parameters of {@link subscription}. */
export type SubscriptionParams = {
  readonly payer: PartyKind;
  readonly payee: PartyKind;
  /** Satoshis of each instalment. */
  readonly instalment: AmountKind;
  /** How many, 1 to 100. */
  readonly count: NumberKind;
  /** Height from which on the first can be collected. */
  readonly start: HeightKind;
  /** Blocks from one to the next. */
  readonly period: NumberKind;
};

/** Data of the outputs of {@link subscription}. */
export type SubscriptionData = {
  /** Of the instalment, from 0 up. */
  readonly number: NumberKind;
};

/** Transitions of {@link subscription}. */
export type SubscriptionTransitions = Readonly<Record<'collect' | 'cancel', NoArgs>>;

/** Height from which on an instalment can be collected. */
export function dueAt(params: { readonly start: number; readonly period: number }, number: number): number {
  return guarded('params', 'parameters of a subscription', () => params.start + params.period * number);
}

/**
 * A subscription: an output for each instalment, which the payee collects once it is due, and which the payer cancels by
 * her key alone for as long as it was not. It is an order, not a promise: she can cancel until the moment of collection.
 * Where the payee needs a promise, `paymentStream` keeps it with a covenant.
 *
 * @example Twelve months
 * ```ts
 * import { fundingOutputs, instantiate } from '@bitcoin-enterprise/biscol';
 * import { subscription } from '@bitcoin-enterprise/biscol/contracts';
 * import { currentCrypto, loadCrypto, toHex } from '@bitcoin-enterprise/core';
 *
 * await loadCrypto();
 * const key = (n: number) => toHex(currentCrypto().publicKey(new Uint8Array(32).fill(n)) as Uint8Array);
 * const someone = (n: number) => ({ key: key(n), payTo: `5120${key(n).slice(2)}` });
 * const params = { payer: someone(1), payee: someone(2), instalment: 20_000n, count: 12, start: 900_000, period: 4_380 };
 * const outputs = fundingOutputs(instantiate(subscription, { network: 'regtest', params }));
 * [outputs.length, outputs[11]?.data]; // => [12, { number: 11 }]
 * ```
 */
export const subscription: Contract<SubscriptionParams, SubscriptionData, 'waiting', SubscriptionTransitions> =
  defineContract({
    name: 'subscription',
    description: 'Instalments that are collected each in its time, or cancelled before.',
    params: {
      payer: party(),
      payee: party(),
      instalment: amount({ minimum: 2_000n }),
      count: whole({ minimum: 1, maximum: 100 }),
      start: height(),
      period: blocks(),
    },
    data: { number: whole({ maximum: 99 }) },
    rules: ({ payer, payee, count, start, period }) => [
      distinctKeys(payer, payee),
      rule(
        dueAt({ start, period }, count) < 500_000_000,
        'count',
        'so many that all are due before height 500,000,000',
      ),
    ],
    states: {
      waiting: {
        description: 'an instalment',
        amount: ({ instalment }) => instalment,
        key: ({ payer }) => payer,
        paths: ({ payee, start, period }, { number }) => ({
          collect: and(pk(payee), after(dueAt({ start, period }, number))),
        }),
      },
    },
    transitions: {
      collect: {
        from: 'waiting',
        by: 'collect',
        takes: 'many',
        description: 'collects what is due',
        outputs: ({ payee }) => [pay(payee, rest)],
      },
      cancel: {
        from: 'waiting',
        by: 'key',
        takes: 'many',
        description: 'takes back what was not collected',
        outputs: ({ payer }) => [pay(payer, rest)],
      },
    },
    funding: ({ count }) => Array.from({ length: count }, (_, number) => to('waiting', { data: { number } })),
    duties: [{ party: ({ payee }) => payee, state: 'waiting', transition: 'collect' }],
  });

const REACTION = 6;

/** Each instalment is paid to one of both, none to the payee before it is due. */
export const subscriptionGuarantees: Guarantees<typeof subscription> = defineGuarantees(subscription, {
  reaction: () => REACTION,
  sides: ({ instalment, count, start, period }) => [
    {
      name: 'payer',
      members: ['payer'],
      least: ({ steps }) =>
        instalment *
        BigInt(
          count -
            steps
              .filter(({ by }) => by === 'collect')
              .flatMap(({ cells, height: at }) =>
                cells.filter(({ data }) => dueAt({ start, period }, data.number) < at),
              ).length,
        ),
      paidBy: () => undefined,
    },
    {
      name: 'payee',
      members: ['payee'],
      least: ({ steps }) =>
        instalment * BigInt(count - steps.filter(({ by }) => by === 'key').flatMap(({ cells }) => cells).length),
      paidBy: ({ startHeight }) => Math.max(startHeight, dueAt({ start, period }, count - 1)) + REACTION,
    },
  ],
  endsBy: ({ start, period, count }, { startHeight }) =>
    Math.max(startHeight, dueAt({ start, period }, count - 1)) + REACTION,
});
