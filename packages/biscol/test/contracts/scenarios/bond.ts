import { instantiate } from '@bitcoin-enterprise/biscol';
import { bond, bondGuarantees } from '@bitcoin-enterprise/biscol/contracts';
import { toHex } from '@bitcoin-enterprise/core';
import { keyOf, personOf, scriptOf } from '../../support/people.ts';
import type { ScenarioFile } from '../../support/scenarios.ts';

export const bondParams = (height: number) =>
  ({
    issuer: personOf(1),
    holder: personOf(2),
    judges: [3, 4, 5].map(keyOf),
    quorum: 2,
    breach: keyOf(6),
    collateral: 100_000n,
    coupon: 5_000n,
    coupons: 2,
    start: height + 6,
    period: 4,
    term: height + 14,
    claimTime: 6,
  }) as const;

const instance = (height: number) => instantiate(bond, { network: 'regtest', params: bondParams(height) });
const bare = (height: number) =>
  instantiate(bond, { network: 'regtest', params: { ...bondParams(height), coupons: 0 } });

const heir = () => ({ holder: keyOf(7), payTo: toHex(scriptOf(7)) });

export const bondScenarios: ScenarioFile = {
  contract: bond,
  guarantees: bondGuarantees,
  scenarios: [
    {
      title: 'pays coupons and gives the collateral back after the term',
      instance,
      steps: [{ transition: 'collectCoupon' }, { transition: 'collectCoupon' }, { transition: 'release' }],
    },
    {
      title: 'pays a penalty that two of three judges rule',
      instance: bare,
      steps: [{ transition: 'penalise', args: { penalty: 40_000n }, signers: ['holder', 'judges[0]', 'judges[2]'] }],
    },
    {
      title: 'pays everything when judges rule so',
      instance: bare,
      steps: [{ transition: 'penaliseFully', signers: ['holder', 'judges[1]', 'judges[2]'] }],
    },
    { title: 'pays everything when the oracle attests', instance: bare, steps: [{ transition: 'penaliseAttested' }] },
    { title: 'is given back when judges acquit', instance: bare, steps: [{ transition: 'acquit' }] },
    { title: 'is given back when both agree', instance: bare, steps: [{ transition: 'redeem' }] },
    {
      title: 'is handed on with a coupon, and pays the new holder',
      instance,
      steps: [
        { transition: 'transfer', args: heir() },
        { transition: 'transferCoupon', args: heir() },
        { transition: 'collectCoupon', cells: [1] },
        { transition: 'collectCoupon' },
        { transition: 'penaliseAttested' },
      ],
    },
  ],
};
