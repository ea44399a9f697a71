import { pathBetween, forkPoint } from '../model/block-node.ts';
import type { ChainState } from '../model/chain-state.ts';
import type { MempoolEntry } from '../model/mempool.ts';
import type { BlockEvent, MempoolEvent } from '../ports/subscriptions.ts';
import { blockHeight } from '@bitcoin-enterprise/core';

/** What an embedded chain tells: of blocks as of the mempool, in the order in which things happen. */
export type ChainEvent =
  | (BlockEvent & { readonly kind: 'block' })
  | (MempoolEvent & {
      readonly kind: 'transaction';
      /** Of one removed: whether a block has it now. */
      readonly mined: boolean;
    });

/** Tells listeners what has changed between two states. */
export class EventHub {
  readonly #listeners = new Set<(event: ChainEvent) => void>();

  /** Adds a listener; the answer removes it. */
  on(listener: (event: ChainEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Tells of every difference; without listeners it costs nothing. */
  announce(before: ChainState, after: ChainState): void {
    if (this.#listeners.size === 0) return;
    for (const event of differences(before, after)) for (const listener of this.#listeners) listener(event);
  }

  /** The events from the first step on, as they come; a slow reader misses none. */
  async *stream(options: { readonly signal?: AbortSignal } = {}): AsyncGenerator<ChainEvent, void, undefined> {
    const { signal } = options;
    const waiting: ChainEvent[] = [];
    let wake = (): void => {};
    const remove = this.on((event) => {
      waiting.push(event);
      wake();
    });
    const abort = (): void => wake();
    signal?.addEventListener('abort', abort);
    try {
      while (signal?.aborted !== true) {
        const next = waiting.shift();
        if (next !== undefined) yield next;
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    } finally {
      remove();
      signal?.removeEventListener('abort', abort);
    }
  }
}

function* differences(before: ChainState, after: ChainState): Generator<ChainEvent> {
  if (before.tip !== after.tip) {
    const fork = forkPoint(before.tip, after.tip);
    for (const node of pathBetween(fork, before.tip).toReversed()) yield blockEvent('disconnected', node);
    for (const node of pathBetween(fork, after.tip)) yield blockEvent('connected', node);
  }
  if (before.mempool === after.mempool) return;
  const places = after.tip.connected?.places;
  const { lost, gained } = before.mempool.entries.changesTo(after.mempool.entries);
  for (const { tx } of lost.toSorted(byArrival))
    // After a reorganisation an entry is a new one of the same transaction.
    if (after.mempool.entries.get(tx.id()) === undefined)
      yield { kind: 'transaction', type: 'removed', txid: tx.id(), mined: places?.get(tx.id()) !== undefined };
  for (const { tx } of gained.toSorted(byArrival))
    if (before.mempool.entries.get(tx.id()) === undefined)
      yield { kind: 'transaction', type: 'added', txid: tx.id(), mined: false };
}

function byArrival(a: MempoolEntry, b: MempoolEntry): number {
  return a.sequence - b.sequence;
}

function blockEvent(
  type: BlockEvent['type'],
  { hash, height }: { readonly hash: Uint8Array; readonly height: number },
): ChainEvent {
  return { kind: 'block', type, hash, height: blockHeight(height) };
}
