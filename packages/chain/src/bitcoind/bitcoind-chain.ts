import type { BlockHeight, FeeRate, NetworkName } from '@bitcoin-enterprise/core';
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
import { BitcoindChainSource, type BitcoindChainSourceOptions } from './chain-source.ts';
import { BitcoindFeeEstimator } from './fee-estimator.ts';
import { BitcoindRpc, type BitcoindRpcOptions } from './rpc.ts';
import { BitcoindSubscriptions, type BitcoindSubscriptionsOptions } from './subscriptions.ts';
import { BitcoindTxBroadcaster } from './tx-broadcaster.ts';

/** Settings of {@link BitcoindChain}. */
export interface BitcoindChainOptions
  extends BitcoindRpcOptions, BitcoindSubscriptionsOptions, BitcoindChainSourceOptions {}

/**
 * A bitcoind as every port of this package at once.
 *
 * @example Read the tip of a local node
 * ```ts no-run
 * import { BitcoindChain } from '@bitcoin-enterprise/chain/bitcoind';
 *
 * const chain = new BitcoindChain({ url: 'http://127.0.0.1:18443', auth: { user: 'alice', password: 'secret' } });
 * const { height } = await chain.tip();
 * ```
 */
export class BitcoindChain
  implements ChainSource, TxBroadcaster, PackageBroadcaster, FeeEstimator, BlockSubscription, MempoolSubscription
{
  /** For the calls that no port has. */
  readonly rpc: BitcoindRpc;
  readonly #source: BitcoindChainSource;
  readonly #broadcaster: BitcoindTxBroadcaster;
  readonly #estimator: BitcoindFeeEstimator;
  readonly #subscriptions: BitcoindSubscriptions;

  /** @param options - Where the node is, and how often to look at it. */
  constructor(options: BitcoindChainOptions) {
    this.rpc = new BitcoindRpc(options);
    this.#source = new BitcoindChainSource(this.rpc, options);
    this.#broadcaster = new BitcoindTxBroadcaster(this.rpc);
    this.#estimator = new BitcoindFeeEstimator(this.rpc);
    this.#subscriptions = new BitcoindSubscriptions(this.rpc, this.#source, options);
  }

  network(options?: CallOptions): Promise<NetworkName> {
    return this.#source.network(options);
  }

  tip(options?: CallOptions): Promise<ChainHeader> {
    return this.#source.tip(options);
  }

  blockHash(height: BlockHeight, options?: CallOptions): Promise<Uint8Array | undefined> {
    return this.#source.blockHash(height, options);
  }

  header(hash: Uint8Array, options?: CallOptions): Promise<ChainHeader | undefined> {
    return this.#source.header(hash, options);
  }

  /** Headers of the best branch from a height up; see {@link BitcoindChainSource.headers}. */
  headers(from: BlockHeight, count: number, options?: CallOptions): Promise<readonly ChainHeader[]> {
    return this.#source.headers(from, count, options);
  }

  block(hash: Uint8Array, options?: CallOptions): Promise<Uint8Array | undefined> {
    return this.#source.block(hash, options);
  }

  transaction(txid: Uint8Array, options?: CallOptions): Promise<ChainTransaction | undefined> {
    return this.#source.transaction(txid, options);
  }

  unspentOutput(
    outpoint: Outpoint,
    options?: CallOptions & { readonly includeMempool?: boolean },
  ): Promise<UnspentOutput | undefined> {
    return this.#source.unspentOutput(outpoint, options);
  }

  unspentOutputsOf(scriptPubKey: Uint8Array, options?: CallOptions): Promise<readonly UnspentOutput[]> {
    return this.#source.unspentOutputsOf(scriptPubKey, options);
  }

  broadcast(bytes: Uint8Array, options?: CallOptions): Promise<Uint8Array> {
    return this.#broadcaster.broadcast(bytes, options);
  }

  broadcastPackage(transactions: readonly Uint8Array[], options?: CallOptions): Promise<readonly Uint8Array[]> {
    return this.#broadcaster.broadcastPackage(transactions, options);
  }

  testAccept(bytes: Uint8Array, options?: CallOptions): Promise<TestAcceptResult> {
    return this.#broadcaster.testAccept(bytes, options);
  }

  estimateFeeRate(targetBlocks: number, options?: CallOptions): Promise<FeeRate | undefined> {
    return this.#estimator.estimateFeeRate(targetBlocks, options);
  }

  blockEvents(options?: { readonly after?: Uint8Array; readonly signal?: AbortSignal }): AsyncIterable<BlockEvent> {
    return this.#subscriptions.blockEvents(options);
  }

  mempoolEvents(options?: { readonly signal?: AbortSignal }): AsyncIterable<MempoolEvent> {
    return this.#subscriptions.mempoolEvents(options);
  }
}
