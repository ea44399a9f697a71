import { pathBetween, forkPoint } from '../model/block-node.ts';
import type { ChainState } from '../model/chain-state.ts';
import type { MempoolEntry } from '../model/mempool.ts';
import type { BlockEvent, MempoolEvent } from '../ports/subscriptions.ts';
import { blockHeight } from '@bitcoin-enterprise/core';
import { copyOf } from './copies.ts';
import { pushed } from './pushed.ts';

/** What an embedded chain tells: of blocks as of the mempool, in the order in which things happen. */
export type ChainEvent =
  | (BlockEvent & { readonly kind: 'block' })
  | (MempoolEvent & {
      readonly kind: 'transaction';
      /** Of one removed: whether a block has it now. */
      readonly mined: boolean;
    });

type Listener = (event: ChainEvent) => void;

/**
 * Tells listeners what has changed between two states: first it is noted, then, with the change complete, told. What a
 * listener itself changes is noted behind the rest, so that all listeners hear everything in the same order.
 */
export class EventHub {
  readonly #listeners = new Set<Listener>();
  readonly #noted: { readonly event: ChainEvent; readonly listeners: readonly Listener[] }[] = [];
  readonly #onListenerError: (error: unknown) => void;
  #delivering = false;

  /** @param onListenerError - Gets what a listener throws. */
  constructor(onListenerError: (error: unknown) => void = surface) {
    this.#onListenerError = onListenerError;
  }

  /** Adds a listener; the answer removes it. */
  on(listener: Listener): () => void {
    // The same function twice is two listeners.
    const own: Listener = (event) => listener(event);
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
    };
  }

  /** Notes every difference for those who listen now; without listeners it costs nothing. */
  announce(before: ChainState, after: ChainState): void {
    if (this.#listeners.size === 0) return;
    const listeners = [...this.#listeners];
    for (const event of differences(before, after)) this.#noted.push({ event, listeners });
  }

  /** Tells what was noted; a call from inside a listener leaves it to the one that is at it. */
  deliver(): void {
    if (this.#delivering) return;
    this.#delivering = true;
    try {
      // An array is walked also over what is added meanwhile.
      for (const { event, listeners } of this.#noted)
        for (const listener of listeners) if (this.#listeners.has(listener)) this.#tell(listener, event);
    } finally {
      this.#noted.length = 0;
      this.#delivering = false;
    }
  }

  /** The events from the call on, as they come; a slow reader misses none. */
  stream(options: { readonly signal?: AbortSignal } = {}): AsyncIterableIterator<ChainEvent, void, undefined> {
    const waiting: ChainEvent[] = [];
    let wake = (): void => {};
    const remove = this.on((event) => {
      waiting.push(event);
      wake();
    });
    const { signal } = options;
    return pushed({
      start: () => ({ take: () => waiting.shift() }),
      watch: (listener) => {
        wake = listener;
        return remove;
      },
      release: remove,
      ...(signal === undefined ? {} : { signal }),
    });
  }

  #tell(listener: Listener, event: ChainEvent): void {
    try {
      listener(copyOfEvent(event));
    } catch (error) {
      try {
        this.#onListenerError(error);
      } catch (worse) {
        surface(worse);
      }
    }
  }
}

/** Lets an error be seen as an uncaught one, outside of the call that met it. */
function surface(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

function copyOfEvent(event: ChainEvent): ChainEvent {
  return event.kind === 'block' ? { ...event, hash: copyOf(event.hash) } : { ...event, txid: copyOf(event.txid) };
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
  for (const { tx } of lost.map(({ value }) => value).sort(byArrival))
    // After a reorganisation an entry is a new one of the same transaction.
    if (after.mempool.entries.get(tx.id()) === undefined)
      yield { kind: 'transaction', type: 'removed', txid: tx.id(), mined: places?.get(tx.id()) !== undefined };
  for (const { tx } of gained.map(({ value }) => value).sort(byArrival))
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
