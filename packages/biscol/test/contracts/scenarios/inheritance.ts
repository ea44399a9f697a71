import { instantiate } from '@bitcoin-enterprise/biscol';
import { inheritance, inheritanceGuarantees } from '@bitcoin-enterprise/biscol/contracts';
import { keyOf, personOf, scriptOf } from '../../support/people.ts';
import type { ScenarioFile } from '../../support/scenarios.ts';

export const inheritanceParams = () =>
  ({ owner: personOf(1), heirs: [2, 3, 4].map(personOf), quorum: 2, estate: 100_000n, patience: 14 }) as const;

const instance = () => instantiate(inheritance, { network: 'regtest', params: inheritanceParams() });

export const inheritanceScenarios: ScenarioFile = {
  contract: inheritance,
  guarantees: inheritanceGuarantees,
  scenarios: [
    {
      title: 'stays the owner’s as long as she gives signs of life',
      instance,
      steps: [
        { transition: 'renew', wait: 6 },
        { transition: 'renew', wait: 6 },
        { transition: 'spend', args: { receiver: scriptOf(9), sum: 10_000n } },
        { transition: 'withdraw' },
      ],
    },
    {
      title: 'changes the owner’s key',
      instance,
      steps: [{ transition: 'rotate', args: { key: keyOf(5) } }, { transition: 'renew' }, { transition: 'withdraw' }],
    },
    {
      title: 'is divided by two of three heirs',
      instance,
      steps: [{ transition: 'renew' }, { transition: 'inherit', signers: ['heirs[0]', 'heirs[2]'] }],
      idle: ['owner'],
    },
  ],
};
