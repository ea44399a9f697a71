import type { CallOptions, ChainSource } from '../ports/chain-source.ts';
import type { ChangeSignal } from '../ports/change-signal.ts';
import type { BlockEvent, BlockSubscription, MempoolEvent, MempoolSubscription } from '../ports/subscriptions.ts';
import { readIds } from '../adapters/answer.ts';
import { requireMs } from '../adapters/arguments.ts';
import { followBlocks, followMempool } from '../adapters/follow.ts';
import { createWaits, type Waits } from '../adapters/waits.ts';
import type { BitcoindRpc } from './rpc.ts';

/** Settings of {@link BitcoindSubscriptions}. */
export interface BitcoindSubscriptionsOptions {
  /** Milliseconds between two looks at the node, 0 to 2,147,483,647; 1,000 when absent, 30,000 with `wake`. */
  readonly pollMs?: number;
  /** Wakes a follower before that: `zmqNotifications` of `@bitcoin-enterprise/chain/zmq`. */
  readonly wake?: ChangeSignal;
}

/**
 * Follows a bitcoind by asking it, only while somebody iterates. What wakes it makes it ask earlier, and decides
 * nothing: a lost notification never loses an event.
 */
export class BitcoindSubscriptions implements BlockSubscription, MempoolSubscription {
  readonly #rpc: BitcoindRpc;
  readonly #source: ChainSource;
  readonly #pollMs: number;
  readonly #wake: ChangeSignal | undefined;

  /**
   * @param rpc - The node.
   * @param source - The same node's blocks.
   * @param options - How often to look.
   */
  constructor(rpc: BitcoindRpc, source: ChainSource, options: BitcoindSubscriptionsOptions = {}) {
    this.#rpc = rpc;
    this.#source = source;
    const { wake, pollMs = wake === undefined ? 1_000 : 30_000 } = options;
    requireMs('options.pollMs', pollMs);
    this.#pollMs = pollMs;
    this.#wake = wake;
  }

  blockEvents(
    options: { readonly after?: Uint8Array; readonly signal?: AbortSignal } = {},
  ): AsyncIterableIterator<BlockEvent, void, undefined> {
    return followBlocks(this.#source, options, () => this.#waits('blockEvents'));
  }

  mempoolEvents(options: { readonly signal?: AbortSignal } = {}): AsyncIterableIterator<MempoolEvent, void, undefined> {
    return followMempool(
      (call) => this.#list(call),
      options,
      () => this.#waits('mempoolEvents'),
    );
  }

  #waits(call: string): Waits {
    return createWaits({ call, pollMs: this.#pollMs, wake: this.#wake });
  }

  async #list(options: CallOptions): Promise<ReadonlyMap<string, Uint8Array>> {
    const method = 'getrawmempool';
    return this.#rpc.askOneTwice({ method, read: (ids) => readIds(method, ids) }, options);
  }
}
