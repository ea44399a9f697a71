import { createEmbeddedChain, mempoolProfile } from '@bitcoin-enterprise/chain';
import { displayHash, loadCrypto } from '@bitcoin-enterprise/core';
import { createMemoryStore, type EventStore } from '@bitcoin-enterprise/events';
import { beforeAll, describe, expect, it } from 'vitest';
import { allScenarios } from '../contracts/scenarios/all.ts';
import { crashingStore } from '../support/crashing-store.ts';
import { beginningOf, outcomeOf, runScenario, type ScenarioRun } from '../support/engine-scenario.ts';
import { COVENANTS, type Scenario } from '../support/scenarios.ts';

const isLong = process.env['BE_LONG'] === '1';
/** In the short run each scenario dies so often; in the long one at every persisted step. */
const SHORT_DEATHS = 2;

beforeAll(async () => {
  await loadCrypto();
});

const rows = allScenarios().flatMap(({ contract, scenarios }) =>
  scenarios.map((scenario) => ({ name: `${contract.name}: ${scenario.title}`, scenario })),
);

interface World {
  readonly run: Omit<ScenarioRun, 'store'>;
  readonly inner: EventStore;
  readonly nonces: Map<string, Set<string>>;
}

function worldOf(scenario: Scenario): World {
  const chain = createEmbeddedChain({ policy: mempoolProfile('core-31') });
  chain.mine(1);
  const instance = scenario.instance(chain.height, COVENANTS[0] as (typeof COVENANTS)[number]);
  const outpoints = beginningOf(instance).map(({ scriptPubKey, value }) => {
    const { txid, index } = chain.fund(scriptPubKey, value as never);
    return `${displayHash(txid)}:${index}`;
  });
  const nonces = new Map<string, Set<string>>();
  return {
    inner: createMemoryStore(),
    nonces,
    run: {
      scenario,
      instance,
      outpoints,
      chain: {
        ports: chain.ports,
        mine: async (count) => {
          chain.mine(count);
        },
      },
      onNonce: (nonce, message) => {
        const signed = nonces.get(nonce) ?? new Set();
        signed.add(message);
        nonces.set(nonce, signed);
      },
    },
  };
}

describe('a process that dies at a persisted step', () => {
  it.for(rows)('$name', async ({ scenario }) => {
    const clean = worldOf(scenario);
    const counted = crashingStore(clean.inner, { dieAt: undefined, when: 'after' });
    const expected = outcomeOf(await runScenario({ ...clean.run, store: counted.store }));
    const total = counted.steps();
    const stride = isLong ? 1 : Math.max(1, Math.floor(total / SHORT_DEATHS));
    for (
      let dieAt = isLong ? 1 : 1 + (rows.findIndex((row) => row.scenario === scenario) % stride);
      dieAt <= total;
      dieAt += stride
    )
      for (const when of isLong ? (['before', 'after'] as const) : ([dieAt % 2 === 0 ? 'before' : 'after'] as const)) {
        const world = worldOf(scenario);
        const { store, died } = crashingStore(world.inner, { dieAt, when });
        // What the dead one was doing goes nowhere.
        await Promise.race([died, runScenario({ ...world.run, store }).catch(() => died)]);
        const errors: string[] = [];
        const end = await runScenario({ ...world.run, store: world.inner, onError: (text) => errors.push(text) }).catch(
          (error: unknown) => {
            throw new Error(`died ${when} step ${dieAt} of ${total}: ${errors.slice(-5).join('\n')}`, { cause: error });
          },
        );

        expect(outcomeOf(end), `died ${when} step ${dieAt} of ${total}`).toEqual(expected);
        for (const signed of world.nonces.values()) expect(signed.size).toBe(1);
      }
  });
});
