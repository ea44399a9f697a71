import { equalBytes, feeRate, type FeeRate, hasCode, toHex } from '@bitcoin-enterprise/core';
import { Answer, answerInvalid, readHash, readIds } from '../adapters/answer.ts';
import { requireCallOptions, requireMs, requireTarget } from '../adapters/arguments.ts';
import { followBlocks, followMempool } from '../adapters/follow.ts';
import {
  type PackageAnswer,
  readCallersPackage,
  readPackageAnswer,
  refusedAsWhole,
  settlePackage,
} from '../adapters/package.ts';
import { unsupported } from '../adapters/policy.ts';
import {
  isKnownAlready,
  readCallersTransaction,
  rejectionOf,
  transactionMalformed,
  transactionRejected,
} from '../adapters/rejection.ts';
import { readVerdict } from '../adapters/verdict.ts';
import { createWaits } from '../adapters/waits.ts';
import type { CallOptions } from '../ports/chain-source.ts';
import type { FeeEstimator } from '../ports/fee-estimator.ts';
import type { BlockEvent, BlockSubscription, MempoolEvent, MempoolSubscription } from '../ports/subscriptions.ts';
import type { PackageBroadcaster } from '../ports/package-broadcaster.ts';
import type { TestAcceptResult, TxBroadcaster } from '../ports/tx-broadcaster.ts';
import { EsploraChainSource, type EsploraChainSourceOptions } from './chain-source.ts';
import { EsploraHttp, type EsploraHttpOptions, jsonOf, textOf } from './http-client.ts';

/** Settings of {@link EsploraChain}. */
export interface EsploraChainOptions extends EsploraHttpOptions, EsploraChainSourceOptions {
  /** Milliseconds between two looks at the server while somebody iterates, 0 to 2,147,483,647; 10,000 when absent. */
  readonly pollMs?: number;
}

/** RPC_VERIFY_ERROR, RPC_VERIFY_REJECTED, RPC_VERIFY_ALREADY_IN_UTXO_SET of the node behind the server. */
const REJECTIONS: ReadonlySet<number> = /* @__PURE__ */ new Set([-25, -26, -27]);
/** RPC_DESERIALIZATION_ERROR. */
const NOT_DECODED = -22;

/**
 * An Esplora server as every port of this package at once.
 *
 * @example Read the tip of a public server
 * ```ts no-run
 * import { EsploraChain } from '@bitcoin-enterprise/chain/esplora';
 *
 * const chain = new EsploraChain({ url: 'https://blockstream.info/api', network: 'main' });
 * const { height } = await chain.tip();
 * ```
 */
export class EsploraChain
  extends EsploraChainSource
  implements TxBroadcaster, PackageBroadcaster, FeeEstimator, BlockSubscription, MempoolSubscription
{
  readonly #http: EsploraHttp;
  readonly #pollMs: number;

  /**
   * @param options - Where the server is, what it must serve, how often to look at it.
   * @throws ChainError `CHAIN_INVALID_ARGUMENT`.
   */
  constructor(options: EsploraChainOptions) {
    const http = new EsploraHttp(options);
    super(http, options);
    this.#http = http;
    const { pollMs = 10_000 } = options;
    requireMs('options.pollMs', pollMs);
    this.#pollMs = pollMs;
  }

  async broadcast(bytes: Uint8Array, options: CallOptions = {}): Promise<Uint8Array> {
    requireCallOptions(options);
    const { txid, id } = readCallersTransaction(bytes);
    const path = '/tx';
    const read = (body: Uint8Array): Uint8Array => {
      if (!equalBytes(readHash(path, textOf(body).trim()), txid))
        throw answerInvalid(path, 'the id of the transaction sent');
      return txid;
    };
    try {
      const answer = await this.#http.post({ path, body: toHex(bytes), read }, options);
      if (answer === undefined) throw unsupported('broadcast', 'this Esplora server');
      return answer;
    } catch (error) {
      if (!hasCode(error, 'CHAIN_NODE_REFUSED')) throw error;
      const { rpcCode, rpcMessage } = error.details;
      if (rpcCode === NOT_DECODED) throw transactionMalformed(bytes, error);
      if (!REJECTIONS.has(rpcCode)) throw error;
      const rejection = rejectionOf(id, rpcMessage);
      // An answer that was lost, asked for again: what was wanted has happened.
      if (isKnownAlready(rejection.reason)) return txid;
      throw transactionRejected(rejection, error);
    }
  }

  async broadcastPackage(
    transactions: readonly Uint8Array[],
    options: CallOptions = {},
  ): Promise<readonly Uint8Array[]> {
    requireCallOptions(options);
    const members = readCallersPackage(transactions);
    const path = '/txs/package';
    const body = JSON.stringify(members.map(({ bytes }) => toHex(bytes)));
    const read = (answer: Uint8Array): PackageAnswer => readPackageAnswer(path, jsonOf(path, answer), members);
    let answer: PackageAnswer | undefined;
    try {
      answer = await this.#http.post({ path, body, read }, options);
    } catch (error) {
      if (!hasCode(error, 'CHAIN_NODE_REFUSED') || !REJECTIONS.has(error.details.rpcCode)) throw error;
      return settlePackage(members, refusedAsWhole(members, error.details.rpcMessage), error);
    }
    if (answer === undefined) throw unsupported('broadcastPackage', 'this Esplora server');
    return settlePackage(members, answer);
  }

  async testAccept(bytes: Uint8Array, options: CallOptions = {}): Promise<TestAcceptResult> {
    requireCallOptions(options);
    const { txid, id } = readCallersTransaction(bytes);
    const path = '/txs/test';
    const read = (body: Uint8Array): TestAcceptResult =>
      readVerdict({ method: path, answers: jsonOf(path, body), txid, id });
    const verdict = await this.#http.post({ path, body: JSON.stringify([toHex(bytes)]), read }, options);
    if (verdict === undefined) throw unsupported('testAccept', 'this Esplora server');
    return verdict;
  }

  async estimateFeeRate(targetBlocks: number, options: CallOptions = {}): Promise<FeeRate | undefined> {
    requireTarget(targetBlocks);
    requireCallOptions(options);
    const path = '/fee-estimates';
    const read = (body: Uint8Array): { readonly rate?: FeeRate } =>
      readEstimate(path, jsonOf(path, body), targetBlocks);
    return (await this.#http.get({ path, read }, options))?.rate;
  }

  blockEvents(
    options: { readonly after?: Uint8Array; readonly signal?: AbortSignal } = {},
  ): AsyncIterableIterator<BlockEvent, void, undefined> {
    const pollMs = this.#pollMs;
    return followBlocks(this, options, () => createWaits({ call: 'blockEvents', pollMs }));
  }

  mempoolEvents(options: { readonly signal?: AbortSignal } = {}): AsyncIterableIterator<MempoolEvent, void, undefined> {
    const pollMs = this.#pollMs;
    return followMempool(
      (call) => this.#mempool(call),
      options,
      () => createWaits({ call: 'mempoolEvents', pollMs }),
    );
  }

  async #mempool(options: CallOptions): Promise<ReadonlyMap<string, Uint8Array>> {
    const path = '/mempool/txids';
    const read = (body: Uint8Array): ReadonlyMap<string, Uint8Array> => readIds(path, jsonOf(path, body));
    const ids = await this.#http.get({ path, read }, options);
    if (ids === undefined) throw unsupported('mempoolEvents', 'this Esplora server');
    return ids;
  }
}

/** The estimate for the longest wait that is not longer than the target: rather too much than too late. */
function readEstimate(path: string, value: unknown, targetBlocks: number): { readonly rate?: FeeRate } {
  let best: { readonly target: number; readonly rate: number } | undefined;
  // Its names are numbers, its values sat/vB with a fraction.
  for (const [name, rate] of new Answer(path, value).entries()) {
    const target = Number(name);
    if (!Number.isInteger(target) || typeof rate !== 'number' || !(rate > 0 && rate < 1e9))
      throw answerInvalid(path, 'rates by numbers of blocks');
    if (target <= targetBlocks && target > (best?.target ?? 0)) best = { target, rate };
  }
  return best === undefined ? {} : { rate: feeRate(BigInt(Math.ceil(best.rate * 1_000))) };
}
