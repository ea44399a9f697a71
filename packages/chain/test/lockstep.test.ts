import { loadCrypto } from '@bitcoin-enterprise/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bitcoind, findBitcoind, startBitcoind } from '../../../scripts/nodes/bitcoind.ts';
import { orSkip } from '../../../scripts/nodes/find.ts';
import { isSameReason } from '../../script/test/lockstep/renamed.ts';
import { runLockstep } from './support/lockstep.ts';

const present = orSkip('bitcoind', await findBitcoind());
const count = process.env['BE_LONG'] === '1' ? 100_000 : 2_000;
const seed = Number(process.env['BE_SEED'] ?? 20_261_120);

describe.skipIf(present === undefined)(`the embedded chain in lockstep with a real bitcoind (seed ${seed})`, () => {
  let node: Bitcoind;
  beforeAll(async () => {
    await loadCrypto();
    node = await startBitcoind();
  });
  afterAll(() => node.stop());

  it(`comes to the same verdict with the same reason on ${count} random spends in blocks`, async () => {
    const rows = await runLockstep(node, { seed, count });

    const different = rows.filter(({ ours, node: theirs }) => !isSameReason(ours, theirs));
    expect(different.map(({ note, ours, node: theirs }) => ({ note, ours, theirs }))).toEqual([]);
    // A generator that only made valid spends, or only broken ones of one kind, would prove nothing.
    const accepted = rows.filter((row) => row.node === undefined).length;
    expect(accepted / rows.length).toBeGreaterThan(0.3);
    expect(accepted / rows.length).toBeLessThan(0.8);
    expect(new Set(rows.map((row) => row.node)).size).toBeGreaterThan(20);
  });
});
