import { instantiate } from '@bitcoin-enterprise/biscol';
import { rotatingMultisig, rotatingMultisigGuarantees } from '@bitcoin-enterprise/biscol/contracts';
import { toHex } from '@bitcoin-enterprise/core';
import { keyOf, personOf, scriptOf } from '../../support/people.ts';
import type { ScenarioFile } from '../../support/scenarios.ts';

export const rotatingParams = () =>
  ({
    members: [1, 2, 3].map(keyOf),
    quorum: 2,
    group: [],
    recovery: personOf(4),
    recoveryDelay: 6,
    sum: 100_000n,
  }) as const;

const instance = () => instantiate(rotatingMultisig, { network: 'regtest', params: rotatingParams() });
// The shares of a FROST key are put together in a test of its own; here somebody has it whole.
const frost = () =>
  instantiate(rotatingMultisig, { network: 'regtest', params: { ...rotatingParams(), group: [keyOf(5)] } });

const somebody = () => toHex(scriptOf(9));

export const rotatingScenarios: ScenarioFile = {
  contract: rotatingMultisig,
  guarantees: rotatingMultisigGuarantees,
  scenarios: [
    {
      title: 'pays with all, then with two of three',
      instance,
      steps: [
        { transition: 'spend', args: { receiver: somebody(), sum: 10_000n } },
        {
          transition: 'spendByQuorum',
          args: { receiver: somebody(), sum: 10_000n },
          signers: ['members[0]', 'members[2]'],
        },
        { transition: 'sweep', args: { receiver: somebody() } },
      ],
    },
    {
      title: 'changes its members, with all and then with two of the new ones',
      instance,
      steps: [
        { transition: 'rotate', args: { members: [6, 7].map(keyOf), quorum: 2, group: [] } },
        {
          transition: 'rotateByQuorum',
          args: { members: [6, 7, 8].map(keyOf), quorum: 2, group: [] },
          signers: ['members[0]', 'members[1]'],
        },
        {
          transition: 'sweepByQuorum',
          args: { receiver: somebody() },
          signers: ['members[1]', 'members[2]'],
        },
      ],
    },
    {
      title: 'pays with a key of FROST, changes to MuSig2',
      instance: frost,
      steps: [
        { transition: 'spend', args: { receiver: somebody(), sum: 10_000n } },
        { transition: 'rotate', args: { members: [1, 2].map(keyOf), quorum: 1, group: [] } },
        { transition: 'recover' },
      ],
    },
  ],
};
