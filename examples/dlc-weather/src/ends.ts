/** Everything that follows from a deal. */
import type { ContractInstance } from '@bitcoin-enterprise/biscol';
import { type dlc, type DlcEnd, dlcEnds } from '@bitcoin-enterprise/biscol/contracts';
import { type DlcOutcome, dlcOutcomes, type DlcTerms } from '@bitcoin-enterprise/biscol/dlc';
import { parseDisplayHash, satoshis } from '@bitcoin-enterprise/core';
import { COLLATERAL, type Deal, FEE_RESERVE, fundingOf, instanceOf, termsOf } from './terms.ts';

export interface Ends {
  readonly terms: DlcTerms;
  readonly instance: ContractInstance<typeof dlc>;
  /** `txid:index` of the collateral. */
  readonly outpoint: string;
  readonly outcomes: readonly DlcOutcome[];
  readonly ends: readonly DlcEnd[];
}

export function endsOf(deal: Deal): Ends {
  const terms = termsOf(deal);
  const instance = instanceOf(deal);
  const { outpoint } = fundingOf(deal);
  const [txid = '', index = ''] = outpoint.split(':');
  const outcomes = dlcOutcomes(terms);
  const cell = {
    state: 'funded',
    data: {},
    value: satoshis(COLLATERAL + FEE_RESERVE),
    txid: parseDisplayHash(txid),
    index: Number(index),
  };
  return { terms, instance, outpoint, outcomes, ends: dlcEnds(instance, { cell, outcomes }) };
}
