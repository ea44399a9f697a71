import { loadCrypto } from '@bitcoin-enterprise/core';
import { type CovenantsInput, defineGuarantees } from '@bitcoin-enterprise/biscol';
import { escrow, escrowGuarantees } from '@bitcoin-enterprise/biscol/contracts';
import { beforeAll, describe, expect, it } from 'vitest';
import { codeOf } from '../support/code-of.ts';
import { checkWalk, COVENANTS, type Scenario, type Walked, walk } from '../support/scenarios.ts';
import { embeddedTestChain } from '../support/test-chains.ts';
import { escrowScenarios } from './scenarios/escrow.ts';

const [release] = escrowScenarios.scenarios as [Scenario];
const refund = escrowScenarios.scenarios.at(-1) as Scenario;
const guarantees = escrowScenarios.guarantees;

const walked = async (scenario: Scenario): Promise<Walked> =>
  walk(embeddedTestChain(), scenario, { covenants: COVENANTS[0] as CovenantsInput, way: 'mempool' });

beforeAll(async () => {
  await loadCrypto();
});

describe('what every walk has to show fails', () => {
  it('when a weight is another than planned', async () => {
    const good = await walked(release);
    checkWalk({ guarantees, scenario: release }, good);
    const [first] = good.measured;
    if (first === undefined) throw new Error('nothing measured');
    const [weight] = first.weights;
    for (const weights of [
      [weight, weight + 1, weight],
      [weight, weight, weight + 1],
    ] as const)
      expect(() =>
        checkWalk({ guarantees, scenario: release }, { ...good, measured: [{ ...first, weights }] }),
      ).toThrow(/to deeply equal/);
  });

  it('when a lock does not hold', async () => {
    const good = await walked(refund);
    const measured = good.measured.map((one) => ({ ...one, tooEarly: 'accepted' }));
    expect(good.measured.map(({ tooEarly }) => tooEarly)).toEqual(['non-BIP68-final']);
    expect(() => checkWalk({ guarantees, scenario: refund }, { ...good, measured })).toThrow(
      /to include 'accepted'|accepted/,
    );
  });

  it('when a satoshi is nowhere', async () => {
    const good = await walked(release);
    expect(() => checkWalk({ guarantees, scenario: release }, { ...good, fees: good.fees - 1n })).toThrow(/expected/);
  });

  it('when a side gets less than it was promised, or the end comes late', async () => {
    const good = await walked(release);
    const greedy = defineGuarantees(escrow, {
      ...escrowGuarantees,
      sides: ({ price }) => [{ name: 'seller', members: ['seller'], least: () => price + 1n, paidBy: () => undefined }],
    });
    const hasty = defineGuarantees(escrow, { ...escrowGuarantees, endsBy: (_, { startHeight }) => startHeight });
    expect(() => checkWalk({ guarantees: greedy, scenario: release }, good)).toThrow(/seller/);
    expect(() => checkWalk({ guarantees: hasty, scenario: release }, good)).toThrow(/greater than or equal/);
  });

  it('when promises are none', () => {
    for (const promises of [null, {}, { ...escrowGuarantees, sides: [] }, { ...escrowGuarantees, endsBy: 5 }])
      expect(codeOf(() => defineGuarantees(escrow, promises as never))).toBe('BISCOL_INVALID_ARGUMENT');
  });
});
