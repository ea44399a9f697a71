import { explore, walk } from '@bitcoin-enterprise/events';
import { describe, expect, it } from 'vitest';
import type { Procedure, VaultMemory } from '../../src/multiparty/vault/procedures.ts';
import { spending } from '../../src/multiparty/vault/procedures.ts';
import { vaultModel, type VaultScenario } from './support/vault-model.ts';

const long = process.env['BE_LONG'] === '1';
const seed = Number(process.env['BE_SEED'] ?? 20_261_127);

const sound: ReadonlyArray<{ readonly name: string; readonly scenario: VaultScenario }> = [
  {
    name: 'secrets in memory, a crash and a late write',
    scenario: { isSealed: false, guards: 0, processes: ['a'], chances: { crash: 1, late: 1, spend: 3, open: 2 } },
  },
  {
    name: 'secrets in memory, a restored backup',
    scenario: { isSealed: false, guards: 0, processes: ['a'], chances: { restore: 1, spend: 2, open: 2 } },
  },
  {
    name: 'secrets in memory, two processes',
    scenario: { isSealed: false, guards: 0, processes: ['a', 'b'], chances: { spend: 2, open: 2 } },
  },
  {
    name: 'secrets in memory, a copy of the machine on one store',
    scenario: { isSealed: false, guards: 0, processes: ['a', 'b'], chances: { clone: 1, spend: 2, open: 1 } },
  },
  {
    name: 'secrets in memory, a copy of the machine whose disk was put back, a guard',
    scenario: {
      isSealed: false,
      guards: 1,
      processes: ['a', 'b'],
      chances: { clone: 1, restore: 1, spend: 2, open: 1 },
    },
  },
  {
    name: 'sealed secrets, a crash and a late write',
    scenario: { isSealed: true, guards: 1, processes: ['a'], chances: { crash: 1, late: 1, spend: 3, open: 3 } },
  },
  {
    name: 'sealed secrets, two processes',
    scenario: { isSealed: true, guards: 1, processes: ['a', 'b'], chances: { spend: 2, open: 2 } },
  },
  {
    name: 'sealed secrets, a restored backup with its keys',
    scenario: {
      isSealed: true,
      guards: 1,
      processes: ['a'],
      chances: { restore: 1, crash: 1, spend: 3, open: 3 },
      restoresKeys: true,
    },
  },
  {
    name: 'sealed secrets, a restored backup with its keys, and somebody who goes on',
    scenario: {
      isSealed: true,
      guards: 1,
      processes: ['a'],
      chances: { restore: 1, spend: 2, open: 2 },
      restoresKeys: true,
      whenStale: 'burn',
    },
  },
  {
    name: 'sealed secrets, a restored backup without keys, two processes',
    scenario: {
      isSealed: true,
      guards: 1,
      processes: ['a', 'b'],
      chances: { restore: 1, spend: 2, open: 2 },
      restoresKeys: true,
    },
  },
];

/** Signs first, and records then. */
function* careless(memory: VaultMemory, token: string, session: string): Procedure<string> {
  yield { ask: 'hold', token, nonce: { publicNonce: '' }, session };
  const computed = yield { ask: 'compute', token, session };
  if (computed.is !== 'signature') throw new Error('no signature');
  yield { ask: 'append', expectedVersion: memory.ledger.version, events: [{ type: 'spent', token, session }] };
  return computed.signature;
}

/** Leaves one kind of request out, as if it was done. */
function without(left: string) {
  return function* skipping(memory: VaultMemory, token: string, session: string): Procedure<string> {
    const procedure = spending(memory, token, session);
    let step = procedure.next();
    while (step.done !== true) step = procedure.next(step.value.ask === left ? { is: 'done' } : yield step.value);
    return step.value;
  };
}

const broken: ReadonlyArray<{ readonly name: string; readonly scenario: VaultScenario }> = [
  {
    name: 'signs before it records',
    scenario: {
      isSealed: true,
      guards: 1,
      processes: ['a'],
      chances: { crash: 1, spend: 2, open: 2 },
      spend: careless,
    },
  },
  {
    name: 'has no guard, and its keys come back with the backup',
    scenario: {
      isSealed: true,
      guards: 0,
      processes: ['a'],
      chances: { restore: 1, spend: 2, open: 2 },
      restoresKeys: true,
    },
  },
  {
    name: 'has no guard, and destroys no keys',
    scenario: {
      isSealed: true,
      guards: 0,
      processes: ['a'],
      chances: { restore: 1, spend: 2, open: 2 },
      spend: without('destroy'),
    },
  },
  {
    name: 'tells its guard nothing of what it signs',
    scenario: {
      isSealed: true,
      guards: 1,
      processes: ['a'],
      chances: { restore: 1, spend: 2, open: 2 },
      restoresKeys: true,
      spend: without('mark guard'),
    },
  },
  {
    name: 'does not record what it spends',
    scenario: {
      isSealed: false,
      guards: 0,
      processes: ['a', 'b'],
      chances: { clone: 1, spend: 2, open: 1 },
      spend: without('append'),
    },
  },
  {
    name: 'keeps its secrets in a machine that is copied with its disk, without a guard',
    scenario: {
      isSealed: false,
      guards: 0,
      processes: ['a', 'b'],
      chances: { clone: 1, restore: 1, spend: 2, open: 1 },
    },
  },
];

describe('in every interleaving a nonce signs one session', () => {
  it.for(sound)('$name', ({ name, scenario }) => {
    let signatures = 0;
    const model = vaultModel(scenario, () => {
      signatures += 1;
    });
    const found = explore(model, { depth: 80, maxSituations: long ? 400_000 : 6_000 });
    process.stderr.write(`${name}: ${found.situations} situations, complete: ${String(found.complete)}\n`);
    // What is too large to be looked at whole is walked through to its ends.
    const walked = found.complete ? found : walk(model, { seed, depth: 120, walks: long ? 20_000 : 150 });

    expect(walked.counterexample).toBeUndefined();
    expect(found.counterexample).toBeUndefined();
    expect(signatures).toBeGreaterThan(0);
  });
});

describe('the model finds a vault guilty that', () => {
  it.for(broken)('$name', ({ scenario }) => {
    const found = explore(vaultModel(scenario), { depth: 80, maxSituations: 500_000 });

    expect(found.counterexample?.wrong).toMatch(/signed two sessions/);
  });
});
