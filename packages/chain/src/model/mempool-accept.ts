import { type CryptoEngine, equalBytes, type FeeRate } from '@bitcoin-enterprise/core';
import {
  checkTransaction,
  consensusFlags,
  isCoinbase,
  type TransactionView,
  transactionSigopsCost,
  verifyInput,
  viewTransaction,
} from '@bitcoin-enterprise/script';
import type { BlockNode, Connected } from './block-node.ts';
import type { Coin } from './coins.ts';
import { outpointKey, scriptKey } from './impersonation.ts';
import { MempoolGraph, type PackageSum } from './mempool-graph.ts';
import { ancestorsOf, type Mempool, type MempoolEntry, withDescendants, withEntry, withoutEntries } from './mempool.ts';
import type { MempoolPolicy } from './mempool-policy.ts';
import type { Rejection } from './rejection.ts';
import { type ScriptCache, ScriptChecker } from './scripts.ts';
import { checkInputs, isFinal, sequenceLocksPassed } from './transaction-rules.ts';

/** Core's `-bytespersigop`: a transaction full of signature operations counts as a larger one. */
const WEIGHT_PER_SIGOP = 20;

/** What a transaction is measured against when it asks to wait. */
export interface AcceptContext {
  readonly tip: BlockNode;
  readonly policy: MempoolPolicy;
  readonly crypto: CryptoEngine;
  readonly cache: ScriptCache;
  /** Scripts and outpoints whose satisfaction is not asked for. */
  readonly impersonated: ReadonlySet<string>;
  /** Whether only consensus counts: for what a reorganisation gives back, and for blocks made by hand. */
  readonly consensusOnly: boolean;
  /** Whether the limits on chains of waiting transactions count all the same; `false` when absent. */
  readonly chainLimits?: boolean;
  /** Inputs that an earlier impersonation let pass, as a dump remembers. */
  readonly waived?: readonly number[];
}

/** What became of it. */
export interface Accepted {
  readonly pool: Mempool;
  readonly entry: MempoolEntry;
  /** What had to go for it. */
  readonly replaced: readonly MempoolEntry[];
}

/** Lets a transaction into the pool, or says why not: Core's `MemPoolAccept`, in its order. */
export function acceptToMempool(pool: Mempool, tx: TransactionView, context: AcceptContext): Accepted | Rejection {
  const { tip, policy, consensusOnly } = context;
  const reason = checkTransaction(tx);
  if (reason !== undefined) return { reason };
  if (isCoinbase(tx)) return { reason: 'coinbase' };
  if (!consensusOnly && tx.baseSize < policy.minBaseSizeBytes) return { reason: 'tx-size-small' };
  if (!isFinal(tx, tip.height + 1, tip.medianTime)) return { reason: 'non-final' };
  const known = pool.entries.get(tx.id());
  if (known !== undefined)
    return {
      reason: equalBytes(known.tx.witnessId(), tx.witnessId())
        ? 'txn-already-in-mempool'
        : 'txn-same-nonwitness-data-in-mempool',
    };

  const conflicts = conflictsOf(pool, tx);
  if (consensusOnly && conflicts.size > 0) return { reason: 'txn-mempool-conflict' };
  const coins = coinsFor(pool, tx, tip);
  if (coins.includes(undefined) && isKnownToChain(tx, tip)) return { reason: 'txn-already-known' };
  const checked = checkInputs(tx, coins, tip.height + 1);
  if ('reason' in checked && checked.reason === 'bad-txns-inputs-missingorspent') return checked;
  const spent = coins as readonly Coin[];
  if (!sequenceLocksPassed(tx, spent, tip)) return { reason: 'non-BIP68-final' };
  if ('reason' in checked) return checked;

  const cost = transactionSigopsCost(tx, spent);
  const size = Math.ceil(Math.max(tx.weight, cost * WEIGHT_PER_SIGOP) / 4);
  const waived = waivedInputs(tx, spent, context);
  const entry: MempoolEntry = {
    tx,
    fee: checked.fee,
    size,
    sigopsCost: cost,
    spent,
    waived,
    sequence: pool.nextSequence,
  };
  const replaced = [...withDescendants(pool, conflicts)];
  const refusal = consensusOnly ? undefined : checkPolicy(pool, entry, conflicts, replaced, policy);
  if (refusal !== undefined) return { reason: refusal };
  if (context.chainLimits === true && exceedsChainLimits(pool, entry, ancestorsOf(pool, tx), new Set(), policy))
    return { reason: 'too-long-mempool-chain' };
  const scripts = new ScriptChecker({
    crypto: context.crypto,
    cache: context.cache,
    prefix: 'mandatory-script-verify-flag-failed',
    remember: true,
  });
  scripts.add({ tx, transactionIndex: 0, spentOutputs: spent, waived });
  const failed = scripts.finish();
  if (failed !== undefined) return failed;
  return { pool: withEntry(withoutEntries(pool, replaced), entry), entry, replaced };
}

/** What a transaction would spend: coins of the chain, and outputs that wait themselves. */
function coinsFor(pool: Mempool, tx: TransactionView, tip: BlockNode): readonly (Coin | undefined)[] {
  const { coins } = tip.connected as Connected;
  return Array.from({ length: tx.inputCount }, (_, i) => {
    const txid = tx.previousTxid(i);
    const index = tx.previousIndex(i);
    const parent = pool.entries.get(txid)?.tx;
    if (parent === undefined) return coins.get(txid, index);
    if (index >= parent.outputCount) return undefined;
    // An output that waits is treated as one of the next block (BIP68).
    const height = tip.height + 1;
    return { value: parent.value(index), scriptPubKey: parent.scriptPubKey(index), height, coinbase: false };
  });
}

function isKnownToChain(tx: TransactionView, tip: BlockNode): boolean {
  const { coins } = tip.connected as Connected;
  for (let i = 0; i < tx.outputCount; i++) if (coins.get(tx.id(), i) !== undefined) return true;
  return false;
}

function conflictsOf(pool: Mempool, tx: TransactionView): ReadonlySet<MempoolEntry> {
  const conflicts = new Set<MempoolEntry>();
  for (let i = 0; i < tx.inputCount; i++) {
    const spender = pool.spenders.get(tx.previousTxid(i), tx.previousIndex(i));
    if (spender !== undefined) conflicts.add(spender);
  }
  return conflicts;
}

/** Inputs whose scripts fail, and whose coins the user may spend all the same. */
function waivedInputs(tx: TransactionView, spent: readonly Coin[], context: AcceptContext): ReadonlySet<number> {
  const waived = new Set(context.waived);
  if (context.impersonated.size === 0) return waived;
  for (const [inputIndex, coin] of spent.entries()) {
    const { impersonated, crypto } = context;
    if (!impersonated.has(scriptKey(coin.scriptPubKey)) && !impersonated.has(outpointKey(tx.outpoint(inputIndex))))
      continue;
    if (!verifyInput({ tx, inputIndex, spentOutputs: spent, flags: consensusFlags, crypto }).ok) waived.add(inputIndex);
  }
  return waived;
}

function checkPolicy(
  pool: Mempool,
  entry: MempoolEntry,
  conflicts: ReadonlySet<MempoolEntry>,
  replaced: readonly MempoolEntry[],
  policy: MempoolPolicy,
): string | undefined {
  const nonStandard = askStandardness(entry, policy);
  if (nonStandard !== undefined) return nonStandard;
  if (entry.sigopsCost > policy.maxSigopsCost) return 'bad-txns-too-many-sigops';
  if (entry.fee < feeAt(policy.minRelayFeeRate, entry.size)) return 'min relay fee not met';
  const ancestors = ancestorsOf(pool, entry.tx);
  if (exceedsChainLimits(pool, entry, ancestors, new Set(replaced), policy)) return 'too-long-mempool-chain';
  for (const conflict of conflicts) if (ancestors.has(conflict)) return 'bad-txns-spends-conflicting-tx';
  return conflicts.size === 0 ? undefined : checkReplacement(entry, conflicts, replaced, policy);
}

/** Asks the user's rule, which gets copies: what it does with them is its own affair. */
function askStandardness({ tx, spent }: MempoolEntry, { standardness }: MempoolPolicy): string | undefined {
  return standardness?.(
    viewTransaction(new Uint8Array(tx.bytes)),
    spent.map(({ value, scriptPubKey }) => ({ value, scriptPubKey: new Uint8Array(scriptPubKey) })),
  );
}

/** Limits on chains of waiting transactions, with what will be replaced left out. */
function exceedsChainLimits(
  pool: Mempool,
  entry: MempoolEntry,
  ancestors: ReadonlySet<MempoolEntry>,
  replaced: ReadonlySet<MempoolEntry>,
  policy: MempoolPolicy,
): boolean {
  if (ancestors.size + 1 > policy.maxAncestors) return true;
  if (sizeOf(ancestors) + entry.size > policy.maxAncestorSizeVb) return true;
  for (const ancestor of ancestors) {
    const descendants = [...withDescendants(pool, [ancestor])].filter((other) => !replaced.has(other));
    if (descendants.length + 1 > policy.maxDescendants) return true;
    if (sizeOf(descendants) + entry.size > policy.maxDescendantSizeVb) return true;
  }
  return false;
}

/** BIP125 without its opt-in: every waiting transaction may be replaced by a better-paying one. */
function checkReplacement(
  entry: MempoolEntry,
  conflicts: ReadonlySet<MempoolEntry>,
  replaced: readonly MempoolEntry[],
  policy: MempoolPolicy,
): string | undefined {
  for (const conflict of conflicts)
    if (entry.fee * BigInt(conflict.size) <= conflict.fee * BigInt(entry.size)) return 'insufficient fee';
  if (replaced.length > policy.maxReplaced) return 'too many potential replacements';
  const replacedFees = replaced.reduce((sum, other) => sum + other.fee, 0n);
  const surplus = entry.fee - replacedFees;
  return surplus < 0n || surplus < feeAt(policy.incrementalRelayFeeRate, entry.size) ? 'insufficient fee' : undefined;
}

/**
 * Removes the worst-paying transactions, with what stands on them, until the pool has its size.
 *
 * @returns The smaller pool.
 */
export function trimToSize(pool: Mempool, maxSizeVb: number): Mempool {
  if (pool.totalSize <= maxSizeVb) return pool;
  const graph = new MempoolGraph(pool);
  const { entries } = graph;
  const score = entries.map((_, i) => graph.sumOf(graph.descendantsOf(i)));
  const gone = new Set<number>();
  let size = pool.totalSize;
  while (size > maxSizeVb && gone.size < entries.length) {
    let worst = -1;
    let worstRate = Infinity;
    for (let i = entries.length - 1; i >= 0; i--) {
      if (gone.has(i)) continue;
      const own = entries[i] as MempoolEntry;
      const package_ = score[i] as PackageSum;
      // A child that pays well protects its parent, one that pays badly does not harm it (Core's descendant score).
      const rate = Math.max(Number(own.fee) / own.size, package_.fee / package_.size);
      if (worst < 0 || rate < worstRate) {
        worst = i;
        worstRate = rate;
      }
    }
    const evicted = graph.descendantsOf(worst).filter((i) => !gone.has(i));
    for (const i of evicted) {
      const { fee, size: entrySize } = entries[i] as MempoolEntry;
      size -= entrySize;
      gone.add(i);
      for (const ancestor of graph.ancestorsOf(i)) {
        const left = score[ancestor] as PackageSum;
        left.fee -= Number(fee);
        left.size -= entrySize;
      }
    }
  }
  return withoutEntries(
    pool,
    Array.from(gone, (i) => entries[i] as MempoolEntry),
  );
}

function sizeOf(entries: Iterable<MempoolEntry>): number {
  let size = 0;
  for (const entry of entries) size += entry.size;
  return size;
}

function feeAt(rate: FeeRate, sizeVb: number): bigint {
  return (rate * BigInt(sizeVb) + 999n) / 1_000n;
}
