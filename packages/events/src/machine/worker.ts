import { type Clock, hasCode, type Logger } from '@bitcoin-enterprise/core';
import { endable, pause } from '../model/waiting.ts';
import type { CallOptions, Claim, ClaimedEffect, ClaimedTimer, EventStore } from '../ports/event-store.ts';
import { codeOf } from './code-of.ts';
import type { Courier } from './delivery.ts';
import { readEvent } from './instance.ts';
import type { Typed } from './machine.ts';
import { createOverdue } from './overdue.ts';
import type { Registration } from './registration.ts';

/** Performs effects and fires timers. */
export interface Worker {
  /** Until the signal comes. */
  work(signal: AbortSignal): Promise<void>;
  /** What waits and is due now, and what follows from it; answers how many pieces of work that was. */
  drain(call: CallOptions): Promise<number>;
  /** Performers that go on although their signal has come. */
  readonly overdue: number;
}

/** Settings of {@link createWorker}. */
export interface WorkerOptions {
  readonly store: EventStore;
  readonly courier: Courier;
  readonly known: ReadonlyMap<string, Registration>;
  readonly clock: Clock;
  readonly height: ((options: CallOptions) => Promise<number>) | undefined;
  readonly logger: Logger;
  readonly concurrency: number;
  readonly leaseMs: number;
  readonly idleMs: number;
  readonly maxAttempts: number;
  /** A number from 0 to below 1, to spread retries. */
  readonly random: () => number;
}

type Claimed = ClaimedEffect | ClaimedTimer;

interface Target {
  readonly registration: Registration;
  readonly id: string;
}

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 300_000;

/** Makes a worker. */
export function createWorker(options: WorkerOptions): Worker {
  const { store, courier, known, clock, height, logger, concurrency, leaseMs, idleMs, maxAttempts, random } = options;
  // Work of machines that are not ours is left to those who know them.
  const prefixes = [...known.keys()].map((name) => `${name}/`);
  let knownHeight: number | undefined;
  let asking: Promise<void> | undefined;
  const overdue = createOverdue(logger);

  return {
    get overdue() {
      return overdue.count;
    },
    async drain(call) {
      for (let done = 0; ;) {
        const claims = await claim(call, 0);
        if (claims.length === 0) return done;
        await Promise.all(claims.map((claimed) => doClaimed(claimed, call)));
        done += claims.length;
      }
    },
    async work(signal) {
      let failures = 0;
      const busy = new Set<Promise<void>>();
      while (!signal.aborted)
        try {
          // Asked for before the claim: what comes between the two must end the wait.
          const after = await store.head({ signal });
          const claims = await claim({ signal }, busy.size);
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
    },
  };

  /** Until something is appended, a timer comes due, a performer ends, or it is time to look at the height. */
  async function idle(at: {
    readonly after: number;
    readonly signal: AbortSignal;
    readonly busy: ReadonlySet<Promise<void>>;
  }): Promise<void> {
    const { after, signal, busy } = at;
    const next = await store.nextTimer({ signal });
    const now = clock.nowMs();
    // One that is due and was not given to us just now is held by somebody: to ask again at once would not help.
    const untilTimer = next === undefined || next <= now ? idleMs : next - now;
    const stop = new AbortController();
    const either = AbortSignal.any([signal, stop.signal]);
    const waiting = store
      .waitForEvents({ after, timeoutMs: Math.min(idleMs, untilTimer), signal: either })
      .catch((error: unknown) => {
        if (!hasCode(error, 'EVENTS_ABORTED')) throw error;
      });
    try {
      await Promise.race([waiting, ...busy, ...overdue.all()]);
    } finally {
      stop.abort();
      await waiting;
    }
  }

  /** Takes as much work as there is room for beside what is under way. */
  async function claim(call: CallOptions, busy: number): Promise<readonly Claimed[]> {
    const limit = concurrency - busy;
    if (limit === 0) return [];
    const tip = await heightNow(call);
    const due = { ...call, ...(tip === undefined ? {} : { height: tip }), time: clock.nowMs() };
    const timers = await store.claimTimers({ ...due, limit, leaseMs, prefixes });
    // A few performers that are deaf must not hold up the others, and many must not pile up.
    const room = Math.min(limit - timers.length, 2 * concurrency - busy - overdue.count);
    if (room <= 0) return timers;
    try {
      return [...timers, ...(await store.claimEffects({ ...call, limit: room, leaseMs, prefixes }))];
    } catch (error) {
      // Those that we have are ours to fire.
      if (timers.length === 0) throw error;
      return timers;
    }
  }

  /** The height, or the last one known when it does not come in time: effects must not wait for a silent chain. */
  async function heightNow(call: CallOptions): Promise<number | undefined> {
    if (height === undefined) return undefined;
    asking ??= height(call)
      .then(
        (answer) => {
          knownHeight = answer;
        },
        (error: unknown) => logger.warn('the height of the chain is not known', { code: codeOf(error) }),
      )
      .finally(() => {
        asking = undefined;
      });
    await Promise.race([asking, pause(idleMs, call.signal)]);
    return knownHeight;
  }

  async function doClaimed(claimed: Claimed, call: CallOptions): Promise<void> {
    try {
      if (claimed.kind === 'timer') await fire(claimed);
      else await perform(claimed, call);
    } catch (error) {
      await failed(claimed, error);
    }
  }

  async function fire(timer: ClaimedTimer): Promise<void> {
    const target = targetOf(timer.stream);
    if (target === undefined) return handBack(timer);
    const { type, ...data } = timer.data as Typed;
    await conclude(target, { event: readEvent({ type, data }), claim: timer });
  }

  async function perform(effect: ClaimedEffect, call: CallOptions): Promise<void> {
    const target = targetOf(effect.stream);
    const performer = target?.registration.performers[effect.type];
    if (target === undefined || performer === undefined) return handBack(effect);
    const { key, type, data, attempt } = effect;
    // A tenth of the time is left to record the outcome.
    const timeout = AbortSignal.timeout(leaseMs - Math.ceil(leaseMs / 10));
    const signal = call.signal === undefined ? timeout : AbortSignal.any([call.signal, timeout]);
    let event: Typed | undefined;
    let performing: Promise<Typed | undefined> | undefined;
    try {
      performing = Promise.resolve(performer({ ...(data as object), type }, { id: target.id, key, attempt, signal }));
      // One that does not listen to its signal must not hold up the others: its key makes a second run harmless.
      event = await endable(performing, { call: type, signal });
    } catch (error) {
      if (signal.aborted && performing !== undefined) overdue.watch(effect, performing);
      if (call.signal?.aborted === true) return store.release(effect);
      throw timeout.aborted ? timeout.reason : error;
    }
    if (event === undefined) await store.settle([effect]);
    else await conclude(target, { event, claim: effect });
  }

  /** Records what came of claimed work, or just ends it when the machine does not want to know. */
  async function conclude(target: Target, outcome: { readonly event: Typed; readonly claim: Claim }): Promise<void> {
    const { event, claim } = outcome;
    const sent = await courier.deliver(target.registration.machine, { id: target.id, event, claim });
    if (!sent.accepted) await store.settle([claim]);
  }

  /** Tries again later; gives an effect up that is hopeless. A timer is never given up: nobody would notice. */
  async function failed(claimed: Claimed, error: unknown): Promise<void> {
    const { kind, key, attempt } = claimed;
    const code = codeOf(error);
    // Somebody else has it now.
    if (code === 'EVENTS_CLAIM_LOST') return;
    const isStore = code.startsWith('EVENTS_STORE_') || code === 'EVENTS_ABORTED';
    const isHopeless = typeof error === 'object' && error !== null && 'retryable' in error && error.retryable === false;
    try {
      if (kind === 'effect' && !isStore && (isHopeless || attempt >= maxAttempts)) {
        logger.error('an effect is given up', { key, attempt, code });
        return await store.bury(claimed, { reason: code });
      }
      const delayMs = delayOf(attempt);
      logger.warn('work failed, trying again', { kind, key, attempt, code, delayMs });
      await store.release(claimed, { delayMs });
    } catch (lost) {
      // The claim runs out by itself, and somebody takes it then: nothing is lost.
      if (!hasCode(lost, 'EVENTS_CLAIM_LOST'))
        logger.warn('work is left to its next claim', { kind, key, code: codeOf(lost) });
    }
  }

  async function handBack(claim: Claim): Promise<void> {
    logger.warn('nobody here knows how to do this work', { kind: claim.kind, stream: claim.stream, key: claim.key });
    await store.release(claim, { delayMs: idleMs });
  }

  function targetOf(stream: string): Target | undefined {
    const slash = stream.indexOf('/');
    const registration = known.get(stream.slice(0, slash));
    return registration === undefined ? undefined : { registration, id: stream.slice(slash + 1) };
  }

  /** Full jitter over an exponential back-off, in milliseconds. */
  function delayOf(attempt: number): number {
    return Math.ceil(random() * Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(attempt - 1, 20)));
  }
}
