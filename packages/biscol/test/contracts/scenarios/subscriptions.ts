import { type CovenantsInput, instantiate } from '@bitcoin-enterprise/biscol';
import {
  paymentStream,
  paymentStreamGuarantees,
  subscription,
  subscriptionGuarantees,
} from '@bitcoin-enterprise/biscol/contracts';
import { personOf } from '../../support/people.ts';
import type { ScenarioFile } from '../../support/scenarios.ts';

export const subscriptionParams = (height: number) =>
  ({ payer: personOf(1), payee: personOf(2), instalment: 10_000n, count: 3, start: height + 6, period: 4 }) as const;

const monthly = (height: number) =>
  instantiate(subscription, { network: 'regtest', params: subscriptionParams(height) });

export const subscriptionScenarios: ScenarioFile = {
  contract: subscription,
  guarantees: subscriptionGuarantees,
  scenarios: [
    {
      title: 'pays each instalment in its time',
      instance: monthly,
      steps: [{ transition: 'collect' }, { transition: 'collect' }, { transition: 'collect' }],
    },
    { title: 'pays what is due together', instance: monthly, steps: [{ transition: 'collect', cells: 'all' }] },
    {
      title: 'is cancelled for the rest',
      instance: monthly,
      steps: [{ transition: 'collect' }, { transition: 'cancel', cells: 'all' }],
    },
  ],
};

export const streamParams = (height: number) =>
  ({ ...subscriptionParams(height), reserve: 5_000n, notice: 2 }) as const;

const stream = (height: number, covenants: CovenantsInput) =>
  instantiate(paymentStream, { network: 'regtest', params: streamParams(height), covenants });

export const streamScenarios: ScenarioFile = {
  contract: paymentStream,
  guarantees: paymentStreamGuarantees,
  scenarios: [
    {
      title: 'pays each instalment in its time',
      instance: stream,
      steps: [{ transition: 'instalment' }, { transition: 'instalment' }, { transition: 'instalment' }],
    },
    {
      title: 'is cancelled with notice',
      instance: stream,
      steps: [{ transition: 'instalment' }, { transition: 'cancel' }, { transition: 'reclaim' }],
    },
    {
      title: 'pays what became due before the end',
      instance: stream,
      steps: [
        { transition: 'instalment' },
        { transition: 'cancel', wait: 4 },
        { transition: 'lastInstalment' },
        { transition: 'reclaim' },
      ],
    },
    {
      title: 'ends when both agree',
      instance: stream,
      steps: [{ transition: 'instalment' }, { transition: 'settle', args: { toPayee: 5_000n } }],
    },
  ],
};
