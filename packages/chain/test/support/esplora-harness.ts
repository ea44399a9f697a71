import { createEsploraServer, EsploraChain } from '@bitcoin-enterprise/chain/esplora';
import type { ChainHarness } from '@bitcoin-enterprise/chain/testing';

/** A chain behind an Esplora server of ours, asked by the adapter for one; no socket between them. */
export function esploraHarness(inner: ChainHarness): ChainHarness {
  const server = createEsploraServer(inner.chain);
  const send = async (url: string | URL | Request, init?: RequestInit): Promise<Response> =>
    server.handle(new Request(url, init));
  return {
    ...inner,
    chain: new EsploraChain({ url: 'http://esplora.test', fetch: send, pollMs: 5, network: 'regtest' }),
    close: async () => {
      await server.close();
      await inner.close();
    },
  };
}
