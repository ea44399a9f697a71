import { chainPromises, type ChainHarness, embeddedHarness } from '@bitcoin-enterprise/chain/testing';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { findBitcoind, startBitcoind } from '../../../scripts/nodes/bitcoind.ts';
import { orSkip } from '../../../scripts/nodes/find.ts';
import { bitcoindHarness } from './support/bitcoind-harness.ts';
import { poolHarness } from './support/pool-harness.ts';

describe('a pool of three views of the embedded chain keeps the promises of a chain', () => {
  it.for(chainPromises)('$name', async ({ run }) => {
    const harness = await poolHarness(embeddedHarness());
    await run(() => harness);
    await harness.close();
  });
});

const present = orSkip('bitcoind', await findBitcoind());

describe.skipIf(present === undefined)('a pool of three views of a real bitcoind keeps the promises of a chain', () => {
  let harness: ChainHarness;

  beforeAll(async () => {
    harness = await poolHarness(await bitcoindHarness(await startBitcoind()));
  });
  afterAll(() => harness.close());

  it.for(chainPromises)('$name', ({ run }) => run(() => harness));
});
