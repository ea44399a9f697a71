import { type Clock, type Entropy, type Logger, silentLogger, systemClock, webEntropy } from '@bitcoin-enterprise/core';
import { invalidArgument } from '../errors.ts';
import { checkCall, checkName, requireRecord, requireWhole } from '../model/checks.ts';
import type { CallOptions, EventStore } from '../ports/event-store.ts';
import { createCourier, type Sent } from './delivery.ts';
import { type Instance, loadInstance, streamOf } from './instance.ts';
import { createKept } from './kept.ts';
import type { Machine, Typed } from './machine.ts';
import type { Registration } from './registration.ts';
import { createWorker } from './worker.ts';

/** Settings of {@link createRunner}. */
export interface RunnerOptions {
  readonly store: EventStore;
  /** All machines whose work is in the store. */
  readonly machines: readonly Registration[];
  /** What time it is, for timers by time; the system's when absent. */
  readonly clock?: Clock;
  /** Height of the chain's tip, for timers by height; without it those are never due. */
  readonly height?: (options: CallOptions) => Promise<number>;
  /** Spreads retries; the runtime's when absent. */
  readonly entropy?: Entropy;
  readonly logger?: Logger;
  /**
   * Effects and timers that are worked on at a time, 1 to 1,000; 16 when absent. A performer that goes on after its
   * signal gives its place to others, but is told of in the log and counted in {@link Runner.overdue}: as many again
   * are tolerated, then no effect is begun until one of them ends.
   */
  readonly concurrency?: number;
  /** Milliseconds that a performer may take, 10 to 86,400,000; 60,000 when absent. */
  readonly leaseMs?: number;
  /** Events between two snapshots, 1 or more; 100 when absent. */
  readonly snapshotEvery?: number;
  /**
   * Machines whose state is kept in memory, 0 to 10,000,000, so that a further event need not read it again; 0 when
   * absent. Other processes may write as well: whoever is behind finds out when it appends.
   */
  readonly keepInstances?: number;
  /** Longest pause between two looks at the store and the height, in milliseconds; 1,000 when absent. */
  readonly idleMs?: number;
  /** Attempts until an effect that fails is given up, 1 or more; 20 when absent. */
  readonly maxAttempts?: number;
}

/** Runs machines: what they are told is recorded first, then done, and resumed by whoever comes after a crash. */
export interface Runner {
  /**
   * Tells a machine that something happened. The event is durable when this resolves.
   *
   * @param options - `key`: idempotency key, so that a repeated call changes nothing.
   */
  send<State, Event extends Typed, Effect extends Typed>(
    machine: Machine<State, Event, Effect>,
    id: string,
    event: NoInfer<Event>,
    options?: CallOptions & { readonly key?: string },
  ): Promise<Sent<State>>;
  /**
   * The state of a machine.
   *
   * @param options - `kept`: whether the state of the last event that this process sent will do, if it is in memory;
   * `false` when absent.
   */
  state<State, Event extends Typed, Effect extends Typed>(
    machine: Machine<State, Event, Effect>,
    id: string,
    options?: CallOptions & { readonly kept?: boolean },
  ): Promise<Instance<State>>;
  /** Performs effects and fires timers until the signal comes; then ends without an error. */
  work(options: { readonly signal: AbortSignal }): Promise<void>;
  /** Performs what waits and is due now, and what follows from it; answers how many pieces of work that was. */
  drain(options?: CallOptions): Promise<number>;
  /** Performers that go on although their signal has come and their work may be somebody else's: should be 0. */
  readonly overdue: number;
}

const DAY_MS = 86_400_000;

type StateOf<Of> = Of extends Machine<infer State, infer _Event, infer _Effect> ? State : never;

/**
 * Makes a runner.
 *
 * @throws EventsError `EVENTS_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts
 * import { createMemoryStore, createRunner, type Machine, register } from '@bitcoin-enterprise/events';
 *
 * type Event = { readonly type: 'ordered' } | { readonly type: 'delivered' };
 * type Effect = { readonly type: 'deliver' };
 * const order: Machine<string, Event, Effect> = {
 *   name: 'order',
 *   initial: () => 'new',
 *   step: (state, event) =>
 *     event.type === 'ordered'
 *       ? { state: 'open', asks: [{ effect: { type: 'deliver' }, key: 'deliver' }] }
 *       : { state: 'done' },
 * };
 * const runner = createRunner({
 *   store: createMemoryStore(),
 *   machines: [register(order, { deliver: async () => ({ type: 'delivered' }) })],
 * });
 * await runner.send(order, '7', { type: 'ordered' });
 * await runner.drain();
 * (await runner.state(order, '7')).state; // => 'done'
 * ```
 */
export function createRunner(options: RunnerOptions): Runner {
  requireRecord('options', options);
  const { store, machines, clock = systemClock(), height, entropy = webEntropy(), logger = silentLogger } = options;
  requireRecord('options.store', store);
  const concurrency = requireWhole('options.concurrency', options.concurrency ?? 16, 1, 1_000);
  const leaseMs = requireWhole('options.leaseMs', options.leaseMs ?? 60_000, 10, DAY_MS);
  const snapshotEvery = requireWhole('options.snapshotEvery', options.snapshotEvery ?? 100, 1);
  const idleMs = requireWhole('options.idleMs', options.idleMs ?? 1_000, 1, DAY_MS);
  const maxAttempts = requireWhole('options.maxAttempts', options.maxAttempts ?? 20, 1);
  const known = byName(machines);
  const random = (): number => {
    const [low = 0, high = 0] = entropy.bytes(2);
    return (low + 256 * high) / 0x1_0000;
  };
  const kept = createKept(requireWhole('options.keepInstances', options.keepInstances ?? 0, 0, 10_000_000));
  const courier = createCourier({ store, logger, snapshotEvery, random, kept });
  const worker = createWorker({
    store,
    courier,
    known,
    clock,
    height,
    logger,
    concurrency,
    leaseMs,
    idleMs,
    maxAttempts,
    random,
  });

  /** Work of a machine that this runner does not know would wait for ever. */
  function requireKnown(machine: { readonly name: string }): void {
    requireRecord('machine', machine);
    if (!known.has(machine.name)) throw invalidArgument('machine', 'one that the runner was made with', machine);
  }

  return {
    get overdue() {
      return worker.overdue;
    },
    async send(machine, id, event, call = {}) {
      checkCall('send', call);
      requireKnown(machine);
      const { key, signal } = call;
      if (key !== undefined) checkName('options.key', key);
      return courier.deliver(machine, {
        id,
        event,
        ...(signal === undefined ? {} : { signal }),
        ...(key === undefined ? {} : { key }),
      });
    },
    async state(machine, id, call = {}) {
      checkCall('state', call);
      requireKnown(machine);
      const { kept: mayBeKept = false, ...rest } = call;
      const stream = streamOf(machine, id);
      const found = mayBeKept ? kept.get<StateOf<typeof machine>>(stream) : undefined;
      if (found !== undefined) return found;
      const loaded = await loadInstance(store, machine, { id, ...rest });
      kept.put(stream, loaded);
      return loaded;
    },
    async drain(call = {}) {
      checkCall('drain', call);
      return worker.drain(call);
    },
    async work(call) {
      requireRecord('options', call);
      if (!(call.signal instanceof AbortSignal)) throw invalidArgument('options.signal', 'an AbortSignal', call.signal);
      await worker.work(call.signal);
    },
  };
}

function byName(machines: readonly Registration[]): ReadonlyMap<string, Registration> {
  if (!Array.isArray(machines)) throw invalidArgument('options.machines', 'an array', machines);
  const known = new Map<string, Registration>();
  for (const [index, registration] of (machines as readonly Registration[]).entries()) {
    requireRecord(`options.machines[${index}]`, registration);
    requireRecord(`options.machines[${index}].machine`, registration.machine);
    const { name, step, initial } = registration.machine;
    // Brokers keep their records in streams of that name.
    if (typeof name !== 'string' || !/^[\w.-]{1,100}$/.test(name) || name === 'topic')
      throw invalidArgument('machine.name', "letters, digits, -, _ and ., at most 100, and not 'topic'", name);
    if (typeof step !== 'function' || typeof initial !== 'function')
      throw invalidArgument(`machine ${name}`, 'a machine with step and initial', registration.machine);
    if (known.has(name)) throw invalidArgument('options.machines', `one machine named ${name}`, machines);
    known.set(name, registration);
  }
  return known;
}
