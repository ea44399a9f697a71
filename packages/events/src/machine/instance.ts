import { hasCode } from '@bitcoin-enterprise/core';
import { EventsError, invalidArgument } from '../errors.ts';
import { readBack } from '../model/json.ts';
import { isRecord } from '../model/records.ts';
import type { Append, CallOptions, EventStore, NewEffect, Snapshot, TimerChange } from '../ports/event-store.ts';
import type { Ask, Machine, Typed } from './machine.ts';

/** A machine at one of its events. */
export interface Instance<State> {
  readonly state: State;
  /** Number of events so far. */
  readonly version: number;
}

interface SavedState {
  readonly machine: number;
  readonly state: unknown;
}

/** Readings of a stream that is truncated again and again meanwhile. */
const MAX_LOADS = 5;

/** Name of the stream of a machine. */
export function streamOf(machine: Pick<Machine<never, never, never>, 'name'>, id: string): string {
  if (typeof id !== 'string' || id === '') throw invalidArgument('id', 'a string that is not empty', id);
  return `${machine.name}/${id}`;
}

/** The state of a machine: its snapshot, and the events since then. */
export async function loadInstance<State, Event extends Typed, Effect extends Typed>(
  store: EventStore,
  machine: Machine<State, Event, Effect>,
  options: CallOptions & { readonly id: string },
): Promise<Instance<State>> {
  for (let attempt = 1; ; attempt++)
    try {
      return await loadOnce(store, machine, options);
    } catch (error) {
      // Truncated between the reading of the snapshot and that of the events: there is a newer snapshot now.
      if (!hasCode(error, 'EVENTS_TRUNCATED') || attempt === MAX_LOADS) throw error;
    }
}

async function loadOnce<State, Event extends Typed, Effect extends Typed>(
  store: EventStore,
  machine: Machine<State, Event, Effect>,
  options: CallOptions & { readonly id: string },
): Promise<Instance<State>> {
  const { id, ...call } = options;
  const stream = streamOf(machine, id);
  let { state, version } = startOf(machine, { id, snapshot: await store.loadSnapshot(stream, call) });
  for (;;) {
    const events = await store.readStream(stream, { after: version, ...call });
    for (const event of events) {
      state = replayed(machine, { state, stream, version: event.version, event: readEvent<Event>(event) });
      ({ version } = event);
    }
    if (events.length === 0) return { state, version };
  }
}

function startOf<State, Event extends Typed, Effect extends Typed>(
  machine: Machine<State, Event, Effect>,
  from: { readonly id: string; readonly snapshot: Snapshot | undefined },
): Instance<State> {
  const { id, snapshot } = from;
  const beginning = { state: machine.initial(id), version: 0 };
  if (snapshot === undefined) return beginning;
  const { version } = snapshot;
  const saved = snapshot.state as SavedState;
  if (saved.machine === (machine.version ?? 1)) return { state: saved.state as State, version };
  return machine.migrate === undefined ? beginning : { state: machine.migrate(saved.state, saved.machine), version };
}

function replayed<State, Event extends Typed, Effect extends Typed>(
  machine: Machine<State, Event, Effect>,
  recorded: { readonly state: State; readonly stream: string; readonly version: number; readonly event: Event },
): State {
  const { state, stream, version, event } = recorded;
  const step = machine.step(state, event);
  if (!('refused' in step)) return step.state;
  // Once recorded, an event is a fact: a machine that no longer takes it has lost its history.
  throw new EventsError('EVENTS_HISTORY_REFUSED', `${machine.name} refuses event ${version} of ${stream}`, {
    details: { stream, version, type: event.type },
    hint: 'a changed machine must still take every event that an older one recorded',
  });
}

/** Keeps the state, so that the next load need not read all events. */
export async function saveInstance<State, Event extends Typed, Effect extends Typed>(
  store: EventStore,
  machine: Machine<State, Event, Effect>,
  options: CallOptions & { readonly id: string; readonly instance: Instance<State> },
): Promise<void> {
  const { id, instance, ...call } = options;
  const state: SavedState = { machine: machine.version ?? 1, state: instance.state };
  await store.saveSnapshot({ stream: streamOf(machine, id), version: instance.version, state }, call);
}

/** The event as it is recorded: its type beside the rest, which has been through JSON. */
export function toRecord(event: Typed): { readonly type: string; readonly data: unknown } {
  const { type, ...data } = fieldsOf(event);
  if (typeof type !== 'string') throw invalidArgument('event.type', 'a string', type);
  return { type, data: readBack(data, 'event') };
}

/** The fields of an event, read once; a getter that throws is a bug of the caller. */
function fieldsOf(event: Typed): Readonly<Record<string, unknown>> {
  if (!isRecord(event)) throw invalidArgument('event', 'an object', event);
  try {
    return { ...event };
  } catch {
    throw invalidArgument('event', 'readable', event);
  }
}

/** An event as the machine knows it. */
export function readEvent<Event extends Typed>(record: { readonly type: string; readonly data: unknown }): Event {
  const { type, data } = record;
  return { ...(data as object), type } as unknown as Event;
}

/** What the machine asks for, as it is recorded. */
export function toWork<Event extends Typed, Effect extends Typed>(
  machine: Pick<Machine<never, never, never>, 'name'>,
  id: string,
  asks: ReadonlyArray<Ask<Event, Effect>>,
): Pick<Append, 'effects' | 'timers'> {
  const effects: NewEffect[] = [];
  const timers: TimerChange[] = [];
  for (const ask of asks)
    if ('effect' in ask) effects.push({ key: effectKey(machine, id, ask.key), ...toRecord(ask.effect) });
    else if ('timer' in ask) timers.push({ key: ask.timer, due: ask.due, data: ask.event });
    else timers.push({ key: ask.cancel, cancel: true });
  return { effects, timers };
}

/** Names an effect in the whole store. A slash in the id would make `a` with `b/c` and `a/b` with `c` the same. */
function effectKey({ name }: Pick<Machine<never, never, never>, 'name'>, id: string, key: string): string {
  return `${name}/${id.replaceAll('%', '%25').replaceAll('/', '%2F')}/${key}`;
}
