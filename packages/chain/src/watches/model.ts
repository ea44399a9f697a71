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
  /** Absent while it waits in the mempool, or has left it. */
  readonly block?: WatchBlock;
  /** The deepest depth told since it was found in this block. */
  readonly told: number;
  /** Whether it has left the mempool without a block. */
  readonly vanished?: true;
}

/** A watch and its sightings. */
export interface WatchEntry {
  readonly watch: Watch;
  /** Number of the last notice. */
  readonly sequence: number;
  readonly sightings: readonly TrackedSighting[];
}

/** All that watches know. */
export interface WatchState {
  readonly version: 1;
  /** How many blocks are remembered: a deeper reorganisation cannot be followed. */
  readonly keep: number;
  /** The last blocks of the best branch, oldest first. */
  readonly blocks: readonly WatchBlock[];
  readonly watches: Readonly<Record<string, WatchEntry>>;
  /** Numbers of the last notices of watches that were removed: a new one of the same id counts on. */
  readonly retired: Readonly<Record<string, number>>;
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
      readonly type: 'added';
      readonly watch: Watch;
      /** What there is already, on the best branch or in the mempool. */
      readonly found: readonly (Sighting & { readonly block?: WatchBlock })[];
    }
  | { readonly type: 'removed'; readonly watch: string }
  | {
      readonly type: 'connected';
      readonly block: WatchBlock;
      readonly previous: string;
      readonly matches: readonly Match[];
    }
  | { readonly type: 'disconnected'; readonly block: WatchBlock }
  | { readonly type: 'seen'; readonly matches: readonly Match[] }
  | { readonly type: 'vanished'; readonly txid: string };

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
  readonly notices: readonly WatchNotice[];
}

/** Before anything has happened. */
export const initialWatchState: WatchState = { version: 1, keep: 288, blocks: [], watches: {}, retired: {} };

/**
 * One step: the same event upon the same state always comes to the same, so that a process that died may repeat it.
 *
 * @throws ChainError `CHAIN_WATCH_STATE_INVALID` for an event that cannot follow.
 */
export function stepWatches(state: WatchState, event: WatchEvent): WatchStep {
  switch (event.type) {
    case 'started':
      return { state: { ...state, keep: event.keep, blocks: event.blocks }, notices: [] };
    case 'added':
      return added(state, event);
    case 'removed':
      return { state: removed(state, event.watch), notices: [] };
    case 'connected':
      return connected(state, event);
    case 'disconnected':
      return disconnected(state, event.block);
    case 'seen':
      return everyWatch(state, (entry, tell) => seen(entry, event.matches, tell));
    case 'vanished':
      return everyWatch(state, (entry, tell) => vanished(entry, event.txid, tell));
  }
}

/** The best block that the state knows. */
export function watchedTip(state: WatchState): WatchBlock | undefined {
  return state.blocks.at(-1);
}

type Tell = (notice: Omit<WatchNotice, 'key' | 'watch' | 'sequence'>) => void;

function added(state: WatchState, event: Extract<WatchEvent, { readonly type: 'added' }>): WatchStep {
  const { watch, found } = event;
  if (state.watches[watch.id] !== undefined) return { state, notices: [] };
  const sightings = found.map((sighting): TrackedSighting => ({ ...sighting, told: 0 }));
  const entry: WatchEntry = { watch, sequence: state.retired[watch.id] ?? 0, sightings };
  const { [watch.id]: _gone, ...retired } = state.retired;
  const next = { ...state, retired, watches: { ...state.watches, [watch.id]: entry } };
  const only = new Set([watch.id]);
  return everyWatch(
    next,
    (one, tell) => {
      for (const sighting of one.sightings)
        if (sighting.block === undefined) tell({ kind: 'seen', ...plain(sighting) });
      return deepened(one, watchedTip(next)?.height ?? 0, { tell, keep: Infinity });
    },
    only,
  );
}

function removed(state: WatchState, id: string): WatchState {
  const { [id]: entry, ...watches } = state.watches;
  if (entry === undefined) return state;
  return { ...state, watches, retired: { ...state.retired, [id]: entry.sequence } };
}

function connected(state: WatchState, event: Extract<WatchEvent, { readonly type: 'connected' }>): WatchStep {
  const { block, previous, matches } = event;
  const tip = watchedTip(state);
  if (tip?.hash !== previous || tip.height + 1 !== block.height)
    throw invalidState(`block ${block.height} does not follow block ${tip?.height ?? 'none'}`);
  const next = { ...state, blocks: [...state.blocks, block].slice(-state.keep) };
  return everyWatch(next, (entry, tell) => {
    const own = matches.filter(({ watch }) => watch === entry.watch.id);
    const found =
      entry.watch.kind === 'height' && entry.watch.height === block.height ? [...own, { watch: entry.watch.id }] : own;
    let { sightings } = entry;
    for (const { watch: _watch, ...sighting } of found) {
      const rest = sightings.filter((other) => !sameSighting(other, sighting));
      sightings = [...rest, { ...sighting, block, told: 0 }];
    }
    return deepened({ ...entry, sightings }, block.height, { tell, keep: state.keep });
  });
}

/** Tells the depths that have been reached, and lets go of what no reorganisation that can be followed would reach. */
function deepened(
  entry: WatchEntry,
  tip: number,
  facts: { readonly tell: Tell; readonly keep: number },
): readonly TrackedSighting[] {
  const { tell, keep } = facts;
  const { depths, confirmations } = entry.watch;
  const sightings: TrackedSighting[] = [];
  for (const sighting of entry.sightings) {
    const { block } = sighting;
    const depth = block === undefined ? 0 : tip - block.height + 1;
    let { told } = sighting;
    for (const reached of depths)
      if (block !== undefined && reached > told && reached <= depth) {
        told = reached;
        tell({ kind: reached === confirmations ? 'final' : 'confirmed', ...plain(sighting), block, depth: reached });
      }
    if (depth <= keep) sightings.push({ ...sighting, told });
  }
  return sightings;
}

function disconnected(state: WatchState, block: WatchBlock): WatchStep {
  if (watchedTip(state)?.hash !== block.hash) throw invalidState(`block ${block.height} is not the tip`);
  if (state.blocks.length < 2) throw historyLost(block.height, state.blocks.length);
  return everyWatch({ ...state, blocks: state.blocks.slice(0, -1) }, (entry, tell) =>
    entry.sightings.flatMap((sighting): readonly TrackedSighting[] => {
      if (sighting.block?.hash !== block.hash) return [sighting];
      const { block: left, told, ...rest } = sighting;
      tell({ kind: 'reorged-out', ...plain(sighting), block: left, depth: told });
      // A height has no transaction that could wait.
      return entry.watch.kind === 'height' ? [] : [{ ...rest, told: 0 }];
    }),
  );
}

function seen(entry: WatchEntry, matches: readonly Match[], tell: Tell): readonly TrackedSighting[] {
  let { sightings } = entry;
  for (const { watch, ...sighting } of matches) {
    if (watch !== entry.watch.id) continue;
    const known = sightings.find((other) => sameSighting(other, sighting));
    if (known !== undefined && known.vanished !== true) continue;
    sightings = [...sightings.filter((other) => other !== known), { ...sighting, told: 0 }];
    tell({ kind: 'seen', ...sighting });
  }
  return sightings;
}

function vanished(entry: WatchEntry, txid: string, tell: Tell): readonly TrackedSighting[] {
  return entry.sightings.map((sighting) => {
    if (sighting.txid !== txid || sighting.block !== undefined || sighting.vanished === true) return sighting;
    tell({ kind: 'vanished', ...plain(sighting) });
    return { ...sighting, vanished: true };
  });
}

/** Runs a change of sightings for each watch, and numbers what it tells. */
function everyWatch(
  state: WatchState,
  change: (entry: WatchEntry, tell: Tell) => readonly TrackedSighting[],
  only?: ReadonlySet<string>,
): WatchStep {
  const notices: WatchNotice[] = [];
  const watches: Record<string, WatchEntry> = {};
  for (const [id, entry] of Object.entries(state.watches)) {
    if (only?.has(id) === false) {
      watches[id] = entry;
      continue;
    }
    let { sequence } = entry;
    const sightings = change(entry, (notice) => {
      sequence += 1;
      notices.push({ key: `${id}#${sequence}`, watch: id, sequence, ...notice });
    });
    watches[id] = { ...entry, sequence, sightings };
  }
  return { state: { ...state, watches }, notices };
}

function plain({ txid, index, value }: Sighting): Sighting {
  return {
    ...(txid === undefined ? {} : { txid }),
    ...(index === undefined ? {} : { index }),
    ...(value === undefined ? {} : { value }),
  };
}

function sameSighting(a: Sighting, b: Sighting): boolean {
  return a.txid === b.txid && a.index === b.index;
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
