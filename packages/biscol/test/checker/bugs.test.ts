import { type Counterexample, counterexampleScript, replayCounterexample } from '@bitcoin-enterprise/biscol/checker';
import { loadCrypto } from '@bitcoin-enterprise/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bitcoind, findBitcoind, startBitcoind } from '../../../../scripts/nodes/bitcoind.ts';
import { orSkip } from '../../../../scripts/nodes/find.ts';
import { findCore, startCore } from '../../../chain/test/support/core-node.ts';
import { allBugs } from './bugs/all.ts';
import { rewind } from './bugs/rewind.ts';
import { search, searchControl, walkBug } from './bugs/search.ts';
import type { Bug } from './bugs/seed.ts';

// Mistakes that cannot be seeded: a hash lock without a check of the size (the compiler writes SIZE 32 into every one), a
// leaf that nobody has to sign (refused as insane), a covenant that never ends (BISCOL_COVENANT_ENDLESS), two parties with
// one key (`distinctKeys`), a release of a covenant by the key path (`BISCOL_CONTRACT_INVALID`).

const found = new Map<string, Counterexample | undefined>();
const nameOf = ({ of, name, covenants }: Bug): string => `${of} ${name} ${covenants?.kind ?? ''}`;

function counterexampleOf(bug: Bug): Counterexample | undefined {
  const name = nameOf(bug);
  if (!found.has(name)) found.set(name, search(bug).counterexample);
  return found.get(name);
}

beforeAll(async () => {
  await loadCrypto();
});

describe('a mistake in a contract', () => {
  it('is one of more than sixty, of all kinds, in every contract of the library', () => {
    expect(new Set(allBugs.map(nameOf)).size).toBe(allBugs.length);
    expect(allBugs.length).toBeGreaterThanOrEqual(60);
    expect(new Set(allBugs.map(({ kind }) => kind)).size).toBe(19);
    expect(new Set(allBugs.map(({ of }) => of.split(' ')[0])).size).toBe(14);
  });

  it.for(allBugs)('does not show as long as nobody meets it: $of, $name', async (bug) => {
    await walkBug(bug);
  });

  it.for(allBugs)('is found: $of, $name ($kind)', (bug) => {
    expect(counterexampleOf(bug)?.wrong).toMatch(/^\S+ got \d+ sat, and had to get \d+ less fees of \d+/);
  });

  it.for(allBugs.filter(({ control }) => control !== undefined))(
    'is what is wrong, not what is beside it: $of, $name',
    (bug) => {
      expect(searchControl(bug).counterexample).toBeUndefined();
    },
  );

  it.for(['vault', 'escrow', 'unidirectional-channel', 'lottery-2'])('that changes nothing is not found: %s', (of) => {
    const nothing: Bug = { name: 'nothing', kind: 'wrong key', of, mutate: (checked) => checked };

    const { counterexample, situations } = search(nothing, { reorgs: 1 });

    expect(counterexample).toBeUndefined();
    expect(situations).toBeGreaterThan(300);
  });
});

const core = findCore('core-31');
const debian = core === undefined ? orSkip('bitcoind', await findBitcoind()) : undefined;

describe.skipIf(core === undefined && debian === undefined)('on a real node, the counterexample of', () => {
  let node: Bitcoind;
  const invalid = new Set<string>();
  const rpc = { call: async (method: string, params: readonly unknown[]) => node.rpc(method, [...params]) };
  beforeAll(async () => {
    node = core === undefined ? await startBitcoind() : await startCore(core);
  });
  afterAll(async () => {
    await node.stop();
  });

  it.for(allBugs)('$of, $name, holds', async (bug) => {
    const counterexample = counterexampleOf(bug) as Counterexample;
    await rewind(node, counterexample, invalid);

    const { isBroken, paid } = await replayCounterexample(counterexample, rpc);

    expect(isBroken).toBe(true);
    expect(paid + BigInt(counterexample.fees)).toBeLessThan(BigInt(counterexample.least));
    expect(counterexampleScript(counterexample)).toContain(counterexample.tip);
  });

  it('a promise that was kept holds nothing', async () => {
    const [bug] = allBugs;
    const counterexample = counterexampleOf(bug as Bug) as Counterexample;
    await rewind(node, counterexample, invalid);
    const kept = { ...counterexample, least: counterexample.fees, live: [] };

    expect(await replayCounterexample(kept, rpc)).toEqual({ isBroken: false, paid: 0n });
  });
});
