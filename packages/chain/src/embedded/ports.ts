import { type CryptoEngine, displayHash, feeRate, satoshis, unixSeconds } from '@bitcoin-enterprise/core';
import { readCallersPackage, settlePackage } from '../adapters/package.ts';
import { ChainError } from '../errors.ts';
import type { BlockNode, Connected } from '../model/block-node.ts';
import type { ChainState } from '../model/chain-state.ts';
import { MAX_BLOCK_WEIGHT } from '../model/limits.ts';
import { inOrder } from '../model/mempool.ts';
import type { MempoolPolicy } from '../model/mempool-policy.ts';
import type {
  CallOptions,
  ChainHeader,
  ChainSource,
  ChainTransaction,
  Outpoint,
  UnspentOutput,
} from '../ports/chain-source.ts';
import type { FeeEstimator } from '../ports/fee-estimator.ts';
import type { BlockEvent, BlockSubscription, MempoolEvent, MempoolSubscription } from '../ports/subscriptions.ts';
import type { PackageBroadcaster } from '../ports/package-broadcaster.ts';
import type { TestAcceptResult, TxBroadcaster } from '../ports/tx-broadcaster.ts';
import { copyOf, referenceTo, unspentFrom } from './copies.ts';
import type { EventHub } from './event-hub.ts';
import type { OwnedCoin } from './coin-index.ts';
import type { SubmittedPackage } from './options.ts';
import { pushed } from './pushed.ts';
import { isSignal, requireBytes, requireObject, requireOutpoint, requireSignal, requireWhole } from './refusals.ts';

/** All ports of a chain in one object. */
export type EmbeddedPorts = ChainSource &
  TxBroadcaster &
  PackageBroadcaster &
  FeeEstimator &
  BlockSubscription &
  MempoolSubscription;

/** What the ports reach of the chain they stand on. */
export interface PortsOptions {
  readonly crypto: CryptoEngine;
  readonly policy: MempoolPolicy;
  /** The chain at the moment of the call. */
  readonly state: () => ChainState;
  readonly hub: EventHub;
  readonly coinsOf: (scriptPubKey: Uint8Array) => readonly OwnedCoin[];
  readonly broadcast: (bytes: Uint8Array) => Uint8Array;
  readonly testAccept: (bytes: Uint8Array) => TestAcceptResult;
  readonly submitPackage: (transactions: readonly Uint8Array[]) => SubmittedPackage;
}

/** The asynchronous ports over the synchronous chain. */
export function portsOf(options: PortsOptions): EmbeddedPorts {
  const { policy, state, hub, coinsOf, broadcast, testAccept, submitPackage } = options;
  return {
    async network(options) {
      requireRunning('network', options);
      return 'regtest';
    },
    async tip(options) {
      requireRunning('tip', options);
      return headerOf(state().tip, state().tip);
    },
    async blockHash(height, options) {
      requireRunning('blockHash', options);
      requireWhole(height, 'height', 0, 0x7fff_ffff);
      const { tip } = state();
      return height > tip.height ? undefined : copyOf(tip.ancestor(height).hash);
    },
    async header(hash, options) {
      requireRunning('header', options);
      requireBytes(hash, 'hash', 32);
      const { nodes, tip } = state();
      const node = nodes.get(hash);
      return node === undefined ? undefined : headerOf(node, tip);
    },
    async block(hash, options) {
      requireRunning('block', options);
      requireBytes(hash, 'hash', 32);
      const node = state().nodes.get(hash);
      return node && copyOf(node.view.bytes);
    },
    async transaction(txid, options) {
      requireRunning('transaction', options);
      requireBytes(txid, 'txid', 32);
      return transactionIn(state(), txid);
    },
    async unspentOutput(outpoint, options = {}) {
      requireRunning('unspentOutput', options);
      const { includeMempool = false } = options;
      requireOutpoint(outpoint);
      return unspentIn(state(), outpoint, { includeMempool });
    },
    async unspentOutputsOf(scriptPubKey, options) {
      requireRunning('unspentOutputsOf', options);
      requireBytes(scriptPubKey, 'scriptPubKey');
      return coinsOf(scriptPubKey).map(unspentFrom);
    },
    async broadcast(bytes, options) {
      requireRunning('broadcast', options);
      return broadcast(bytes);
    },
    async testAccept(bytes, options) {
      requireRunning('testAccept', options);
      return testAccept(bytes);
    },
    async broadcastPackage(transactions, options) {
      requireRunning('broadcastPackage', options);
      const members = readCallersPackage(transactions);
      const { reason = 'transaction failed', transactions: results } = submitPackage(members.map(({ bytes }) => bytes));
      const rejections = results.map((result) => (result.accepted ? undefined : result.rejection));
      return settlePackage(members, { reason, rejections });
    },
    async estimateFeeRate(targetBlocks, options) {
      requireRunning('estimateFeeRate', options);
      requireWhole(targetBlocks, 'targetBlocks', 1, 1_008);
      return feeRate(fillingRate(state(), targetBlocks) ?? policy.minRelayFeeRate);
    },
    blockEvents: (options = {}) => followBlocks(state, hub, options),
    mempoolEvents: (options = {}) => followMempool(state, hub, options),
  };
}

function requireRunning(call: string, options: CallOptions | undefined): void {
  if (options === undefined) return;
  requireObject(options, 'options');
  requireSignal(options.signal);
  if (options.signal?.aborted === true)
    throw new ChainError('CHAIN_ABORTED', `expected ${call} to run, got an abort`, { details: { call } });
}

function headerOf(node: BlockNode, tip: BlockNode): ChainHeader {
  return {
    ...referenceTo(node),
    header: {
      ...node.header,
      previousBlockHash: copyOf(node.header.previousBlockHash),
      merkleRoot: copyOf(node.header.merkleRoot),
    },
    medianTime: unixSeconds(node.medianTime),
    confirmations: node.isOn(tip) ? tip.height - node.height + 1 : 0,
  };
}

/** A transaction of the best branch or the mempool. */
export function transactionIn({ mempool, tip }: ChainState, txid: Uint8Array): ChainTransaction | undefined {
  const waiting = mempool.entries.get(txid);
  if (waiting !== undefined) return { bytes: copyOf(waiting.tx.bytes), confirmations: 0 };
  const place = (tip.connected as Connected).places.get(txid);
  const tx = place?.node.transactions[place.index];
  if (place === undefined || tx === undefined) return undefined;
  return {
    bytes: copyOf(tx.bytes),
    block: referenceTo(place.node),
    confirmations: tip.height - place.node.height + 1,
  };
}

/** An output, if it is unspent. */
export function unspentIn(
  { mempool, tip }: ChainState,
  { txid, index }: Outpoint,
  { includeMempool }: { readonly includeMempool: boolean },
): UnspentOutput | undefined {
  if (includeMempool) {
    if (mempool.spenders.get(txid, index) !== undefined) return undefined;
    const waiting = mempool.entries.get(txid)?.tx;
    if (waiting !== undefined)
      return index >= waiting.outputCount
        ? undefined
        : {
            txid: copyOf(txid),
            index,
            value: satoshis(waiting.value(index)),
            scriptPubKey: copyOf(waiting.scriptPubKey(index)),
            coinbase: false,
          };
  }
  const coin = (tip.connected as Connected).coins.get(txid, index);
  return coin === undefined ? undefined : unspentFrom({ txid, index, coin });
}

/** The rate at which what pays better fills the blocks until the target; `undefined` when it does not fill them. */
export function fillingRate({ mempool }: ChainState, targetBlocks: number): bigint | undefined {
  let weight = targetBlocks * MAX_BLOCK_WEIGHT;
  if (mempool.totalSize * 4 <= weight) return undefined;
  const rates = inOrder(mempool).map(({ tx, fee, size }) => ({
    weight: tx.weight,
    rate: (fee * 1_000n) / BigInt(size),
  }));
  rates.sort((a, b) => (a.rate > b.rate ? -1 : a.rate < b.rate ? 1 : 0));
  for (const entry of rates) {
    weight -= entry.weight;
    if (weight <= 0) return entry.rate;
  }
  return undefined;
}

/** Steps from the block last told towards the tip of the moment, one block at a time: whatever happens, no gap. */
function followBlocks(
  state: () => ChainState,
  hub: EventHub,
  options: { readonly after?: Uint8Array; readonly signal?: AbortSignal },
): AsyncIterableIterator<BlockEvent, void, undefined> {
  const start = (): { readonly take: () => BlockEvent | undefined } => {
    requireObject(options, 'options');
    requireSignal(options.signal);
    let told = startOf(state(), options.after);
    const take = (): BlockEvent | undefined => {
      const { tip } = state();
      if (told === tip) return undefined;
      const forwards: boolean = told.isOn(tip);
      const node: BlockNode = forwards ? tip.ancestor(told.height + 1) : told;
      told = forwards ? node : (told.parent as BlockNode);
      return { type: forwards ? 'connected' : 'disconnected', ...referenceTo(node) };
    };
    return { take };
  };
  return pushed({ start, watch: (wake) => hub.on(wake), ...signalOf(options) });
}

function startOf({ tip, nodes }: ChainState, after: Uint8Array | undefined): BlockNode {
  if (after === undefined) return tip;
  requireBytes(after, 'options.after', 32);
  const known = nodes.get(after);
  if (known !== undefined) return known;
  throw new ChainError('CHAIN_BLOCK_UNKNOWN', 'expected a block of this chain, got another', {
    details: { block: displayHash(after) },
  });
}

function followMempool(
  state: () => ChainState,
  hub: EventHub,
  options: { readonly signal?: AbortSignal },
): AsyncIterableIterator<MempoolEvent, void, undefined> {
  const waiting: MempoolEvent[] = [];
  const start = (): { readonly take: () => MempoolEvent | undefined } => {
    requireObject(options, 'options');
    requireSignal(options.signal);
    for (const { tx } of inOrder(state().mempool)) waiting.push({ type: 'added', txid: copyOf(tx.id()) });
    return { take: () => waiting.shift() };
  };
  const watch = (wake: () => void): (() => void) =>
    hub.on((event) => {
      if (event.kind === 'transaction') waiting.push({ type: event.type, txid: event.txid });
      wake();
    });
  return pushed({ start, watch, ...signalOf(options) });
}

/** The signal, if it is one: what is none is refused at the first step. */
function signalOf(options: { readonly signal?: AbortSignal } | null): { readonly signal?: AbortSignal } {
  const signal = options?.signal;
  return signal !== undefined && isSignal(signal) ? { signal } : {};
}
