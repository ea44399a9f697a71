import type { EmbeddedChain } from '@bitcoin-enterprise/chain';
import type { WatchedChain } from '@bitcoin-enterprise/chain/watches';
import { blockHeight } from '@bitcoin-enterprise/core';

/** A source that is asked anew for every call: a failover between two of them. */
export function whichever(current: () => WatchedChain): WatchedChain {
  return {
    tip: async (options) => current().tip(options),
    header: async (hash, options) => current().header(hash, options),
    blockHash: async (height, options) => current().blockHash(height, options),
    block: async (hash, options) => current().block(hash, options),
    transaction: async (txid, options) => current().transaction(txid, options),
  };
}

/** A node that has yet to get the last blocks: it knows their headers, or not even those. */
export function behind(
  chain: EmbeddedChain,
  facts: { readonly blocks: () => number; readonly knowsHeaders?: boolean },
): WatchedChain {
  const { ports } = chain;
  const top = async (): Promise<number> => (await ports.tip()).height - facts.blocks();
  const header: WatchedChain['header'] = async (hash) => {
    const found = await ports.header(hash);
    if (found === undefined || found.height <= (await top()))
      return found === undefined
        ? undefined
        : { ...found, confirmations: Math.max(0, found.confirmations - facts.blocks()) };
    return facts.knowsHeaders === true ? { ...found, confirmations: 0 } : undefined;
  };
  const blockHash: WatchedChain['blockHash'] = async (height) =>
    height > (await top()) ? undefined : ports.blockHash(height);
  return {
    header,
    blockHash,
    block: async (hash) => ports.block(hash),
    tip: async () => {
      const hash = await ports.blockHash(blockHeight(await top()));
      const found = hash === undefined ? undefined : await header(hash);
      if (found === undefined) throw new Error('the embedded chain has a block at each height');
      return found;
    },
    transaction: async (txid) => {
      const found = await ports.transaction(txid);
      return found?.block !== undefined && found.block.height > (await top()) ? undefined : found;
    },
  };
}
