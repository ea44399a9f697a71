import { hasCode } from '@bitcoin-enterprise/core';
import type { EventStore } from '@bitcoin-enterprise/events';
import type { CallOptions } from '../ports/chain-source.ts';
import { initialWatchState, invalidState, type WatchEvent, type WatchState } from './model.ts';
import { stepWatches } from './step.ts';

/** Steps between two snapshots. */
const SNAPSHOT_EVERY = 500;
/** Steps that are read at once. */
const PAGE = 1_000;

/** A state, and the version of the stream that it stands for. */
interface Standing {
  readonly state: WatchState;
  readonly version: number;
}

/** The steps of watches on record: an event each, with the notices that follow from it as effects. */
export class WatchRecord {
  /** Where its steps are kept. */
  readonly stream: string;
  /** The type of its notices as effects. */
  readonly noticeType: string;
  readonly #store: EventStore;
  readonly #name: string;
  #standing: Standing = { state: initialWatchState, version: 0 };

  /**
   * @param store - Where it is kept.
   * @param name - Of the watcher.
   */
  constructor(store: EventStore, name: string) {
    this.#store = store;
    this.#name = name;
    this.stream = `watches/${name}`;
    this.noticeType = `watch.notice:${name}`;
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
    let wanted = decide;
    for (;;) {
      const before = await this.#read(options);
      const event = wanted(before.state) ?? (before.state.untold.length > 0 ? { type: 'told' } : undefined);
      if (event === undefined) return before.state;
      const { state, notices } = stepWatches(before.state, event);
      try {
        const { version } = await this.#store.append(
          {
            stream: this.stream,
            expectedVersion: before.version,
            events: [{ type: `watch.${event.type}`, data: event }],
            effects: notices.map((notice) => ({
              key: `${this.#name}/${notice.key}`,
              type: this.noticeType,
              data: notice,
            })),
          },
          options,
        );
        this.#keep({ state, version });
        if (version % SNAPSHOT_EVERY === 0) await this.#saveSnapshot({ state, version }, options);
        // What does not fit into one append follows at once.
        if (state.untold.length === 0) return state;
        wanted = () => undefined;
      } catch (error) {
        if (!hasCode(error, 'EVENTS_VERSION_CONFLICT')) throw error;
      }
    }
  }

  async #saveSnapshot({ state, version }: Standing, options: CallOptions): Promise<void> {
    try {
      await this.#store.saveSnapshot({ stream: this.stream, version, state }, options);
    } catch (error) {
      // A state too large for a snapshot is read from the steps: slower, and as right.
      if (!hasCode(error, 'EVENTS_DATA_INVALID')) throw error;
    }
  }

  /** What is on record now; two calls at a time do not disturb each other. */
  async #read(options: CallOptions): Promise<Standing> {
    let { state, version } = this.#standing;
    if (version === 0) {
      const snapshot = await this.#store.loadSnapshot(this.stream, options);
      if (snapshot !== undefined) {
        state = stateOf(snapshot.state);
        version = snapshot.version;
      }
    }
    for (let more = true; more;) {
      const events = await this.#store.readStream(this.stream, { ...options, after: version, limit: PAGE });
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
}

function stateOf(value: unknown): WatchState {
  const state = value as Partial<WatchState> | null;
  if (
    state?.version !== 1 ||
    !Array.isArray(state.blocks) ||
    typeof state.watches !== 'object' ||
    !Array.isArray(state.untold)
  )
    throw invalidState('a snapshot of another version');
  return state as WatchState;
}

function eventOf(value: unknown): WatchEvent {
  const event = value as Partial<WatchEvent> | null;
  if (typeof event?.type !== 'string') throw invalidState('a step that is none');
  return event as WatchEvent;
}
