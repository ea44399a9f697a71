import { currentCrypto } from '@bitcoin-enterprise/core';
import { instantiate } from '@bitcoin-enterprise/biscol';
import {
  commitmentSecret,
  penaltyChannel,
  penaltyChannelGuarantees,
  unidirectionalChannel,
  unidirectionalChannelGuarantees,
} from '@bitcoin-enterprise/biscol/contracts';
import { personOf, secretOf } from '../../support/people.ts';
import type { ScenarioFile } from '../../support/scenarios.ts';

export const unidirectionalParams = (height: number) =>
  ({ payer: personOf(1), payee: personOf(2), capacity: 100_000n, expiry: height + 12, margin: 3 }) as const;

const oneWay = (height: number) =>
  instantiate(unidirectionalChannel, { network: 'regtest', params: unidirectionalParams(height) });

const held = (paid: bigint) => ({ party: 'payee', transition: 'pay', args: { paid } });

export const unidirectionalScenarios: ScenarioFile = {
  contract: unidirectionalChannel,
  guarantees: unidirectionalChannelGuarantees,
  scenarios: [
    {
      title: 'sends the latest payment',
      instance: oneWay,
      steps: [{ transition: 'pay', args: { paid: 40_000n } }],
      holds: [held(10_000n), held(40_000n)],
    },
    {
      title: 'pays everything',
      instance: oneWay,
      steps: [{ transition: 'pay', args: { paid: 100_000n } }],
      holds: [held(99_000n)],
    },
    {
      title: 'closes when both agree',
      instance: oneWay,
      steps: [{ transition: 'close', args: { paid: 50_000n } }],
      holds: [held(50_000n)],
    },
    { title: 'pays back what nobody claimed', instance: oneWay, steps: [{ transition: 'refund' }] },
  ],
};

export const penaltyParams = () =>
  ({ alice: personOf(1), bob: personOf(2), capacity: 100_000n, reserve: 5_000n, delay: 6 }) as const;

const twoWays = () => instantiate(penaltyChannel, { network: 'regtest', params: penaltyParams() });

/** The secret of a commitment of Alice (1) or Bob (2). */
export const revoked = (who: number, number: number): Uint8Array => commitmentSecret(secretOf(50 + who), number);

/** Arguments of a commitment. */
export const commitment = (who: number, number: number, toAlice: bigint) => ({
  number,
  toAlice,
  revocation: currentCrypto().sha256(revoked(who, number)),
});

export const penaltyScenarios: ScenarioFile = {
  contract: penaltyChannel,
  guarantees: penaltyChannelGuarantees,
  scenarios: [
    {
      title: 'closes when both agree',
      instance: twoWays,
      steps: [{ transition: 'close', args: { toAlice: 30_000n } }],
    },
    {
      title: 'closes by Alice, who waits',
      instance: twoWays,
      steps: [{ transition: 'commitAlice', args: commitment(1, 3, 60_000n) }, { transition: 'takeAlice' }],
    },
    {
      title: 'closes by Bob, who waits',
      instance: twoWays,
      steps: [{ transition: 'commitBob', args: commitment(2, 3, 5_000n) }, { transition: 'takeBob' }],
    },
    {
      title: 'takes everything from Alice, who cheats',
      instance: twoWays,
      steps: [
        { transition: 'commitAlice', args: commitment(1, 2, 95_000n) },
        { transition: 'punishAlice', args: { secret: revoked(1, 2) } },
      ],
      knows: [{ party: 'bob', secret: revoked(1, 2) }],
      idle: ['alice'],
    },
    {
      title: 'takes everything from Bob, who cheats',
      instance: twoWays,
      steps: [
        { transition: 'commitBob', args: commitment(2, 2, 5_000n) },
        { transition: 'punishBob', args: { secret: revoked(2, 2) } },
      ],
      knows: [{ party: 'alice', secret: revoked(2, 2) }],
      idle: ['bob'],
    },
  ],
};
