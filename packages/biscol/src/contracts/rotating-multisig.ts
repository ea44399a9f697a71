import { and, musig, older, pk, thresh } from '../contract/clauses.ts';
import { type Contract, defineContract } from '../contract/define.ts';
import { defineGuarantees, type Guarantees, type HistoryStep } from '../contract/guarantees.ts';
import { pay, rest, to } from '../contract/outputs.ts';
import { distinctKeys, rule } from '../contract/rules.ts';
import {
  address,
  amount,
  blocks,
  list,
  type NamedKey,
  party,
  publicKey,
  type Values,
  whole,
} from '../contract/values.ts';
import type { AmountKind, KeysKind, NoArgs, NumberKind, PartyKind, ScriptKind } from './kinds.ts';

/** Parameters of {@link rotatingMultisig}. */
export type RotatingMultisigParams = {
  /** 2 to 15, the first ones. */
  readonly members: KeysKind;
  /** How many of them can act without the others. */
  readonly quorum: NumberKind;
  /** One key that members hold as shares of FROST, or none: the key path then takes as many as the shares demand. */
  readonly group: KeysKind;
  /** Takes everything after `recoveryDelay` blocks in which nothing has moved. */
  readonly recovery: PartyKind;
  readonly recoveryDelay: NumberKind;
  /** Satoshis at the beginning. */
  readonly sum: AmountKind;
};

/** Data of the output of {@link rotatingMultisig}: who the members are now. */
export type RotatingMultisigData = {
  readonly members: KeysKind;
  readonly quorum: NumberKind;
  readonly group: KeysKind;
};

/** A payment out of what is held. */
export type SpendArgs = { readonly receiver: ScriptKind; readonly sum: AmountKind };

/** Transitions of {@link rotatingMultisig}. */
export type RotatingMultisigTransitions = {
  readonly spend: SpendArgs;
  readonly spendByQuorum: SpendArgs;
  readonly sweep: { readonly receiver: ScriptKind };
  readonly sweepByQuorum: { readonly receiver: ScriptKind };
  readonly rotate: RotatingMultisigData;
  readonly rotateByQuorum: RotatingMultisigData;
  readonly recover: NoArgs;
};

type Params = Values<RotatingMultisigParams>;
type Data = Values<RotatingMultisigData>;

const MOST_MEMBERS = 15;
const membership = {
  members: list(publicKey(), { minimum: 2, maximum: MOST_MEMBERS }),
  quorum: whole({ minimum: 1, maximum: MOST_MEMBERS }),
  group: list(publicKey(), { maximum: 1 }),
};

const spend = {
  args: { receiver: address(), sum: amount({ minimum: 1_000n }) },
  outputs: (_: Params, { args }: { readonly args: Values<SpendArgs> }) => [
    pay(args.receiver, args.sum),
    to('held', { amount: rest }),
  ],
};

const sweep = {
  args: { receiver: address() },
  outputs: (_: Params, { args }: { readonly args: { readonly receiver: Uint8Array } }) => [pay(args.receiver, rest)],
};

const rotate = {
  args: membership,
  refuses: ({ recovery }: Params, { args }: { readonly args: Data }): string | undefined => {
    if (args.quorum > args.members.length) return 'a quorum of more than there are members';
    return distinctKeys(...args.members, ...args.group, recovery) === undefined
      ? undefined
      : 'a key that is there twice';
  },
  outputs: (_: Params, { args }: { readonly args: Data }) => [to('held', { amount: rest, data: args })],
};

/**
 * Money of several: all members together sign as one (MuSig2), or as many of them as shares of a FROST key demand, and it
 * looks like any payment; where some are missing, a quorum signs in a script. Members and quorum are changed by moving the
 * output: old keys can do nothing afterwards. Where nothing has moved for `recoveryDelay` blocks, a recovery key takes
 * everything.
 *
 * @example Two of three, and one signature when all are there
 * ```ts
 * import { fundingOutputs, instantiate } from '@bitcoin-enterprise/biscol';
 * import { rotatingMultisig } from '@bitcoin-enterprise/biscol/contracts';
 * import { currentCrypto, loadCrypto, toHex } from '@bitcoin-enterprise/core';
 *
 * await loadCrypto();
 * const key = (n: number) => toHex(currentCrypto().publicKey(new Uint8Array(32).fill(n)) as Uint8Array);
 * const recovery = { key: key(4), payTo: `5120${key(4).slice(2)}` };
 * const params = { members: [1, 2, 3].map(key), quorum: 2, group: [], recovery, recoveryDelay: 52_560, sum: 1_000_000n };
 * const [held] = fundingOutputs(instantiate(rotatingMultisig, { network: 'regtest', params }));
 * held?.output.ways.map(({ path }) => path); // => ['key', 'recover', 'quorum']
 * ```
 */
export const rotatingMultisig: Contract<
  RotatingMultisigParams,
  RotatingMultisigData,
  'held',
  RotatingMultisigTransitions
> = defineContract({
  name: 'rotating-multisig',
  description: 'Money of several, whose keys can change.',
  params: {
    ...membership,
    recovery: party(),
    recoveryDelay: blocks(),
    sum: amount({ minimum: 5_000n }),
  },
  data: membership,
  rules: ({ members, group, recovery, quorum }) => [
    distinctKeys(...members, ...group, recovery),
    rule(quorum <= members.length, 'quorum', 'at most as many as there are members'),
  ],
  states: {
    held: {
      description: 'held together',
      key: (_, { members, group }) => keyPathOf(members, group),
      paths: ({ recovery, recoveryDelay }, { members, quorum }) => ({
        quorum: thresh(quorum, members.map(pk)),
        recover: and(pk(recovery), older(recoveryDelay)),
      }),
      odds: { quorum: 9, recover: 1 },
    },
  },
  transitions: {
    spend: { ...spend, from: 'held', by: 'key', description: 'pays somebody; all agree' },
    spendByQuorum: { ...spend, from: 'held', by: 'quorum', description: 'pays somebody; a quorum agrees' },
    sweep: { ...sweep, from: 'held', by: 'key', description: 'pays everything; all agree' },
    sweepByQuorum: { ...sweep, from: 'held', by: 'quorum', description: 'pays everything; a quorum agrees' },
    rotate: { ...rotate, from: 'held', by: 'key', description: 'changes the members; all agree' },
    rotateByQuorum: { ...rotate, from: 'held', by: 'quorum', description: 'changes the members; a quorum agrees' },
    recover: {
      from: 'held',
      by: 'recover',
      description: 'recovers everything, after the delay',
      outputs: ({ recovery }) => [pay(recovery, rest)],
    },
  },
  funding: ({ members, quorum, group, sum }) => [to('held', { amount: sum, data: { members, quorum, group } })],
});

function keyPathOf(members: readonly NamedKey[], [group]: readonly NamedKey[]): NamedKey {
  return group ?? musig(...members);
}

/** Nothing leaves without a quorum of the members, unless nothing has moved for the delay. */
export const rotatingMultisigGuarantees: Guarantees<typeof rotatingMultisig> = defineGuarantees(rotatingMultisig, {
  reaction: ({ recoveryDelay }) => recoveryDelay,
  sides: ({ sum, recoveryDelay, members, quorum }) => [
    {
      // So many that the others are no quorum without them.
      name: 'members',
      members: members.slice(quorum - 1).map(({ name }) => name),
      least: ({ steps, startHeight }) => {
        const isWrong = steps.some(({ by, height: at, cells, signers }) => {
          const since = Math.max(startHeight, ...cells.map((cell) => cell.height));
          if (by === 'recover') return at < since + recoveryDelay;
          // Keys that the first members have handed over to are no business of theirs.
          const isTheirs = cells.every(({ data }) =>
            members.every(({ key }, place) => data.members[place]?.key === key),
          );
          const isOfGroup = signers.some((name) => name.startsWith('group'));
          return isTheirs && !isOfGroup && members.filter(({ name }) => signers.includes(name)).length < quorum;
        });
        return isWrong ? sum : 0n;
      },
      paidBy: () => undefined,
    },
    {
      name: 'recovery',
      members: ['recovery'],
      least: ({ steps, startHeight }) => {
        const end = steps.at(-1);
        if (end?.transition !== 'recover') return 0n;
        const since = steps.at(-2)?.height ?? startHeight;
        // Before its time it would be a theft, which no promise allows.
        return end.height >= since + recoveryDelay ? sum - spentBy(steps) : sum + 1n;
      },
      paidBy: () => undefined,
    },
  ],
  endsBy: () => undefined,
});

function spentBy(steps: readonly HistoryStep<typeof rotatingMultisig>[]): bigint {
  return steps.reduce((sum, step) => {
    return step.transition === 'spend' || step.transition === 'spendByQuorum' ? sum + step.args.sum : sum;
  }, 0n);
}
