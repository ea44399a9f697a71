import { blockHeight, displayHash, parseDisplayHash } from '@bitcoin-enterprise/core';
import { type TransactionView, viewBlock } from '@bitcoin-enterprise/script';
import { targetOf, workOf } from '../model/proof-of-work.ts';
import type { CallOptions, ChainHeader, ChainSource } from '../ports/chain-source.ts';
import type { MempoolSubscription } from '../ports/subscriptions.ts';
import { historyLost, type WatchBlock, watchedTip, type WatchState } from './model.ts';

/** What a watcher reads; one without `mempoolEvents` tells of nothing before its first block. */
export type WatchedChain = Pick<ChainSource, 'tip' | 'header' | 'blockHash' | 'block' | 'transaction'> &
  Partial<MempoolSubscription>;

/** How the best branch goes on from what is on record. */
export type BranchChange =
  | { readonly type: 'disconnected'; readonly block: WatchBlock }
  | {
      readonly type: 'connected';
      readonly block: WatchBlock;
      readonly previous: string;
      readonly transactions: readonly TransactionView[];
    };

/** A block by display hash and height. */
export function blockOf({ hash, height }: { readonly hash: Uint8Array; readonly height: number }): WatchBlock {
  return { hash: displayHash(hash), height };
}

/** The next change of the best branch after what is on record; `undefined` at the tip, or at a source that is behind. */
export async function nextChange(
  chain: WatchedChain,
  state: WatchState,
  options: CallOptions,
): Promise<BranchChange | undefined> {
  const tip = watchedTip(state);
  if (tip === undefined) return undefined;
  const here = await chain.header(parseDisplayHash(tip.hash), options);
  if (here === undefined || here.confirmations === 0) {
    if (!(await hasLeft(chain, state, options))) return undefined;
    await requireRemembered(chain, state, options);
    return { type: 'disconnected', block: tip };
  }
  if (state.partial === true) return connection(chain, here, options);
  const hash = await chain.blockHash(blockHeight(tip.height + 1), options);
  const header = hash === undefined ? undefined : await chain.header(hash, options);
  // When the branch changed between the questions, the next look sees it.
  if (header === undefined || displayHash(header.header.previousBlockHash) !== tip.hash) return undefined;
  return connection(chain, header, options);
}

/** Whether the last block on record is the tip of the source. */
export async function isAtTip(chain: WatchedChain, state: WatchState, options: CallOptions): Promise<boolean> {
  const tip = watchedTip(state);
  if (tip === undefined) return false;
  const here = await chain.blockHash(blockHeight(tip.height), options);
  if (here === undefined || displayHash(here) !== tip.hash) return false;
  return (await chain.blockHash(blockHeight(tip.height + 1), options)) === undefined;
}

async function connection(
  chain: WatchedChain,
  header: ChainHeader,
  options: CallOptions,
): Promise<BranchChange | undefined> {
  const bytes = await chain.block(header.hash, options);
  if (bytes === undefined) return undefined;
  const previous = displayHash(header.header.previousBlockHash);
  return { type: 'connected', block: blockOf(header), previous, transactions: viewBlock(bytes).transactions };
}

/**
 * Whether the source is on another branch, and not merely behind: after a restart or a failover a node that has yet to
 * see the block says the same as one that has left it, and what is final must not be taken back because of it.
 */
async function hasLeft(chain: WatchedChain, state: WatchState, options: CallOptions): Promise<boolean> {
  const tip = watchedTip(state);
  if (tip === undefined) return false;
  const other = await chain.blockHash(blockHeight(tip.height), options);
  if (other !== undefined) return displayHash(other) !== tip.hash;
  return outweighs(chain, state, options);
}

/** Whether a branch that is lower has more work all the same, as happens where blocks may be of the least difficulty. */
async function outweighs(chain: WatchedChain, state: WatchState, options: CallOptions): Promise<boolean> {
  const first = state.blocks[0]?.height ?? 0;
  let at: ChainHeader | undefined = await chain.tip(options);
  let theirs = 0n;
  while (at !== undefined && at.height >= first && state.blocks[at.height - first]?.hash !== displayHash(at.hash)) {
    theirs += workOfHeader(at);
    at = await chain.header(at.header.previousBlockHash, options);
  }
  // Its tip is on record: it is behind. Or the branches part before what is remembered.
  if (theirs === 0n || at === undefined || at.height < first) return false;
  let ours = 0n;
  for (const { hash } of state.blocks.slice(at.height - first + 1)) {
    const header = await chain.header(parseDisplayHash(hash), options);
    if (header === undefined) return false;
    ours += workOfHeader(header);
  }
  return theirs > ours;
}

function workOfHeader({ header }: ChainHeader): bigint {
  const target = targetOf(header.bits);
  return target === undefined ? 0n : workOf(target);
}

/** Requires one of the remembered blocks on the best branch, before the first is given up. */
async function requireRemembered(chain: WatchedChain, state: WatchState, options: CallOptions): Promise<void> {
  for (const block of state.blocks.toReversed()) {
    const hash = await chain.blockHash(blockHeight(block.height), options);
    if (hash !== undefined && displayHash(hash) === block.hash) return;
  }
  throw historyLost(watchedTip(state)?.height ?? 0, state.blocks.length);
}
