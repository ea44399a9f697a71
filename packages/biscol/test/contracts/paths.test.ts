import { appendFileSync } from 'node:fs';
import type { CovenantsInput } from '@bitcoin-enterprise/biscol';
import { loadCrypto } from '@bitcoin-enterprise/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findCore, startCore } from '../../../chain/test/support/core-node.ts';
import { type Bitcoind, startBitcoind } from '../../../../scripts/nodes/bitcoind.ts';
import { COVENANTS, type Scenario, type ScenarioFile, type Walked, walk } from '../support/scenarios.ts';
import { embeddedTestChain, nodeTestChain, type TestChain } from '../support/test-chains.ts';
import { allScenarios } from './scenarios/all.ts';

interface Row {
  readonly name: string;
  readonly file: ScenarioFile;
  readonly scenario: Scenario;
  readonly covenants: CovenantsInput;
}

/** Every scenario, under each way to enforce a covenant where it has some. */
const rows: readonly Row[] = allScenarios().flatMap((file) =>
  file.scenarios.flatMap((scenario) => {
    const hasCovenants = Object.values(file.contract.transitions).some(
      (one) => (one as { covenant?: boolean }).covenant,
    );
    return (hasCovenants ? COVENANTS : COVENANTS.slice(0, 1)).map((covenants) => ({
      name: `${file.contract.name}: ${scenario.title}${hasCovenants ? ` (${covenants.kind})` : ''}`,
      file,
      scenario,
      covenants,
    }));
  }),
);

/** What every walk has to show, whatever the chain. */
function check({ file, scenario, covenants }: Row, walked: Walked): void {
  const { measured, history, paid, fees, instance } = walked;
  for (const { plan, weights, tooEarly } of measured) {
    const [predicted] = weights;
    expect(weights, plan.transition).toEqual([predicted, predicted, predicted]);
    if (tooEarly !== undefined) expect(['non-final', 'non-BIP68-final'], plan.transition).toContain(tooEarly);
  }
  expect(history.live.length > 0).toBe(scenario.rests === true);
  if (scenario.rests === true) return;
  const { sides, endsBy } = file.guarantees;
  for (const { name, members, least } of sides(instance.params as never)) {
    if (scenario.idle?.includes(name) === true) continue;
    const got = members.reduce((sum, one) => sum + (paid.get(one) ?? 0n), 0n);
    expect(got + fees, `${name} under ${covenants.kind}`).toBeGreaterThanOrEqual(least(history));
  }
  if (scenario.idle === undefined)
    expect(endsBy(instance.params as never, history) ?? history.height).toBeGreaterThanOrEqual(history.height);
}

describe('every way through every contract, on the embedded chain', () => {
  it.for(rows)('$name', async (row) => {
    const chain = embeddedTestChain({ ctv: row.covenants.kind === 'ctv' });
    const walked = await walk(chain, row.scenario, { covenants: row.covenants, way: 'mempool' });
    check(row, walked);
    record(row, walked);
  });

  it.for(allScenarios())('leaves out no transition and no path of $contract.name', ({ contract, scenarios }) => {
    const walkedOn = new Set(scenarios.flatMap(({ steps }) => steps.map(({ transition }) => transition)));
    expect([...walkedOn].toSorted()).toEqual(Object.keys(contract.transitions).toSorted());
  });
});

const core = findCore('core-31');
const nodes = [
  ...(core === undefined ? [] : [['Bitcoin Core 31', () => startCore(core), 'mempool'] as const]),
  // Its mempool has rules of its own; blocks are what counts.
  ['Debian’s node', async () => startBitcoind(), 'block'] as const,
];

describe.for(nodes)('every way through every contract, on %s', ([, start, way]) => {
  let node: Bitcoind;
  let chain: TestChain;
  beforeAll(async () => {
    node = await start();
    chain = await nodeTestChain(node);
  });
  afterAll(async () => {
    await node.stop();
  });

  it.for(rows)('$name', async (row) => {
    // CHECKTEMPLATEVERIFY is a NOP to this node: policy discourages it, blocks may hold it.
    const throughMempool = way === 'mempool' && row.covenants.kind !== 'ctv';
    const walked = await walk(chain, row.scenario, {
      covenants: row.covenants,
      way: throughMempool ? 'mempool' : 'block',
    });
    check(row, walked);
  });
});

/** Writes what was measured to a file that `BE_MEASURED` names, a line for each transition. */
function record({ file, scenario, covenants }: Row, { measured }: Walked): void {
  const path = process.env['BE_MEASURED'];
  if (path === undefined) return;
  for (const { plan, path: by } of measured)
    appendFileSync(
      path,
      `${JSON.stringify({
        contract: file.contract.name,
        scenario: scenario.title,
        covenants: covenants.kind,
        transition: plan.transition,
        by,
        weight: plan.weight,
        fee: String(plan.fee),
      })}\n`,
    );
}
