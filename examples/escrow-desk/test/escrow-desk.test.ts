import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadCrypto } from '@bitcoin-enterprise/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { findBitcoind } from '../../../scripts/nodes/bitcoind.ts';
import { orSkip } from '../../../scripts/nodes/find.ts';
import { bitcoindScene, embeddedScene, type Scene } from '../src/scene.ts';
import { tellStory } from '../src/story.ts';

const bitcoind = orSkip('bitcoind', await findBitcoind());
const scenes: readonly (readonly [string, () => Promise<Scene>])[] = [
  ['the embedded chain', embeddedScene],
  ...(bitcoind === undefined ? [] : [['bitcoind', bitcoindScene] as const]),
];

beforeAll(async () => {
  await loadCrypto();
});

describe('the escrow desk', () => {
  it.for(scenes)('brings every escrow to its end on %s, whoever is killed', { timeout: 290_000 }, async ([, open]) => {
    const folder = mkdtempSync(join(tmpdir(), 'be-escrow-'));
    const scene = await open();
    try {
      const told = await tellStory(scene, folder, () => undefined);

      expect(told.kills).toBe(9);
      expect(told.escrows.map(({ end }) => end)).toEqual(['release', 'awardSeller', 'splitWithBuyer', 'refund']);
      for (const { buyer, seller } of told.escrows) {
        // Paid once, and nothing but fees is missing.
        expect(buyer + seller).toBeGreaterThan(97_000n);
        expect(buyer + seller).toBeLessThan(100_000n);
      }
      expect(told.escrows.map(({ buyer }) => buyer).slice(0, 3)).toEqual([0n, 0n, 60_000n]);
      expect(told.escrows[3]?.seller).toBe(0n);
    } finally {
      await scene.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
