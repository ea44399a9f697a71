import { after, and, musig, pk, thresh } from '../contract/clauses.ts';
import { type Contract, defineContract } from '../contract/define.ts';
import { defineGuarantees, type Guarantees, type HistoryStep } from '../contract/guarantees.ts';
import { pay, rest, to } from '../contract/outputs.ts';
import { distinctKeys, rule } from '../contract/rules.ts';
import {
  address,
  amount,
  blocks,
  height,
  list,
  type Party,
  party,
  publicKey,
  type Values,
  whole,
} from '../contract/values.ts';
import type { AmountKind, HeightKind, KeyKind, KeysKind, NoArgs, NumberKind, PartyKind, ScriptKind } from './kinds.ts';

/** Parameters of {@link bond}. */
export type BondParams = {
  /** Posts the collateral and pays the coupons. */
  readonly issuer: PartyKind;
  /** The first holder: who is injured when the issuer breaks his word. */
  readonly holder: PartyKind;
  /** 1 to 15, who rule. */
  readonly judges: KeysKind;
  /** How many of them have to sign a ruling. */
  readonly quorum: NumberKind;
  /**
   * The key whose secret an oracle gives away when it attests the breach: the anticipation point of that outcome (a discreet
   * log contract in one leaf). A key that nobody has where there is no oracle.
   */
  readonly breach: KeyKind;
  /** Satoshis. */
  readonly collateral: AmountKind;
  /** Satoshis of each coupon. */
  readonly coupon: AmountKind;
  /** How many coupons, 0 to 40. */
  readonly coupons: NumberKind;
  /** Height from which on the first coupon is due. */
  readonly start: HeightKind;
  /** Blocks from one coupon to the next. */
  readonly period: NumberKind;
  /** Height at which the issuer’s obligation ends. */
  readonly term: HeightKind;
  /** Blocks after the term in which a breach can still be ruled on or attested, before the issuer may take back. */
  readonly claimTime: NumberKind;
};

/** Data of the outputs of {@link bond}. */
export type BondData = {
  /** Key of whoever holds it now. */
  readonly holder: KeyKind;
  /** Where the holder is paid. */
  readonly payTo: ScriptKind;
  /** Of the coupon, from 0 up. */
  readonly number: NumberKind;
};

/** Who holds it from now on. */
export type TransferArgs = { readonly holder: KeyKind; readonly payTo: ScriptKind };

/** Transitions of {@link bond}. */
export type BondTransitions = {
  readonly penalise: { readonly penalty: AmountKind };
  readonly penaliseFully: NoArgs;
  readonly penaliseAttested: NoArgs;
  readonly acquit: NoArgs;
  readonly release: NoArgs;
  readonly redeem: NoArgs;
  readonly transfer: TransferArgs;
  readonly collectCoupon: NoArgs;
  readonly transferCoupon: TransferArgs;
};

const SMALLEST_SHARE = 1_000n;

type Params = Values<BondParams>;
type Data = Values<BondData>;

function holderOf({ holder, payTo }: Data): Party {
  return { name: 'holder', key: holder.key, payTo };
}

const transferTo =
  <const State extends 'posted' | 'coupon'>(state: State) =>
  (_: Params, { args }: { readonly args: Values<TransferArgs> }) => [
    to(state, { amount: rest, data: { holder: args.holder, payTo: args.payTo } }),
  ];

const transferArgs = { holder: publicKey(), payTo: address() };

/**
 * A bond whose penalty pays out: an issuer posts collateral for his word. Where he breaks it, a quorum of judges rules and
 * the holder is paid all or part of it, or an oracle attests the breach and the holder takes it all: the oracle's
 * attestation is the secret of a key. Where he keeps it, he takes the collateral back after the term and the time for
 * claims, or earlier when judges acquit him or the holder agrees. Coupons are outputs of their own, each due in its time
 * whatever becomes of the collateral. Bond and coupons are handed on with the issuer's signature, each by itself.
 *
 * Judges alone can take nothing: a ruling needs whom it favours.
 *
 * @example A bond with two coupons
 * ```ts
 * import { fundingOutputs, instantiate } from '@bitcoin-enterprise/biscol';
 * import { bond } from '@bitcoin-enterprise/biscol/contracts';
 * import { currentCrypto, loadCrypto, toHex } from '@bitcoin-enterprise/core';
 *
 * await loadCrypto();
 * const key = (n: number) => toHex(currentCrypto().publicKey(new Uint8Array(32).fill(n)) as Uint8Array);
 * const someone = (n: number) => ({ key: key(n), payTo: `5120${key(n).slice(2)}` });
 * const instance = instantiate(bond, {
 *   network: 'regtest',
 *   params: {
 *     issuer: someone(1), holder: someone(2), judges: [3, 4, 5].map(key), quorum: 2, breach: key(6),
 *     collateral: 1_000_000n, coupon: 20_000n, coupons: 2,
 *     start: 900_000, period: 26_280, term: 952_560, claimTime: 1_008,
 *   },
 * });
 * fundingOutputs(instance).map(({ state, value }) => [state, value]);
 * // => [['posted', 1_000_000n], ['coupon', 20_000n], ['coupon', 20_000n]]
 * ```
 */
export const bond: Contract<BondParams, BondData, 'posted' | 'coupon', BondTransitions> = defineContract({
  name: 'bond',
  description: 'Collateral that pays the holder when the issuer breaks his word, with coupons.',
  params: {
    issuer: party(),
    holder: party(),
    judges: list(publicKey(), { minimum: 1, maximum: 15 }),
    quorum: whole({ minimum: 1, maximum: 15 }),
    breach: publicKey(),
    collateral: amount({ minimum: 5_000n }),
    coupon: amount({ minimum: 2_000n }),
    coupons: whole({ maximum: 40 }),
    start: height(),
    period: blocks(),
    term: height(),
    claimTime: blocks(),
  },
  data: { holder: publicKey(), payTo: address(), number: whole({ maximum: 39 }) },
  rules: ({ issuer, holder, judges, breach, quorum, start, period, coupons, term, claimTime }) => [
    distinctKeys(issuer, holder, ...judges, breach),
    rule(quorum <= judges.length, 'quorum', 'at most as many as there are judges'),
    rule(
      coupons === 0 || start + period * (coupons - 1) <= term,
      'coupons',
      'so many that the last is due by the term',
    ),
    rule(term + claimTime < 500_000_000, 'term', 'a height before 500,000,000 with the time for claims'),
  ],
  states: {
    posted: {
      description: 'the collateral',
      amount: ({ collateral }) => collateral,
      key: ({ issuer }, { holder }) => musig(issuer, holder),
      paths: ({ issuer, judges, quorum, breach, term, claimTime }, { holder }) => ({
        ruling: and(pk(holder), thresh(quorum, judges.map(pk))),
        acquittal: and(pk(issuer), thresh(quorum, judges.map(pk))),
        attested: and(pk(holder), pk(breach)),
        release: and(pk(issuer), after(term + claimTime)),
      }),
      odds: { release: 8, attested: 4, ruling: 2, acquittal: 1 },
    },
    coupon: {
      description: 'a coupon',
      amount: ({ coupon }) => coupon,
      key: ({ issuer }, { holder }) => musig(issuer, holder),
      paths: ({ start, period }, { holder, number }) => ({
        collect: and(pk(holder), after(start + period * number)),
      }),
    },
  },
  transitions: {
    penalise: {
      from: 'posted',
      by: 'ruling',
      description: 'pays the holder a penalty; judges say so',
      args: { penalty: amount({ minimum: SMALLEST_SHARE }) },
      refuses: (_, { args, value }) =>
        args.penalty > value - SMALLEST_SHARE ? `a penalty leaves ${SMALLEST_SHARE} sat to the issuer` : undefined,
      outputs: ({ issuer }, { args, data }) => [pay(holderOf(data), args.penalty), pay(issuer, rest)],
    },
    penaliseFully: {
      from: 'posted',
      by: 'ruling',
      description: 'pays the holder everything; judges say so',
      outputs: (_, { data }) => [pay(holderOf(data), rest)],
    },
    penaliseAttested: {
      from: 'posted',
      by: 'attested',
      description: 'pays the holder everything; the oracle has attested the breach',
      outputs: (_, { data }) => [pay(holderOf(data), rest)],
    },
    acquit: {
      from: 'posted',
      by: 'acquittal',
      description: 'gives the collateral back; judges say so',
      outputs: ({ issuer }) => [pay(issuer, rest)],
    },
    release: {
      from: 'posted',
      by: 'release',
      description: 'takes the collateral back, after the term and the time for claims',
      outputs: ({ issuer }) => [pay(issuer, rest)],
    },
    redeem: {
      from: 'posted',
      by: 'key',
      description: 'gives the collateral back; both agree',
      outputs: ({ issuer }) => [pay(issuer, rest)],
    },
    transfer: {
      from: 'posted',
      by: 'key',
      description: 'hands the bond on',
      args: transferArgs,
      refuses: (params, { args }) => unfit(params, args),
      outputs: transferTo('posted'),
    },
    collectCoupon: {
      from: 'coupon',
      by: 'collect',
      description: 'collects a coupon that is due',
      outputs: (_, { data }) => [pay(holderOf(data), rest)],
    },
    transferCoupon: {
      from: 'coupon',
      by: 'key',
      description: 'hands a coupon on',
      args: transferArgs,
      refuses: (params, { args }) => unfit(params, args),
      outputs: transferTo('coupon'),
    },
  },
  funding: ({ holder, coupons }) => {
    const data = { holder, payTo: holder.payTo };
    return [
      to('posted', { data: { ...data, number: 0 } }),
      ...Array.from({ length: coupons }, (_, number) => to('coupon', { data: { ...data, number } })),
    ];
  },
  duties: [
    { party: ({ holder }) => holder, state: 'coupon', transition: 'collectCoupon' },
    { party: ({ issuer }) => issuer, state: 'posted', transition: 'release' },
  ],
});

function unfit({ issuer, judges, breach }: Params, { holder }: Values<TransferArgs>): string | undefined {
  return [issuer, ...judges, breach].some(({ key }) => key === holder.key)
    ? 'a key of somebody else in the contract'
    : undefined;
}

const REACTION = 6;

/** The holder gets every coupon, and of the collateral what was ruled or attested in time; the issuer the rest of it. */
export const bondGuarantees: Guarantees<typeof bond> = defineGuarantees(bond, {
  reaction: ({ claimTime }) => Math.min(REACTION, claimTime),
  sides: ({ collateral, coupon, coupons, start, period, term, claimTime, judges, quorum }) => [
    {
      name: 'holder',
      members: ['holder'],
      least: ({ steps }) => {
        // Before the time for claims is over the issuer takes nothing back by himself.
        const isEarly = steps.some(
          (step) => isCollateral(step) && step.height <= term + claimTime && !isRuled(step, { judges, quorum }),
        );
        return coupon * BigInt(coupons) + (isEarly ? collateral : penaltyOf({ collateral, judges, quorum }, steps));
      },
      paidBy: ({ startHeight }) => Math.max(startHeight, start + period * Math.max(0, coupons - 1)) + REACTION,
    },
    {
      name: 'issuer',
      members: ['issuer'],
      least: ({ steps }) => collateral - penaltyOf({ collateral, judges, quorum }, steps),
      paidBy: ({ startHeight }) => Math.max(startHeight, term + claimTime) + Math.min(REACTION, claimTime),
    },
  ],
  endsBy: ({ term, claimTime }, { startHeight }) =>
    Math.max(startHeight, term + claimTime) + Math.min(REACTION, claimTime),
});

type Step = HistoryStep<typeof bond>;
type Rulers = { readonly judges: readonly { readonly name: string }[]; readonly quorum: number };

function isCollateral({ cells }: Step): boolean {
  return cells.some(({ state }) => state === 'posted');
}

/** Whether holder, oracle or a quorum of judges had a hand in it. */
function isRuled({ signers }: Step, { judges, quorum }: Rulers): boolean {
  const names = new Set(signers);
  return names.has('holder') || names.has('breach') || judges.filter(({ name }) => names.has(name)).length >= quorum;
}

function penaltyOf(
  { collateral, ...rulers }: { readonly collateral: bigint } & Rulers,
  steps: readonly Step[],
): bigint {
  for (const step of steps) {
    const isPenalty = step.by === 'ruling' || step.by === 'attested';
    if (!isPenalty || !isSigned(step, rulers)) continue;
    if (step.transition === 'penalise') return step.args.penalty;
    // Judges and holder together, or whoever has an attestation, may send it where they like.
    return collateral;
  }
  return 0n;
}

/** Whether a penalty has the signatures that it takes. */
function isSigned({ by, signers }: Step, { judges, quorum }: Rulers): boolean {
  const names = new Set(signers);
  return by === 'attested' ? names.has('breach') : judges.filter(({ name }) => names.has(name)).length >= quorum;
}
