import {
  type Clock,
  type Entropy,
  hasCode,
  type Logger,
  silentLogger,
  systemClock,
  webEntropy,
} from '@bitcoin-enterprise/core';
import { invalidArgument } from '../errors.ts';
import { checkCall, checkName, requireRecord, requireWhole } from '../model/checks.ts';
import type { CallOptions, Claim, ClaimedEffect, ClaimedTimer, EventStore } from '../ports/event-store.ts';
import { type Instance, loadInstance, readEvent, saveInstance, streamOf, toRecord, toWork } from './instance.ts';
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

/** What became of an event that was sent to a machine. */
export type Sent<State> =
  | { readonly accepted: true; readonly state: State; readonly version: number }
  | { readonly accepted: false; readonly reason: string; readonly state: State };

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
  /** Effects and timers that are worked on at a time, 1 to 1,000; 16 when absent. */
  readonly concurrency?: number;
  /** Milliseconds that a performer may take, 10 to 86,400,000; 60,000 when absent. */
  readonly leaseMs?: number;
  /** Events between two snapshots, 1 or more; 100 when absent. */
  readonly snapshotEvery?: number;
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
  /** The state of a machine. */
  state<State, Event extends Typed, Effect extends Typed>(
    machine: Machine<State, Event, Effect>,
    id: string,
    options?: CallOptions,
  ): Promise<Instance<State>>;
  /** Performs effects and fires timers until the signal comes; then ends without an error. */
  work(options: { readonly signal: AbortSignal }): Promise<void>;
  /** Performs what waits and is due now, and what follows from it; answers how many pieces of work that was. */
  drain(options?: CallOptions): Promise<number>;
}

const MAX_CONFLICTS = 32;
const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 300_000;
const DAY_MS = 86_400_000;

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
  const concurrency = requireWhole('options.concurrency', options.concurrency ?? 16, 1, 1_000);
  const leaseMs = requireWhole('options.leaseMs', options.leaseMs ?? 60_000, 10, DAY_MS);
  const snapshotEvery = requireWhole('options.snapshotEvery', options.snapshotEvery ?? 100, 1);
  const idleMs = requireWhole('options.idleMs', options.idleMs ?? 1_000, 1, DAY_MS);
  const maxAttempts = requireWhole('options.maxAttempts', options.maxAttempts ?? 20, 1);
  const known = new Map<string, Registration>();
  for (const registration of machines) {
    const { name } = registration.machine;
    if (typeof name !== 'string' || !/^[\w.-]{1,100}$/.test(name))
      throw invalidArgument('machine.name', 'letters, digits, -, _ and ., at most 100', name);
    if (known.has(name)) throw invalidArgument('options.machines', `one machine named ${name}`, machines);
    known.set(name, registration);
  }

  return {
    async send(machine, id, event, call = {}) {
      checkCall('send', call);
      const { key, ...rest } = call;
      if (key !== undefined) checkName('options.key', key);
      return deliver(machine, { id, event, ...rest, ...(key === undefined ? {} : { key }) });
    },
    async state(machine, id, call = {}) {
      checkCall('state', call);
      return loadInstance(store, machine, { id, ...call });
    },
    async drain(call = {}) {
      checkCall('drain', call);
      for (let done = 0; ;) {
        const claims = await claim(call);
        if (claims.length === 0) return done;
        await Promise.all(claims.map((claimed) => doClaimed(claimed, call)));
        done += claims.length;
      }
    },
    work,
  };

  async function work({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    let failures = 0;
    const busy = new Set<Promise<void>>();
    while (!signal.aborted)
      try {
        const after = await store.head({ signal });
        const claims = await claim({ signal }, concurrency - busy.size);
        for (const claimed of claims) {
          const running: Promise<void> = doClaimed(claimed, { signal }).finally(() => busy.delete(running));
          busy.add(running);
        }
        failures = 0;
        if (busy.size === concurrency) await Promise.race(busy);
        else if (claims.length === 0) await idle({ after, signal, busy });
      } catch (error) {
        if (signal.aborted) break;
        failures += 1;
        logger.warn('the store failed, trying again', { code: codeOf(error), failures });
        await pause(delayOf(failures), signal);
      }
    await Promise.all(busy);
  }

  /** Until something is appended, a timer comes due, a performer ends, or it is time to look at the height. */
  async function idle(at: {
    readonly after: number;
    readonly signal: AbortSignal;
    readonly busy: ReadonlySet<Promise<void>>;
  }): Promise<void> {
    const { after, signal, busy } = at;
    const next = await store.nextTimer({ signal });
    const untilTimer = next === undefined ? idleMs : Math.max(1, next - clock.nowMs());
    const stop = new AbortController();
    const either = AbortSignal.any([signal, stop.signal]);
    const waiting = store
      .waitForEvents({ after, timeoutMs: Math.min(idleMs, untilTimer), signal: either })
      .catch((error: unknown) => {
        if (!hasCode(error, 'EVENTS_ABORTED')) throw error;
      });
    try {
      await Promise.race([waiting, ...busy]);
    } finally {
      stop.abort();
      await waiting;
    }
  }

  async function claim(call: CallOptions, limit = concurrency): Promise<ReadonlyArray<ClaimedEffect | ClaimedTimer>> {
    if (limit === 0) return [];
    const tip = height === undefined ? {} : { height: await height(call) };
    const timers = await store.claimTimers({ ...call, ...tip, time: clock.nowMs(), limit, leaseMs });
    if (timers.length === limit) return timers;
    const effects = await store.claimEffects({ ...call, limit: limit - timers.length, leaseMs });
    return [...timers, ...effects];
  }

  async function doClaimed(claimed: ClaimedEffect | ClaimedTimer, call: CallOptions): Promise<void> {
    try {
      if (claimed.kind === 'timer') await fire(claimed);
      else await perform(claimed, call);
    } catch (error) {
      // Somebody else has it now, or will have it when the claim runs out: nothing is lost.
      if (!hasCode(error, 'EVENTS_CLAIM_LOST'))
        logger.warn('work is left to its next claim', { kind: claimed.kind, key: claimed.key, code: codeOf(error) });
    }
  }

  async function fire(timer: ClaimedTimer): Promise<void> {
    const target = targetOf(timer.stream);
    if (target === undefined) return unknownMachine(timer);
    const { type, ...data } = timer.data as Typed;
    await conclude(target, { event: readEvent({ type, data }), claim: timer });
  }

  async function perform(effect: ClaimedEffect, call: CallOptions): Promise<void> {
    const target = targetOf(effect.stream);
    const performer = target?.registration.performers[effect.type];
    if (target === undefined || performer === undefined) return unknownMachine(effect);
    const { key, type, data, attempt } = effect;
    // A tenth of the time is left to record the outcome.
    const timeout = AbortSignal.timeout(leaseMs - Math.ceil(leaseMs / 10));
    const signal = call.signal === undefined ? timeout : AbortSignal.any([call.signal, timeout]);
    let event: Typed | undefined;
    try {
      const performing = performer({ ...(data as object), type }, { id: target.id, key, attempt, signal });
      // One that does not listen to its signal must not hold up the others: its key makes a second run harmless.
      event = await Promise.race([performing, rejectionOf(signal)]);
    } catch (error) {
      if (call.signal?.aborted === true) return store.release(effect);
      return failed(effect, timeout.aborted ? timeout.reason : error);
    }
    if (event === undefined) await store.settle([effect]);
    else await conclude(target, { event, claim: effect });
  }

  async function failed(effect: ClaimedEffect, error: unknown): Promise<void> {
    const { key, type, attempt } = effect;
    const code = codeOf(error);
    const hopeless = typeof error === 'object' && error !== null && 'retryable' in error && error.retryable === false;
    if (hopeless || attempt >= maxAttempts) {
      logger.error('an effect is given up', { key, type, attempt, code });
      await store.bury(effect, { reason: code });
    } else {
      const delayMs = delayOf(attempt);
      logger.warn('an effect failed, trying again', { key, type, attempt, code, delayMs });
      await store.release(effect, { delayMs });
    }
  }

  /** Records what came of claimed work, or just ends it when the machine does not want to know. */
  async function conclude(target: Target, outcome: { readonly event: Typed; readonly claim: Claim }): Promise<void> {
    const { event, claim } = outcome;
    const sent = await deliver(target.registration.machine, { id: target.id, event, claim });
    if (!sent.accepted) await store.settle([claim]);
  }

  async function unknownMachine(claim: Claim): Promise<void> {
    logger.warn('nobody here knows how to do this work', { kind: claim.kind, stream: claim.stream, key: claim.key });
    await store.release(claim, { delayMs: idleMs });
  }

  function targetOf(stream: string): Target | undefined {
    const slash = stream.indexOf('/');
    const registration = known.get(stream.slice(0, slash));
    return registration === undefined ? undefined : { registration, id: stream.slice(slash + 1) };
  }

  /** Loads, steps and appends, again while others are faster. */
  async function deliver<State, Event extends Typed, Effect extends Typed>(
    machine: Machine<State, Event, Effect>,
    delivery: CallOptions & {
      readonly id: string;
      readonly event: Event;
      readonly key?: string;
      readonly claim?: Claim;
    },
  ): Promise<Sent<State>> {
    const { id, event, key, claim, ...call } = delivery;
    const stream = streamOf(machine, id);
    const record = toRecord(event);
    for (let conflicts = 0; ; conflicts++) {
      const { state, version } = await loadInstance(store, machine, { id, ...call });
      const step = machine.step(state, event);
      if ('refused' in step) {
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
            ...toWork(stream, step.asks ?? []),
            ...(key === undefined ? {} : { key }),
            ...(claim === undefined ? {} : { settles: [claim] }),
          },
          call,
        );
        if (appended.duplicate) return { accepted: true, state, version: appended.version };
        if (appended.version % snapshotEvery === 0)
          await saveInstance(store, machine, { id, instance: { state: step.state, version: appended.version } });
        return { accepted: true, state: step.state, version: appended.version };
      } catch (error) {
        if (!hasCode(error, 'EVENTS_VERSION_CONFLICT') || conflicts === MAX_CONFLICTS) throw error;
      }
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
      const { version } = await store.append({ stream, events: [record], key, expectedVersion: 0 }, call);
      return version;
    } catch (error) {
      if (hasCode(error, 'EVENTS_VERSION_CONFLICT')) return undefined;
      throw error;
    }
  }

  /** Full jitter over an exponential back-off, in milliseconds. */
  function delayOf(attempt: number): number {
    const [low = 0, high = 0] = entropy.bytes(2);
    const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempt - 1));
    return Math.ceil((ceiling * (low + 256 * high)) / 0xffff);
  }
}

interface Target {
  readonly registration: Registration;
  readonly id: string;
}

/** Code, else class name: the text of an error may hold anything. */
function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return typeof error;
  if ('code' in error && typeof error.code === 'string' && error.code !== '') return error.code.slice(0, 255);
  return error instanceof Error ? error.name : 'object';
}

/** Rejects when the signal comes. */
function rejectionOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, fail) => {
    if (signal.aborted) fail(signal.reason as Error);
    else signal.addEventListener('abort', () => fail(signal.reason as Error), { once: true });
  });
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((done) => {
    const timer = setTimeout(finish, milliseconds);
    signal.addEventListener('abort', finish, { once: true });
    function finish(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', finish);
      done();
    }
  });
}
