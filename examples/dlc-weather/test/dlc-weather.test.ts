import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadCrypto } from '@bitcoin-enterprise/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { findBitcoind } from '../../../scripts/nodes/bitcoind.ts';
import { orSkip } from '../../../scripts/nodes/find.ts';
import { payoutSvg } from '../src/plot.ts';
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

describe('the weather contract', () => {
  it.for(scenes)(
    'pays what two of three oracles attest on %s, whoever is killed',
    { timeout: 290_000 },
    async ([, open]) => {
      const folder = mkdtempSync(join(tmpdir(), 'be-weather-'));
      const scene = await open();
      try {
        const told = await tellStory(scene, folder, () => undefined);

        // To the satoshi: the reserve is the fee, and nothing else is missing.
        expect(told.nights.map(({ end, farmer, insurer }) => [end, farmer, insurer])).toEqual([
          ['attested', 0n, 1_000_000n],
          ['attested', 700_000n, 300_000n],
          ['refund', 200_000n, 800_000n],
        ]);
        expect(told.refusals.map(({ code }) => code)).toEqual([
          'WEATHER_NOT_PRESIGNED',
          'WEATHER_NO_REFUND',
          'WALLET_NONCE_SPENT',
          'WEATHER_UNDECIDED',
          'BISCOL_DLC_CONTRADICTION',
          'WEATHER_UNDECIDED',
        ]);
        expect(told.ends).toBe(87);
        expect(told.kills).toBe(10);
        expect(payoutSvg(told.nights).match(/<circle/g)).toHaveLength(2);
      } finally {
        await scene.close();
        rmSync(folder, { recursive: true, force: true });
      }
    },
  );
});
