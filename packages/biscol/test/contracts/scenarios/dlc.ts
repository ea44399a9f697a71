import { instantiate } from '@bitcoin-enterprise/biscol';
import { dlc, dlcGuarantees } from '@bitcoin-enterprise/biscol/contracts';
import { personOf } from '../../support/people.ts';
import type { ScenarioFile } from '../../support/scenarios.ts';

export const dlcParams = (height: number) =>
  ({
    offerer: personOf(1),
    accepter: personOf(2),
    offererCollateral: 60_000n,
    accepterCollateral: 40_000n,
    feeReserve: 500n,
    terms: '00'.repeat(32),
    refundAfter: height + 12,
  }) as const;

const instance = (height: number) => instantiate(dlc, { network: 'regtest', params: dlcParams(height) });

export const dlcScenarios: ScenarioFile = {
  contract: dlc,
  guarantees: dlcGuarantees,
  scenarios: [
    { title: 'pays what was attested', instance, steps: [{ transition: 'execute', args: { toOfferer: 70_000n } }] },
    { title: 'pays one alone', instance, steps: [{ transition: 'execute', args: { toOfferer: 100_000n } }] },
    { title: 'ends when both agree', instance, steps: [{ transition: 'close', args: { toOfferer: 50_000n } }] },
    { title: 'gives the collateral back', instance, steps: [{ transition: 'refund' }] },
  ],
};
