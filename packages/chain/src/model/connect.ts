import { type CryptoEngine, MAX_SATOSHIS } from '@bitcoin-enterprise/core';
import { type ScriptFlag, type TransactionView, transactionSigopsCost } from '@bitcoin-enterprise/script';
import type { BlockNode, Connected, TransactionPlace } from './block-node.ts';
import { addCoins, type Coin, type Coins } from './coins.ts';
import { MAX_BLOCK_SIGOPS_COST } from './limits.ts';
import { type MapDraft, PersistentMap } from './persistent-map.ts';
import { subsidyAt } from './regtest.ts';
import type { Rejection } from './rejection.ts';
import { type ScriptCache, ScriptChecker } from './scripts.ts';
import { checkInputs, sequenceLocksPassed } from './transaction-rules.ts';

/** What connecting a block needs besides the block. */
export interface ConnectOptions {
  readonly crypto: CryptoEngine;
  readonly cache: ScriptCache;
  /** The script rules of blocks. */
  readonly blockFlags: readonly ScriptFlag[];
  /** `false` where the scripts were checked before, as in a dump of one's own; `true` when absent. */
  readonly scripts?: boolean;
}

/** The world before the first block: the reward of the genesis block cannot be spent and is no coin. */
export function connectGenesis(node: BlockNode): Connected {
  return { coins: PersistentMap.empty<Coin>(), places: placesAfter(node, PersistentMap.empty()) };
}

/**
 * Applies a block to the coins of its parent: Core's `ConnectBlock`. Nothing is changed; the world after the block is
 * a new one that shares what is alike.
 *
 * @returns The world after the block, or why it is refused.
 */
export function connectBlock(node: BlockNode, options: ConnectOptions): Connected | Rejection {
  const parent = node.parent as BlockNode;
  const before = parent.connected as Connected;
  const draft = before.coins.draft();
  const overwritten = findOverwritten(node, before.coins);
  if (overwritten >= 0) return { reason: 'bad-txns-BIP30', transactionIndex: overwritten };

  const { crypto, cache, blockFlags } = options;
  const scripts =
    options.scripts === false
      ? undefined
      : new ScriptChecker({ crypto, cache, blockFlags, prefix: 'block-script-verify-flag-failed', remember: false });
  const unsatisfied = new Set(node.cheats?.unsatisfied);
  let fees = 0n;
  let sigops = 0;
  for (const [transactionIndex, tx] of node.transactions.entries()) {
    let coins: readonly Coin[] = [];
    if (transactionIndex > 0) {
      const spent = takeCoins(draft, tx);
      const checked = checkInputs(tx, spent, node.height);
      if ('reason' in checked) return { ...checked, transactionIndex };
      coins = spent as readonly Coin[];
      fees += checked.fee;
      if (fees > MAX_SATOSHIS) return { reason: 'bad-txns-accumulated-fee-outofrange', transactionIndex };
      if (!sequenceLocksPassed(tx, coins, parent)) return { reason: 'bad-txns-nonfinal', transactionIndex };
    }
    sigops += transactionSigopsCost(tx, coins);
    if (sigops > MAX_BLOCK_SIGOPS_COST) return { reason: 'bad-blk-sigops', transactionIndex };
    if (transactionIndex > 0)
      scripts?.add({
        tx,
        transactionIndex,
        spentOutputs: coins,
        waived: waivedInputs(tx, transactionIndex, unsatisfied),
      });
    addCoins(draft, tx, node.height, transactionIndex === 0 && node.cheats?.inflates !== true);
  }
  if (
    node.cheats?.inflates !== true &&
    outputSum(node.transactions[0] as TransactionView) > subsidyAt(node.height) + fees
  )
    return { reason: 'bad-cb-amount', transactionIndex: 0 };
  // A script's fault is told only where no other rule is broken, as Core does.
  const failed = scripts?.finish();
  if (failed !== undefined) return failed;
  return { coins: draft.freeze(), places: placesAfter(node, before.places) };
}

/** What the inputs of a transaction spend, taken out of the coins; all or nothing matters not, for a fault ends it. */
function takeCoins(draft: MapDraft<Coin>, tx: TransactionView): readonly (Coin | undefined)[] {
  const spent: (Coin | undefined)[] = [];
  for (let i = 0; i < tx.inputCount; i++) spent.push(draft.delete(tx.previousTxid(i), tx.previousIndex(i)));
  return spent;
}

/** BIP30: a transaction must not have the id of an earlier one whose outputs are not all spent. */
function findOverwritten(node: BlockNode, coins: Coins): number {
  return node.transactions.findIndex((tx) => {
    for (let i = 0; i < tx.outputCount; i++) if (coins.get(tx.id(), i) !== undefined) return true;
    return false;
  });
}

function waivedInputs(tx: TransactionView, transactionIndex: number, unsatisfied: ReadonlySet<string>): Set<number> {
  const waived = new Set<number>();
  if (unsatisfied.size > 0)
    for (let i = 0; i < tx.inputCount; i++) if (unsatisfied.has(`${transactionIndex}:${i}`)) waived.add(i);
  return waived;
}

function outputSum(tx: TransactionView): bigint {
  let sum = 0n;
  for (let i = 0; i < tx.outputCount; i++) sum += tx.value(i);
  return sum;
}

function placesAfter(node: BlockNode, before: PersistentMap<TransactionPlace>): PersistentMap<TransactionPlace> {
  const draft = before.draft();
  for (const [index, tx] of node.transactions.entries()) draft.set(tx.id(), 0, { node, index });
  return draft.freeze();
}
