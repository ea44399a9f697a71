/** The pure half of watches: what is known, what happens, what is told. Everything here is JSON. */
import { ChainError } from '../errors.ts';

/** A block by display hash and height. */
export interface WatchBlock {
  readonly hash: string;
  readonly height: number;
}

/** What is waited for; hashes in display form, scripts as hexadecimal. */
export type WatchTarget =
  /** The transaction itself. */
  | { readonly kind: 'transaction'; readonly txid: string }
  /** A transaction that spends the output. */
  | { readonly kind: 'output'; readonly txid: string; readonly index: number }
  /** Every output that pays to the script. */
  | { readonly kind: 'script'; readonly script: string }
  /** The block at the height. */
  | { readonly kind: 'height'; readonly height: number };

/** One watch. */
export type Watch = WatchTarget & {
  /** Names it in its watcher: 1 to 100 characters. */
  readonly id: string;
  /** Depth at which a sighting is final: 1 for the tip, at most what the watcher remembers. */
  readonly confirmations: number;
  /** Depths that are told, ascending, of which the last is `confirmations`. */
  readonly depths: readonly number[];
};

/** What was found: a transaction, one of its outputs, or for a height the block alone. */
export interface Sighting {
  readonly txid?: string;
  /** Of a script watch: which output pays. Of an output watch: which input spends. */
  readonly index?: number;
  /** Of a script watch: satoshis, as a decimal text. */
  readonly value?: string;
}

/** A sighting, and how much of it has been told. */
export interface TrackedSighting extends Sighting {
  /** Absent while it waits in the mempool. */
  readonly block?: WatchBlock;
  /** The deepest depth told since it was found in this block. */
  readonly told: number;
}

/** A watch and its sightings. */
export interface WatchEntry {
  readonly watch: Watch;
  /** Number of the last notice. */
  readonly sequence: number;
  readonly sightings: readonly TrackedSighting[];
  /** Whether more of what there was already is still to come. */
  readonly partial?: true;
}

/** All that watches know. */
export interface WatchState {
  readonly version: 1;
  /** How many blocks are remembered: a deeper reorganisation cannot be followed. */
  readonly keep: number;
  /** The last blocks of the best branch, oldest first. */
  readonly blocks: readonly WatchBlock[];
  /** Whether more of what the last block holds is still to come. */
  readonly partial?: true;
  readonly watches: Readonly<Record<string, WatchEntry>>;
  /** Numbers of the last notices of watches that were removed: a new one of the same id counts on. */
  readonly retired: Readonly<Record<string, number>>;
  /** Notices that follow from the steps so far and are still to be told, in order: a step tells a limited number. */
  readonly untold: readonly WatchNotice[];
}

/** A sighting, and its block if it has one. */
export interface FoundSighting extends Sighting {
  readonly block?: WatchBlock;
}

/** A sighting of a watch. */
export interface Match extends Sighting {
  readonly watch: string;
}

/** Something that happened. */
export type WatchEvent =
  | {
      readonly type: 'started';
      /** The last blocks of the best branch, oldest first. */
      readonly blocks: readonly WatchBlock[];
      readonly keep: number;
    }
  | {
      /** Comes again until there is no more. */
      readonly type: 'added';
      readonly watch: Watch;
      /** What there is already, on the remembered branch or in the mempool. */
      readonly found: readonly FoundSighting[];
      readonly more?: true;
    }
  | { readonly type: 'removed'; readonly watch: string }
  | {
      /** Comes again for the same block until there is no more. */
      readonly type: 'connected';
      readonly block: WatchBlock;
      readonly previous: string;
      readonly matches: readonly Match[];
      readonly more?: true;
    }
  | { readonly type: 'disconnected'; readonly block: WatchBlock }
  | { readonly type: 'seen'; readonly matches: readonly Match[] }
  | { readonly type: 'vanished'; readonly txid: string }
  /** Tells of what is still untold. */
  | { readonly type: 'told' };

/** What is told to whoever watches. */
export interface WatchNotice extends Sighting {
  /** Unique in the watcher for good: deliver each key once. */
  readonly key: string;
  readonly watch: string;
  /** 1, 2, 3… in its watch, without a gap. */
  readonly sequence: number;
  /**
   * `seen` in the mempool; `confirmed` at a depth; `final` at the last depth of the watch; `reorged-out` when its block
   * has left the best branch, even after `final`; `vanished` when it has left the mempool without a block.
   */
  readonly kind: 'seen' | 'confirmed' | 'final' | 'reorged-out' | 'vanished';
  /** Of its block; for `reorged-out` the block that was left. */
  readonly block?: WatchBlock;
  /** Blocks on top of and with its block, for `confirmed` and `final`; the deepest told, for `reorged-out`. */
  readonly depth?: number;
}

/** What a step comes to. */
export interface WatchStep {
  readonly state: WatchState;
  /** At most 1,000, in order; the rest is in the state. */
  readonly notices: readonly WatchNotice[];
}

/** Before anything has happened. */
export const initialWatchState: WatchState = {
  version: 1,
  keep: 288,
  blocks: [],
  watches: {},
  retired: {},
  untold: [],
};

/** The best block that the state knows. */
export function watchedTip(state: WatchState): WatchBlock | undefined {
  return state.blocks.at(-1);
}

/** Makes the error for a record that cannot be. */
export function invalidState(reason: string): ChainError<'CHAIN_WATCH_STATE_INVALID'> {
  return new ChainError(
    'CHAIN_WATCH_STATE_INVALID',
    `expected a record of watches that holds together, got: ${reason}`,
    {
      details: { reason },
    },
  );
}

/** Makes the error for a reorganisation that goes deeper than what is remembered. */
export function historyLost(height: number, kept: number): ChainError<'CHAIN_WATCH_HISTORY_LOST'> {
  return new ChainError(
    'CHAIN_WATCH_HISTORY_LOST',
    `expected one of the last ${kept} blocks on the best branch, got none of them`,
    {
      details: { height, kept },
      hint: 'The source is of another chain, or far behind; a watcher that keeps more blocks follows deeper reorganisations.',
    },
  );
}
