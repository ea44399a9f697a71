import { hasCode, systemClock, toHex, webEntropy } from '@bitcoin-enterprise/core';
import type { Claim, EventStore, Lease } from '@bitcoin-enterprise/events';
import { pause } from '../adapters/pause.ts';
import { aborted } from '../adapters/policy.ts';
import type { WatchNotice } from './model.ts';

/** Is told a notice. */
export type DeliverNotice = (notice: WatchNotice, context: DeliveryContext) => Promise<void>;

/** What a handler of notices gets beside the notice. */
export interface DeliveryContext {
  /** Settled when the handler is done, or by an append of the handler to the same store. */
  readonly claim: Claim;
  /** Ends when another process has taken over, or the watcher ends. */
  readonly signal: AbortSignal;
}

/** Whose notices are delivered, to whom and for how long. */
export interface Delivery {
  readonly store: EventStore;
  /** Names the right to deliver. */
  readonly right: string;
  /** Type of the notices as effects. */
  readonly type: string;
  readonly handle: DeliverNotice;
  readonly leaseMs: number;
  readonly signal: AbortSignal;
}

/** Notices that are taken at once. */
const BATCH = 20;
/** By how much the right to deliver outlasts the claims made under it, in milliseconds. */
const MARGIN_MS = 50;
/** How long to wait for notices that another process appends. */
const WAIT_MS = 1_000;
/** How often the right is renewed in the time that it lasts. */
const BEATS = 4;

/**
 * Hands notices out as they come, in order, until the signal ends it. One process at a time has the right to, and renews
 * it for as long as a handler takes: another one of the same name takes over when it is done, or has been dead for as
 * long as a claim lasts, so that no notice overtakes another and none is handled by two at once.
 */
export async function deliverNotices(delivery: Delivery): Promise<void> {
  const { leaseMs, signal } = delivery;
  const right = new Right(delivery);
  try {
    for (;;) {
      if (signal.aborted) throw aborted('run', signal.reason);
      if (await right.take()) await deliverSome(delivery, right);
      else await pause(Math.min(WAIT_MS, leaseMs / 4), { call: 'run', signal });
    }
  } finally {
    await right.giveBack();
  }
}

async function deliverSome(delivery: Delivery, right: Right): Promise<void> {
  const { store, type, leaseMs, signal } = delivery;
  const head = await store.head({ signal });
  const claims = await store.claimEffects({ limit: BATCH, leaseMs, types: [type], signal });
  let done = 0;
  try {
    for (const claim of claims) {
      if (!(await right.stands())) break;
      await right.during(async (lost) => handleOne(delivery, claim, lost));
      done += 1;
    }
  } finally {
    // Those behind one that failed wait with it: their order means something.
    for (const waiting of claims.slice(done)) await store.release(waiting).catch(() => undefined);
  }
  if (claims.length === 0)
    await store.waitForEvents({ after: head, timeoutMs: Math.min(WAIT_MS, leaseMs / 2), signal });
}

async function handleOne({ store, handle, signal }: Delivery, claim: Claim, lost: AbortSignal): Promise<void> {
  const { data } = claim as Claim & { readonly data: WatchNotice };
  await handle(data, { claim, signal: AbortSignal.any([signal, lost]) });
  try {
    // Even when it is to end: what is done is done.
    await store.settle([claim]);
  } catch (error) {
    // Settled by the handler itself, together with what it wrote; or taken over by another process, which tells it again.
    if (!hasCode(error, 'EVENTS_CLAIM_LOST')) throw error;
  }
}

/** The right to deliver, held by one process at a time. */
class Right {
  readonly #delivery: Delivery;
  readonly #owner: string = toHex(webEntropy().bytes(12));
  readonly #clock = systemClock();
  #lease: Lease | undefined;
  /** Token of the lease under which claims were made last. */
  #token: number | undefined;
  #renewedAt = 0;

  constructor(delivery: Delivery) {
    this.#delivery = delivery;
  }

  /** Takes it or makes it last longer; before every claim, so that none outlasts it. */
  async take(): Promise<boolean> {
    await this.#renew();
    this.#token = this.#lease?.token;
    return this.#lease !== undefined;
  }

  /** Whether it is still the same right as when the claims were made; renews it when it is due. */
  async stands(): Promise<boolean> {
    const { leaseMs } = this.#delivery;
    if (this.#clock.monotonicMs() - this.#renewedAt >= leaseMs / BEATS) await this.#renew();
    // A higher token says that it had run out in between: others may have been at work.
    return this.#lease !== undefined && this.#lease.token === this.#token;
  }

  async #renew(): Promise<void> {
    const { store, right, leaseMs, signal } = this.#delivery;
    const asked = this.#clock.monotonicMs();
    this.#lease = await store.acquireLease(right, { owner: this.#owner, ttlMs: leaseMs + MARGIN_MS, signal });
    this.#renewedAt = asked;
  }

  /** Does work while the right is renewed; the signal that the work gets ends when the right is lost. */
  async during(work: (lost: AbortSignal) => Promise<void>): Promise<void> {
    const lost = new AbortController();
    const over = new AbortController();
    const beating = this.#beat(lost, over.signal);
    try {
      await work(lost.signal);
    } finally {
      over.abort();
      await beating;
    }
  }

  async #beat(lost: AbortController, over: AbortSignal): Promise<void> {
    const { leaseMs } = this.#delivery;
    while (!over.aborted && !lost.signal.aborted) {
      await pause(leaseMs / BEATS, { call: 'run', signal: over }).catch(() => undefined);
      if (over.aborted) return;
      // A store that does not answer may do so at the next beat, while the right lasts.
      const stands = await this.stands().catch(() => this.#clock.monotonicMs() - this.#renewedAt < leaseMs);
      if (!stands) lost.abort();
    }
  }

  async giveBack(): Promise<void> {
    if (this.#lease !== undefined) await this.#delivery.store.releaseLease(this.#lease).catch(() => undefined);
  }
}
