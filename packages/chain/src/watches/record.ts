import { hasCode, toHex, webEntropy } from '@bitcoin-enterprise/core';
import type { Claim, EventStore, Lease } from '@bitcoin-enterprise/events';
import type { CallOptions } from '../ports/chain-source.ts';
import { pause } from '../adapters/pause.ts';
import { aborted } from '../adapters/policy.ts';
import {
  initialWatchState,
  invalidState,
  stepWatches,
  type WatchEvent,
  type WatchNotice,
  type WatchState,
} from './model.ts';

/** Steps between two snapshots. */
const SNAPSHOT_EVERY = 500;
/** Steps that are read at once. */
const PAGE = 1_000;
/** Notices that are taken at once. */
const BATCH = 20;
/** By how much the right to deliver outlasts the claims made under it, in milliseconds. */
const MARGIN_MS = 50;
/** How long to wait for notices that another process appends. */
const WAIT_MS = 1_000;

/** A state, and the version of the stream that it stands for. */
interface Standing {
  readonly state: WatchState;
  readonly version: number;
}

/** The steps of watches on record: an event each, with the notices that follow from it as effects. */
export class WatchRecord {
  readonly #store: EventStore;
  readonly #stream: string;
  readonly #type: string;
  readonly #name: string;
  #standing: Standing = { state: initialWatchState, version: 0 };

  /**
   * @param store - Where it is kept.
   * @param name - Of the watcher.
   */
  constructor(store: EventStore, name: string) {
    this.#store = store;
    this.#name = name;
    this.#stream = `watches/${name}`;
    this.#type = `watch.notice:${name}`;
  }

  /** The state after the last step on record. */
  async load(options: CallOptions = {}): Promise<WatchState> {
    return (await this.#read(options)).state;
  }

  /**
   * Appends a step with its notices, all or nothing.
   *
   * @param decide - The step to make upon a state, or nothing; asked again when another process was faster.
   * @returns The state afterwards.
   */
  async step(options: CallOptions, decide: (state: WatchState) => WatchEvent | undefined): Promise<WatchState> {
    for (;;) {
      const before = await this.#read(options);
      const event = decide(before.state);
      if (event === undefined) return before.state;
      const { state, notices } = stepWatches(before.state, event);
      try {
        const { version } = await this.#store.append(
          {
            stream: this.#stream,
            expectedVersion: before.version,
            events: [{ type: `watch.${event.type}`, data: event }],
            effects: notices.map((notice) => ({ key: `${this.#name}/${notice.key}`, type: this.#type, data: notice })),
          },
          options,
        );
        this.#keep({ state, version });
        if (version % SNAPSHOT_EVERY === 0)
          await this.#store.saveSnapshot({ stream: this.#stream, version, state }, options);
        return state;
      } catch (error) {
        if (!hasCode(error, 'EVENTS_VERSION_CONFLICT')) throw error;
      }
    }
  }

  /** What is on record now; two calls at a time do not disturb each other. */
  async #read(options: CallOptions): Promise<Standing> {
    let { state, version } = this.#standing;
    if (version === 0) {
      const snapshot = await this.#store.loadSnapshot(this.#stream, options);
      if (snapshot !== undefined) {
        state = stateOf(snapshot.state);
        version = snapshot.version;
      }
    }
    for (let more = true; more;) {
      const events = await this.#store.readStream(this.#stream, { ...options, after: version, limit: PAGE });
      for (const event of events) {
        state = stepWatches(state, eventOf(event.data)).state;
        version = event.version;
      }
      more = events.length === PAGE;
    }
    this.#keep({ state, version });
    return { state, version };
  }

  #keep(standing: Standing): void {
    if (standing.version > this.#standing.version) this.#standing = standing;
  }

  /**
   * Hands notices out as they come, in order, until the signal ends it. One process at a time may: another one of the
   * same name takes over when it is done, or dead for as long as a claim lasts, so that no notice overtakes another.
   */
  async deliver(
    handle: (notice: WatchNotice, context: { readonly claim: Claim }) => Promise<void>,
    facts: { readonly signal: AbortSignal; readonly leaseMs: number },
  ): Promise<void> {
    const { signal, leaseMs } = facts;
    const owner = toHex(webEntropy().bytes(12));
    let lease: Lease | undefined;
    try {
      for (;;) {
        if (signal.aborted) throw aborted('run', signal.reason);
        // Before every claim, so that none outlasts it.
        lease = await this.#store.acquireLease(`${this.#stream}/deliver`, {
          owner,
          ttlMs: leaseMs + MARGIN_MS,
          signal,
        });
        if (lease === undefined) await pause(Math.min(WAIT_MS, leaseMs / 4), { call: 'run', signal });
        else await this.#deliverSome(handle, facts);
      }
    } finally {
      if (lease !== undefined) await this.#store.releaseLease(lease).catch(() => undefined);
    }
  }

  async #deliverSome(
    handle: (notice: WatchNotice, context: { readonly claim: Claim }) => Promise<void>,
    facts: { readonly signal: AbortSignal; readonly leaseMs: number },
  ): Promise<void> {
    const { signal, leaseMs } = facts;
    const head = await this.#store.head({ signal });
    const claims = await this.#store.claimEffects({ limit: BATCH, leaseMs, types: [this.#type], signal });
    for (const [i, claim] of claims.entries())
      try {
        await handle(claim.data as WatchNotice, { claim });
        await this.#settle(claim, signal);
      } catch (error) {
        // Those behind it wait with it: their order means something.
        for (const waiting of claims.slice(i)) await this.#store.release(waiting).catch(() => undefined);
        throw error;
      }
    if (claims.length === 0)
      await this.#store.waitForEvents({ after: head, timeoutMs: Math.min(WAIT_MS, leaseMs / 2), signal });
  }

  async #settle(claim: Claim, signal: AbortSignal): Promise<void> {
    try {
      await this.#store.settle([claim], { signal });
    } catch (error) {
      // Settled by the handler itself, together with what it wrote; or taken over by another worker.
      if (!hasCode(error, 'EVENTS_CLAIM_LOST')) throw error;
    }
  }
}

function stateOf(value: unknown): WatchState {
  const state = value as Partial<WatchState> | null;
  if (state?.version !== 1 || !Array.isArray(state.blocks) || typeof state.watches !== 'object')
    throw invalidState('a snapshot of another version');
  return state as WatchState;
}

function eventOf(value: unknown): WatchEvent {
  const event = value as Partial<WatchEvent> | null;
  if (typeof event?.type !== 'string') throw invalidState('a step that is none');
  return event as WatchEvent;
}
