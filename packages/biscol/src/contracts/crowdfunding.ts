import { currentCrypto, type FeeRate, toHex } from '@bitcoin-enterprise/core';
import { requireList, requireObject } from '../checks.ts';
import { after, and, pk } from '../contract/clauses.ts';
import { type Contract, defineContract } from '../contract/define.ts';
import { type ContractHistory, defineGuarantees, type Guarantees } from '../contract/guarantees.ts';
import type { ContractInstance } from '../contract/model.ts';
import { pay, rest, to } from '../contract/outputs.ts';
import { distinctKeys, dutiesOfEach, nobody, rule } from '../contract/rules.ts';
import { type Cell, planTransition, type TransitionPlan } from '../contract/transition.ts';
import { amount, height, list, type NamedKey, party, whole } from '../contract/values.ts';
import { BiscolError } from '../errors.ts';
import { signatureName, type Signatures, signingRequests } from '../signing/requests.ts';
import type { AmountKind, AmountsKind, HeightKind, NoArgs, NumberKind, PartiesKind, PartyKind } from './kinds.ts';

/** Parameters of {@link crowdfunding}. */
export type CrowdfundingParams = {
  /** Is paid the goal. */
  readonly founder: PartyKind;
  /** 1 to 50. */
  readonly pledgers: PartiesKind;
  /** Satoshis of each pledger, in their order. */
  readonly pledges: AmountsKind;
  /** Satoshis that the founder gets, or nothing. */
  readonly goal: AmountKind;
  /** Height from which on pledgers may take back what was not collected. */
  readonly deadline: HeightKind;
};

/** Data of the outputs of {@link crowdfunding}. */
export type CrowdfundingData = {
  /** Whose pledge it is: the place among the pledgers, from 0. */
  readonly pledger: NumberKind;
};

/** Transitions of {@link crowdfunding}. */
export type CrowdfundingTransitions = Readonly<Record<'collect' | 'refund', NoArgs>>;

const MOST_PLEDGERS = 50;

/**
 * Crowdfunding, all or nothing: each pledger signs his own input of a transaction that pays the founder the whole goal, and
 * nothing else of it (`ALL|ANYONECANPAY`). One signature is worth nothing; as soon as pledges reach the goal, and the fee
 * beside it, the founder puts them together. A pledge holds until the deadline, then its pledger takes it back.
 *
 * What pledges have above the goal is the fee: the founder chooses which pledges to take.
 *
 * @example Outputs of three pledges
 * ```ts
 * import { fundingOutputs, instantiate } from '@bitcoin-enterprise/biscol';
 * import { crowdfunding } from '@bitcoin-enterprise/biscol/contracts';
 * import { currentCrypto, loadCrypto, toHex } from '@bitcoin-enterprise/core';
 *
 * await loadCrypto();
 * const key = (n: number) => toHex(currentCrypto().publicKey(new Uint8Array(32).fill(n)) as Uint8Array);
 * const someone = (n: number) => ({ key: key(n), payTo: `5120${key(n).slice(2)}` });
 * const pledges = [30_000n, 20_000n, 51_000n];
 * const who = { founder: someone(1), pledgers: [2, 3, 4].map(someone) };
 * const params = { ...who, pledges, goal: 100_000n, deadline: 900_000 };
 * fundingOutputs(instantiate(crowdfunding, { network: 'regtest', params })).map(({ value }) => value);
 * // => [30_000n, 20_000n, 51_000n]
 * ```
 */
export const crowdfunding: Contract<CrowdfundingParams, CrowdfundingData, 'pledged', CrowdfundingTransitions> =
  defineContract({
    name: 'crowdfunding',
    description: 'Many pay one, all or nothing.',
    params: {
      founder: party(),
      pledgers: list(party(), { minimum: 1, maximum: MOST_PLEDGERS }),
      pledges: list(amount({ minimum: 1_000n }), { minimum: 1, maximum: MOST_PLEDGERS }),
      goal: amount({ minimum: 1_000n }),
      deadline: height(),
    },
    data: { pledger: whole({ maximum: MOST_PLEDGERS - 1 }) },
    rules: ({ founder, pledgers, pledges, goal }) => [
      distinctKeys(founder, ...pledgers),
      rule(pledges.length === pledgers.length, 'pledges', 'one for each pledger'),
      rule(
        pledges.reduce((sum, one) => sum + one, 0n) > goal,
        'goal',
        'less than all pledges together: the fee is between',
      ),
    ],
    states: {
      pledged: {
        description: 'a pledge',
        amount: ({ pledges }, { pledger }) => pledges[pledger] as (typeof pledges)[number],
        paths: ({ founder, pledgers, deadline }, { pledger }) => {
          const one = pledgers[pledger] as NamedKey;
          return { collect: and(pk(one), pk(founder)), refund: and(pk(one), after(deadline)) };
        },
      },
    },
    transitions: {
      collect: {
        from: 'pledged',
        by: 'collect',
        takes: 'many',
        sighash: 'ALL|ANYONECANPAY',
        description: 'pays the founder the goal',
        outputs: ({ founder, goal }) => [pay(founder, goal)],
      },
      refund: {
        from: 'pledged',
        by: 'refund',
        description: 'takes a pledge back, after the deadline',
        outputs: ({ pledgers }, { data }) => [pay(pledgers[data.pledger] as (typeof pledgers)[number], rest)],
      },
    },
    funding: ({ pledgers }) => pledgers.map((_, pledger) => to('pledged', { data: { pledger } })),
    duties: dutiesOfEach(MOST_PLEDGERS, (place) => [
      {
        party: ({ pledgers }: { readonly pledgers: readonly NamedKey[] }) => pledgers[place] ?? nobody,
        state: 'pledged' as const,
        transition: 'refund' as const,
        when: (_: unknown, { data }: { readonly data: { readonly pledger: number } }) => data.pledger === place,
      },
    ]),
  });

/** A pledge with the signature of its pledger. */
export interface SignedPledge {
  readonly cell: Cell;
  /** Signatures of {@link planPledge}, by name. */
  readonly signatures: Signatures;
}

/**
 * What a pledger signs: the input of his pledge in a transaction that pays the goal, whatever else comes in.
 *
 * @throws BiscolError those of `planTransition`.
 */
export function planPledge(instance: ContractInstance<typeof crowdfunding>, cell: Cell): TransitionPlan {
  return planTransition(instance, 'collect', { cells: [cell], partial: true });
}

/**
 * Puts pledges together. Only the founder's signatures are missing.
 *
 * @returns The plan, and the signatures of the pledgers in it.
 * @throws BiscolError `BISCOL_AMOUNTS_MISMATCH` while the goal is not reached, `BISCOL_SIGNATURE_INVALID` for a pledge whose
 * signature does not hold, those of `planTransition`.
 */
export function joinPledges(
  instance: ContractInstance<typeof crowdfunding>,
  pledges: readonly SignedPledge[],
  options: { readonly feeRate: FeeRate },
): { readonly plan: TransitionPlan; readonly signatures: Signatures } {
  const given = requireList('pledges', pledges).map((one, at) => requireObject<SignedPledge>(`pledges[${at}]`, one));
  const { feeRate } = requireObject<{ feeRate: FeeRate }>('options', options);
  const plan = planTransition(instance, 'collect', {
    cells: given.map(({ cell }) => cell as Cell),
    ...(feeRate === undefined ? {} : { feeRate }),
  });
  const signatures = new Map<string, Uint8Array>();
  for (const { input, key, request, verifyingKey } of signingRequests(plan)) {
    const signature = given[input]?.signatures?.get(signatureName(0, key));
    if (signature === undefined) continue;
    if (!currentCrypto().schnorrVerify(signature, request.digest, verifyingKey))
      throw new BiscolError('BISCOL_SIGNATURE_INVALID', `expected the signature of pledge ${input}, got another`, {
        details: { input, key: toHex(verifyingKey) },
      });
    signatures.set(signatureName(input, key), signature);
  }
  return { plan, signatures };
}

const REACTION = 6;

/** A pledger pays into the whole goal or gets everything back. */
export const crowdfundingGuarantees: Guarantees<typeof crowdfunding> = defineGuarantees(crowdfunding, {
  reaction: () => REACTION,
  sides: ({ pledgers, pledges, goal, deadline }) => [
    ...pledgers.map(({ name }, place) => ({
      name,
      members: [name],
      least: ({ steps }: ContractHistory<typeof crowdfunding>) => {
        const taken = steps.some(
          ({ transition, cells, payouts }) =>
            transition === 'collect' &&
            payouts.get('founder') === goal &&
            cells.some(({ data }) => data.pledger === place),
        );
        return taken ? 0n : (pledges[place] ?? 0n);
      },
      paidBy: ({ startHeight }: ContractHistory<typeof crowdfunding>) => Math.max(startHeight, deadline) + REACTION,
    })),
    {
      name: 'founder',
      members: ['founder'],
      least: ({ steps }) => (steps.some(({ transition }) => transition === 'collect') ? goal : 0n),
      paidBy: ({ steps }) => steps.find(({ transition }) => transition === 'collect')?.height,
    },
  ],
  endsBy: ({ deadline }, { startHeight }) => Math.max(startHeight, deadline as number) + REACTION,
});
