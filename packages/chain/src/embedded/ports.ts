import { blockHeight, type CryptoEngine, displayHash, feeRate, satoshis, unixSeconds } from '@bitcoin-enterprise/core';
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
import type { TestAcceptResult, TxBroadcaster } from '../ports/tx-broadcaster.ts';
import type { EventHub } from './event-hub.ts';
import { coinsOf } from './funder.ts';
import { requireBytes, requireObject, requireSignal, requireWhole } from './refusals.ts';

/** All ports of a chain in one object. */
export type EmbeddedPorts = ChainSource & TxBroadcaster & FeeEstimator & BlockSubscription & MempoolSubscription;

/** What the ports reach of the chain they stand on. */
export interface PortsOptions {
  readonly crypto: CryptoEngine;
  readonly policy: MempoolPolicy;
  /** The chain at the moment of the call. */
  readonly state: () => ChainState;
  readonly hub: EventHub;
  readonly broadcast: (bytes: Uint8Array) => Uint8Array;
  readonly testAccept: (bytes: Uint8Array) => TestAcceptResult;
}

/** The asynchronous ports over the synchronous chain. */
export function portsOf({ policy, state, hub, broadcast, testAccept }: PortsOptions): EmbeddedPorts {
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
      return height > tip.height ? undefined : tip.ancestor(height).hash;
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
      return state().nodes.get(hash)?.view.bytes;
    },
    async transaction(txid, options) {
      requireRunning('transaction', options);
      requireBytes(txid, 'txid', 32);
      return transactionIn(state(), txid);
    },
    async unspentOutput(outpoint, options = {}) {
      requireRunning('unspentOutput', options);
      const { includeMempool = false } = options;
      requireObject(outpoint, 'outpoint');
      requireBytes(outpoint.txid, 'outpoint.txid', 32);
      requireWhole(outpoint.index, 'outpoint.index', 0, 0xffff_ffff);
      return unspentIn(state(), outpoint, includeMempool);
    },
    async unspentOutputsOf(scriptPubKey, options) {
      requireRunning('unspentOutputsOf', options);
      requireBytes(scriptPubKey, 'scriptPubKey');
      return coinsOf(state().tip, scriptPubKey).map(({ txid, index, coin }) => ({
        txid,
        index,
        value: satoshis(coin.value),
        scriptPubKey: coin.scriptPubKey,
        height: blockHeight(coin.height),
        coinbase: coin.coinbase,
      }));
    },
    async broadcast(bytes, options) {
      requireRunning('broadcast', options);
      return broadcast(bytes);
    },
    async testAccept(bytes, options) {
      requireRunning('testAccept', options);
      return testAccept(bytes);
    },
    async estimateFeeRate(targetBlocks, options) {
      requireRunning('estimateFeeRate', options);
      requireWhole(targetBlocks, 'targetBlocks', 1, 1_008);
      return feeRate(rateFor(state(), targetBlocks) ?? policy.minRelayFeeRate);
    },
    blockEvents: (options = {}) => followBlocks(state, hub, options),
    mempoolEvents: (options = {}) => followMempool(state, hub, options),
  };
}

function requireRunning(call: string, options: CallOptions | undefined): void {
  if (options !== undefined) requireObject(options, 'options');
  if (options?.signal?.aborted === true)
    throw new ChainError('CHAIN_ABORTED', `expected ${call} to run, got an abort`, { details: { call } });
}

function headerOf(node: BlockNode, tip: BlockNode): ChainHeader {
  return {
    hash: node.hash,
    height: blockHeight(node.height),
    header: node.header,
    medianTime: unixSeconds(node.medianTime),
    confirmations: node.isOn(tip) ? tip.height - node.height + 1 : 0,
  };
}

function transactionIn({ mempool, tip }: ChainState, txid: Uint8Array): ChainTransaction | undefined {
  const waiting = mempool.entries.get(txid);
  if (waiting !== undefined) return { bytes: waiting.tx.bytes, confirmations: 0 };
  const place = (tip.connected as Connected).places.get(txid);
  const tx = place?.node.transactions[place.index];
  if (place === undefined || tx === undefined) return undefined;
  const { hash, height } = place.node;
  return {
    bytes: tx.bytes,
    block: { hash, height: blockHeight(height) },
    confirmations: tip.height - height + 1,
  };
}

function unspentIn(
  { mempool, tip }: ChainState,
  { txid, index }: Outpoint,
  includeMempool: boolean,
): UnspentOutput | undefined {
  if (includeMempool) {
    if (mempool.spenders.get(txid, index) !== undefined) return undefined;
    const waiting = mempool.entries.get(txid)?.tx;
    if (waiting !== undefined)
      return index >= waiting.outputCount
        ? undefined
        : {
            txid,
            index,
            value: satoshis(waiting.value(index)),
            scriptPubKey: waiting.scriptPubKey(index),
            coinbase: false,
          };
  }
  const coin = (tip.connected as Connected).coins.get(txid, index);
  if (coin === undefined) return undefined;
  const { scriptPubKey, coinbase } = coin;
  return { txid, index, value: satoshis(coin.value), scriptPubKey, height: blockHeight(coin.height), coinbase };
}

/** The rate at which what pays better fills the blocks until the target; `undefined` when it does not fill them. */
function rateFor({ mempool }: ChainState, targetBlocks: number): bigint | undefined {
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
async function* followBlocks(
  state: () => ChainState,
  hub: EventHub,
  options: { readonly after?: Uint8Array; readonly signal?: AbortSignal },
): AsyncGenerator<BlockEvent, void, undefined> {
  requireObject(options, 'options');
  const { after, signal } = options;
  requireSignal(signal);
  if (after !== undefined) requireBytes(after, 'options.after', 32);
  let told = after === undefined ? state().tip : state().nodes.get(after);
  if (told === undefined)
    throw new ChainError('CHAIN_BLOCK_UNKNOWN', 'expected a block of this chain, got another', {
      details: { block: displayHash(after as Uint8Array) },
    });
  while (signal?.aborted !== true) {
    const { tip }: ChainState = state();
    if (told === tip) {
      await nextChange(hub, signal);
      continue;
    }
    const forwards: boolean = told.isOn(tip);
    const type = forwards ? 'connected' : 'disconnected';
    const node: BlockNode = forwards ? tip.ancestor(told.height + 1) : told;
    told = forwards ? node : (told.parent as BlockNode);
    yield { type, hash: node.hash, height: blockHeight(node.height) };
  }
}

async function* followMempool(
  state: () => ChainState,
  hub: EventHub,
  options: { readonly signal?: AbortSignal },
): AsyncGenerator<MempoolEvent, void, undefined> {
  requireObject(options, 'options');
  const { signal } = options;
  requireSignal(signal);
  const waiting: MempoolEvent[] = inOrder(state().mempool).map(({ tx }) => ({ type: 'added', txid: tx.id() }));
  const remove = hub.on((event) => {
    if (event.kind === 'transaction') waiting.push({ type: event.type, txid: event.txid });
  });
  try {
    while (signal?.aborted !== true) {
      const next = waiting.shift();
      if (next === undefined) await nextChange(hub, signal);
      else yield next;
    }
  } finally {
    remove();
  }
}

/** Waits for the next event or the abort. */
function nextChange(hub: EventHub, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      remove();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const remove = hub.on(done);
    signal?.addEventListener('abort', done);
  });
}
