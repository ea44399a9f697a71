import { currentCrypto } from '@bitcoin-enterprise/core';
import { instantiate } from '@bitcoin-enterprise/biscol';
import { htlc, htlcGuarantees } from '@bitcoin-enterprise/biscol/contracts';
import { personOf, secretOf } from '../../support/people.ts';
import type { ScenarioFile } from '../../support/scenarios.ts';

export const htlcParams = (height: number) =>
  ({
    sender: personOf(1),
    receiver: personOf(2),
    digest: currentCrypto().sha256(secretOf(41)),
    cancelDigest: currentCrypto().sha256(secretOf(42)),
    sum: 100_000n,
    refundAfter: height + 12,
    margin: 3,
  }) as const;

const instance = (height: number) => instantiate(htlc, { network: 'regtest', params: htlcParams(height) });

export const htlcScenarios: ScenarioFile = {
  contract: htlc,
  guarantees: htlcGuarantees,
  scenarios: [
    {
      title: 'pays for the secret',
      instance,
      steps: [{ transition: 'claim', args: { secret: secretOf(41) } }],
      knows: [{ party: 'receiver', secret: secretOf(41) }],
    },
    {
      title: 'pays back for the receiver’s other secret',
      instance,
      steps: [{ transition: 'cancel', args: { secret: secretOf(42) } }],
    },
    { title: 'pays back after the height', instance, steps: [{ transition: 'refund' }] },
    { title: 'pays the receiver when both agree', instance, steps: [{ transition: 'settle' }] },
    { title: 'pays back when both agree', instance, steps: [{ transition: 'giveBack' }] },
  ],
};
