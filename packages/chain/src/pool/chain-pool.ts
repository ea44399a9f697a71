import {
  assertBytes,
  blockHeight,
  type BlockHeight,
  type Clock,
  displayHash,
  type FeeRate,
  hasCode,
  type NetworkName,
  systemClock,
} from '@bitcoin-enterprise/core';
import { requireCallOptions, requireOutpoint, requireTarget } from '../adapters/arguments.ts';
import { proveBlock } from '../adapters/evidence.ts';
import { followBlocks } from '../adapters/follow.ts';
import { readCallersPackage } from '../adapters/package.ts';
import { pause } from '../adapters/pause.ts';
import { unsupported } from '../adapters/policy.ts';
import { isKnownAlready, readCallersTransaction } from '../adapters/rejection.ts';
import { createWaits } from '../adapters/waits.ts';
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
import { mergeMempools } from './mempools.ts';
import { headerKey, leastOf, outputKey, transactionKey } from './answer-keys.ts';
import { disagreement, highestShared, obstacles } from './highest-shared.ts';
import { PoolMember, type SourceHealth } from './member.ts';
import { type ChainPoolOptions, requirePoolOptions } from './options.ts';
import { AbsentHere, onceMore, PoolQuestions } from './questions.ts';
import { quorumMissing } from './quorum.ts';
import { PoolRoster, requireRunning } from './roster.ts';
import { sendToAll } from './send-to-all.ts';

/** How a pool is doing. */
export interface PoolHealth {
  /** Whether enough sources are fit for a quorum. */
  readonly ok: boolean;
  readonly quorum: number;
  readonly sources: readonly SourceHealth[];
}

/**
 * Several sources as one: what a quorum of them says. A source that is of another network, behind the others, failing
 * or slow is passed over, and comes back by itself.
 *
 * With a quorum of 1 nothing is voted on: each answer is that of the first source, in your order, which is fit and
 * answers, so that one that lies and comes first is believed, as it would be without a pool. One that lies and comes
 * later is believed when those before it fail.
 *
 * @example Two of three must agree
 * ```ts
 * import { createEmbeddedChain } from '@bitcoin-enterprise/chain';
 * import { ChainPool } from '@bitcoin-enterprise/chain/pool';
 *
 * const chain = createEmbeddedChain().ports; // stands for three independent ones
 * const pool = new ChainPool({
 *   network: 'regtest',
 *   quorum: 2,
 *   sources: [
 *     { name: 'own node', chain },
 *     { name: 'esplora', chain },
 *     { name: 'electrum', chain },
 *   ],
 * });
 * (await pool.tip()).height; // => 0
 * (await pool.health()).ok; // => true
 * ```
 */
export class ChainPool
  implements ChainSource, TxBroadcaster, PackageBroadcaster, FeeEstimator, BlockSubscription, MempoolSubscription
{
  readonly #options: ChainPoolOptions;
  readonly #clock: Clock;
  readonly #roster: PoolRoster;
  readonly #questions: PoolQuestions;

  /**
   * @param options - Whom to ask, and what to hold them to.
   * @throws ChainError `CHAIN_INVALID_ARGUMENT`.
   */
  constructor(options: ChainPoolOptions) {
    requirePoolOptions(options);
    const { sources, network, checkpoints = [], timeoutMs = 30_000, breaker = {}, observe } = options;
    const { quorum = Math.floor(sources.length / 2) + 1, hedgeDelayMs = 500 } = options;
    const clock = options.clock ?? systemClock();
    this.#options = options;
    this.#clock = clock;
    const facts = { network, checkpoints, timeoutMs, breaker, clock, observe };
    const members = sources.map((source) => new PoolMember(source, facts));
    this.#roster = new PoolRoster(members, { ...options, quorum, hedgeDelayMs, clock });
    this.#questions = new PoolQuestions(this.#roster, hedgeDelayMs);
  }

  async network(options: CallOptions = {}): Promise<NetworkName> {
    await this.#questions.vote('network', options, {
      ask: async (chain, call) => chain.network(call),
      keyOf: (name) => name,
    });
    return this.#options.network;
  }

  /** The highest block that a quorum has on its best branch. */
  async tip(options: CallOptions = {}): Promise<ChainHeader> {
    const { signal } = requireCallOptions(options);
    const pool = { roster: this.#roster, questions: this.#questions };
    return onceMore('tip', signal, async () => {
      const hash = await highestShared(pool, signal);
      const header = await this.header(hash, options);
      if (header === undefined || header.confirmations === 0) throw disagreement('tip', this.#roster.quorum);
      return { ...header, confirmations: 1 };
    });
  }

  async blockHash(height: BlockHeight, options: CallOptions = {}): Promise<Uint8Array | undefined> {
    blockHeight(height);
    const [hash] = await this.#questions.vote('blockHash', options, {
      ask: async (chain, call) => chain.blockHash(height, call),
      keyOf: (found) => (found === undefined ? 'none' : displayHash(found)),
    });
    return hash;
  }

  async header(hash: Uint8Array, options: CallOptions = {}): Promise<ChainHeader | undefined> {
    assertBytes('hash', hash, 32);
    const answers = await this.#questions.vote('header', options, {
      ask: async (chain, call) => chain.header(hash, call),
      keyOf: headerKey,
    });
    const [header] = answers;
    // Sources see different tips: what all of them grant.
    return header === undefined ? undefined : { ...header, confirmations: leastOf(answers) };
  }

  /** A block, from whoever has it: it proves itself. */
  async block(hash: Uint8Array, options: CallOptions = {}): Promise<Uint8Array | undefined> {
    assertBytes('hash', hash, 32);
    const method = 'block';
    const members = await this.#roster.fit(method, options, 1);
    let absent = 0;
    let lacking = 0;
    try {
      return await this.#questions.first(method, members, options, async (chain, call) => {
        const bytes = await chain.block(hash, call).catch((error: unknown) => {
          if (hasCode(error, 'CHAIN_CALL_UNSUPPORTED')) lacking += 1;
          throw error;
        });
        if (bytes !== undefined) return proveBlock(method, bytes, hash).bytes;
        absent += 1;
        throw new AbsentHere();
      });
    } catch (error) {
      requireRunning(method, options.signal);
      // It is not there when a quorum says so, or all of the pool who hand out blocks, and a quorum knows no header of it.
      if (absent >= this.#roster.quorum) return undefined;
      if (absent >= this.#roster.members.length - lacking && (await this.header(hash, options)) === undefined)
        return undefined;
      if (absent === 0) throw error;
      throw quorumMissing({ call: method, needed: this.#roster.quorum, answered: absent, failures: [] });
    }
  }

  async transaction(txid: Uint8Array, options: CallOptions = {}): Promise<ChainTransaction | undefined> {
    assertBytes('txid', txid, 32);
    const answers = await this.#questions.vote('transaction', options, {
      ask: async (chain, call) => chain.transaction(txid, call),
      keyOf: transactionKey,
    });
    const [found] = answers;
    return found === undefined ? undefined : { ...found, confirmations: leastOf(answers) };
  }

  async unspentOutput(
    outpoint: Outpoint,
    options: CallOptions & { readonly includeMempool?: boolean } = {},
  ): Promise<UnspentOutput | undefined> {
    requireOutpoint(outpoint);
    const { includeMempool = false } = requireCallOptions(options);
    const [found] = await this.#questions.vote('unspentOutput', options, {
      ask: async (chain, call) => chain.unspentOutput(outpoint, { ...call, includeMempool }),
      keyOf: (output) => (output === undefined ? 'none' : outputKey(output)),
    });
    return found;
  }

  async unspentOutputsOf(scriptPubKey: Uint8Array, options: CallOptions = {}): Promise<readonly UnspentOutput[]> {
    assertBytes('scriptPubKey', scriptPubKey);
    const [found = []] = await this.#questions.vote('unspentOutputsOf', options, {
      ask: async (chain, call) => chain.unspentOutputsOf(scriptPubKey, call),
      keyOf: (outputs) => `${outputs.length}: ${outputs.map(outputKey).sort().join(' ')}`,
    });
    return found;
  }

  /** Sends to all sources; one that accepts, or has it already, is enough. */
  async broadcast(bytes: Uint8Array, options: CallOptions = {}): Promise<Uint8Array> {
    requireCallOptions(options);
    const { txid } = readCallersTransaction(bytes);
    const members = (await this.#roster.trusted('broadcast', options)).filter(
      ({ chain }) => chain.broadcast !== undefined,
    );
    await sendToAll(members, {
      call: 'broadcast',
      options,
      send: async (chain, call) => chain.broadcast?.(bytes, call),
      isTaken: (error) => hasCode(error, 'CHAIN_TX_REJECTED') && isKnownAlready(error.details.reason),
    });
    return txid;
  }

  /** Sends a package to all sources that take any; one that takes this one, or has it already, is enough. */
  async broadcastPackage(
    transactions: readonly Uint8Array[],
    options: CallOptions = {},
  ): Promise<readonly Uint8Array[]> {
    const call = 'broadcastPackage';
    requireCallOptions(options);
    const sent = readCallersPackage(transactions);
    const members = (await this.#roster.trusted(call, options)).filter(
      ({ chain }) => chain.broadcastPackage !== undefined,
    );
    const bytes = sent.map((transaction) => transaction.bytes);
    await sendToAll(members, { call, options, send: async (chain, own) => chain.broadcastPackage?.(bytes, own) });
    return sent.map(({ txid }) => txid);
  }

  /** What the first source says that can say it. */
  async testAccept(bytes: Uint8Array, options: CallOptions = {}): Promise<TestAcceptResult> {
    requireCallOptions(options);
    readCallersTransaction(bytes);
    const members = (await this.#roster.fit('testAccept', options, 1)).filter(
      ({ chain }) => chain.testAccept !== undefined,
    );
    return this.#questions.first('testAccept', members, options, async (chain, call) => {
      if (chain.testAccept === undefined) throw unsupported('testAccept', 'this source');
      return chain.testAccept(bytes, call);
    });
  }

  /**
   * The middle of what the sources say, the lower one of two, and no more than some source of any quorum says; `undefined`
   * when fewer than a quorum have an estimate. With a quorum of 1, what the first one says that has one.
   */
  async estimateFeeRate(targetBlocks: number, options: CallOptions = {}): Promise<FeeRate | undefined> {
    requireTarget(targetBlocks);
    const call = 'estimateFeeRate';
    const members = await this.#roster.fit(call, options, this.#roster.quorum);
    if (this.#roster.quorum === 1) return this.#firstEstimate(members, targetBlocks, options);
    const answers = await this.#questions.gather(members, options, async (chain, own) => ({
      rate: await chain.estimateFeeRate?.(targetBlocks, own),
    }));
    requireRunning(call, options.signal);
    const needed = this.#roster.quorum;
    if (answers.size < needed) {
      const failures = obstacles(members, answers);
      throw quorumMissing({ call, needed, answered: answers.size, failures });
    }
    const rates = [...answers.values()].map(({ rate }) => rate).filter((rate) => rate !== undefined);
    rates.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    // So many say as much or more that one of them is honest.
    return rates[Math.min(Math.floor((rates.length - 1) / 2), rates.length - needed)];
  }

  async #firstEstimate(
    members: readonly PoolMember[],
    targetBlocks: number,
    options: CallOptions,
  ): Promise<FeeRate | undefined> {
    try {
      return await this.#questions.first('estimateFeeRate', members, options, async (chain, own) => {
        const rate = await chain.estimateFeeRate?.(targetBlocks, own);
        if (rate === undefined) throw new AbsentHere();
        return rate;
      });
    } catch (error) {
      if (error instanceof AbsentHere) return undefined;
      throw error;
    }
  }

  blockEvents(
    options: { readonly after?: Uint8Array; readonly signal?: AbortSignal } = {},
  ): AsyncIterableIterator<BlockEvent, void, undefined> {
    const { pollMs = 1_000 } = this.#options;
    const patient: Pick<ChainSource, 'tip' | 'header' | 'blockHash'> = {
      tip: async (call = {}) => this.#patiently(async () => this.tip(call), call),
      header: async (hash, call = {}) => this.#patiently(async () => this.header(hash, call), call),
      blockHash: async (height, call = {}) => this.#patiently(async () => this.blockHash(height, call), call),
    };
    return followBlocks(patient, options, () => createWaits({ call: 'blockEvents', pollMs }));
  }

  /**
   * What waits with a quorum of the sources, or with all of those that can tell of their mempool now when they are
   * fewer: one source alone can announce nothing, nor hold up what the others announce.
   */
  mempoolEvents(options: { readonly signal?: AbortSignal } = {}): AsyncIterableIterator<MempoolEvent, void, undefined> {
    const { pollMs = 1_000 } = this.#options;
    const pool = {
      members: this.#roster.members,
      quorum: this.#roster.quorum,
      inspect: async (call: CallOptions) => this.#roster.fit('mempoolEvents', call, 1),
    };
    return mergeMempools(pool, { options, retryMs: pollMs });
  }

  /** Asks every source for its network and tip, and says how each is doing. */
  async health(options: CallOptions = {}): Promise<PoolHealth> {
    requireCallOptions(options);
    await this.#roster.inspect({ graceMs: Infinity, ...options });
    const fit = this.#roster.members.filter((member) => member.fit).length;
    return {
      ok: fit >= this.#roster.quorum,
      quorum: this.#roster.quorum,
      sources: this.#roster.members.map((member) => member.health()),
    };
  }

  /** Bears sources that contradict each other for a while, as they do around a new block. */
  async #patiently<Answer>(ask: () => Promise<Answer>, call: CallOptions): Promise<Answer> {
    const { patienceMs = 60_000, pollMs = 1_000 } = this.#options;
    const startMs = this.#clock.monotonicMs();
    for (;;)
      try {
        return await ask();
      } catch (error) {
        if (!hasCode(error, 'CHAIN_SOURCES_DISAGREE', 'CHAIN_QUORUM_MISSING')) throw error;
        if (this.#clock.monotonicMs() - startMs >= patienceMs) throw error;
        await pause(pollMs, { call: 'blockEvents', ...call });
      }
  }
}
