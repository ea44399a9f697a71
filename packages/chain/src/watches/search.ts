import { blockHeight, displayHash, parseDisplayHash } from '@bitcoin-enterprise/core';
import { viewBlock } from '@bitcoin-enterprise/script';
import type { CallOptions, ChainHeader } from '../ports/chain-source.ts';
import { blockOf, type WatchedChain } from './branch.ts';
import { WatchIndex } from './matching.ts';
import { type FoundSighting, type Watch, type WatchBlock, watchedTip, type WatchState } from './model.ts';

/** What to search for, and where. */
export interface Search {
  readonly state: WatchState;
  readonly watch: Watch;
  /** Height from which on blocks are searched; none when absent. */
  readonly since: number | undefined;
}

/**
 * What there is of a watch already, in the mempool or up to the last block on record; `undefined` when the chain moved
 * on meanwhile, so that it has to be asked again.
 */
export async function searchPast(
  chain: WatchedChain,
  search: Search,
  options: CallOptions,
): Promise<readonly FoundSighting[] | undefined> {
  const { state, watch, since } = search;
  const tip = watchedTip(state);
  if (tip === undefined) return undefined;
  const found: FoundSighting[] = [];
  if (watch.kind === 'height') {
    const header = watch.height > tip.height ? undefined : await headerAt(chain, watch.height, options);
    if (header !== undefined) found.push({ block: blockOf(header) });
    else if (watch.height <= tip.height) return undefined;
  }
  if (watch.kind === 'transaction') {
    const known = await chain.transaction(parseDisplayHash(watch.txid), options);
    const block = known?.block === undefined ? undefined : blockOf(known.block);
    // A block above the record is told when it is connected.
    if (known !== undefined && (block === undefined || block.height <= tip.height))
      found.push({ txid: watch.txid, ...(block === undefined ? {} : { block }) });
  }
  // A source without an index of transactions has to be searched for one, too.
  if (since !== undefined && found.length === 0 && watch.kind !== 'height') {
    const inBlocks = await searchBlocks(chain, { watch, since, tip }, options);
    if (inBlocks === undefined) return undefined;
    found.push(...inBlocks);
  }
  return (await isOnBranch(chain, { state, found }, options)) ? found : undefined;
}

/** Searches block after block, each the child of the one before, up to the last on record. */
async function searchBlocks(
  chain: WatchedChain,
  facts: { readonly watch: Watch; readonly since: number; readonly tip: WatchBlock },
  options: CallOptions,
): Promise<readonly FoundSighting[] | undefined> {
  const { watch, since, tip } = facts;
  const index = new WatchIndex([watch]);
  const found: FoundSighting[] = [];
  let previous: string | undefined;
  for (let height = since; height <= tip.height; height++) {
    const header = await headerAt(chain, height, options);
    const bytes = header === undefined ? undefined : await chain.block(header.hash, options);
    if (header === undefined || bytes === undefined) return undefined;
    if (previous !== undefined && displayHash(header.header.previousBlockHash) !== previous) return undefined;
    const block = blockOf(header);
    previous = block.hash;
    for (const tx of viewBlock(bytes).transactions)
      for (const { watch: _watch, ...sighting } of index.match(tx)) found.push({ ...sighting, block });
  }
  return previous === undefined || previous === tip.hash ? found : undefined;
}

/**
 * Whether blocks are on the branch on record. Of those older than what is remembered nothing better can be known than
 * that the source has the oldest remembered block on the same branch.
 */
async function isOnBranch(
  chain: WatchedChain,
  facts: { readonly state: WatchState; readonly found: readonly FoundSighting[] },
  options: CallOptions,
): Promise<boolean> {
  const { state, found } = facts;
  const [oldest] = state.blocks;
  if (oldest === undefined) return false;
  let isOlder = false;
  for (const { block } of found) {
    if (block === undefined) continue;
    if (block.height < oldest.height) isOlder = true;
    else if (state.blocks[block.height - oldest.height]?.hash !== block.hash) return false;
  }
  if (!isOlder) return true;
  const hash = await chain.blockHash(blockHeight(oldest.height), options);
  return hash !== undefined && displayHash(hash) === oldest.hash;
}

async function headerAt(chain: WatchedChain, height: number, options: CallOptions): Promise<ChainHeader | undefined> {
  const hash = await chain.blockHash(blockHeight(height), options);
  return hash === undefined ? undefined : chain.header(hash, options);
}
