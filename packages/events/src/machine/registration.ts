import type { Machine, Typed } from './machine.ts';

/** What a performer is told beside the effect. */
export interface PerformContext {
  /** Which machine asked. */
  readonly id: string;
  /** Names the effect for good: hand it to whoever performs it, so that a second time does nothing. */
  readonly key: string;
  /** 1 the first time; more after a failure, or when a process died before it could record the outcome. */
  readonly attempt: number;
  /** Ends the work before others take it over. */
  readonly signal: AbortSignal;
}

/**
 * Performs the effects of one type, and answers the event that tells the machine how it went, if it wants to know.
 * May run again for the same key: see {@link PerformContext.key}.
 */
export type Performer<Event extends Typed, Effect extends Typed> = (
  effect: Effect,
  context: PerformContext,
) => Promise<Event | undefined>;

/** Performers by type of effect. */
export type Performers<Event extends Typed, Effect extends Typed> = {
  readonly [Type in Effect['type']]: Performer<Event, Extract<Effect, { readonly type: Type }>>;
};

/** A machine with those who perform its effects. */
export interface Registration {
  /** Hides the types of one machine among others; made by {@link register}. */
  readonly machine: Machine<unknown, Typed, Typed>;
  readonly performers: Readonly<Record<string, Performer<Typed, Typed>>>;
}

/** Puts a machine together with those who perform its effects. */
export function register<State, Event extends Typed, Effect extends Typed>(
  machine: Machine<State, Event, Effect>,
  // The machine alone says which events there are: what a performer answers must be one of them.
  performers: NoInfer<Performers<Event, Effect>>,
): Registration {
  return { machine, performers } as unknown as Registration;
}
