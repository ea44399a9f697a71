import { chainPromises, type ChainHarness } from '@bitcoin-enterprise/chain/testing';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { bitcoindHarness } from './support/bitcoind-harness.ts';
import { serverNode } from './support/server-node.ts';

describe('the server keeps the promises of a chain, asked by the adapter for a real bitcoind', () => {
  let harness: ChainHarness;

  beforeAll(async () => {
    harness = await bitcoindHarness(await serverNode());
  });
  afterAll(() => harness.close());

  it.for(chainPromises)('$name', ({ run }) => run(() => harness));
});
