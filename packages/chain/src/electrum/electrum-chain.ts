import { equalBytes, feeRate, type FeeRate, hasCode, parseBitcoin, toHex } from '@bitcoin-enterprise/core';
import { answerInvalid, readHash } from '../adapters/answer.ts';
import { requireCallOptions, requireMs, requireTarget, signalOf } from '../adapters/arguments.ts';
import { endable } from '../adapters/endable.ts';
import { followBlocks } from '../adapters/follow.ts';
import { readCallersPackage } from '../adapters/package.ts';
import { unsupported } from '../adapters/policy.ts';
import {
  isKnownAlready,
  readCallersTransaction,
  rejectionOf,
  transactionMalformed,
  transactionRejected,
} from '../adapters/rejection.ts';
import { createWaits } from '../adapters/waits.ts';
import type { CallOptions } from '../ports/chain-source.ts';
import type { FeeEstimator } from '../ports/fee-estimator.ts';
import type { BlockEvent, BlockSubscription, MempoolEvent, MempoolSubscription } from '../ports/subscriptions.ts';
import type { PackageBroadcaster } from '../ports/package-broadcaster.ts';
import type { TestAcceptResult, TxBroadcaster } from '../ports/tx-broadcaster.ts';
import { ElectrumChainSource, type ElectrumChainSourceOptions } from './chain-source.ts';
import { ElectrumClient, type ElectrumClientOptions } from './client.ts';

/** Settings of {@link ElectrumChain}. */
export interface ElectrumChainOptions extends ElectrumClientOptions, ElectrumChainSourceOptions {
  /**
   * Milliseconds after which a follower looks although nothing was told, 0 to 2,147,483,647; 30,000 when absent.
   */
  readonly pollMs?: number;
}

/**
 * An Electrum server as every port of this package at once. What protocol 1.4 has no words for throws
 * `CHAIN_CALL_UNSUPPORTED`: `block`, `testAccept`, `broadcastPackage`, `mempoolEvents`.
 *
 * @example Read the tip of a server
 * ```ts no-run
 * import { ElectrumChain } from '@bitcoin-enterprise/chain/electrum';
 *
 * const chain = new ElectrumChain({ host: 'electrum.blockstream.info', port: 50_002, tls: {}, network: 'main' });
 * const { height } = await chain.tip();
 * chain.close();
 * ```
 */
export class ElectrumChain
  extends ElectrumChainSource
  implements TxBroadcaster, PackageBroadcaster, FeeEstimator, BlockSubscription, MempoolSubscription
{
  /** For the calls that no port has. */
  readonly client: ElectrumClient;
  readonly #pollMs: number;

  /**
   * @param options - Where the server is, what it must serve.
   * @throws ChainError `CHAIN_INVALID_ARGUMENT`.
   */
  constructor(options: ElectrumChainOptions) {
    const client = new ElectrumClient(options);
    super(client, options);
    this.client = client;
    const { pollMs = 30_000 } = options;
    requireMs('options.pollMs', pollMs);
    this.#pollMs = pollMs;
  }

  async broadcast(bytes: Uint8Array, options: CallOptions = {}): Promise<Uint8Array> {
    requireCallOptions(options);
    const { txid, id } = readCallersTransaction(bytes);
    const method = 'blockchain.transaction.broadcast';
    const read = (answer: unknown): Uint8Array => {
      if (!equalBytes(readHash(method, answer), txid)) throw answerInvalid(method, 'the id of the transaction sent');
      return txid;
    };
    try {
      return await this.client.ask({ method, params: [toHex(bytes)], read }, options);
    } catch (error) {
      if (!hasCode(error, 'CHAIN_NODE_REFUSED')) throw error;
      const reason = reasonIn(error.details.rpcMessage);
      if (/decode failed/i.test(reason)) throw transactionMalformed(bytes, error);
      const rejection = rejectionOf(id, reason);
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
    readCallersPackage(transactions);
    throw unsupported('broadcastPackage', 'an Electrum server');
  }

  async testAccept(bytes: Uint8Array, options: CallOptions = {}): Promise<TestAcceptResult> {
    requireCallOptions(options);
    readCallersTransaction(bytes);
    throw unsupported('testAccept', 'an Electrum server');
  }

  async estimateFeeRate(targetBlocks: number, options: CallOptions = {}): Promise<FeeRate | undefined> {
    requireTarget(targetBlocks);
    const method = 'blockchain.estimatefee';
    const read = (answer: unknown): { readonly rate?: FeeRate } => {
      if (answer === -1) return {};
      if (typeof answer !== 'number' || !(answer > 0)) throw answerInvalid(method, 'a rate in bitcoin, or -1');
      const rate = feeRate(parseBitcoin(answer.toFixed(8)));
      if (rate === 0n) throw answerInvalid(method, 'a rate above zero, or -1');
      return { rate };
    };
    return (await this.client.ask({ method, params: [targetBlocks], read }, options)).rate;
  }

  blockEvents(
    options: { readonly after?: Uint8Array; readonly signal?: AbortSignal } = {},
  ): AsyncIterableIterator<BlockEvent, void, undefined> {
    const waits = { call: 'blockEvents', pollMs: this.#pollMs, wake: this.client };
    return followBlocks(this, options, () => createWaits(waits));
  }

  mempoolEvents(options: { readonly signal?: AbortSignal } = {}): AsyncIterableIterator<MempoolEvent, void, undefined> {
    // oxlint-disable-next-line require-yield
    const refuse = async function* (signal: AbortSignal): AsyncGenerator<MempoolEvent, void, undefined> {
      requireCallOptions(options);
      if (!signal.aborted) throw unsupported('mempoolEvents', 'an Electrum server');
    };
    return endable(refuse, signalOf(options));
  }

  /** Ends the connection; later calls are refused. */
  close(): void {
    this.client.close();
  }
}

/** The node's own words in what servers make of them. */
function reasonIn(message: string): string {
  const quoted = /['"]message['"]: ?['"]([^'"]{1,500})['"]/.exec(message)?.[1];
  const lines = message.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('['));
  const said = quoted ?? (lines.length > 1 ? lines[1] : lines[0]) ?? message;
  return said.replace(/^sendrawtransaction RPC error[^:]*: ?/, '').replace(/ \(code -?\d+\)$/, '');
}
