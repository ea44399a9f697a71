import { createElectrumServer, ElectrumChain } from '@bitcoin-enterprise/chain/electrum';
import type { ChainHarness } from '@bitcoin-enterprise/chain/testing';

/** A chain behind an Electrum server of ours, asked by the adapter for one. */
export async function electrumHarness(inner: ChainHarness): Promise<ChainHarness> {
  const server = await createElectrumServer(inner.chain);
  const chain = new ElectrumChain({ host: server.host, port: server.port, pollMs: 1_000, network: 'regtest' });
  return {
    ...inner,
    chain,
    lacks: ['block', 'testAccept', 'broadcastPackage', 'mempoolEvents'],
    close: async () => {
      chain.close();
      await server.close();
      await inner.close();
    },
  };
}
