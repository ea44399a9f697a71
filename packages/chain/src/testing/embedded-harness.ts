import { createEmbeddedChain } from '../embedded/embedded-chain.ts';
import type { ChainHarness } from './harness.ts';

/** An embedded chain as the kit wants it. */
export function embeddedHarness(): ChainHarness {
  const chain = createEmbeddedChain();
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
