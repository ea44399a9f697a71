import { after, and, musig, older, pk } from '../contract/clauses.ts';
import { type Contract, defineContract } from '../contract/define.ts';
import { defineGuarantees, type Guarantees, type HistoryStep } from '../contract/guarantees.ts';
import { anchor, pay, rest, to } from '../contract/outputs.ts';
import { distinctKeys, rule } from '../contract/rules.ts';
import { amount, blocks, height, party, type Values, whole } from '../contract/values.ts';
import type { AmountKind, HeightKind, NoArgs, NumberKind, PartyKind } from './kinds.ts';
import { dueAt } from './subscription.ts';
import { satoshis } from '@bitcoin-enterprise/core';

/** Parameters of {@link paymentStream}. */
export type PaymentStreamParams = {
  readonly payer: PartyKind;
  readonly payee: PartyKind;
  /** Satoshis of each instalment. */
  readonly instalment: AmountKind;
  /** How many, 1 to 16. */
  readonly count: NumberKind;
  /** Satoshis for the fees of all transactions; what is left of them goes with the last instalment. */
  readonly reserve: AmountKind;
  /** Height from which on the first can be collected. */
  readonly start: HeightKind;
  /** Blocks from one to the next. */
  readonly period: NumberKind;
  /** Blocks between the payer's notice and her taking the rest back; in them the payee collects what is due. */
  readonly notice: NumberKind;
};

/** Data of the outputs of {@link paymentStream}. */
export type PaymentStreamData = {
  /** Instalments that were paid. */
  readonly paid: NumberKind;
};

/** Transitions of {@link paymentStream}. */
export type PaymentStreamTransitions = {
  readonly instalment: NoArgs;
  readonly cancel: NoArgs;
  readonly lastInstalment: NoArgs;
  readonly reclaim: NoArgs;
  readonly settle: { readonly toPayee: AmountKind };
};

type Params = Values<PaymentStreamParams>;
type Context = { readonly data: Values<PaymentStreamData> };
const SMALLEST_SHARE = 1_000n;

/** Pays an instalment; the rest goes on in a state, or with the last one. */
const instalmentInto =
  <const State extends 'running' | 'ending'>(state: State) =>
  ({ payee, instalment, count }: Params, { data: { paid } }: Context) =>
    paid === count - 1
      ? [pay(payee, rest), anchor()]
      : [pay(payee, instalment), to(state, { amount: rest, data: { paid: paid + 1 } }), anchor()];

const collected = ({ payee, start, period }: Params, { paid }: Values<PaymentStreamData>) =>
  and(pk(payee), after(dueAt({ start, period }, paid)));

/**
 * A stream of payments: one output, out of which the payee takes an instalment whenever one is due and never more (a chain
 * of covenants, presigned or by CHECKTEMPLATEVERIFY). The payer cancels with notice: what became due until then is still
 * paid, the rest is hers again.
 *
 * @example What is signed before a satoshi moves
 * ```ts
 * import { covenantSteps, fundingOutputs, instantiate } from '@bitcoin-enterprise/biscol';
 * import { paymentStream } from '@bitcoin-enterprise/biscol/contracts';
 * import { currentCrypto, loadCrypto, toHex } from '@bitcoin-enterprise/core';
 *
 * await loadCrypto();
 * const key = (n: number) => toHex(currentCrypto().publicKey(new Uint8Array(32).fill(n)) as Uint8Array);
 * const someone = (n: number) => ({ key: key(n), payTo: `5120${key(n).slice(2)}` });
 * const terms = { instalment: 20_000n, count: 3, reserve: 10_000n, start: 900_000, period: 4_380, notice: 144 };
 * const instance = instantiate(paymentStream, {
 *   network: 'regtest',
 *   params: { payer: someone(1), payee: someone(2), ...terms },
 *   covenants: { kind: 'presigned', keys: [key(1), key(2)], feeRate: 2_000n },
 * });
 * const [running] = fundingOutputs(instance);
 * const cell = { state: 'running', data: running!.data, value: running!.value, txid: new Uint8Array(32), index: 0 };
 * covenantSteps(instance, [cell]).length; // => 12
 * ```
 */
export const paymentStream: Contract<
  PaymentStreamParams,
  PaymentStreamData,
  'running' | 'ending',
  PaymentStreamTransitions
> = defineContract({
  name: 'payment-stream',
  description: 'Instalments out of one output, each in its time; cancelled with notice.',
  params: {
    payer: party(),
    payee: party(),
    instalment: amount({ minimum: 2_000n }),
    count: whole({ minimum: 1, maximum: 16 }),
    reserve: amount({ minimum: 2_000n }),
    start: height(),
    period: blocks({ minimum: 4 }),
    notice: blocks({ minimum: 2 }),
  },
  data: { paid: whole({ maximum: 15 }) },
  rules: ({ payer, payee, period, notice, start, count }) => [
    distinctKeys(payer, payee),
    // Each collection begins the notice anew: with a longer one the payee could go on collecting for ever.
    rule(2 * notice <= period, 'notice', 'at most half of the period'),
    rule(dueAt({ start, period }, count) < 500_000_000, 'count', 'so many that all are due before height 500,000,000'),
  ],
  states: {
    running: {
      description: 'running',
      key: ({ payer, payee }) => musig(payer, payee),
      paths: (params, data) => ({ collect: collected(params, data), cancel: pk(params.payer) }),
      odds: { collect: 4, cancel: 1 },
    },
    ending: {
      description: 'cancelled',
      paths: (params, data) => ({
        collect: collected(params, data),
        reclaim: and(pk(params.payer), older(params.notice)),
      }),
      odds: { reclaim: 4, collect: 1 },
    },
  },
  transitions: {
    instalment: {
      from: 'running',
      by: 'collect',
      covenant: true,
      version: 3,
      description: 'pays an instalment that is due',
      outputs: instalmentInto('running'),
    },
    cancel: {
      from: 'running',
      by: 'cancel',
      covenant: true,
      version: 3,
      description: 'gives notice',
      outputs: (_: Params, { data }: Context) => [to('ending', { amount: rest, data }), anchor()],
    },
    lastInstalment: {
      from: 'ending',
      by: 'collect',
      covenant: true,
      version: 3,
      description: 'pays an instalment that is due before the end',
      outputs: instalmentInto('ending'),
    },
    reclaim: {
      from: 'ending',
      by: 'reclaim',
      description: 'takes the rest back, after the notice',
      outputs: ({ payer }) => [pay(payer, rest)],
    },
    settle: {
      from: 'running',
      by: 'key',
      description: 'ends it; both agree',
      args: { toPayee: amount({ minimum: SMALLEST_SHARE }) },
      refuses: (_, { args, value }) =>
        args.toPayee > value - SMALLEST_SHARE ? `an end leaves ${SMALLEST_SHARE} sat to the payer` : undefined,
      outputs: ({ payer, payee }, { args }) => [pay(payee, args.toPayee), pay(payer, rest)],
    },
  },
  funding: ({ instalment, count, reserve }) => [
    to('running', { amount: satoshis(instalment * BigInt(count) + reserve), data: { paid: 0 } }),
  ],
  duties: [
    { party: ({ payee }) => payee, state: 'running', transition: 'instalment' },
    { party: ({ payee }) => payee, state: 'ending', transition: 'lastInstalment' },
    {
      // Of a payee who is gone: the last instalment is long due.
      party: ({ payer }) => payer,
      state: 'running',
      transition: 'cancel',
      when: ({ start, period, count }, { height: tip }) => tip >= dueAt({ start, period }, count),
    },
    { party: ({ payer }) => payer, state: 'ending', transition: 'reclaim' },
  ],
});

/** The payee is paid what was due when the payer gave notice; the payer pays no instalment before it is due. */
export const paymentStreamGuarantees: Guarantees<typeof paymentStream> = defineGuarantees(paymentStream, {
  reaction: ({ notice }) => notice - 1,
  sides: ({ instalment, count, start, period, notice }) => {
    const dueBy = (at: number): number => Math.min(count, Math.max(0, Math.floor((at - 1 - start) / period) + 1));
    return [
      {
        name: 'payee',
        members: ['payee'],
        least: ({ steps, height: tip }) => {
          const settled = steps.find(isSettled);
          if (settled !== undefined) return instalment * BigInt(paidIn(steps)) + settled.args.toPayee;
          const given = steps.find(({ transition }) => transition === 'cancel');
          return instalment * BigInt(dueBy(given?.height ?? tip));
        },
        // Several that are due at once are collected one after the other.
        paidBy: ({ startHeight }) => Math.max(startHeight, dueAt({ start, period }, count - 1)) + count * (notice - 1),
      },
      {
        name: 'payer',
        members: ['payer'],
        least: ({ steps }) => {
          const settled = steps.find(isSettled);
          const end = steps.at(-1);
          if (settled !== undefined) return instalment * BigInt(count - paidIn(steps)) - settled.args.toPayee;
          return end === undefined ? 0n : instalment * BigInt(count - dueBy(end.height));
        },
        paidBy: ({ startHeight }) => endOf({ start, period, count, notice }, startHeight),
      },
    ];
  },
  endsBy: (params, { startHeight }) => endOf(params, startHeight),
});

/** The payer gives notice when all is due, and each collection begins it anew. */
function endOf(
  of: { readonly start: number; readonly period: number; readonly count: number; readonly notice: number },
  startHeight: number,
): number {
  return Math.max(startHeight, dueAt(of, of.count)) + (of.count + 2) * 2 * (of.notice - 1);
}

type Step = HistoryStep<typeof paymentStream>;

function isSettled(step: Step): step is Extract<Step, { readonly transition: 'settle' }> {
  return step.transition === 'settle';
}

/** How many instalments were paid. */
function paidIn(steps: readonly Step[]): number {
  return steps.filter(({ transition }) => transition === 'instalment' || transition === 'lastInstalment').length;
}
