import type { CovenantsInput } from '@bitcoin-enterprise/biscol';
import type { CheckBounds } from '@bitcoin-enterprise/biscol/checker';
import * as library from '@bitcoin-enterprise/biscol/contracts';
import { loadCrypto } from '@bitcoin-enterprise/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { CHECK_HEIGHT, check, type Checked, checkedLibrary } from '../support/checked-library.ts';

const isLong = process.env['BE_LONG'] === '1';

interface Row {
  readonly title: string;
  readonly checked: Checked;
  readonly covenants: CovenantsInput | undefined;
  readonly bounds: CheckBounds;
  readonly side: string;
}

/** How far it is looked, for people. */
function depthOf({ blocks, reorgs, reorgDepth, pins, spikes, renews }: CheckBounds): string {
  const parts = [
    `${blocks} blocks`,
    ...(reorgs === 0 ? [] : [`a reorganisation of ${reorgDepth}${renews === true ? ' with new waits' : ''}`]),
    ...(pins === 0 ? [] : [`${pins} pinning`]),
    ...(spikes === false ? [] : ['fees that rise']),
  ];
  return parts.join(', ');
}

const rows: readonly Row[] = checkedLibrary().flatMap((checked) =>
  (checked.covenants ?? [undefined]).flatMap((covenants) => {
    const bounds = isLong ? checked.long : checked.short;
    const sides = sidesOf(checked);
    return sides.map((side) => ({
      title: `${side} of ${checked.name}${covenants === undefined ? '' : ` (${covenants.kind})`}: ${depthOf(bounds)}`,
      checked,
      covenants,
      bounds,
      side,
    }));
  }),
);

/** Names of the sides; what is promised to each needs no parameters that were read. */
function sidesOf({ guarantees, params }: Checked): readonly string[] {
  const given = params(CHECK_HEIGHT);
  const named = Object.fromEntries(
    Object.entries(given).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.map((_, place) => ({ name: `${name}[${place}]` })) : value,
    ]),
  );
  return guarantees.sides(named).map(({ name }) => name);
}

beforeAll(async () => {
  await loadCrypto();
});

describe('no run breaks what is promised to', () => {
  it.for(rows)('$title', ({ checked, covenants, bounds, side }) => {
    const [found] = check(checked, { covenants, bounds, sides: [side] });

    expect(found?.counterexample).toBeUndefined();
    expect(found?.complete).toBe(true);
  });

  it('every contract of the library', () => {
    const contracts = Object.values(library).flatMap((one) => (isContract(one) ? [one.name] : []));
    const looked = new Set(checkedLibrary().map(({ contract }) => contract.name as string));

    expect(contracts.length).toBeGreaterThanOrEqual(12);
    expect(contracts.filter((name) => !looked.has(name))).toEqual([]);
    expect([...looked].filter((name) => name.startsWith('lottery'))).toEqual(['lottery-2', 'lottery-3']);
  });
});

function isContract(value: unknown): value is { readonly name: string } {
  return typeof value === 'object' && value !== null && 'states' in value && 'transitions' in value;
}
