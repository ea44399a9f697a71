import { EventsError, invalidArgument } from '../errors.ts';
import type { Ask, Typed } from '../machine/machine.ts';
import { requireRecord, requireWhole } from '../model/checks.ts';
import { requireJson } from '../model/json.ts';
import type { TimerDue } from '../ports/event-store.ts';
import { createInterner } from './interner.ts';
import type { Action, Faults, Message, Model, Situation } from './model.ts';

/** Everything that decides what can happen next. */
export interface System<State, Event extends Typed, Effect extends Typed, World> {
  readonly states: Readonly<Record<string, State>>;
  readonly world: World;
  /** On their way; the order in which they were sent does not matter. */
  readonly messages: ReadonlyArray<Message<Event>>;
  /** Asked for and not ended. */
  readonly effects: ReadonlyArray<AskedEffect<Effect>>;
  /** Effects that were ever asked for: machine and key. */
  readonly asked: ReadonlyArray<readonly [id: string, key: string]>;
  readonly timers: ReadonlyArray<SetTimer<Event>>;
  /** Ended, as long as a worker that slept may still perform them. */
  readonly ended: ReadonlyArray<AskedEffect<Effect>>;
  /** Faults that are left. */
  readonly left: Required<Faults>;
}

interface AskedEffect<Effect extends Typed> {
  readonly from: string;
  readonly key: string;
  readonly effect: Effect;
}

interface SetTimer<Event extends Typed> {
  readonly id: string;
  readonly timer: string;
  readonly due: TimerDue;
  readonly event: Event;
}

/** An action with what it leads to. */
export interface Successor<State, Event extends Typed, Effect extends Typed, World> {
  readonly action: Action<Event>;
  readonly system: System<State, Event, Effect, World>;
}

/** The systems that a model can be in, and the ways between them. */
export interface Space<State, Event extends Typed, Effect extends Typed, World> {
  readonly beginning: System<State, Event, Effect, World>;
  /** Everything that can happen next, in a fixed order: first what is no fault. */
  expand(system: System<State, Event, Effect, World>): ReadonlyArray<Successor<State, Event, Effect, World>>;
  /** Equal for systems that differ in nothing that matters. */
  keyOf(system: System<State, Event, Effect, World>): string;
  /** What is wrong, if anything; `last` says that nothing has to happen any more. */
  judge(system: System<State, Event, Effect, World>, options: { readonly last: boolean }): string | undefined;
  /**
   * What an action leads to.
   *
   * @throws EventsError `EVENTS_ACTION_IMPOSSIBLE`.
   */
  apply(system: System<State, Event, Effect, World>, action: Action<Event>): System<State, Event, Effect, World>;
}

/** Makes the space of a model. */
export function createSpace<State, Event extends Typed, Effect extends Typed, World>(
  model: Model<State, Event, Effect, World>,
  faults: Faults,
): Space<State, Event, Effect, World> {
  type Here = System<State, Event, Effect, World>;
  checkModel(model);
  const { idOf } = createInterner();
  const machines = Object.entries(model.machines);
  const beginning: Here = {
    states: Object.fromEntries(machines.map(([id, machine]) => [id, copyOf(machine.initial(id), `states.${id}`)])),
    world: copyOf(model.world, 'world'),
    messages: copyOf(model.messages ?? [], 'messages'),
    effects: [],
    asked: [],
    timers: [],
    ended: [],
    left: checkFaults(faults),
  };

  function keyOf(system: Here): string {
    const { states, world, messages, effects, asked, timers, ended, left } = system;
    const parts = machines.map(([id]) => idOf(states[id], `states.${id}`));
    const sets = Object.entries({ messages, effects, asked, timers, ended }).map(([name, set]) => idsOf(set, name));
    const { crashes, duplicates, losses, late } = left;
    return [...parts, idOf(world, 'world'), ...sets, crashes, duplicates, losses, late].join(';');
  }

  /** Numbers of the members of a set, in an order that does not depend on how it came about. */
  function idsOf(items: readonly unknown[], name: string): string {
    const ids = items.map((item) => idOf(item, name));
    return ids.sort((a, b) => a - b).join();
  }

  function expand(system: Here): ReadonlyArray<Successor<State, Event, Effect, World>> {
    const { messages, effects, timers, ended, world, left } = system;
    const normal: Array<Successor<State, Event, Effect, World>> = [];
    const faulty: typeof normal = [];
    const seen = new Set<number>();
    for (const [index, message] of messages.entries()) {
      const id = idOf(message, 'messages');
      if (seen.has(id)) continue;
      seen.add(id);
      const without: Here = { ...system, messages: messages.toSpliced(index, 1) };
      normal.push({ action: { do: 'deliver', ...message }, system: deliver(without, message) });
      if (left.duplicates > 0) {
        const once: Here = { ...system, left: { ...left, duplicates: left.duplicates - 1 } };
        faulty.push({ action: { do: 'duplicate', ...message }, system: deliver(once, message) });
      }
      if (left.losses > 0)
        faulty.push({
          action: { do: 'lose', ...message },
          system: { ...without, left: { ...left, losses: left.losses - 1 } },
        });
    }
    for (const [index, asked] of effects.entries()) {
      const { from, key } = asked;
      for (const { name: outcome, world: next, messages: sent = [], reply } of model.perform(world, asked)) {
        const performed: Here = { ...system, world: next, messages: [...messages, ...sent] };
        const done: Here = {
          ...performed,
          effects: effects.toSpliced(index, 1),
          ended: left.late > 0 ? [...ended, asked] : ended,
        };
        normal.push({
          action: { do: 'perform', from, key, outcome },
          system: reply === undefined ? done : deliver(done, { to: from, event: reply }),
        });
        if (left.crashes > 0)
          faulty.push({
            action: { do: 'crash', from, key, outcome },
            system: { ...performed, left: { ...left, crashes: left.crashes - 1 } },
          });
      }
    }
    if (left.late > 0)
      for (const [index, asked] of ended.entries())
        for (const { name: outcome, world: next, messages: sent = [] } of model.perform(world, asked)) {
          const late = left.late - 1;
          faulty.push({
            action: { do: 'late', from: asked.from, key: asked.key, outcome },
            system: {
              ...system,
              world: next,
              messages: [...messages, ...sent],
              // Whoever has no late performance left need not tell what has ended.
              ended: late > 0 ? ended.toSpliced(index, 1) : [],
              left: { ...left, late },
            },
          });
        }
    for (const [index, { id, timer, due, event }] of timers.entries())
      if (isDue(world, due)) {
        const without: Here = { ...system, timers: timers.toSpliced(index, 1) };
        normal.push({ action: { do: 'fire', id, timer }, system: deliver(without, { to: id, event }) });
      }
    for (const { name, world: next, messages: sent = [] } of model.moves?.(world) ?? [])
      normal.push({
        action: { do: 'move', name },
        system: { ...system, world: next, messages: [...messages, ...sent] },
      });
    return [...normal, ...faulty];
  }

  function deliver(system: Here, { to, event }: Message<Event>): Here {
    const machine = model.machines[to];
    if (machine === undefined) throw impossible({ do: 'deliver', to, event });
    const step = machine.step(system.states[to] as State, event);
    if ('refused' in step) return system;
    const moved: Here = { ...system, states: { ...system.states, [to]: step.state } };
    return (step.asks ?? []).reduce((now, ask) => record(now, to, ask), moved);
  }

  /** Records what a machine asks for, as the event store would. */
  function record(system: Here, id: string, ask: Ask<Event, Effect>): Here {
    if ('effect' in ask) {
      const { key, effect } = ask;
      if (system.asked.some(([by, before]) => by === id && before === key)) return system;
      const asked = [...system.asked, [id, key] as const];
      return { ...system, asked, effects: [...system.effects, { from: id, key, effect }] };
    }
    const name = 'timer' in ask ? ask.timer : ask.cancel;
    const others = system.timers.filter((timer) => timer.id !== id || timer.timer !== name);
    if (!('timer' in ask)) return { ...system, timers: others };
    const { timer, due, event } = ask;
    return { ...system, timers: [...others, { id, timer, due, event }] };
  }

  function isDue(world: World, due: TimerDue): boolean {
    if (model.now === undefined) return true;
    const { height = -1, time = -1 } = model.now(world);
    return 'height' in due ? due.height <= height : due.time <= time;
  }

  return {
    beginning,
    expand,
    keyOf,
    judge(system, { last }) {
      const { states, world, effects } = system;
      const situation: Situation<State, World> = { states, world };
      const wrong = model.invariant?.(situation);
      if (wrong !== undefined || !last) return wrong;
      const [effect] = effects;
      if (effect !== undefined) return `effect ${effect.key} of ${effect.from} can never be performed`;
      return model.settled?.(situation);
    },
    apply(system, action) {
      const wanted = idOf(action, 'actions');
      const found = expand(system).find((successor) => idOf(successor.action, 'actions') === wanted);
      if (found === undefined) throw impossible(action);
      return found.system;
    },
  };
}

/** What nobody has to do: a system in which only faults are left has come to rest. */
export function isAtRest(successors: ReadonlyArray<{ readonly action: Action }>): boolean {
  return successors.every(({ action }) => FAULTS.has(action.do));
}

const FAULTS: ReadonlySet<Action['do']> = new Set<Action['do']>(['duplicate', 'lose', 'crash', 'late']);
const MAX_FAULTS = 1_000;

function checkModel<State, Event extends Typed, Effect extends Typed, World>(
  model: Model<State, Event, Effect, World>,
): void {
  requireRecord('model', model);
  const { machines, messages = [], perform } = model;
  requireRecord('model.machines', machines);
  for (const [id, machine] of Object.entries(machines)) {
    requireRecord(`model.machines.${id}`, machine);
    for (const name of ['initial', 'step'] as const)
      if (typeof machine[name] !== 'function')
        throw invalidArgument(`model.machines.${id}.${name}`, 'a function', machine[name]);
  }
  if (!Array.isArray(messages)) throw invalidArgument('model.messages', 'an array', messages);
  if (typeof perform !== 'function') throw invalidArgument('model.perform', 'a function', perform);
  for (const name of ['moves', 'now', 'invariant', 'settled'] as const)
    if (model[name] !== undefined && typeof model[name] !== 'function')
      throw invalidArgument(`model.${name}`, 'a function', model[name]);
}

function checkFaults(faults: Faults): Required<Faults> {
  requireRecord('faults', faults);
  const { crashes = 1, duplicates = 1, losses = 0, late = 1 } = faults;
  for (const [name, most] of Object.entries({ crashes, duplicates, losses, late }))
    requireWhole(`faults.${name}`, most, 0, MAX_FAULTS);
  return { crashes, duplicates, losses, late };
}

/** A copy, so that nothing of the caller's is frozen. */
function copyOf<Value>(value: Value, path: string): Value {
  if (value !== undefined) requireJson(value, path);
  return structuredClone(value);
}

function impossible(action: Action): EventsError<'EVENTS_ACTION_IMPOSSIBLE'> {
  const text = JSON.stringify(action);
  return new EventsError('EVENTS_ACTION_IMPOSSIBLE', `expected an action that is possible here, got ${text}`, {
    details: { action: text },
    hint: 'the model has changed since the trace was made',
  });
}
