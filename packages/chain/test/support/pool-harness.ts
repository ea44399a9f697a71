import { ChainPool } from '@bitcoin-enterprise/chain/pool';
import type { ChainHarness } from '@bitcoin-enterprise/chain/testing';
import { electrumHarness } from './electrum-harness.ts';
import { esploraHarness } from './esplora-harness.ts';

/** One chain seen in three ways: directly, through Esplora, through Electrum; two must agree. */
export async function poolHarness(inner: ChainHarness): Promise<ChainHarness> {
  const esplora = esploraHarness({ ...inner, close: async () => {} });
  const electrum = await electrumHarness({ ...inner, close: async () => {} });
  const pool = new ChainPool({
    network: 'regtest',
    quorum: 2,
    pollMs: 5,
    hedgeDelayMs: 200,
    sources: [
      { name: 'direct', chain: inner.chain },
      { name: 'esplora', chain: esplora.chain },
      { name: 'electrum', chain: electrum.chain },
    ],
  });
  return {
    ...inner,
    chain: pool,
    close: async () => {
      await esplora.close();
      await electrum.close();
      await inner.close();
    },
  };
}
