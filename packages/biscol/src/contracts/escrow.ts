import { and, musig, older, pk } from '../contract/clauses.ts';
import { type Contract, defineContract } from '../contract/define.ts';
import { defineGuarantees, type Guarantees, type HistoryStep } from '../contract/guarantees.ts';
import { pay, rest, to } from '../contract/outputs.ts';
import { distinctKeys } from '../contract/rules.ts';
import { amount, blocks, party, type Values } from '../contract/values.ts';
import type { AmountKind, NoArgs, NoData, NumberKind, PartyKind } from './kinds.ts';

/** Parameters of {@link escrow}. */
export type EscrowParams = {
  readonly buyer: PartyKind;
  readonly seller: PartyKind;
  /** Decides where the two do not agree; is paid elsewhere. */
  readonly arbiter: PartyKind;
  /** Satoshis that the buyer pays in. */
  readonly price: AmountKind;
  /** Blocks after which the buyer may take back what nobody has decided about. */
  readonly patience: NumberKind;
};

/** What a split gives the buyer; the seller gets what is left, less the fee. */
export type SplitArgs = { readonly toBuyer: AmountKind };

/** Transitions of {@link escrow}. */
export type EscrowTransitions = {
  readonly release: NoArgs;
  readonly settle: SplitArgs;
  readonly awardSeller: NoArgs;
  readonly splitWithSeller: SplitArgs;
  readonly awardBuyer: NoArgs;
  readonly splitWithBuyer: SplitArgs;
  readonly refund: NoArgs;
};

/** Neither share of a split is so small that nobody would relay it. */
const SMALLEST_SHARE = 1_000n;

type Params = Values<EscrowParams>;
type SplitContext = { readonly args: Values<SplitArgs>; readonly value: bigint };

const split = {
  args: { toBuyer: amount({ minimum: SMALLEST_SHARE }) },
  refuses: (_: Params, { args, value }: SplitContext): string | undefined =>
    args.toBuyer > value - SMALLEST_SHARE ? `a split leaves ${SMALLEST_SHARE} sat to the seller` : undefined,
  outputs: ({ buyer, seller }: Params, { args }: SplitContext) => [pay(buyer, args.toBuyer), pay(seller, rest)],
};

/**
 * An escrow: the buyer's money waits until buyer and seller agree (one MuSig2 signature, like any payment), the arbiter
 * decides with one of them, wholly or by a split, or nobody does anything for `patience` blocks and the buyer takes it
 * back. The arbiter alone can do nothing.
 *
 * @example Who can spend it
 * ```ts
 * import { fundingOutputs, instantiate } from '@bitcoin-enterprise/biscol';
 * import { escrow } from '@bitcoin-enterprise/biscol/contracts';
 * import { currentCrypto, loadCrypto, toHex } from '@bitcoin-enterprise/core';
 *
 * await loadCrypto();
 * const key = (n: number) => toHex(currentCrypto().publicKey(new Uint8Array(32).fill(n)) as Uint8Array);
 * const someone = (n: number) => ({ key: key(n), payTo: `5120${key(n).slice(2)}` });
 * const instance = instantiate(escrow, {
 *   network: 'regtest',
 *   params: { buyer: someone(1), seller: someone(2), arbiter: someone(3), price: 100_000n, patience: 1_008 },
 * });
 * const [funded] = fundingOutputs(instance);
 * funded?.output.ways.map(({ path }) => path).sort(); // => ['key', 'refund', 'ruleForBuyer', 'ruleForSeller']
 * ```
 */
export const escrow: Contract<EscrowParams, NoData, 'funded', EscrowTransitions> = defineContract({
  name: 'escrow',
  description: 'A payment that waits for agreement, for an arbiter, or for the time to take it back.',
  params: {
    buyer: party(),
    seller: party(),
    arbiter: party(),
    price: amount({ minimum: 5_000n }),
    patience: blocks(),
  },
  rules: ({ buyer, seller, arbiter }) => [distinctKeys(buyer, seller, arbiter)],
  states: {
    funded: {
      description: 'paid in',
      amount: ({ price }) => price,
      key: ({ buyer, seller }) => musig(buyer, seller),
      paths: ({ buyer, seller, arbiter, patience }) => ({
        ruleForSeller: and(pk(arbiter), pk(seller)),
        ruleForBuyer: and(pk(arbiter), pk(buyer)),
        refund: and(pk(buyer), older(patience)),
      }),
      odds: { ruleForSeller: 2, ruleForBuyer: 2, refund: 1 },
    },
  },
  transitions: {
    release: {
      from: 'funded',
      by: 'key',
      description: 'pays the seller; both agree',
      outputs: ({ seller }) => [pay(seller, rest)],
    },
    settle: { ...split, from: 'funded', by: 'key', description: 'splits; both agree' },
    awardSeller: {
      from: 'funded',
      by: 'ruleForSeller',
      description: 'pays the seller; the arbiter says so',
      outputs: ({ seller }) => [pay(seller, rest)],
    },
    splitWithSeller: {
      ...split,
      from: 'funded',
      by: 'ruleForSeller',
      description: 'splits; arbiter and seller say so',
    },
    awardBuyer: {
      from: 'funded',
      by: 'ruleForBuyer',
      description: 'pays the buyer back; the arbiter says so',
      outputs: ({ buyer }) => [pay(buyer, rest)],
    },
    splitWithBuyer: { ...split, from: 'funded', by: 'ruleForBuyer', description: 'splits; arbiter and buyer say so' },
    refund: {
      from: 'funded',
      by: 'refund',
      description: 'pays the buyer back, after the time',
      outputs: ({ buyer }) => [pay(buyer, rest)],
    },
  },
  funding: () => [to('funded')],
  duties: [{ party: ({ buyer }) => buyer, state: 'funded', transition: 'refund' }],
});

const REACTION = 6;

/** Nobody loses anything that he or the arbiter has not signed away; time works for the buyer. */
export const escrowGuarantees: Guarantees<typeof escrow> = defineGuarantees(escrow, {
  reaction: () => REACTION,
  sides: ({ price, patience }) => [
    {
      name: 'buyer',
      members: ['buyer'],
      least: ({ steps: [end] }) => price - forSeller(price, end),
      paidBy: ({ startHeight }) => startHeight + patience - 1 + REACTION,
    },
    {
      name: 'seller',
      members: ['seller'],
      least: ({ startHeight, steps: [end] }) => {
        // Before its time the buyer takes nothing back by himself.
        const isEarly = end !== undefined && end.height < startHeight + patience;
        const isAgreed = end?.signers.some((name) => name === 'seller' || name === 'arbiter') === true;
        return isEarly && !isAgreed ? price : forSeller(price, end);
      },
      paidBy: ({ steps: [end] }) => end?.height,
    },
  ],
  endsBy: ({ patience }, { startHeight }) => startHeight + patience - 1 + REACTION,
});

/** What an end of the contract gives the seller, fees aside; before the end, nothing is certain. */
function forSeller(price: bigint, end: HistoryStep<typeof escrow> | undefined): bigint {
  if (end === undefined) return 0n;
  // A ruling is one only with the arbiter's signature, an agreement with the buyer's.
  if (!end.signers.some((name) => name === 'arbiter' || name === 'buyer')) return 0n;
  switch (end.transition) {
    case 'release':
    case 'awardSeller':
      return price;
    case 'settle':
    case 'splitWithSeller':
    case 'splitWithBuyer':
      return price - end.args.toBuyer;
    default:
      // Arbiter and seller together may send it where they like: to the buyer that is an award.
      return end.transition === undefined && end.by === 'ruleForSeller' ? price : 0n;
  }
}
