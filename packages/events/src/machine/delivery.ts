import { hasCode, type Logger } from '@bitcoin-enterprise/core';
import type { CallOptions, Claim, EventStore } from '../ports/event-store.ts';
import { pause } from '../model/waiting.ts';
import { codeOf } from './code-of.ts';
import { loadInstance, readEvent, saveInstance, streamOf, toRecord, toWork } from './instance.ts';
import type { KeptInstances } from './kept.ts';
import type { Machine, Typed } from './machine.ts';

/** What became of an event that was sent to a machine. */
export type Sent<State> =
  | { readonly accepted: true; readonly state: State; readonly version: number }
  | { readonly accepted: false; readonly reason: string; readonly state: State };

/** An event for a machine. */
export interface Delivery<Event extends Typed> extends CallOptions {
  readonly id: string;
  readonly event: Event;
  /** Idempotency key. */
  readonly key?: string;
  /** Claimed work that the event settles. */
  readonly claim?: Claim;
}

/** Brings events to machines. */
export interface Courier {
  /** Loads, steps and appends, again while others are faster. */
  deliver<State, Event extends Typed, Effect extends Typed>(
    machine: Machine<State, Event, Effect>,
    delivery: Delivery<Event>,
  ): Promise<Sent<State>>;
}

/** Races that an event from outside may lose; the outcome of work that was done is recorded whatever it takes. */
const MAX_CONFLICTS = 64;
const LONGEST_PAUSE_MS = 50;

/** Makes a courier. Deliveries to one machine take turns: in one process they would only lose races to each other. */
export function createCourier(options: {
  readonly store: EventStore;
  readonly logger: Logger;
  /** Events between two snapshots. */
  readonly snapshotEvery: number;
  /** A number from 0 to below 1, to spread those who lost a race. */
  readonly random: () => number;
  /** Machines whose state is kept in memory. */
  readonly kept: KeptInstances;
}): Courier {
  const { store, logger, snapshotEvery, random, kept } = options;
  const turns = new Map<string, Promise<unknown>>();

  return {
    async deliver(machine, delivery) {
      const stream = streamOf(machine, delivery.id);
      const before = turns.get(stream);
      const now =
        before === undefined ? deliverNow(machine, delivery) : before.then(() => deliverNow(machine, delivery));
      const turn = now.catch(() => undefined);
      turns.set(stream, turn);
      void turn.then(() => {
        if (turns.get(stream) === turn) turns.delete(stream);
      });
      return now;
    },
  };

  async function deliverNow<State, Event extends Typed, Effect extends Typed>(
    machine: Machine<State, Event, Effect>,
    delivery: Delivery<Event>,
  ): Promise<Sent<State>> {
    const { id, key, claim, ...call } = delivery;
    const stream = streamOf(machine, id);
    const record = toRecord(delivery.event);
    // As it will be read again: what JSON leaves out the machine must not see the first time either.
    const event = readEvent<Event>(record);
    for (let conflicts = 0; ; conflicts++) {
      const known = kept.get<State>(stream);
      const { state, version } = known ?? (await loadInstance(store, machine, { id, ...signalOf(call) }));
      const step = machine.step(state, event);
      if ('refused' in step) {
        // What was kept may be behind: others write as well.
        if (known !== undefined) {
          kept.forget(stream);
          continue;
        }
        const repeated =
          key === undefined || version === 0 ? undefined : await repetition({ stream, key, record, call });
        if (repeated !== undefined) return { accepted: true, state, version: repeated };
        return { accepted: false, reason: step.refused, state };
      }
      try {
        const appended = await store.append(
          {
            stream,
            events: [record],
            expectedVersion: version,
            ...toWork(machine, id, step.asks ?? []),
            ...(key === undefined ? {} : { key }),
            ...(claim === undefined ? {} : { settles: [claim] }),
          },
          signalOf(call),
        );
        if (appended.duplicate) return { accepted: true, state, version: appended.version };
        kept.put(stream, { state: step.state, version: appended.version });
        await snapshot(machine, id, { state: step.state, version: appended.version });
        return { accepted: true, state: step.state, version: appended.version };
      } catch (error) {
        kept.forget(stream);
        const isLate = hasCode(error, 'EVENTS_VERSION_CONFLICT');
        if (!isLate || (claim === undefined && conflicts === MAX_CONFLICTS)) throw error;
      }
      await pause(random() * Math.min(LONGEST_PAUSE_MS, 2 ** Math.min(conflicts, 10)));
    }
  }

  async function snapshot<State, Event extends Typed, Effect extends Typed>(
    machine: Machine<State, Event, Effect>,
    id: string,
    instance: { readonly state: State; readonly version: number },
  ): Promise<void> {
    if (instance.version % snapshotEvery !== 0) return;
    try {
      await saveInstance(store, machine, { id, instance });
    } catch (error) {
      // The event is on record: to fail now would say that it is not. Without a snapshot loading takes longer, no more.
      logger.warn('a snapshot could not be kept', { machine: machine.name, code: codeOf(error) });
    }
  }

  /** Version of an earlier append with the same key: the machine may refuse today what it took the first time. */
  async function repetition(asked: {
    readonly stream: string;
    readonly key: string;
    readonly record: ReturnType<typeof toRecord>;
    readonly call: CallOptions;
  }): Promise<number | undefined> {
    const { stream, key, record, call } = asked;
    try {
      // Version 0 is expected of a stream that has events: only a repetition is let through, and it writes nothing.
      const { version } = await store.append({ stream, events: [record], key, expectedVersion: 0 }, signalOf(call));
      return version;
    } catch (error) {
      if (hasCode(error, 'EVENTS_VERSION_CONFLICT')) return undefined;
      throw error;
    }
  }
}

function signalOf({ signal }: CallOptions): CallOptions {
  return signal === undefined ? {} : { signal };
}
