import { assertBytes, blockHeight, displayHash, equalBytes, hasCode } from '@bitcoin-enterprise/core';
import { ChainError, invalidArgument } from '../errors.ts';
import type { BlockReference, CallOptions, ChainSource } from '../ports/chain-source.ts';
import type { BlockEvent, BlockSubscription, MempoolEvent, MempoolSubscription } from '../ports/subscriptions.ts';
import { readHash } from './answers.ts';
import { endable } from './endable.ts';
import { pause } from './pause.ts';
import { answerInvalid, type BitcoindRpc, MAX_TIMER_MS, requireCallOptions } from './rpc.ts';

/** Settings of {@link BitcoindSubscriptions}. */
export interface BitcoindSubscriptionsOptions {
  /** Milliseconds between two looks at the node, 0 to 2,147,483,647; 1,000 when absent. */
  readonly pollMs?: number;
}

/** Follows a bitcoind by asking it again and again, only while somebody iterates. */
export class BitcoindSubscriptions implements BlockSubscription, MempoolSubscription {
  readonly #rpc: BitcoindRpc;
  readonly #source: ChainSource;
  readonly #pollMs: number;

  /**
   * @param rpc - The node.
   * @param source - The same node's blocks.
   * @param options - How often to look.
   */
  constructor(rpc: BitcoindRpc, source: ChainSource, options: BitcoindSubscriptionsOptions = {}) {
    this.#rpc = rpc;
    this.#source = source;
    const { pollMs = 1_000 } = options;
    if (typeof pollMs !== 'number' || !(pollMs >= 0 && pollMs <= MAX_TIMER_MS))
      throw invalidArgument('options.pollMs', `a number from 0 to ${MAX_TIMER_MS}`, pollMs);
    this.#pollMs = pollMs;
  }

  blockEvents(
    options: { readonly after?: Uint8Array; readonly signal?: AbortSignal } = {},
  ): AsyncIterableIterator<BlockEvent, void, undefined> {
    return endable((signal) => this.#blocks(options, signal), signalOf(options));
  }

  mempoolEvents(options: { readonly signal?: AbortSignal } = {}): AsyncIterableIterator<MempoolEvent, void, undefined> {
    return endable((signal) => this.#transactions(options, signal), signalOf(options));
  }

  async *#blocks(
    options: { readonly after?: Uint8Array; readonly signal?: AbortSignal },
    signal: AbortSignal,
  ): AsyncGenerator<BlockEvent, void, undefined> {
    requireCallOptions(options);
    const { after } = options;
    if (after !== undefined) assertBytes('options.after', after, 32);
    const call: CallOptions = { signal };
    try {
      let current = await this.#start(after, call);
      for (;;) {
        const next = await this.#step(current, call);
        if (next === undefined) {
          await pause(this.#pollMs, { call: 'blockEvents', ...call });
          continue;
        }
        current = next.current;
        yield next.event;
      }
    } catch (error) {
      if (!endedBySignal(error, signal)) throw error;
    }
  }

  async *#transactions(
    options: { readonly signal?: AbortSignal },
    signal: AbortSignal,
  ): AsyncGenerator<MempoolEvent, void, undefined> {
    requireCallOptions(options);
    const call: CallOptions = { signal };
    let known = new Set<string>();
    try {
      for (;;) {
        const answer = await this.#rpc.call('getrawmempool', [], call);
        if (!Array.isArray(answer)) throw answerInvalid('getrawmempool', 'a list');
        const now = new Set<string>(answer as readonly string[]);
        for (const id of known) if (!now.has(id)) yield { type: 'removed', txid: readHash('getrawmempool', id) };
        for (const id of now) if (!known.has(id)) yield { type: 'added', txid: readHash('getrawmempool', id) };
        known = now;
        await pause(this.#pollMs, { call: 'mempoolEvents', ...call });
      }
    } catch (error) {
      if (!endedBySignal(error, signal)) throw error;
    }
  }

  async #start(after: Uint8Array | undefined, call: CallOptions): Promise<BlockReference> {
    if (after === undefined) return this.#source.tip(call);
    const known = await this.#source.header(after, call);
    if (known !== undefined) return known;
    const block = displayHash(after);
    throw new ChainError('CHAIN_BLOCK_UNKNOWN', `expected a block that the node knows, got ${block}`, {
      details: { block },
    });
  }

  /** The next change after `current`, and the block the follower then stands on; `undefined` at the tip. */
  async #step(
    current: BlockReference,
    call: CallOptions,
  ): Promise<{ readonly event: BlockEvent; readonly current: BlockReference } | undefined> {
    const here = await this.#source.header(current.hash, call);
    if (here === undefined) throw answerInvalid('getblockheader', 'the header of a block it named before');
    if (here.confirmations === 0) {
      const { hash, height } = here;
      const event: BlockEvent = { type: 'disconnected', hash, height };
      return { event, current: { hash: here.header.previousBlockHash, height: blockHeight(height - 1) } };
    }
    const height = blockHeight(current.height + 1);
    const hash = await this.#source.blockHash(height, call);
    if (hash === undefined) return undefined;
    const next = await this.#source.header(hash, call);
    // The branch changed between the questions: look again, from the same block.
    if (next === undefined || !equalBytes(next.header.previousBlockHash, current.hash))
      return this.#step(current, call);
    return { event: { type: 'connected', hash, height }, current: { hash, height } };
  }
}

/** The signal, if it is one: what is none is refused at the first step. */
function signalOf(options: { readonly signal?: AbortSignal } | null): AbortSignal | undefined {
  const signal: unknown = options?.signal;
  return signal instanceof AbortSignal ? signal : undefined;
}

function endedBySignal(error: unknown, signal: AbortSignal): boolean {
  return signal.aborted && hasCode(error, 'CHAIN_ABORTED');
}
