import { feeRate, loadCrypto } from '@bitcoin-enterprise/core';
import { type Cell, completeTransition, fundingOutputs, instantiate } from '@bitcoin-enterprise/biscol';
import { crowdfunding, joinPledges, planPledge, type SignedPledge } from '@bitcoin-enterprise/biscol/contracts';
import { serializeTransaction } from '@bitcoin-enterprise/script';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { codeOf } from '../support/code-of.ts';
import { signPlan } from '../support/sign-plan.ts';
import { embeddedTestChain } from '../support/test-chains.ts';
import { crowdfundingParams } from './scenarios/crowdfunding.ts';

beforeAll(async () => {
  await loadCrypto();
});

const FOUNDER = 1;

/** Pledges on a chain, each signed by its pledger alone. */
async function pledged() {
  const chain = embeddedTestChain();
  const instance = instantiate(crowdfunding, { network: 'regtest', params: crowdfundingParams(await chain.height()) });
  const pledges: SignedPledge[] = [];
  for (const { state, data, value, output } of fundingOutputs(instance)) {
    const cell: Cell = { state, data, value, ...(await chain.fund(output.scriptPubKey, value)) };
    pledges.push({ cell, signatures: await signPlan(planPledge(instance, cell), { without: [FOUNDER] }) });
  }
  return { chain, instance, pledges };
}

describe('pledges that are signed each by itself', () => {
  it('are put together by the founder, in any order and number that reaches the goal', async () => {
    const { chain, instance, pledges } = await pledged();
    const before = chain.chain.snapshot();
    for (const places of [
      [0, 2],
      [2, 0],
      [0, 1, 2],
      [2, 1, 0],
    ]) {
      const { plan, signatures } = joinPledges(
        instance,
        places.map((place) => pledges[place] as SignedPledge),
        { feeRate: feeRate(1_000n) },
      );
      const own = await signPlan(plan, { without: [2, 3, 4] });
      const bytes = serializeTransaction(completeTransition(plan, new Map([...own, ...signatures])));
      expect(await chain.confirm(bytes, 'mempool')).toBe(plan.weight);
      expect(plan.payouts).toMatchObject([{ party: 'founder', value: 80_000n }]);
      chain.chain.revert(before);
    }
  });

  it('are worth nothing below the goal', async () => {
    const { instance, pledges } = await pledged();
    expect(codeOf(() => joinPledges(instance, pledges.slice(0, 2), { feeRate: feeRate(1_000n) }))).toBe(
      'BISCOL_AMOUNTS_MISMATCH',
    );
  });

  it('are not taken with a signature of another pledge', async () => {
    const { instance, pledges } = await pledged();
    const [one, two, three] = pledges as [SignedPledge, SignedPledge, SignedPledge];
    const names = [...two.signatures.keys()];
    const forged = new Map(names.map((name) => [name, [...one.signatures.values()][0] as Uint8Array]));
    expect(
      codeOf(() =>
        joinPledges(instance, [one, { cell: two.cell, signatures: forged }, three], { feeRate: feeRate(1_000n) }),
      ),
    ).toBe('BISCOL_SIGNATURE_INVALID');
  });

  it('answer arguments that are none with a code', async () => {
    const { instance } = await pledged();
    fc.assert(
      fc.property(fc.anything(), (value) => {
        for (const call of [
          () => joinPledges(value as never, [], { feeRate: feeRate(1n) }),
          () => joinPledges(instance, value as never, { feeRate: feeRate(1n) }),
          () => joinPledges(instance, [value] as never, { feeRate: feeRate(1n) }),
          () => planPledge(value as never, value as never),
          () => planPledge(instance, value as never),
        ])
          expect(codeOf(call)).toMatch(/^BISCOL_/);
      }),
      { seed: Number(process.env['BE_SEED'] ?? 1), numRuns: 50 },
    );
  });
});
