import type { Machine, Typed } from '../machine/machine.ts';

/** An event on its way to a machine. */
export interface Message<Event extends Typed> {
  /** Id of the machine. */
  readonly to: string;
  readonly event: Event;
}

/** How the world may turn out: the new world, and the events that it sends. */
export interface Outcome<World, Event extends Typed> {
  /** Names the outcome among the others, for example `confirmed`. */
  readonly name: string;
  readonly world: World;
  readonly messages?: ReadonlyArray<Message<Event>>;
}

/** An effect as the world is asked to perform it. */
export interface Performance<Effect extends Typed> {
  readonly effect: Effect;
  /** Id of the machine that asks. */
  readonly from: string;
  /** The effect's idempotency key: the same when it is performed again after a crash. */
  readonly key: string;
}

/**
 * A system to explore: machines, and a world around them that is pure too.
 *
 * World, states, events and effects are JSON, so that two equal situations are recognised: no `Map`, `Set`, `Date`,
 * bigint, bytes, `Infinity`. They are frozen when they are met; the initial ones are copied first.
 */
export interface Model<State, Event extends Typed, Effect extends Typed, World> {
  /** Machines by id. */
  readonly machines: Readonly<Record<string, Machine<State, Event, Effect>>>;
  readonly world: World;
  /** Events that are on their way at the beginning. */
  readonly messages?: ReadonlyArray<Message<Event>>;
  /**
   * How an effect may turn out; each outcome is tried. The answer to the machine that asked is `reply`, recorded
   * together with the end of the effect; events for others go into `messages`. No outcome: it cannot be done yet.
   */
  readonly perform: (
    world: World,
    asked: Performance<Effect>,
  ) => ReadonlyArray<Outcome<World, Event> & { readonly reply?: Event }>;
  /** What the world may do by itself: blocks, other people, reorganisations. */
  readonly moves?: (world: World) => ReadonlyArray<Outcome<World, Event>>;
  /** Height and time by which timers come due; without it they are due at once. */
  readonly now?: (world: World) => { readonly height?: number; readonly time?: number };
  /** Says what is wrong, at any moment. */
  readonly invariant?: (situation: Situation<State, World>) => string | undefined;
  /** Says what is wrong when nothing is left to do: no message, no effect, no timer, no move. */
  readonly settled?: (situation: Situation<State, World>) => string | undefined;
}

/** What an invariant sees. */
export interface Situation<State, World> {
  readonly states: Readonly<Record<string, State>>;
  readonly world: World;
}

/** One step of an interleaving; JSON. */
export type Action<Event extends Typed = Typed> =
  /** A message arrives; messages may overtake each other. */
  | { readonly do: 'deliver'; readonly to: string; readonly event: Event }
  /** A message arrives, and will arrive once more. */
  | { readonly do: 'duplicate'; readonly to: string; readonly event: Event }
  /** A message never arrives. */
  | { readonly do: 'lose'; readonly to: string; readonly event: Event }
  /** An effect is performed and its outcome recorded. */
  | { readonly do: 'perform'; readonly from: string; readonly key: string; readonly outcome: string }
  /** An effect is performed, and the process dies before it records that: the effect will be performed again. */
  | { readonly do: 'crash'; readonly from: string; readonly key: string; readonly outcome: string }
  /**
   * An effect whose outcome is recorded is performed once more: by a worker that slept while another took its claim
   * over. What the world does then is done; the reply is dropped, as the store drops it.
   */
  | { readonly do: 'late'; readonly from: string; readonly key: string; readonly outcome: string }
  /** A timer that is due fires; it may be late. */
  | { readonly do: 'fire'; readonly id: string; readonly timer: string }
  /** The world moves. */
  | { readonly do: 'move'; readonly name: string };

/** What may go wrong, and how often in one interleaving. */
export interface Faults {
  /** Deaths between an effect and the record of its outcome; 1 when absent. */
  readonly crashes?: number;
  /** Messages that arrive twice; 1 when absent. */
  readonly duplicates?: number;
  /** Messages that never arrive; 0 when absent. */
  readonly losses?: number;
  /** Performances by a worker that slept, of effects that are done; 1 when absent. */
  readonly late?: number;
}
