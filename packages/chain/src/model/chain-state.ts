import type { CryptoEngine } from '@bitcoin-enterprise/core';
import { type BlockView, type ScriptFlag, type TransactionView, viewBlock } from '@bitcoin-enterprise/script';
import { type BlockCheats, BlockNode, forkPoint, pathBetween } from './block-node.ts';
import { checkBlock, checkBlockInContext, checkHeaderInContext } from './block-rules.ts';
import { connectBlock, connectGenesis } from './connect.ts';
import { keptOfDisconnected } from './disconnected.ts';
import { emptyMempool, inOrder, type Mempool, type MempoolEntry, withDescendants, withoutEntries } from './mempool.ts';
import { acceptToMempool } from './mempool-accept.ts';
import { trimToPolicy } from './mempool-eviction.ts';
import { type MempoolPolicy, rulesOf } from './mempool-policy.ts';
import { PersistentMap } from './persistent-map.ts';
import { afterBlock } from './rolling-fee.ts';
import { genesisBlock, REGTEST_BLOCK_WORK } from './regtest.ts';
import type { Rejection } from './rejection.ts';
import type { ScriptCache } from './scripts.ts';

/** Everything an embedded chain is at a moment, as a value: keeping it is a snapshot. */
export interface ChainState {
  readonly tip: BlockNode;
  /** All blocks known, on every branch, by hash. */
  readonly nodes: PersistentMap<BlockNode>;
  /** Blocks known to break a rule, by hash. */
  readonly failed: PersistentMap<Rejection>;
  /** Blocks declared invalid by the user's wish, by hash; those that stand on them count as invalid too. */
  readonly invalidated: PersistentMap<BlockNode>;
  readonly mempool: Mempool;
  /** No block is made for an earlier time than this, Unix seconds. */
  readonly earliestTime: number;
  /** Counts the blocks made here, so that no two are equal. */
  readonly minedCount: number;
  /** What is added to fees in the eyes of the miner, satoshis by transaction id. */
  readonly priorities: PersistentMap<bigint>;
  /** Scripts and outpoints that may be spent without satisfaction. */
  readonly impersonated: ReadonlySet<string>;
}

/** What the transitions of a chain work with; none of it is state. */
export interface ChainTools {
  readonly crypto: CryptoEngine;
  readonly cache: ScriptCache;
  readonly policy: MempoolPolicy;
  /** The script rules of blocks. */
  readonly blockFlags: readonly ScriptFlag[];
}

/** A block that was taken, and what became of it. */
export interface BlockOutcome {
  readonly state: ChainState;
  readonly node: BlockNode;
  /** `tip`: it is the best block now; `branch`: valid so far, but with less work; `duplicate`: known before. */
  readonly became: 'tip' | 'branch' | 'duplicate';
}

/** A block that was refused; the state remembers what is known to be bad. */
export interface BlockRefusal {
  readonly state: ChainState;
  readonly rejection: Rejection;
  readonly hash: Uint8Array;
  /** The block's transactions, to name the one at fault. */
  readonly transactions: readonly TransactionView[];
}

/** The chain that holds the genesis block alone. */
export function initialState(crypto: CryptoEngine): ChainState {
  return stateAt(genesisNode(crypto));
}

/** The chain that holds one genesis block alone. */
export function stateAt(tip: BlockNode): ChainState {
  return {
    tip,
    nodes: PersistentMap.empty<BlockNode>().with(tip.hash, tip),
    failed: PersistentMap.empty(),
    invalidated: PersistentMap.empty(),
    mempool: emptyMempool(),
    earliestTime: 0,
    minedCount: 0,
    priorities: PersistentMap.empty(),
    impersonated: new Set(),
  };
}

function genesisNode(crypto: CryptoEngine): BlockNode {
  const view = viewBlock(genesisBlock());
  const hash = crypto.hash256(view.bytes.subarray(0, 80));
  const node = new BlockNode(hash, view, undefined, { blockWork: REGTEST_BLOCK_WORK });
  node.connected = connectGenesis(node);
  return node;
}

/** How a block is taken. */
export interface AddBlockOptions {
  /** The time that "too far ahead" is measured from, Unix seconds. */
  readonly now: number;
  readonly cheats?: BlockCheats | undefined;
  /** Blocks of another state: the one that is taken is that very object if it is among them, cheats and all. */
  readonly among?: PersistentMap<BlockNode>;
}

/** Takes a block onto whichever branch it extends, and makes that branch the best one if it has the most work. */
export function addBlock(
  state: ChainState,
  view: BlockView,
  tools: ChainTools,
  options: AddBlockOptions,
): BlockOutcome | BlockRefusal {
  const hash = tools.crypto.hash256(view.bytes.subarray(0, 80));
  const { transactions } = view;
  const refuse = (rejection: Rejection, next = state): BlockRefusal => ({ state: next, rejection, hash, transactions });
  if (state.failed.get(hash) !== undefined) return refuse({ reason: 'duplicate-invalid' });
  const known = state.nodes.get(hash);
  if (known !== undefined)
    return isInvalidated(state, known)
      ? refuse({ reason: 'duplicate-invalid' })
      : { state, node: known, became: 'duplicate' };

  // A fault found here may be that of a copy somebody has tampered with: the hash itself is not to blame.
  const own = checkBlock(view, hash, tools.crypto);
  if (own !== undefined) return refuse(own);
  const parent = state.nodes.get(view.header.previousBlockHash);
  if (parent === undefined)
    return refuse({
      reason: state.failed.get(view.header.previousBlockHash) === undefined ? 'prev-blk-not-found' : 'bad-prevblk',
    });
  if (isInvalidated(state, parent)) return refuse({ reason: 'bad-prevblk' });
  const headerFault = checkHeaderInContext(view.header, parent, options.now);
  if (headerFault !== undefined) return refuse(headerFault);
  const fault = checkBlockInContext(view, parent, tools.crypto);
  if (fault !== undefined) {
    const mutable = fault.reason.includes('witness');
    return refuse(fault, mutable ? state : { ...state, failed: state.failed.with(hash, fault) });
  }

  const same = options.among?.get(hash);
  const node =
    same !== undefined && same.parent === parent && sameCheats(same.cheats, options.cheats)
      ? same
      : new BlockNode(hash, view, parent, {
          blockWork: REGTEST_BLOCK_WORK,
          cheats: options.cheats,
          sequence: state.nodes.size,
        });
  const extended: ChainState = { ...state, nodes: state.nodes.with(hash, node) };
  // Of two branches with equal work the one seen first stays.
  if (node.work <= state.tip.work) return { state: extended, node, became: 'branch' };
  return activateBlock(extended, node, tools, options.now);
}

/** Whether a block or one that it stands on was declared invalid. */
export function isInvalidated({ invalidated }: ChainState, node: BlockNode): boolean {
  if (invalidated.size === 0) return false;
  for (const root of invalidated.values()) if (root.isOn(node)) return true;
  return false;
}

function sameCheats(left: BlockCheats | undefined, right: BlockCheats | undefined): boolean {
  return left?.inflates === right?.inflates && left?.unsatisfied.join() === right?.unsatisfied.join();
}

/**
 * Makes a block the tip at some time, Unix seconds, connecting what lies between.
 *
 * @param depth - From how many of the blocks left behind, counted from the top, transactions may wait again.
 */
export function activateBlock(
  state: ChainState,
  node: BlockNode,
  tools: ChainTools,
  now: number,
  depth: number = Infinity,
): BlockOutcome | BlockRefusal {
  const fork = forkPoint(state.tip, node);
  const path = pathBetween(fork, node);
  const failure = connectBranch(path, tools);
  if (failure !== undefined) {
    const { rejection, bad } = failure;
    const { nodes, failed } = state;
    return {
      state: {
        ...state,
        nodes: bad.reduce((left, { hash }) => left.without(hash), nodes),
        failed: bad.reduce((more, { hash }) => more.with(hash, rejection), failed),
      },
      rejection,
      hash: (bad[0] as BlockNode).hash,
      transactions: (bad[0] as BlockNode).transactions,
    };
  }
  const moved: ChainState = { ...state, tip: node, priorities: unsettledPriorities(state, path) };
  const mempool =
    fork === state.tip ? withoutConfirmed(state.mempool, path) : mempoolAfterReorg(state, moved, tools, depth);
  // After a block, and not before, what had to be dropped may become cheaper again.
  const settled = path.length === 0 ? mempool : afterBlock(mempool, now);
  return { state: { ...moved, mempool: settled }, node, became: 'tip' };
}

/**
 * Connects blocks that follow one another, lowest first, so that each knows the world after it.
 *
 * @returns Why one cannot be connected, with it and those behind it; `undefined` when all are.
 */
export function connectBranch(
  path: readonly BlockNode[],
  tools: ChainTools,
): { readonly rejection: Rejection; readonly bad: readonly BlockNode[] } | undefined {
  for (const [i, node] of path.entries()) {
    if (node.connected !== undefined) continue;
    const connected = connectBlock(node, tools);
    if ('reason' in connected) return { rejection: connected, bad: path.slice(i) };
    node.connected = connected;
  }
  return undefined;
}

/** Fees of transactions that are in a block, or that one makes impossible, count no more. */
function unsettledPriorities({ priorities, mempool }: ChainState, path: readonly BlockNode[]): PersistentMap<bigint> {
  let left = priorities;
  for (const { transactions } of path)
    for (const tx of transactions) {
      if (left.size === 0) return left;
      left = left.without(tx.id());
      for (let i = 0; i < tx.inputCount; i++) {
        const spender = mempool.spenders.get(tx.previousTxid(i), tx.previousIndex(i));
        if (spender !== undefined) left = left.without(spender.tx.id());
      }
    }
  return left;
}

/** Removes what new blocks contain, and what they make impossible. */
function withoutConfirmed(pool: Mempool, path: readonly BlockNode[]): Mempool {
  if (pool.entries.size === 0) return pool;
  const confirmed = new Set<MempoolEntry>();
  const conflicting = new Set<MempoolEntry>();
  for (const { transactions } of path)
    for (const tx of transactions) {
      const entry = pool.entries.get(tx.id());
      if (entry !== undefined) confirmed.add(entry);
      for (let i = 0; i < tx.inputCount; i++) {
        const spender = pool.spenders.get(tx.previousTxid(i), tx.previousIndex(i));
        if (spender !== undefined && spender !== entry) conflicting.add(spender);
      }
    }
  for (const entry of confirmed) conflicting.delete(entry);
  return withoutEntries(pool, [...withDescendants(pool, conflicting), ...confirmed]);
}

/**
 * Lets the transactions of the blocks left behind wait again, oldest first, then those that waited, if they still can
 * and within the limits of the pool, as Core does: of a chain that is too long, the first ones.
 */
function mempoolAfterReorg(before: ChainState, after: ChainState, tools: ChainTools, depth: number): Mempool {
  const fork = forkPoint(before.tip, after.tip);
  // A node with rules of form asks for them again, without fees; the plain one asks for consensus alone.
  const bypassLimits = rulesOf(tools.policy).name !== 'plain';
  const left = pathBetween(fork, before.tip);
  const given = bypassLimits
    ? keptOfDisconnected(left.slice(Math.max(0, left.length - depth)))
    : left.flatMap((node) => node.transactions.slice(1));
  const waiting = inOrder(before.mempool).map((entry) => entry.tx);
  let pool: Mempool = { ...emptyMempool(), rolling: before.mempool.rolling, nextSequence: before.mempool.nextSequence };
  const { tip, impersonated, priorities } = after;
  const context = {
    ...tools,
    tip,
    impersonated,
    priorities,
    consensusOnly: !bypassLimits,
    bypassLimits,
    chainLimits: true,
  };
  for (const tx of [...given, ...waiting]) {
    const known = before.mempool.entries.get(tx.id());
    const accepted = acceptToMempool(pool, tx, known === undefined ? context : { ...context, now: known.time });
    if ('pool' in accepted) pool = accepted.pool;
  }
  return trimToPolicy(pool, tools.policy);
}
