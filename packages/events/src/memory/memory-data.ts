import type { Holding } from '../model/claims.ts';
import { type Bell, createBell } from '../model/waiting.ts';
import type { StoredEvent, TimerDue } from '../ports/event-store.ts';

/** What a memory store holds; two stores over the same data are two processes on one database. */
export interface MemoryData {
  /** In order of position. */
  readonly events: MemoryEvent[];
  readonly streams: Map<string, MemoryStream>;
  readonly effects: Map<string, MemoryEffect>;
  /** By stream, then key. */
  readonly timers: Map<string, Map<string, MemoryTimer>>;
  readonly leases: Map<string, MemoryLease>;
  readonly bell: Bell;
  /** Position of the newest event. */
  head: number;
  /** Last token given to a claim. */
  token: number;
}

/** Makes the data of an empty store. */
export function createMemoryData(): MemoryData {
  return {
    events: [],
    streams: new Map(),
    effects: new Map(),
    timers: new Map(),
    leases: new Map(),
    bell: createBell('waitForEvents'),
    head: 0,
    token: 0,
  };
}

/** An event with its data as JSON text, so that no reader can change another's. */
export interface MemoryEvent extends Omit<StoredEvent, 'data' | 'meta'> {
  readonly data: string;
  readonly meta: string | null;
}

/** What the data knows of a stream. */
export interface MemoryStream {
  /** Versions `first`, `first + 1`… */
  events: MemoryEvent[];
  first: number;
  /** Key → last version and number of events of its append. */
  readonly keys: Map<string, { readonly version: number; readonly position: number; readonly size: number }>;
  snapshot: { readonly version: number; readonly state: string } | undefined;
}

/** Work that can be claimed. */
export interface MemoryWork {
  readonly stream: string;
  readonly key: string;
  readonly data: string;
  /** Claims so far. */
  attempts: number;
  /** Of the claim; 0 when nobody has one. */
  token: number;
  /** While it is claimed, or waits after a release. */
  holding: Holding;
}

/** An effect. */
export interface MemoryEffect extends MemoryWork {
  readonly type: string;
  state: 'waiting' | 'done' | 'dead';
  reason: string;
  doneAt: number;
}

/** A timer. */
export interface MemoryTimer extends MemoryWork {
  readonly due: TimerDue;
}

/** A lease; one that was given back keeps its token and has expired. */
export interface MemoryLease extends Holding {
  readonly owner: string;
  readonly token: number;
}
