import { invalidArgument } from '../errors.ts';
import type { Typed } from '../machine/machine.ts';
import { requireRecord, requireWhole } from '../model/checks.ts';
import type { Action, Faults, Model } from './model.ts';
import { createSpace, isAtRest, type System } from './system.ts';

/** Settings of {@link explore}. */
export interface ExploreOptions {
  /** Longest interleaving, 1 to 10,000 actions; 20 when absent. */
  readonly depth?: number;
  /** Most situations to look at; 1,000,000 when absent. */
  readonly maxSituations?: number;
  /** What may go wrong. */
  readonly faults?: Faults;
  /** Hears of progress, after every 10,000 situations. */
  readonly onProgress?: (progress: { readonly situations: number; readonly depth: number }) => void;
}

/** An interleaving that breaks an invariant. */
export interface Counterexample<Event extends Typed = Typed> {
  /** What the invariant said. */
  readonly wrong: string;
  /** From the beginning; none can be left out. */
  readonly actions: ReadonlyArray<Action<Event>>;
  readonly faults: Faults;
}

/** What an exploration found. */
export interface Exploration<Event extends Typed = Typed> {
  /** The shortest interleaving that breaks an invariant; `undefined` when none does. */
  readonly counterexample: Counterexample<Event> | undefined;
  /** Different situations seen. */
  readonly situations: number;
  /** Whether every interleaving up to the depth was looked at, and none is longer than that. */
  readonly complete: boolean;
}

/**
 * Looks at every order of messages, effects, timers and moves of the world, with crashes, duplicates, losses and late
 * performances among them, up to a depth: breadth first, so that what it finds is as short as can be.
 *
 * @throws EventsError `EVENTS_DATA_INVALID` when a state, the world, an event or an effect is no JSON,
 * `EVENTS_ACTION_IMPOSSIBLE` for a message to a machine that is not there, `EVENTS_INVALID_ARGUMENT`.
 *
 * @example A payment that is made again by a worker that slept
 * ```ts
 * import { explore, type Model } from '@bitcoin-enterprise/events';
 *
 * type Event = { readonly type: 'invoice' };
 * type Effect = { readonly type: 'pay' };
 * const model: Model<number, Event, Effect, { readonly paid: number }> = {
 *   machines: {
 *     buyer: {
 *       name: 'buyer',
 *       initial: () => 0,
 *       step: (seen) => ({ state: seen + 1, asks: [{ effect: { type: 'pay' }, key: `payment ${seen}` }] }),
 *     },
 *   },
 *   world: { paid: 0 },
 *   messages: [{ to: 'buyer', event: { type: 'invoice' } }],
 *   perform: ({ paid }) => [{ name: 'paid', world: { paid: paid + 1 } }],
 *   invariant: ({ world }) => (world.paid > 1 ? 'paid twice' : undefined),
 * };
 * explore(model).counterexample?.actions.map((action) => action.do); // => ['deliver', 'perform', 'late']
 * ```
 */
export function explore<State, Event extends Typed, Effect extends Typed, World>(
  model: Model<State, Event, Effect, World>,
  options: ExploreOptions = {},
): Exploration<Event> {
  requireRecord('options', options);
  const { faults = {}, onProgress } = options;
  const depth = requireWhole('options.depth', options.depth ?? 20, 1, 10_000);
  const maxSituations = requireWhole('options.maxSituations', options.maxSituations ?? 1_000_000, 1);
  const space = createSpace(model, faults);
  const seen = new Set([space.keyOf(space.beginning)]);
  let level: Array<Node<State, Event, Effect, World>> = [
    { system: space.beginning, action: undefined, parent: undefined },
  ];
  let complete = true;
  for (let reached = 0; level.length > 0; reached++) {
    const next: typeof level = [];
    for (const node of level) {
      const successors = space.expand(node.system);
      const wrong = space.judge(node.system, { last: isAtRest(successors) });
      if (wrong !== undefined) {
        const counterexample = shrink(model, { wrong, actions: pathOf(node), faults });
        return { counterexample, situations: seen.size, complete: false };
      }
      if (reached === depth) {
        complete &&= successors.length === 0;
        continue;
      }
      for (const { action, system } of successors) {
        const key = space.keyOf(system);
        if (seen.has(key)) continue;
        if (seen.size === maxSituations) return { counterexample: undefined, situations: seen.size, complete: false };
        seen.add(key);
        if (seen.size % 10_000 === 0) onProgress?.({ situations: seen.size, depth: reached + 1 });
        next.push({ system, action, parent: node });
      }
    }
    level = next;
  }
  return { counterexample: undefined, situations: seen.size, complete };
}

/** Settings of {@link walk}. */
export interface WalkOptions extends ExploreOptions {
  /** Decides which way is taken; the same seed takes the same ways. */
  readonly seed: number;
  /** Number of walks; 1,000 when absent. */
  readonly walks?: number;
}

/**
 * Takes random walks through the interleavings, for systems too large to be looked at whole; what is found is shrunk.
 * `depth` is the longest walk, 200 when absent.
 */
export function walk<State, Event extends Typed, Effect extends Typed, World>(
  model: Model<State, Event, Effect, World>,
  options: WalkOptions,
): Exploration<Event> {
  requireRecord('options', options);
  const { faults = {}, seed, onProgress } = options;
  const depth = requireWhole('options.depth', options.depth ?? 200, 1, 10_000);
  const walks = requireWhole('options.walks', options.walks ?? 1_000, 1);
  requireWhole('options.seed', seed, 0);
  const below = randomBelow(seed);
  const space = createSpace(model, faults);
  const seen = new Set<string>();
  for (let count = 0; count < walks; count++) {
    let system = space.beginning;
    const path: Array<Action<Event>> = [];
    for (let length = 0; ; length++) {
      const successors = space.expand(system);
      const wrong = space.judge(system, { last: isAtRest(successors) });
      if (wrong !== undefined) {
        const counterexample = shrink(model, { wrong, actions: path, faults });
        return { counterexample, situations: seen.size, complete: false };
      }
      const successor = successors[below(successors.length)];
      if (successor === undefined || length === depth) break;
      ({ system } = successor);
      path.push(successor.action);
      seen.add(space.keyOf(system));
    }
    if ((count + 1) % 100 === 0) onProgress?.({ situations: seen.size, depth });
  }
  return { counterexample: undefined, situations: seen.size, complete: false };
}

/**
 * Leaves out every action that is not needed for the same complaint, single ones and runs of them, until none is left.
 *
 * @returns A counterexample of the same complaint, of which no action can be left out.
 * @throws EventsError `EVENTS_ACTION_IMPOSSIBLE` when the trace does not fit the model, and those of {@link explore}.
 */
export function shrink<State, Event extends Typed, Effect extends Typed, World>(
  model: Model<State, Event, Effect, World>,
  found: Counterexample<Event>,
): Counterexample<Event> {
  // Also says what is wrong with the arguments, which complaintOf would swallow.
  replay(model, found);
  let { actions } = found;
  for (let size = Math.max(1, actions.length >> 1); size >= 1;) {
    let shorter = false;
    for (let from = 0; from + size <= actions.length;) {
      const without = actions.toSpliced(from, size);
      if (complaintOf(model, { ...found, actions: without }) === found.wrong) {
        actions = without;
        shorter = true;
      } else from += 1;
    }
    if (!shorter || size > actions.length)
      size = size === 1 ? 0 : Math.min(size >> 1, Math.max(1, actions.length >> 1));
  }
  return { ...found, actions };
}

/** What is wrong after a trace, or `undefined`; an action that is impossible makes the trace worthless. */
function complaintOf<State, Event extends Typed, Effect extends Typed, World>(
  model: Model<State, Event, Effect, World>,
  trace: Pick<Counterexample<Event>, 'actions' | 'faults'>,
): string | undefined {
  try {
    return replay(model, trace).at(-1)?.wrong;
  } catch {
    return undefined;
  }
}

/** One step of a replayed trace. */
export interface ReplayedStep<State, Event extends Typed, World> {
  /** `undefined` for the beginning. */
  readonly action: Action<Event> | undefined;
  readonly states: Readonly<Record<string, State>>;
  readonly world: World;
  /** What is wrong now, if anything. */
  readonly wrong: string | undefined;
}

/**
 * Plays a trace again, step by step.
 *
 * @throws EventsError `EVENTS_ACTION_IMPOSSIBLE` when the model has changed so that the trace no longer fits.
 */
export function replay<State, Event extends Typed, Effect extends Typed, World>(
  model: Model<State, Event, Effect, World>,
  trace: Pick<Counterexample<NoInfer<Event>>, 'actions' | 'faults'>,
): ReadonlyArray<ReplayedStep<State, Event, World>> {
  requireRecord('trace', trace);
  if (!Array.isArray(trace.actions)) throw invalidArgument('trace.actions', 'an array', trace.actions);
  const space = createSpace(model, trace.faults);
  let system = space.beginning;
  const look = (action: Action<Event> | undefined): ReplayedStep<State, Event, World> => {
    const last = isAtRest(space.expand(system));
    const { states, world } = system;
    return { action, states, world, wrong: space.judge(system, { last }) };
  };
  const steps = [look(undefined)];
  for (const action of trace.actions) {
    system = space.apply(system, action);
    // What is no JSON is refused here too.
    space.keyOf(system);
    steps.push(look(action));
  }
  return steps;
}

interface Node<State, Event extends Typed, Effect extends Typed, World> {
  readonly system: System<State, Event, Effect, World>;
  readonly action: Action<Event> | undefined;
  readonly parent: Node<State, Event, Effect, World> | undefined;
}

function pathOf<State, Event extends Typed, Effect extends Typed, World>(
  node: Node<State, Event, Effect, World>,
): ReadonlyArray<Action<Event>> {
  const path: Array<Action<Event>> = [];
  for (let at: typeof node | undefined = node; at?.action !== undefined; at = at.parent) path.push(at.action);
  return path.toReversed();
}

/** Whole numbers below a bound, the same for the same seed (splitmix32). */
function randomBelow(seed: number): (bound: number) => number {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x9e37_79b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0_aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a_2d97);
    return bound === 0 ? 0 : ((mixed ^ (mixed >>> 15)) >>> 0) % bound;
  };
}
