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
  toHex,
} from '@bitcoin-enterprise/core';
import { hedged } from '@bitcoin-enterprise/core/resilience';
import { requireCallOptions, requireOutpoint, requireTarget } from '../adapters/arguments.ts';
import { proveBlock } from '../adapters/evidence.ts';
import { followBlocks } from '../adapters/follow.ts';
import { readCallersPackage } from '../adapters/package.ts';
import { pause } from '../adapters/pause.ts';
import { aborted, isSourceFailure, unsupported } from '../adapters/policy.ts';
import { isKnownAlready, readCallersTransaction } from '../adapters/rejection.ts';
import { createWaits } from '../adapters/waits.ts';
import { ChainError } from '../errors.ts';
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
import type { PoolChain } from './checked-chain.ts';
import { PoolMember, type SourceHealth } from './member.ts';
import { type ChainPoolOptions, requirePoolOptions } from './options.ts';
import { agree, type Asked, quorumMissing } from './quorum.ts';
import { sendToAll } from './send-to-all.ts';

/** How a pool is doing. */
export interface PoolHealth {
  /** Whether enough sources are fit for a quorum. */
  readonly ok: boolean;
  readonly quorum: number;
  readonly sources: readonly SourceHealth[];
}

/** How often sources are asked again that contradict each other: a block may be on its way between them. */
const TRIES = 4;
const TRY_AGAIN_MS = 40;
const MAX_LAG_BLOCKS = 2;

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
  readonly #members: readonly PoolMember[];
  readonly #options: ChainPoolOptions;
  readonly #quorum: number;
  readonly #hedgeDelayMs: number;
  readonly #clock: Clock;
  #inspectedMs = -Infinity;
  #inspecting: Promise<void> | undefined;

  /**
   * @param options - Whom to ask, and what to hold them to.
   * @throws ChainError `CHAIN_INVALID_ARGUMENT`.
   */
  constructor(options: ChainPoolOptions) {
    requirePoolOptions(options);
    const { sources, network, checkpoints = [], timeoutMs = 30_000, breaker = {}, observe } = options;
    this.#options = options;
    this.#clock = options.clock ?? systemClock();
    this.#quorum = options.quorum ?? Math.floor(sources.length / 2) + 1;
    this.#hedgeDelayMs = options.hedgeDelayMs ?? 500;
    const facts = { network, checkpoints, timeoutMs, breaker, clock: this.#clock, observe };
    this.#members = sources.map((source) => new PoolMember(source, facts));
  }

  async network(options: CallOptions = {}): Promise<NetworkName> {
    await this.#vote('network', options, { ask: async (chain, call) => chain.network(call), keyOf: (name) => name });
    return this.#options.network;
  }

  /** The highest block that a quorum has on its best branch. */
  async tip(options: CallOptions = {}): Promise<ChainHeader> {
    const { signal } = requireCallOptions(options);
    for (let tries = 1; ; tries++)
      try {
        const hash = await this.#highestShared(signal);
        const header = await this.header(hash, options);
        if (header === undefined || header.confirmations === 0) throw disagreement('tip', this.#quorum);
        return { ...header, confirmations: 1 };
      } catch (error) {
        if (tries === TRIES || !hasCode(error, 'CHAIN_SOURCES_DISAGREE')) throw error;
        await pause(TRY_AGAIN_MS * tries, { call: 'tip', ...(signal === undefined ? {} : { signal }) });
      }
  }

  async blockHash(height: BlockHeight, options: CallOptions = {}): Promise<Uint8Array | undefined> {
    blockHeight(height);
    const [hash] = await this.#vote('blockHash', options, {
      ask: async (chain, call) => chain.blockHash(height, call),
      keyOf: (found) => (found === undefined ? 'none' : displayHash(found)),
    });
    return hash;
  }

  async header(hash: Uint8Array, options: CallOptions = {}): Promise<ChainHeader | undefined> {
    assertBytes('hash', hash, 32);
    const answers = await this.#vote('header', options, {
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
    const members = await this.#fit(method, options, 1);
    let absent = 0;
    let lacking = 0;
    try {
      return await this.#first(method, members, options, async (chain, call) => {
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
      if (absent >= this.#quorum) return undefined;
      if (absent >= this.#members.length - lacking && (await this.header(hash, options)) === undefined)
        return undefined;
      if (absent === 0) throw error;
      throw quorumMissing({ call: method, needed: this.#quorum, answered: absent, failures: [] });
    }
  }

  async transaction(txid: Uint8Array, options: CallOptions = {}): Promise<ChainTransaction | undefined> {
    assertBytes('txid', txid, 32);
    const answers = await this.#vote('transaction', options, {
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
    const [found] = await this.#vote('unspentOutput', options, {
      ask: async (chain, call) => chain.unspentOutput(outpoint, { ...call, includeMempool }),
      keyOf: (output) => (output === undefined ? 'none' : outputKey(output)),
    });
    return found;
  }

  async unspentOutputsOf(scriptPubKey: Uint8Array, options: CallOptions = {}): Promise<readonly UnspentOutput[]> {
    assertBytes('scriptPubKey', scriptPubKey);
    const [found = []] = await this.#vote('unspentOutputsOf', options, {
      ask: async (chain, call) => chain.unspentOutputsOf(scriptPubKey, call),
      keyOf: (outputs) => `${outputs.length}: ${outputs.map(outputKey).sort().join(' ')}`,
    });
    return found;
  }

  /** Sends to all sources; one that accepts, or has it already, is enough. */
  async broadcast(bytes: Uint8Array, options: CallOptions = {}): Promise<Uint8Array> {
    requireCallOptions(options);
    const { txid } = readCallersTransaction(bytes);
    const members = (await this.#trusted('broadcast', options)).filter(({ chain }) => chain.broadcast !== undefined);
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
    const members = (await this.#trusted(call, options)).filter(({ chain }) => chain.broadcastPackage !== undefined);
    const bytes = sent.map((transaction) => transaction.bytes);
    await sendToAll(members, { call, options, send: async (chain, own) => chain.broadcastPackage?.(bytes, own) });
    return sent.map(({ txid }) => txid);
  }

  /** What the first source says that can say it. */
  async testAccept(bytes: Uint8Array, options: CallOptions = {}): Promise<TestAcceptResult> {
    requireCallOptions(options);
    readCallersTransaction(bytes);
    const members = (await this.#fit('testAccept', options, 1)).filter(({ chain }) => chain.testAccept !== undefined);
    return this.#first('testAccept', members, options, async (chain, call) => {
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
    const members = await this.#fit(call, options, this.#quorum);
    if (this.#quorum === 1) return this.#firstEstimate(members, targetBlocks, options);
    const answers = await this.#gather(members, options, async (chain, own) => ({
      rate: await chain.estimateFeeRate?.(targetBlocks, own),
    }));
    requireRunning(call, options.signal);
    const needed = this.#quorum;
    if (answers.size < needed) {
      const failures = this.#obstacles(members, answers);
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
      return await this.#first('estimateFeeRate', members, options, async (chain, own) => {
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
      members: this.#members,
      quorum: this.#quorum,
      inspect: async (call: CallOptions) => this.#fit('mempoolEvents', call, 1),
    };
    return mergeMempools(pool, { options, retryMs: pollMs });
  }

  /** Asks every source for its network and tip, and says how each is doing. */
  async health(options: CallOptions = {}): Promise<PoolHealth> {
    requireCallOptions(options);
    await this.#inspect({ graceMs: Infinity, ...options });
    const fit = this.#members.filter((member) => member.fit).length;
    return { ok: fit >= this.#quorum, quorum: this.#quorum, sources: this.#members.map((member) => member.health()) };
  }

  /** What a quorum says, once more when it does not hold together: a block may have come between the answers. */
  async #vote<Answer>(
    call: string,
    options: CallOptions,
    question: {
      readonly ask: (chain: PoolChain, call: CallOptions) => Promise<Answer>;
      readonly keyOf: (answer: Answer) => string;
    },
  ): Promise<readonly Answer[]> {
    const { signal } = requireCallOptions(options);
    for (let tries = 1; ; tries++) {
      const members = await this.#fit(call, options, this.#quorum);
      const asked = members.map((member): Asked<Answer> => ({
        name: member.name,
        ask: async (inner) => member.call(async (chain, own) => question.ask(chain, { signal: own }), inner),
      }));
      const { keyOf } = question;
      try {
        const facts = { call, needed: this.#quorum, keyOf, hedgeDelayMs: this.#hedgeDelayMs, signal };
        const { answers, dissenters } = await agree(asked, facts);
        this.#note(dissenters);
        return answers;
      } catch (error) {
        if (tries === TRIES || !hasCode(error, 'CHAIN_SOURCES_DISAGREE')) throw error;
        await pause(TRY_AGAIN_MS * tries, { call, ...(signal === undefined ? {} : { signal }) });
      }
    }
  }

  #note(dissenters: readonly string[]): void {
    for (const member of this.#members) if (dissenters.includes(member.name)) member.dissents += 1;
  }

  /** The first answer of whoever can answer; sources are asked one after the other, sooner when one is slow. */
  async #first<Answer>(
    call: string,
    members: readonly PoolMember[],
    options: CallOptions,
    ask: (chain: PoolChain, call: CallOptions) => Promise<Answer>,
  ): Promise<Answer> {
    const { signal } = options;
    if (members.length === 0) throw unsupported(call, 'a pool of sources without it');
    const sources = members.map(
      (member) =>
        async (context: { readonly signal: AbortSignal }): Promise<Answer> =>
          member.call(async (chain, own) => ask(chain, { signal: own }), context.signal),
    );
    try {
      return await hedged(sources, {
        name: call,
        delayMs: this.#hedgeDelayMs,
        isRetryable: (error) =>
          isSourceFailure(error) ||
          error instanceof AbsentHere ||
          hasCode(error, 'CHAIN_CALL_UNSUPPORTED', 'CHAIN_BLOCK_PRUNED'),
        ...(signal === undefined ? {} : { signal }),
      });
    } catch (error) {
      throw signal?.aborted === true ? aborted(call, error) : error;
    }
  }

  /** Answers of all who answer, waiting for a quorum and a moment longer. */
  async #gather<Answer>(
    members: readonly PoolMember[],
    options: CallOptions,
    ask: (chain: PoolChain, call: CallOptions) => Promise<Answer>,
  ): Promise<ReadonlyMap<PoolMember, Answer>> {
    const answers = new Map<PoolMember, Answer>();
    const signal = options.signal ?? new AbortController().signal;
    const all = members.map(async (member) => {
      try {
        answers.set(member, await member.call(async (chain, own) => ask(chain, { signal: own }), signal));
      } catch {
        // Who does not answer has no say; `health` knows why.
      }
    });
    await settled(all, { enough: () => answers.size >= this.#quorum, graceMs: this.#hedgeDelayMs });
    return new Map(answers);
  }

  async #highestShared(signal: AbortSignal | undefined): Promise<Uint8Array> {
    const call: CallOptions = signal === undefined ? {} : { signal };
    const members = await this.#fit('tip', call, this.#quorum);
    // Without a vote a height is nobody's but the source's that all else is asked of.
    if (this.#quorum === 1) return (await this.#first('tip', members, call, async (chain, own) => chain.tip(own))).hash;
    const tips = new Map(await this.#gather(members, call, async (chain, own) => chain.tip(own)));
    requireRunning('tip', signal);
    const needed = this.#quorum;
    const behind: { readonly source: string; readonly error: string }[] = [];
    // Of two that answer, one far behind would drag the tip down to its own.
    const reference = referenceOf([...tips.values()], this.#quorum);
    for (const [member, tip] of tips)
      if (this.#lags(tip, reference)) {
        tips.delete(member);
        behind.push({ source: member.name, error: STALE });
      }
    if (tips.size < needed) {
      const failures = [...behind, ...this.#obstacles(members, tips).filter(({ error }) => error !== STALE)];
      throw quorumMissing({ call: 'tip', needed, answered: tips.size, failures: uniqueBySource(failures) });
    }
    const heights = [...tips.values()].map(({ height }) => height).sort((a, b) => b - a);
    const top = heights[needed - 1] ?? 0;
    // Below that it would be a tip that is behind, even if all agree on it.
    const lowest = Math.max(0, reference - (this.#options.maxLagBlocks ?? MAX_LAG_BLOCKS));
    for (let height = top; height >= lowest; height--) {
      const at = blockHeight(height);
      const hashes = await this.#gather([...tips.keys()], call, async (chain, own) => chain.blockHash(at, own));
      const camps = new Map<string, { readonly hash: Uint8Array; count: number }>();
      for (const hash of hashes.values()) {
        if (hash === undefined) continue;
        const camp = camps.get(toHex(hash)) ?? { hash, count: 0 };
        camp.count += 1;
        camps.set(toHex(hash), camp);
      }
      const winner = [...camps.values()].find(({ count }) => count >= needed);
      if (winner !== undefined) return winner.hash;
      requireRunning('tip', signal);
      if (hashes.size < needed)
        throw quorumMissing({ call: 'tip', needed, answered: hashes.size, failures: this.#obstacles(members, hashes) });
    }
    throw disagreement('tip', needed);
  }

  #obstacles(
    members: readonly PoolMember[],
    answered: ReadonlyMap<PoolMember, unknown>,
  ): readonly { readonly source: string; readonly error: string }[] {
    return members
      .filter((member) => !answered.has(member))
      .map(({ name, obstacle }) => ({ source: name, error: obstacle }));
  }

  /** Members that may be asked; at least as many as needed. */
  async #fit(call: string, options: CallOptions, needed: number): Promise<readonly PoolMember[]> {
    const { signal } = requireCallOptions(options);
    requireRunning(call, signal);
    const { inspectEveryMs = 10_000 } = this.#options;
    const due = this.#clock.monotonicMs() - this.#inspectedMs >= inspectEveryMs;
    const enough = (): boolean => this.#members.filter((member) => member.fit).length >= needed;
    if (due || !enough()) await this.#inspect({ graceMs: this.#hedgeDelayMs, ...options });
    if (!enough()) await this.#inspect({ graceMs: Infinity, ...options });
    requireRunning(call, signal);
    const fit = this.#members.filter((member) => member.fit);
    if (fit.length >= needed) return fit;
    const failures = this.#members
      .filter((member) => !member.fit)
      .map(({ name, obstacle }) => ({ source: name, error: obstacle }));
    throw quorumMissing({ call, needed, answered: fit.length, failures });
  }

  /** Members of the right network, however far behind. */
  async #trusted(call: string, options: CallOptions): Promise<readonly PoolMember[]> {
    try {
      await this.#fit(call, options, 1);
    } catch (error) {
      if (!hasCode(error, 'CHAIN_QUORUM_MISSING')) throw error;
    }
    const trusted = this.#members.filter((member) => member.fit || member.stale);
    if (trusted.length > 0) return trusted;
    const failures = this.#members.map(({ name, obstacle }) => ({ source: name, error: obstacle }));
    throw quorumMissing({ call, needed: 1, answered: 0, failures });
  }

  /** Compares all tips, waiting for those that answer within a time. */
  async #inspect(options: CallOptions & { readonly graceMs: number }): Promise<void> {
    this.#inspecting ??= this.#inspectAll(options.graceMs).finally(() => {
      this.#inspecting = undefined;
    });
    const { signal } = options;
    if (signal === undefined) return this.#inspecting;
    let onAbort = (): void => undefined;
    const ended = new Promise<void>((done) => {
      onAbort = done;
      signal.addEventListener('abort', onAbort, { once: true });
    });
    await Promise.race([this.#inspecting, ended]);
    signal.removeEventListener('abort', onAbort);
  }

  async #inspectAll(graceMs: number): Promise<void> {
    const all = this.#members.map(async (member) => member.inspect());
    const enough = (): boolean => this.#members.filter(({ tip }) => tip !== undefined).length >= this.#quorum;
    await settled(all, { enough, graceMs });
    this.#compare();
    this.#inspectedMs = this.#clock.monotonicMs();
    // Those who were too slow count as soon as they have answered.
    void Promise.all(all).then(() => this.#compare());
  }

  #compare(): void {
    const known = this.#members.filter(({ tip }) => tip !== undefined);
    const tips = known.flatMap(({ tip }) => (tip === undefined ? [] : [tip]));
    const reference = referenceOf(tips, this.#quorum);
    for (const member of known) {
      const { tip } = member;
      if (tip === undefined) continue;
      member.lagBlocks = Math.max(0, reference - tip.height);
      member.lags = this.#lags(tip, reference);
    }
  }

  /** Whether a tip is too far behind a height, or too old. */
  #lags(tip: ChainHeader, reference: number): boolean {
    const { maxLagBlocks = MAX_LAG_BLOCKS, maxTipAgeSeconds = Infinity } = this.#options;
    return reference - tip.height > maxLagBlocks || this.#clock.now() - tip.header.time > maxTipAgeSeconds;
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

/** Throws when the caller has ended the call. */
function requireRunning(call: string, signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw aborted(call, signal.reason);
}

/** What is said of a source whose tip is behind. */
const STALE = 'stale tip';

/**
 * The height that tips are held against. The highest ones may be lies of all but a quorum, which must not make the
 * others look as if they were behind; nor may one that is behind be what the others are held against. Of two that must
 * agree it is the higher one: who of them is right cannot be told, and none is believed. Where one is believed alone,
 * it is what more than half of them have.
 */
function referenceOf(tips: readonly ChainHeader[], quorum: number): number {
  const heights = tips.map(({ height }) => height).sort((a, b) => b - a);
  const { length } = heights;
  const place = quorum === 1 ? Math.floor(length / 2) : Math.min(quorum - 1, Math.floor((length - 1) / 2));
  return heights[place] ?? 0;
}

function uniqueBySource<Failure extends { readonly source: string }>(failures: readonly Failure[]): readonly Failure[] {
  return failures.filter(({ source }, i) => failures.findIndex((other) => other.source === source) === i);
}

/** Said inside the pool of a source that does not have a block; another one may. */
class AbsentHere extends Error {}

/** Waits until all are settled, or until there is enough and a moment has passed. */
async function settled(
  all: readonly Promise<void>[],
  facts: { readonly enough: () => boolean; readonly graceMs: number },
): Promise<void> {
  const { enough, graceMs } = facts;
  let timer: ReturnType<typeof setTimeout> | undefined;
  await new Promise<void>((resolve) => {
    let left = all.length;
    if (left === 0) resolve();
    let late = false;
    if (Number.isFinite(graceMs))
      timer = setTimeout(() => {
        late = true;
        if (enough()) resolve();
      }, graceMs);
    for (const one of all)
      void one.then(() => {
        left -= 1;
        if (left === 0 || (late && enough())) resolve();
      });
  });
  clearTimeout(timer);
}

function disagreement(call: string, needed: number): ChainError<'CHAIN_SOURCES_DISAGREE'> {
  return new ChainError(
    'CHAIN_SOURCES_DISAGREE',
    `expected ${needed} sources to agree on ${call}, got different branches`,
    {
      details: { call, needed, camps: [] },
      retryable: true,
    },
  );
}

function headerKey(found: ChainHeader | undefined): string {
  if (found === undefined) return 'none';
  const { hash, height, medianTime, confirmations } = found;
  return `${displayHash(hash)} at ${height}, median ${medianTime}, ${confirmations > 0 ? 'best' : 'stale'}`;
}

function transactionKey(found: ChainTransaction | undefined): string {
  if (found === undefined) return 'none';
  const { bytes, block } = found;
  const place = block === undefined ? 'mempool' : `${displayHash(block.hash)} at ${block.height}`;
  return `${place} ${toHex(bytes)}`;
}

function outputKey({ txid, index, value, scriptPubKey, height, coinbase }: UnspentOutput): string {
  return `${displayHash(txid)}:${index}=${value} ${toHex(scriptPubKey)} at ${height ?? 'mempool'}${coinbase ? ' coinbase' : ''}`;
}

function leastOf(answers: ReadonlyArray<{ readonly confirmations: number } | undefined>): number {
  return Math.min(...answers.map((answer) => answer?.confirmations ?? 0));
}
