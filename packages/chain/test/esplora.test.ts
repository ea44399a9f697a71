import { chainPromises, type ChainHarness, embeddedHarness } from '@bitcoin-enterprise/chain/testing';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { findBitcoind, startBitcoind } from '../../../scripts/nodes/bitcoind.ts';
import { orSkip } from '../../../scripts/nodes/find.ts';
import { bitcoindHarness } from './support/bitcoind-harness.ts';
import { esploraHarness } from './support/esplora-harness.ts';

describe('an Esplora server over the embedded chain keeps the promises of a chain', () => {
  it.for(chainPromises)('$name', async ({ run }) => {
    const harness = esploraHarness(embeddedHarness());
    await run(() => harness);
    await harness.close();
  });
});

const present = orSkip('bitcoind', await findBitcoind());

describe.skipIf(present === undefined)('an Esplora server over a real bitcoind keeps the promises of a chain', () => {
  let harness: ChainHarness;

  beforeAll(async () => {
    harness = esploraHarness(await bitcoindHarness(await startBitcoind()));
  });
  afterAll(() => harness.close());

  it.for(chainPromises)('$name', ({ run }) => run(() => harness));
});
