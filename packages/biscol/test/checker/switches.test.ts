import { type CheckBounds, checkContract } from '@bitcoin-enterprise/biscol/checker';
import { loadCrypto } from '@bitcoin-enterprise/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { check, checkedCase } from '../support/checked-library.ts';
import { allBugs } from './bugs/all.ts';
import { search } from './bugs/search.ts';
import type { Bug } from './bugs/seed.ts';

interface Row {
  /** What the world may do. */
  readonly action: string;
  readonly of: string;
  /** Name of a mistake that nothing else finds. */
  readonly bug: string;
  readonly off: CheckBounds;
  readonly on: CheckBounds;
}

const rows: readonly Row[] = [
  {
    action: 'an adversary acts',
    of: 'vault',
    bug: 'the first step leads anywhere',
    off: { acts: false },
    on: { acts: true },
  },
  {
    action: 'somebody vanishes',
    of: 'escrow',
    bug: 'nobody takes it back',
    off: { vanishes: false },
    on: { vanishes: true },
  },
  {
    action: 'honest parties take as long as they may',
    of: 'vault',
    bug: 'coins leave after a block',
    off: { delays: false },
    on: { delays: true },
  },
  {
    action: 'fees rise',
    of: 'vault',
    bug: 'taking back has no anchor',
    off: { spikes: false },
    on: { spikes: true },
  },
  {
    action: 'an adversary pins',
    of: 'vault',
    bug: 'taking back is of version 2',
    off: { pins: 0 },
    on: { pins: 1 },
  },
  {
    action: 'blocks are replaced',
    of: 'htlc with reorganisations that take their time',
    bug: 'the whole margin is for the first try',
    off: { reorgs: 0 },
    on: { reorgs: 1 },
  },
  {
    action: 'time passes',
    of: 'inheritance',
    bug: 'heirs inherit when the owner is only about to give a sign',
    off: { blocks: 5 },
    on: { blocks: 13 },
  },
];

function bugOf({ of, bug }: Row): Bug {
  const found = allBugs.find((one) => one.of === of && one.name === bug);
  if (found === undefined) throw new Error(`no ${bug} in ${of}`);
  return found;
}

beforeAll(async () => {
  await loadCrypto();
});

describe('a mistake that shows only when', () => {
  it.for(rows)('$action is found then, and not without', (row) => {
    expect(search(bugOf(row), row.off).counterexample).toBeUndefined();
    expect(search(bugOf(row), row.on).counterexample?.wrong).toMatch(/ got \d+ sat, and had to get \d+ less fees/);
  });
});

describe('arguments of the model checker', () => {
  const checked = checkedCase('vault');

  it.for<readonly [string, CheckBounds]>([
    ['blocks', { blocks: -1 }],
    ['blocks', { blocks: 1.5 }],
    ['reorgDepth', { reorgDepth: 101 }],
    ['situations', { situations: Number.NaN }],
    ['pins', { pins: '1' as never }],
    ['spikes', { spikes: 'no' as never }],
    ['renews', { renews: 1 as never }],
  ])('are checked: bounds.%s', ([name, bounds]) => {
    expect(() => check(checked, { bounds })).toThrow(
      expect.objectContaining({ code: 'BISCOL_INVALID_ARGUMENT', message: expect.stringContaining(`bounds.${name}`) }),
    );
  });

  it.for([
    null,
    1,
    {},
    { guarantees: {} },
    { guarantees: checked.guarantees, instance: null },
    { guarantees: checked.guarantees, instance: { params: {} }, secretKeys: 1 },
    { guarantees: checked.guarantees, instance: { params: {} }, secretKeys: [], bounds: 1 },
    { guarantees: checked.guarantees, instance: { params: {} }, secretKeys: [], held: {} },
  ])('are checked: %j', (options) => {
    expect(() => checkContract(options as never)).toThrow(expect.objectContaining({ code: 'BISCOL_INVALID_ARGUMENT' }));
  });

  it('say when the checker gave up', () => {
    const [found] = check(checked, { bounds: { situations: 20 } });

    expect(found).toEqual({ side: 'savers', situations: 21, complete: false, counterexample: undefined });
  });
});
