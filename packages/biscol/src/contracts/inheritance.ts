import { satoshis } from '@bitcoin-enterprise/core';
import { and, older, pk, thresh } from '../contract/clauses.ts';
import { type Contract, defineContract } from '../contract/define.ts';
import { defineGuarantees, type Guarantees, type HistoryStep } from '../contract/guarantees.ts';
import { type ContractOutput, pay, rest, to } from '../contract/outputs.ts';
import { distinctKeys, dutiesOfEach, nobody, rule } from '../contract/rules.ts';
import { address, amount, blocks, list, party, publicKey, whole } from '../contract/values.ts';
import type { AmountKind, KeyKind, NoArgs, NumberKind, PartiesKind, PartyKind, ScriptKind } from './kinds.ts';

/** Parameters of {@link inheritance}. */
export type InheritanceParams = {
  readonly owner: PartyKind;
  /** 1 to 15, who get equal shares. */
  readonly heirs: PartiesKind;
  /** How many of them have to sign. */
  readonly quorum: NumberKind;
  /** Satoshis at the beginning. */
  readonly estate: AmountKind;
  /** Blocks without a sign of life after which the heirs inherit; the owner gives one after half of them. */
  readonly patience: NumberKind;
};

/** Data of the output of {@link inheritance}. */
export type InheritanceData = {
  /** The owner's key now. */
  readonly owner: KeyKind;
};

/** Transitions of {@link inheritance}. */
export type InheritanceTransitions = {
  readonly renew: NoArgs;
  readonly rotate: { readonly key: KeyKind };
  readonly spend: { readonly receiver: ScriptKind; readonly sum: AmountKind };
  readonly withdraw: NoArgs;
  readonly inherit: NoArgs;
};

const MOST_HEIRS = 15;

/**
 * An inheritance: the owner does with the money what she likes, by her key alone. Whatever she does is a sign of life; a
 * duty of hers moves the output, to itself, after half of `patience`. Where none has come for all of it, a quorum of the
 * heirs divides the estate equally. The key of the owner can be exchanged for another at any time.
 *
 * @example Two of three heirs, after a year
 * ```ts
 * import { fundingOutputs, instantiate, printClause } from '@bitcoin-enterprise/biscol';
 * import { inheritance } from '@bitcoin-enterprise/biscol/contracts';
 * import { currentCrypto, loadCrypto, toHex } from '@bitcoin-enterprise/core';
 *
 * await loadCrypto();
 * const key = (n: number) => toHex(currentCrypto().publicKey(new Uint8Array(32).fill(n)) as Uint8Array);
 * const someone = (n: number) => ({ key: key(n), payTo: `5120${key(n).slice(2)}` });
 * const heirs = [2, 3, 4].map(someone);
 * const params = { owner: someone(1), heirs, quorum: 2, estate: 5_000_000n, patience: 52_560 };
 * const instance = instantiate(inheritance, { network: 'regtest', params });
 * const inherit = fundingOutputs(instance)[0]?.output.ways.find(({ path }) => path === 'inherit');
 * inherit && printClause(inherit.clause);
 * // => 'and(thresh(2,pk(heirs[0]),pk(heirs[1]),pk(heirs[2])),older(52560))'
 * ```
 */
export const inheritance: Contract<InheritanceParams, InheritanceData, 'alive', InheritanceTransitions> =
  defineContract({
    name: 'inheritance',
    description: 'Money of its owner as long as she gives signs of life, then of her heirs.',
    params: {
      owner: party(),
      heirs: list(party(), { minimum: 1, maximum: MOST_HEIRS }),
      quorum: whole({ minimum: 1, maximum: MOST_HEIRS }),
      estate: amount({ minimum: 10_000n }),
      patience: blocks({ minimum: 12 }),
    },
    data: { owner: publicKey() },
    rules: ({ owner, heirs, quorum, estate }) => [
      distinctKeys(owner, ...heirs),
      rule(quorum <= heirs.length, 'quorum', 'at most as many as there are heirs'),
      rule(estate >= 2_000n * BigInt(heirs.length), 'estate', '2,000 sat or more for each heir'),
    ],
    states: {
      alive: {
        description: 'the owner’s',
        key: (_, { owner }) => owner,
        paths: ({ heirs, quorum, patience }) => ({
          inherit: and(thresh(quorum, heirs.map(pk)), older(patience)),
        }),
      },
    },
    transitions: {
      renew: {
        from: 'alive',
        by: 'key',
        description: 'gives a sign of life',
        outputs: () => [to('alive', { amount: rest })],
      },
      rotate: {
        from: 'alive',
        by: 'key',
        description: 'changes the owner’s key',
        args: { key: publicKey() },
        refuses: ({ heirs }, { args }) =>
          heirs.some(({ key }) => key === args.key.key) ? 'a key of an heir' : undefined,
        outputs: (_, { args }) => [to('alive', { amount: rest, data: { owner: args.key } })],
      },
      spend: {
        from: 'alive',
        by: 'key',
        description: 'pays somebody; what is left stays',
        args: { receiver: address(), sum: amount({ minimum: 1_000n }) },
        outputs: (_, { args }) => [pay(args.receiver, args.sum), to('alive', { amount: rest })],
      },
      withdraw: {
        from: 'alive',
        by: 'key',
        description: 'ends it',
        outputs: ({ owner }) => [pay(owner, rest)],
      },
      inherit: {
        from: 'alive',
        by: 'inherit',
        description: 'divides the estate, after the time',
        outputs: ({ heirs }, { value }): readonly ContractOutput<never, never>[] => {
          const share = satoshis(value / BigInt(heirs.length));
          return heirs.map((heir, place) => pay(heir, place === 0 ? rest : share));
        },
      },
    },
    funding: ({ owner, estate }) => [to('alive', { amount: estate, data: { owner } })],
    duties: [
      {
        party: ({ owner }) => owner,
        state: 'alive',
        transition: 'renew',
        when: ({ patience }, { confirmations }) => 2 * confirmations >= patience,
      },
      ...dutiesOfEach(MOST_HEIRS, (place) => [
        {
          party: ({ heirs }: { readonly heirs: readonly (typeof nobody)[] }) => heirs[place] ?? nobody,
          state: 'alive' as const,
          transition: 'inherit' as const,
        },
      ]),
    ],
  });

/** The owner keeps everything that she has not paid away as long as she lives; then a quorum of heirs inherits it. */
export const inheritanceGuarantees: Guarantees<typeof inheritance> = defineGuarantees(inheritance, {
  reaction: ({ patience }) => Math.floor(patience / 2) - 1,
  sides: ({ estate, heirs, patience }) => [
    {
      name: 'owner',
      members: ['owner'],
      // Heirs who inherit did so after her duty was left undone: then she was not there.
      least: ({ steps }) => estate - spentBy(steps),
      paidBy: () => undefined,
    },
    {
      name: 'heirs',
      members: heirs.map(({ name }) => name),
      least: ({ steps }) => (hasEnded(steps.at(-1)) ? 0n : estate - spentBy(steps)),
      paidBy: ({ steps, startHeight }) => inheritedBy(patience, lastSign(steps) ?? startHeight),
    },
  ],
  endsBy: ({ patience }, { steps, startHeight }) =>
    steps.at(-1)?.transition === 'inherit' ? inheritedBy(patience, lastSign(steps) ?? startHeight) : undefined,
});

type Step = HistoryStep<typeof inheritance>;

/** Height by which heirs inherit after the owner's last sign of life. */
function inheritedBy(patience: number, since: number): number {
  return since + patience - 1 + Math.floor(patience / 2) - 1;
}

/** Height of the owner's last sign of life. */
function lastSign(steps: readonly Step[]): number | undefined {
  return steps.findLast(({ by }) => by === 'key')?.height;
}

/** Whether the owner has taken everything. */
function hasEnded(last: Step | undefined): boolean {
  return last?.by === 'key' && (last.transition === 'withdraw' || last.transition === undefined);
}

/** What the owner has paid to others. */
function spentBy(steps: readonly Step[]): bigint {
  return steps.reduce((sum, step) => (step.transition === 'spend' ? sum + step.args.sum : sum), 0n);
}
