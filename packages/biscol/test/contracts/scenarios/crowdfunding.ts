import { instantiate } from '@bitcoin-enterprise/biscol';
import { crowdfunding, crowdfundingGuarantees } from '@bitcoin-enterprise/biscol/contracts';
import { personOf } from '../../support/people.ts';
import type { ScenarioFile } from '../../support/scenarios.ts';

export const crowdfundingParams = (height: number) =>
  ({
    founder: personOf(1),
    pledgers: [2, 3, 4].map(personOf),
    pledges: [30_000n, 20_000n, 52_000n],
    goal: 80_000n,
    deadline: height + 10,
  }) as const;

const instance = (height: number) =>
  instantiate(crowdfunding, { network: 'regtest', params: crowdfundingParams(height) });

export const crowdfundingScenarios: ScenarioFile = {
  contract: crowdfunding,
  guarantees: crowdfundingGuarantees,
  scenarios: [
    {
      title: 'pays the founder the goal, the rest back',
      instance,
      steps: [{ transition: 'collect', cells: [0, 2] }, { transition: 'refund' }],
    },
    {
      title: 'pays every pledge back',
      instance,
      steps: [{ transition: 'refund' }, { transition: 'refund' }, { transition: 'refund' }],
    },
  ],
};
