import { chainPromises, type ChainHarness, embeddedHarness } from '@bitcoin-enterprise/chain/testing';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { findBitcoind, startBitcoind } from '../../../scripts/nodes/bitcoind.ts';
import { orSkip } from '../../../scripts/nodes/find.ts';
import { bitcoindHarness } from './support/bitcoind-harness.ts';
import { electrumHarness } from './support/electrum-harness.ts';

describe('an Electrum server over the embedded chain keeps the promises of a chain', () => {
  it.for(chainPromises)('$name', async ({ run }) => {
    const harness = await electrumHarness(embeddedHarness());
    await run(() => harness);
    await harness.close();
  });
});

const present = orSkip('bitcoind', await findBitcoind());

describe.skipIf(present === undefined)('an Electrum server over a real bitcoind keeps the promises of a chain', () => {
  let harness: ChainHarness;

  beforeAll(async () => {
    harness = await electrumHarness(await bitcoindHarness(await startBitcoind()));
  });
  afterAll(() => harness.close());

  it.for(chainPromises)('$name', ({ run }) => run(() => harness));
});
