import { createEmbeddedChain } from '../embedded/embedded-chain.ts';
import { mempoolProfile } from '../model/mempool-profiles.ts';
import type { ChainHarness } from './harness.ts';

/** An embedded chain as the kit wants it, with the mempool of Core 31. */
export function embeddedHarness(): ChainHarness {
  const chain = createEmbeddedChain({ policy: mempoolProfile('core-31') });
  return {
    chain: chain.ports,
    mine: async (count) => {
      chain.mine(count);
    },
    fund: async (scriptPubKey, amount) => chain.fund(scriptPubKey, amount),
    reorg: async (depth) => {
      chain.reorg(depth);
    },
    close: async () => {},
  };
}
