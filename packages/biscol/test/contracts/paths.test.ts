import { appendFileSync } from 'node:fs';
import type { CovenantsInput } from '@bitcoin-enterprise/biscol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findCore, startCore } from '../../../chain/test/support/core-node.ts';
import { type Bitcoind, findBitcoind, startBitcoind } from '../../../../scripts/nodes/bitcoind.ts';
import { orSkip } from '../../../../scripts/nodes/find.ts';
import { checkWalk, COVENANTS, type Scenario, type ScenarioFile, type Walked, walk } from '../support/scenarios.ts';
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

/** Paths that states have, and those that were taken. */
const seen = new Set<string>();
const taken = new Set<string>();

describe('every way through every contract, on the embedded chain', () => {
  it.for(rows)('$name', async (row) => {
    const chain = embeddedTestChain({ ctv: row.covenants.kind === 'ctv' });
    const walked = await walk(chain, row.scenario, { covenants: row.covenants, way: 'mempool' });
    checkWalk({ guarantees: row.file.guarantees, scenario: row.scenario }, walked);
    record(row, walked);
    for (const { plan, path } of walked.measured) {
      const { state } = plan.inputs[0]?.cell ?? {};
      const name = row.file.contract.name;
      taken.add(`${name} ${state} ${path}`);
      for (const way of plan.inputs[0]?.output.ways ?? []) seen.add(`${name} ${state} ${way.path}`);
    }
  });

  it.for(allScenarios())('leaves out no transition of $contract.name', ({ contract, scenarios }) => {
    const walkedOn = new Set(scenarios.flatMap(({ steps }) => steps.map(({ transition }) => transition)));
    expect([...walkedOn].toSorted()).toEqual(Object.keys(contract.transitions).toSorted());
  });

  it('leaves out no path of any state that it comes to', () => {
    expect(seen.size).toBeGreaterThan(30);
    expect([...seen].filter((path) => !taken.has(path))).toEqual([]);
  });
});

const core = findCore('core-31');
const debian = orSkip('bitcoind', await findBitcoind());
const nodes = [
  { name: 'Bitcoin Core 31', isThere: core !== undefined, way: 'mempool', start: () => startCore(core as string) },
  // Its mempool has rules of its own; blocks are what counts.
  { name: 'Debian’s node', isThere: debian !== undefined, way: 'block', start: async () => startBitcoind() },
] as const;

for (const { name, isThere, way, start } of nodes)
  describe.skipIf(!isThere)(`every way through every contract, on ${name}`, () => {
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
      checkWalk({ guarantees: row.file.guarantees, scenario: row.scenario }, walked);
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
