import { chainPromises, type ChainHarness, embeddedHarness } from '@bitcoin-enterprise/chain/testing';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { findBitcoind, startBitcoind } from '../../../scripts/nodes/bitcoind.ts';
import { orSkip } from '../../../scripts/nodes/find.ts';
import { bitcoindHarness } from './support/bitcoind-harness.ts';
import { findCore, startCore } from './support/core-node.ts';

describe('the embedded chain keeps the promises of a chain', () => {
  it.for(chainPromises)('$name', ({ run }) => run(embeddedHarness));
});

const present = orSkip('bitcoind', await findBitcoind());

describe.skipIf(present === undefined)('a real bitcoind keeps the promises of a chain', () => {
  let harness: ChainHarness;

  beforeAll(async () => {
    harness = await bitcoindHarness(await startBitcoind());
  });
  afterAll(() => harness.close());

  it.for(chainPromises)('$name', ({ run }) => run(() => harness));
});

const core = findCore('core-31');

describe.skipIf(core === undefined)('a real Bitcoin Core 31 keeps the promises of a chain', () => {
  let harness: ChainHarness;

  beforeAll(async () => {
    harness = await bitcoindHarness(await startCore(core ?? ''));
  });
  afterAll(() => harness.close());

  it.for(chainPromises)('$name', ({ run }) => run(() => harness));
});
