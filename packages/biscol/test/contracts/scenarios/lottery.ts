import { type CovenantsInput, instantiate } from '@bitcoin-enterprise/biscol';
import { drawCommitment, lottery, lotteryGuarantees } from '@bitcoin-enterprise/biscol/contracts';
import { personOf, secretOf } from '../../support/people.ts';
import type { Scenario, ScenarioFile } from '../../support/scenarios.ts';

/** The secret of a player, by his place. */
export const drawSecret = (place: number): Uint8Array => secretOf(60 + place);

export const lotteryParams = (values: readonly number[]) => ({
  players: values.map((_, place) => personOf(place + 1)),
  commitments: values.map((value, place) => drawCommitment({ secret: drawSecret(place), value })),
  stake: 10_000n,
  patience: 6,
});

const names = (players: number) => Array.from({ length: players }, (_, place) => `players[${place}]`);

const instance = (values: readonly number[]) => (_: number, covenants: CovenantsInput) =>
  instantiate(lottery(values.length), { network: 'regtest', params: lotteryParams(values), covenants });

/** All players open, in order. */
const opened = (values: readonly number[]): Scenario => ({
  title: `draws ${values.join(' + ')}`,
  instance: instance(values),
  steps: values.map((value, place) => ({ transition: `open${value}`, args: { secret: drawSecret(place) } })),
});

/** Some open, then one does not, and another complains. */
const withheld = (values: readonly number[], at: number, complaint: number): Scenario => ({
  title: `divides the pot when player ${at} is silent and the one ${complaint} behind complains`,
  instance: instance(values),
  steps: [
    ...values.slice(0, at).map((value, place) => ({ transition: `open${value}`, args: { secret: drawSecret(place) } })),
    { transition: `late${complaint}` },
  ],
  idle: names(values.length).slice(at, at + 1),
});

const fileOf = (players: number, scenarios: readonly Scenario[]): ScenarioFile => {
  const contract = lottery(players);
  return { contract, guarantees: lotteryGuarantees(contract, players), scenarios };
};

export const lotteryScenarios = (): readonly ScenarioFile[] => [
  fileOf(2, [
    opened([0, 0]),
    opened([1, 0]),
    opened([0, 1]),
    opened([1, 1]),
    withheld([0, 1], 0, 1),
    withheld([1, 1], 1, 1),
  ]),
  fileOf(3, [
    opened([0, 1, 2]),
    opened([2, 2, 1]),
    withheld([0, 1, 2], 0, 2),
    withheld([1, 0, 2], 1, 1),
    withheld([2, 0, 1], 2, 2),
  ]),
];
