import {
  historyLost,
  invalidState,
  type Match,
  type Sighting,
  type TrackedSighting,
  type WatchBlock,
  watchedTip,
  type WatchEntry,
  type WatchEvent,
  type WatchNotice,
  type WatchState,
  type WatchStep,
} from './model.ts';

/** Notices that one step tells: what an append to an event store can carry, however much somebody sends to a script. */
const MOST_NOTICES = 1_000;

/**
 * One step: the same event upon the same state always comes to the same, so that a process that died may repeat it.
 *
 * @throws ChainError `CHAIN_WATCH_STATE_INVALID` for an event that cannot follow.
 */
export function stepWatches(state: WatchState, event: WatchEvent): WatchStep {
  const step = stepped(state, event);
  const notices = [...state.untold, ...step.notices];
  return {
    state: { ...step.state, untold: notices.slice(MOST_NOTICES) },
    notices: notices.slice(0, MOST_NOTICES),
  };
}

function stepped(state: WatchState, event: WatchEvent): WatchStep {
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
      return seenAll(state, event.matches);
    case 'vanished':
      return everyWatch(state, (entry, tell) => vanished(entry, event.txid, tell));
    case 'told':
      return { state, notices: [] };
  }
}

type Tell = (notice: Omit<WatchNotice, 'key' | 'watch' | 'sequence'>) => void;

function added(state: WatchState, event: Extract<WatchEvent, { readonly type: 'added' }>): WatchStep {
  const { watch, found, more } = event;
  const known = state.watches[watch.id];
  if (known !== undefined && known.partial !== true) return { state, notices: [] };
  for (const { block } of found) if (block !== undefined) requireOnBranch(state, block);
  const { partial: _before, ...entry } = known ?? { watch, sequence: state.retired[watch.id] ?? 0, sightings: [] };
  const whole: WatchEntry = more === true ? { ...entry, partial: true } : entry;
  const next = {
    ...state,
    retired: without(state.retired, watch.id),
    watches: { ...state.watches, [watch.id]: whole },
  };
  return everyWatch(
    next,
    (one, tell) => {
      const inBlock = found.filter(({ block }) => block !== undefined);
      const waiting = found.filter(({ block }) => block === undefined);
      const sightings = withFound({ ...one, sightings: seen(one, waiting, tell) }, inBlock);
      return deepened({ ...one, sightings }, watchedTip(next)?.height ?? 0, { tell, keep: Infinity });
    },
    new Set([watch.id]),
  );
}

/** A sighting in a block of another branch would become final without ever being looked at again. */
function requireOnBranch(state: WatchState, block: WatchBlock): void {
  const first = state.blocks[0]?.height ?? 0;
  const known = state.blocks[block.height - first];
  if (block.height >= first && known?.hash !== block.hash)
    throw invalidState(`a sighting in a block ${block.height} that is not on the remembered branch`);
}

function removed(state: WatchState, id: string): WatchState {
  const entry = state.watches[id];
  if (entry === undefined) return state;
  const retired = { ...state.retired, [id]: entry.sequence };
  return { ...state, watches: without(state.watches, id), retired };
}

/** A record without one of its names; the same when it is not there, as copies of thousands take long. */
function without<Value>(all: Readonly<Record<string, Value>>, name: string): Readonly<Record<string, Value>> {
  if (!Object.hasOwn(all, name)) return all;
  const rest = { ...all };
  delete rest[name];
  return rest;
}

function connected(state: WatchState, event: Extract<WatchEvent, { readonly type: 'connected' }>): WatchStep {
  const { block, previous, matches, more } = event;
  const tip = watchedTip(state);
  const { partial, ...rest } = state;
  const goesOn = partial === true && tip?.hash === block.hash;
  if (!goesOn && (partial === true || tip?.hash !== previous || tip.height + 1 !== block.height))
    throw invalidState(`block ${block.height} does not follow block ${tip?.height ?? 'none'}`);
  const blocks = goesOn ? state.blocks : [...state.blocks, block].slice(-state.keep);
  const next: WatchState = { ...rest, blocks, ...(more === true ? { partial: true } : {}) };
  const ofWatch = byWatch(matches);
  return everyWatch(next, (entry, tell) => {
    const { watch } = entry;
    const own = ofWatch.get(watch.id) ?? [];
    const isHeight = watch.kind === 'height' && watch.height === block.height;
    const found = (isHeight ? [{}] : own).map((sighting): TrackedSighting => ({ ...sighting, block, told: 0 }));
    const sightings = withFound(entry, found);
    if (sightings.length === 0) return entry.sightings;
    return deepened({ ...entry, sightings }, block.height, { tell, keep: state.keep });
  });
}

/** Sightings with those that were found in a block; one that is known in that block stays as it is. */
function withFound(entry: WatchEntry, found: readonly Omit<TrackedSighting, 'told'>[]): readonly TrackedSighting[] {
  if (found.length === 0) return entry.sightings;
  const all = new Map(entry.sightings.map((sighting) => [placeOf(sighting), sighting]));
  for (const sighting of found) {
    const place = placeOf(sighting);
    if (all.get(place)?.block?.hash === sighting.block?.hash) continue;
    // At the end: in the order in which they were found.
    all.delete(place);
    all.set(place, { ...sighting, told: 0 });
  }
  return [...all.values()];
}

/** Tells the depths that have been reached, and lets go of what no reorganisation that can be followed would reach. */
function deepened(
  entry: WatchEntry,
  tip: number,
  facts: { readonly tell: Tell; readonly keep: number },
): readonly TrackedSighting[] {
  const { tell, keep } = facts;
  if (entry.sightings.length === 0) return entry.sightings;
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
  const { partial: _partial, ...rest } = state;
  return everyWatch({ ...rest, blocks: state.blocks.slice(0, -1) }, (entry, tell) => {
    if (entry.sightings.length === 0) return entry.sightings;
    return entry.sightings.flatMap((sighting): readonly TrackedSighting[] => {
      if (sighting.block?.hash !== block.hash) return [sighting];
      const { block: left, told } = sighting;
      // Of a block that nobody was told of, nobody needs to hear that it has gone.
      if (told > 0) tell({ kind: 'reorged-out', ...plain(sighting), block: left, depth: told });
      // A height has no transaction that could wait.
      return entry.watch.kind === 'height' ? [] : [{ ...plain(sighting), told: 0 }];
    });
  });
}

function seenAll(state: WatchState, matches: readonly Match[]): WatchStep {
  const ofWatch = byWatch(matches);
  return everyWatch(
    state,
    (entry, tell) => seen(entry, ofWatch.get(entry.watch.id) ?? [], tell),
    new Set(ofWatch.keys()),
  );
}

function seen(entry: WatchEntry, matches: readonly Sighting[], tell: Tell): readonly TrackedSighting[] {
  if (matches.length === 0) return entry.sightings;
  const known = new Set(entry.sightings.map(placeOf));
  const sightings = [...entry.sightings];
  for (const sighting of matches) {
    if (known.has(placeOf(sighting))) continue;
    sightings.push({ ...plain(sighting), told: 0 });
    tell({ kind: 'seen', ...plain(sighting) });
  }
  return sightings;
}

/** Lets go of it, too: should it come back, it is seen anew. */
function vanished(entry: WatchEntry, txid: string, tell: Tell): readonly TrackedSighting[] {
  if (!entry.sightings.some((sighting) => sighting.txid === txid)) return entry.sightings;
  return entry.sightings.filter((sighting) => {
    const leaves = sighting.txid === txid && sighting.block === undefined;
    if (leaves) tell({ kind: 'vanished', ...plain(sighting) });
    return !leaves;
  });
}

/** Runs a change of sightings for each watch, and numbers what it tells. */
function everyWatch(
  state: WatchState,
  change: (entry: WatchEntry, tell: Tell) => readonly TrackedSighting[],
  only?: ReadonlySet<string>,
): WatchStep {
  const notices: WatchNotice[] = [];
  const changed: Record<string, WatchEntry> = {};
  for (const id of only ?? Object.keys(state.watches)) {
    const entry = state.watches[id];
    if (entry === undefined) continue;
    let { sequence } = entry;
    const sightings = change(entry, (notice) => {
      sequence += 1;
      notices.push({ key: `${id}#${sequence}`, watch: id, sequence, ...notice });
    });
    if (sightings !== entry.sightings || sequence !== entry.sequence) changed[id] = { ...entry, sequence, sightings };
  }
  // Most steps change few watches or none, and there may be thousands.
  const isSame = Object.keys(changed).length === 0;
  return { state: isSame ? state : { ...state, watches: { ...state.watches, ...changed } }, notices };
}

function byWatch(matches: readonly Match[]): ReadonlyMap<string, readonly Sighting[]> {
  const found = new Map<string, Sighting[]>();
  for (const match of matches) {
    const own = found.get(match.watch) ?? [];
    if (own.push(plain(match)) === 1) found.set(match.watch, own);
  }
  return found;
}

function plain({ txid, index, value }: Sighting): Sighting {
  return {
    ...(txid === undefined ? {} : { txid }),
    ...(index === undefined ? {} : { index }),
    ...(value === undefined ? {} : { value }),
  };
}

/** Names a sighting in its watch. */
function placeOf({ txid, index }: Sighting): string {
  return `${txid}:${index}`;
}
