import { blockHeight, type Clock, displayHash, equalBytes, hasCode, type NetworkName } from '@bitcoin-enterprise/core';
import {
  type Breaker,
  type BreakerState,
  createBreaker,
  errorType,
  resilient,
  type Resilient,
  type ResilienceObserver,
} from '@bitcoin-enterprise/core/resilience';
import { genesisOf, wrongNetwork } from '../adapters/networks.ts';
import { isSourceFailure, translated } from '../adapters/policy.ts';
import type { BlockReference, ChainHeader } from '../ports/chain-source.ts';
import { checkedChain, type PoolChain } from './checked-chain.ts';

/** One source of a pool. */
export interface PoolSource {
  /** For errors and health; unique in the pool. */
  readonly name: string;
  readonly chain: PoolChain;
}

/** How a source is doing. */
export interface SourceHealth {
  readonly name: string;
  /** `unchecked` until it has answered once; `stale` while its tip lags; `down` when it did not answer the last time. */
  readonly state: 'ok' | 'unchecked' | 'stale' | 'wrong-network' | 'down';
  readonly breaker: BreakerState;
  /** Height of its tip when it was last asked. */
  readonly height?: number;
  /** Blocks that its tip is behind the others'. */
  readonly lagBlocks: number;
  /** How often it said something else than the quorum. */
  readonly dissents: number;
  /** Code of the last error; absent when the last call succeeded. */
  readonly lastError?: string;
}

/** What a member is held to. */
export interface MemberOptions {
  readonly network: NetworkName;
  readonly checkpoints: readonly BlockReference[];
  readonly timeoutMs: number;
  readonly breaker: {
    readonly consecutiveFailures?: number;
    readonly openMs?: number;
    readonly maxOpenMs?: number;
  };
  readonly clock: Clock;
  readonly observe?: ResilienceObserver | undefined;
}

/** A source of a pool, with what is known of it. */
export class PoolMember {
  readonly name: string;
  /** Whom to ask; what it answers has the form that its port promises. */
  readonly chain: PoolChain;
  /** Blocks that its tip was behind the others' when they were last compared. */
  lagBlocks = 0;
  /** Whether its tip lags too much behind those of the others, or is too old, to be believed. */
  lags = false;
  dissents = 0;
  readonly #options: MemberOptions;
  readonly #breaker: Breaker;
  readonly #policy: Resilient;
  #tip: ChainHeader | undefined;
  #checked = false;
  #wrong = false;
  #behind = false;
  #lastError: string | undefined;
  #answered = false;
  #inspecting: Promise<void> | undefined;

  /**
   * @param source - Whom to ask.
   * @param options - What to hold it to.
   */
  constructor(source: PoolSource, options: MemberOptions) {
    this.name = source.name;
    this.chain = checkedChain(source.chain);
    this.#options = options;
    const { timeoutMs, clock, observe } = options;
    const shared = { name: source.name, clock, ...(observe === undefined ? {} : { observe }) };
    this.#breaker = createBreaker({
      openMs: 1_000,
      maxOpenMs: 60_000,
      ...options.breaker,
      ...shared,
      // Who is behind answers, and is to be asked whether it has caught up.
      isFailure: (error) => isSourceFailure(error) && !hasCode(error, 'CHAIN_NODE_STALE'),
    });
    this.#policy = resilient({ ...shared, timeoutMs, breaker: this.#breaker });
  }

  /** The tip when it was last asked. */
  get tip(): ChainHeader | undefined {
    return this.#tip;
  }

  /** Whether its tip is not to be believed: behind the others', too old, or behind what it has proven itself. */
  get stale(): boolean {
    return this.lags || this.#behind;
  }

  /** Whether it may be asked: it has shown its network, and its tip is not behind. */
  get fit(): boolean {
    return this.#checked && !this.#wrong && !this.stale;
  }

  /** Why it may not be asked. */
  get obstacle(): string {
    if (this.#wrong) return 'CHAIN_WRONG_NETWORK';
    return this.stale ? 'stale tip' : (this.#lastError ?? 'unchecked');
  }

  /** Asks, behind its breaker; what it fails at makes its network doubtful. */
  async call<Result>(
    ask: (chain: PoolChain, signal: AbortSignal) => Promise<Result>,
    signal: AbortSignal,
  ): Promise<Result> {
    try {
      const result = await this.#policy.execute(async (context) => ask(this.chain, context.signal), { signal });
      this.#lastError = undefined;
      this.#answered = true;
      return result;
    } catch (thrown) {
      const error = translated(this.name, thrown, signal);
      if (signal.aborted) throw error;
      this.#lastError = errorType(error);
      if (hasCode(error, 'CHAIN_NODE_STALE')) this.#behind = true;
      // Behind the same address there may be another node the next time.
      else if (isSourceFailure(error)) this.#checked = false;
      throw error;
    }
  }

  /** Asks for its tip, and before that for its network when it is in doubt; never throws. */
  async inspect(): Promise<void> {
    this.#inspecting ??= this.#inspect().finally(() => {
      this.#inspecting = undefined;
    });
    return this.#inspecting;
  }

  health(): SourceHealth {
    const { name, lagBlocks, dissents } = this;
    return {
      name,
      state: this.#state(),
      breaker: this.#breaker.state,
      lagBlocks,
      dissents,
      ...(this.#tip === undefined ? {} : { height: this.#tip.height }),
      ...(this.#lastError === undefined ? {} : { lastError: this.#lastError }),
    };
  }

  #state(): SourceHealth['state'] {
    if (this.#wrong) return 'wrong-network';
    if (this.#behind) return 'stale';
    if (this.#lastError !== undefined && !this.#checked) return 'down';
    if (!this.#answered) return 'unchecked';
    return this.stale ? 'stale' : 'ok';
  }

  async #inspect(): Promise<void> {
    // Bounded by the time-out of each attempt.
    const { signal } = new AbortController();
    try {
      const tip = await this.call(async (chain, inner) => {
        if (!this.#checked) await this.#requireNetwork(chain, inner);
        return chain.tip({ signal: inner });
      }, signal);
      this.#tip = tip;
      this.#checked = true;
      this.#wrong = false;
      this.#behind = false;
    } catch (error) {
      if (hasCode(error, 'CHAIN_WRONG_NETWORK')) this.#wrong = true;
    }
  }

  async #requireNetwork(chain: PoolChain, signal: AbortSignal): Promise<void> {
    const { network, checkpoints } = this.#options;
    const name = await chain.network({ signal });
    if (name !== network) throw wrongNetwork(this.name, network, name);
    const genesis = await chain.blockHash(blockHeight(0), { signal });
    const shown = genesis === undefined ? 'nothing' : displayHash(genesis);
    if (shown !== genesisOf(network)) throw wrongNetwork(this.name, genesisOf(network), shown);
    for (const { hash, height } of checkpoints) {
      const found = await chain.blockHash(height, { signal });
      if (found !== undefined && !equalBytes(found, hash))
        throw wrongNetwork(this.name, displayHash(hash), displayHash(found));
    }
  }
}
