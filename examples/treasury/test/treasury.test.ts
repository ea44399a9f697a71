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
  ['the embedded chain', async () => embeddedScene()],
  ...(bitcoind === undefined ? [] : [['bitcoind', bitcoindScene] as const]),
];

beforeAll(async () => {
  await loadCrypto();
});

describe('the treasury', () => {
  it.for(scenes)(
    'is founded, pays, is stopped, is restarted and recovered on %s',
    { timeout: 170_000 },
    async ([, open]) => {
      const folder = mkdtempSync(join(tmpdir(), 'be-treasury-'));
      const scene = await open();
      try {
        const told = await tellStory(scene, folder, () => undefined);
        expect(told.payments.map(({ what, witness }) => [what, witness.length])).toEqual([
          // One signature: nobody sees that two have signed.
          ['small payment', 1],
          ['large payment, approved by two', 1],
          ['payment over a restart', 1],
          ['payment begun again', 1],
          // Signature, leaf, control block.
          ['payment of Bob and Cat', 3],
        ]);
        expect(told.payments[0]?.witness).toEqual([64]);
        expect(told.refusals.map(({ code }) => code)).toEqual([
          'WALLET_NOT_APPROVED',
          'WALLET_NOT_APPROVED',
          'WALLET_NONCE_SPENT',
        ]);
        expect(told.receipts['ann']).toBeGreaterThan(10);
        expect(told.recovered).toBeGreaterThan(41_990_000n);
        expect(told.recovered).toBeLessThan(42_000_000n);
      } finally {
        await scene.close();
        rmSync(folder, { recursive: true, force: true });
      }
    },
  );
});
