import type { TimerDue } from '../ports/event-store.ts';

/** What every event and effect has: a name for its kind. The rest is JSON. */
export interface Typed {
  readonly type: string;
}

/** What a machine asks for beside its new state. */
export type Ask<Event extends Typed, Effect extends Typed> =
  /** Something to do in the outside world. `key` names it for good within this machine: a second one is ignored. */
  | { readonly effect: Effect; readonly key: string }
  /** An event to itself, once a height or time has come. One of the same name is replaced. */
  | { readonly timer: string; readonly due: TimerDue; readonly event: Event }
  /** A timer to forget. */
  | { readonly cancel: string };

/** What an event leads to. */
export type Step<State, Event extends Typed, Effect extends Typed> =
  | { readonly state: State; readonly asks?: ReadonlyArray<Ask<Event, Effect>> }
  /** The event makes no sense in this state: it is not recorded. */
  | { readonly refused: string };

/**
 * A state machine: pure, so that the same code serves the product, the tests and the explorer.
 *
 * State, events and effects are JSON; amounts are decimal strings.
 *
 * @example A door
 * ```ts
 * import type { Machine } from '@bitcoin-enterprise/events';
 *
 * type Event = { readonly type: 'opened' } | { readonly type: 'closed' };
 * type Effect = { readonly type: 'ring' };
 * const door: Machine<'open' | 'shut', Event, Effect> = {
 *   name: 'door',
 *   initial: () => 'shut',
 *   step: (state, event) =>
 *     event.type === 'closed'
 *       ? { state: 'shut' }
 *       : state === 'open'
 *         ? { refused: 'it is open' }
 *         : { state: 'open', asks: [{ effect: { type: 'ring' }, key: 'first visit' }] },
 * };
 * door.step('open', { type: 'opened' }); // => { refused: 'it is open' }
 * ```
 */
export interface Machine<State, Event extends Typed, Effect extends Typed> {
  /** Names its streams, `name/id`; letters, digits, `-`, `_` and `.`. */
  readonly name: string;
  /** Rises when `step` or the shape of `state` changes: older snapshots are then not used. 1 when absent. */
  readonly version?: number;
  /** Turns the state of an older snapshot into one of today; without it such a snapshot is not used. */
  readonly migrate?: (state: unknown, from: number) => State;
  /** The state before the first event. */
  readonly initial: (id: string) => State;
  /** What an event leads to. No clock, no randomness, no input or output; does not change `state`. */
  readonly step: (state: State, event: Event) => Step<State, Event, Effect>;
}
