import { instantiate } from '@bitcoin-enterprise/biscol';
import { escrow, escrowGuarantees } from '@bitcoin-enterprise/biscol/contracts';
import { personOf } from '../../support/people.ts';
import type { ScenarioFile } from '../../support/scenarios.ts';

export const escrowParams = () =>
  ({ buyer: personOf(1), seller: personOf(2), arbiter: personOf(3), price: 100_000n, patience: 6 }) as const;

const instance = () => instantiate(escrow, { network: 'regtest', params: escrowParams() });

export const escrowScenarios: ScenarioFile = {
  contract: escrow,
  guarantees: escrowGuarantees,
  scenarios: [
    { title: 'pays the seller when both agree', instance, steps: [{ transition: 'release' }] },
    { title: 'splits when both agree', instance, steps: [{ transition: 'settle', args: { toBuyer: 30_000n } }] },
    { title: 'pays the seller when the arbiter says so', instance, steps: [{ transition: 'awardSeller' }] },
    {
      title: 'splits when arbiter and seller say so',
      instance,
      steps: [{ transition: 'splitWithSeller', args: { toBuyer: 1_000n } }],
    },
    { title: 'pays the buyer back when the arbiter says so', instance, steps: [{ transition: 'awardBuyer' }] },
    {
      title: 'splits when arbiter and buyer say so',
      instance,
      steps: [{ transition: 'splitWithBuyer', args: { toBuyer: 99_000n - 1n } }],
    },
    { title: 'pays the buyer back after the time', instance, steps: [{ transition: 'refund' }] },
  ],
};
