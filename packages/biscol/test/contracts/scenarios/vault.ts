import { type CovenantsInput, instantiate } from '@bitcoin-enterprise/biscol';
import { vault, vaultGuarantees } from '@bitcoin-enterprise/biscol/contracts';
import { keyOf, personOf } from '../../support/people.ts';
import type { ScenarioFile } from '../../support/scenarios.ts';

export const vaultParams = () =>
  ({
    owner: keyOf(1),
    hot: personOf(2),
    watchtower: keyOf(3),
    cold: personOf(4),
    sum: 100_000n,
    delay: 6,
  }) as const;

const instance = (_: number, covenants: CovenantsInput) =>
  instantiate(vault, { network: 'regtest', params: vaultParams(), covenants });

export const vaultScenarios: ScenarioFile = {
  contract: vault,
  guarantees: vaultGuarantees,
  scenarios: [
    {
      title: 'takes coins out after the delay',
      instance,
      steps: [{ transition: 'unvault' }, { transition: 'withdraw' }],
      idle: ['savers'],
    },
    {
      title: 'takes back what a thief began',
      instance,
      steps: [{ transition: 'unvault' }, { transition: 'clawBack' }],
    },
    { title: 'recovers with the cold key', instance, steps: [{ transition: 'recover' }] },
    {
      title: 'recovers with the cold key what is on its way out',
      instance,
      steps: [{ transition: 'unvault' }, { transition: 'recoverLeaving' }],
    },
  ],
};
