import { type Clock, systemClock, unixMilliseconds } from '@bitcoin-enterprise/core';
import {
  claimLost,
  keyReused,
  leaseLost,
  snapshotMissing,
  storeClosed,
  truncated,
  versionConflict,
} from '../errors.ts';
import {
  checkCall,
  checkClaim,
  checkClaiming,
  checkClaims,
  checkLease,
  checkLeasing,
  checkName,
  checkNow,
  checkRead,
  checkStream,
  checkTypes,
  checkWait,
  prepareAppend,
  type PreparedAppend,
  prepareSnapshot,
  requireRecord,
  requireWhole,
} from '../model/checks.ts';
import { hasExpired } from '../model/claims.ts';
import type {
  Append,
  Appended,
  CallOptions,
  Claim,
  ClaimedEffect,
  ClaimedTimer,
  ClaimOptions,
  DeadEffect,
  EventStore,
  Lease,
  LeaseOptions,
  ReadOptions,
  Snapshot,
  StoredEvent,
  WaitOptions,
} from '../ports/event-store.ts';
import {
  createMemoryData,
  type MemoryData,
  type MemoryEvent,
  type MemoryStream,
  type MemoryTimer,
  type MemoryWork,
} from './memory-data.ts';

/** Settings of {@link createMemoryStore}. */
export interface MemoryStoreOptions {
  /** What time it is; the runtime's when absent. */
  readonly clock?: Clock;
  /** Data that several stores share; data of its own when absent. */
  readonly data?: MemoryData;
}

/**
 * Makes an event store that lives as long as the process: for tests, and for what may be lost.
 *
 * @example
 * ```ts
 * import { createMemoryStore } from '@bitcoin-enterprise/events';
 *
 * const store = createMemoryStore();
 * await store.append({ stream: 'swap/1', events: [{ type: 'funded', data: { sat: '5000' } }], expectedVersion: 0 });
 * (await store.readStream('swap/1')).map(({ type }) => type); // => ['funded']
 * ```
 */
export function createMemoryStore(options: MemoryStoreOptions = {}): EventStore {
  requireRecord('options', options);
  const { clock = systemClock(), data = createMemoryData() } = options;
  return new MemoryStore(clock, data);
}

class MemoryStore implements EventStore {
  readonly #clock: Clock;
  readonly #data: MemoryData;
  readonly #closing = new AbortController();

  constructor(clock: Clock, data: MemoryData) {
    this.#clock = clock;
    this.#data = data;
  }

  async append(append: Append, options: CallOptions = {}): Promise<Appended> {
    this.#enter('append', options);
    const prepared = prepareAppend(append);
    const data = this.#data;
    const stream = data.streams.get(prepared.stream);
    const known = prepared.key === undefined ? undefined : stream?.keys.get(prepared.key);
    if (known !== undefined && stream !== undefined) {
      requireSame(prepared, stream, known);
      return { version: known.version, position: known.position, duplicate: true };
    }
    const version = stream === undefined ? 0 : versionOf(stream);
    if (prepared.expectedVersion !== undefined && prepared.expectedVersion !== version)
      throw versionConflict(prepared.stream, prepared.expectedVersion, version);
    if (prepared.lease !== undefined) this.#requireLease(prepared.lease);
    for (const claim of prepared.settles) this.#requireClaim(claim);
    // Nothing above has changed anything, and nothing below can fail: it is all or nothing.
    for (const claim of prepared.settles) this.#settleOne(claim);
    return this.#write(prepared, stream ?? this.#newStream(prepared.stream));
  }

  async readStream(stream: string, options: ReadOptions = {}): Promise<readonly StoredEvent[]> {
    this.#enter('readStream', options);
    const { after, limit } = checkRead(options);
    const found = this.#data.streams.get(checkStream(stream));
    if (found === undefined) return [];
    if (after + 1 < found.first) throw truncated(stream, after, found.first);
    const from = after + 1 - found.first;
    return found.events.slice(from, from + limit).map(readEvent);
  }

  async readAll(options: ReadOptions = {}): Promise<readonly StoredEvent[]> {
    this.#enter('readAll', options);
    const { after, limit } = checkRead(options);
    const { events } = this.#data;
    let low = 0;
    for (let high = events.length; low < high;) {
      const middle = (low + high) >>> 1;
      if ((events[middle]?.position ?? 0) <= after) low = middle + 1;
      else high = middle;
    }
    return events.slice(low, low + limit).map(readEvent);
  }

  async version(stream: string, options: CallOptions = {}): Promise<number> {
    this.#enter('version', options);
    const found = this.#data.streams.get(checkStream(stream));
    return found === undefined ? 0 : versionOf(found);
  }

  async head(options: CallOptions = {}): Promise<number> {
    this.#enter('head', options);
    return this.#data.head;
  }

  async waitForEvents(options: WaitOptions): Promise<boolean> {
    const { after, timeoutMs } = checkWait(options);
    this.#enter('waitForEvents', options);
    const { signal } = options;
    const closed = this.#closing.signal;
    return this.#data.bell.until({
      signals: signal === undefined ? [closed] : [signal, closed],
      timeoutMs,
      pollMs: timeoutMs,
      isThere: async () => {
        if (closed.aborted) throw storeClosed('memory');
        return this.#data.head > after;
      },
    });
  }

  async saveSnapshot(snapshot: Snapshot, options: CallOptions = {}): Promise<void> {
    this.#enter('saveSnapshot', options);
    const { stream, version, state } = prepareSnapshot(snapshot);
    const found = this.#data.streams.get(stream);
    const last = found === undefined ? 0 : versionOf(found);
    if (found === undefined || version > last) throw versionConflict(stream, version, last);
    if (found.snapshot === undefined || found.snapshot.version <= version) found.snapshot = { version, state };
  }

  async loadSnapshot(stream: string, options: CallOptions = {}): Promise<Snapshot | undefined> {
    this.#enter('loadSnapshot', options);
    const snapshot = this.#data.streams.get(checkStream(stream))?.snapshot;
    if (snapshot === undefined) return undefined;
    return { stream, version: snapshot.version, state: JSON.parse(snapshot.state) as unknown };
  }

  async claimEffects(
    options: ClaimOptions & { readonly types?: readonly string[] } = {},
  ): Promise<readonly ClaimedEffect[]> {
    this.#enter('claimEffects', options);
    const { limit, leaseMs, prefixes } = checkClaiming(options);
    const types = checkTypes(options.types);
    const now = this.#clock.nowMs();
    const taken: ClaimedEffect[] = [];
    for (const effect of this.#data.effects.values()) {
      if (taken.length === limit) break;
      if (effect.state !== 'waiting' || !hasExpired(effect.holding, now)) continue;
      if (types !== undefined && !types.includes(effect.type)) continue;
      if (!begins(effect.stream, prefixes)) continue;
      const { stream, key, type } = effect;
      const token = this.#take(effect, { now, leaseMs });
      const data = JSON.parse(effect.data) as unknown;
      taken.push({ kind: 'effect', stream, key, type, data, token, attempt: effect.attempts });
    }
    return taken;
  }

  async claimTimers(
    options: ClaimOptions & { readonly height?: number; readonly time?: number },
  ): Promise<readonly ClaimedTimer[]> {
    this.#enter('claimTimers', options);
    const { limit, leaseMs, prefixes } = checkClaiming(options);
    const { height, time } = checkNow(options);
    const now = this.#clock.nowMs();
    const due: MemoryTimer[] = [];
    for (const timers of this.#data.timers.values())
      for (const timer of timers.values()) {
        const come = 'height' in timer.due ? timer.due.height <= height : timer.due.time <= time;
        if (come && hasExpired(timer.holding, now) && begins(timer.stream, prefixes)) due.push(timer);
      }
    due.sort((a, b) => dueOf(a) - dueOf(b));
    return due.slice(0, limit).map((timer) => {
      const { stream, key } = timer;
      const token = this.#take(timer, { now, leaseMs });
      const data = JSON.parse(timer.data) as unknown;
      return { kind: 'timer', stream, key, due: timer.due, data, token, attempt: timer.attempts };
    });
  }

  async nextTimer(options: CallOptions = {}): Promise<number | undefined> {
    this.#enter('nextTimer', options);
    let next: number | undefined;
    for (const timers of this.#data.timers.values())
      for (const { due } of timers.values())
        if ('time' in due && (next === undefined || due.time < next)) next = due.time;
    return next;
  }

  async settle(claims: readonly Claim[], options: CallOptions = {}): Promise<void> {
    this.#enter('settle', options);
    const checked = checkClaims('claims', claims);
    for (const claim of checked) this.#requireClaim(claim);
    for (const claim of checked) this.#settleOne(claim);
  }

  async release(claim: Claim, options: CallOptions & { readonly delayMs?: number } = {}): Promise<void> {
    this.#enter('release', options);
    const delayMs = requireWhole('options.delayMs', options.delayMs ?? 0, 0);
    const work = this.#requireClaim(checkClaim('claim', claim));
    const since = this.#clock.nowMs();
    work.token = 0;
    work.holding = { since, until: since + delayMs };
  }

  async bury(claim: Claim, options: CallOptions & { readonly reason: string }): Promise<void> {
    this.#enter('bury', options);
    const reason = checkName('options.reason', options.reason);
    const work = this.#requireClaim(checkClaim('claim', claim));
    const effect = this.#data.effects.get(work.key);
    if (claim.kind !== 'effect' || effect !== work) throw claimLost(claim);
    Object.assign(effect, { state: 'dead', reason, token: 0 });
  }

  async deadEffects(options: CallOptions & { readonly limit?: number } = {}): Promise<readonly DeadEffect[]> {
    this.#enter('deadEffects', options);
    const { limit } = checkRead(options);
    return [...this.#data.effects.values()]
      .filter(({ state }) => state === 'dead')
      .slice(0, limit)
      .map(({ stream, key, type, data, attempts, reason }) => {
        return { stream, key, type, data: JSON.parse(data) as unknown, attempts, reason };
      });
  }

  async revive(key: string, options: CallOptions = {}): Promise<boolean> {
    this.#enter('revive', options);
    const effect = this.#data.effects.get(checkName('key', key));
    if (effect?.state !== 'dead') return false;
    Object.assign(effect, { state: 'waiting', reason: '', holding: free });
    return true;
  }

  async acquireLease(name: string, options: LeaseOptions): Promise<Lease | undefined> {
    const { owner, ttlMs } = checkLeasing(name, options);
    this.#enter('acquireLease', options);
    const now = this.#clock.nowMs();
    const held = this.#data.leases.get(name);
    const isMine = held !== undefined && held.owner === owner && !hasExpired(held, now);
    if (held !== undefined && !isMine && !hasExpired(held, now)) return undefined;
    const token = isMine ? held.token : (held?.token ?? 0) + 1;
    this.#data.leases.set(name, { owner, token, since: now, until: now + ttlMs });
    return { name, owner, token, expiresAt: unixMilliseconds(now + ttlMs) };
  }

  async releaseLease(lease: Lease, options: CallOptions = {}): Promise<void> {
    this.#enter('releaseLease', options);
    const { name, token } = checkLease('lease', lease);
    const held = this.#data.leases.get(name);
    if (held?.token === token) this.#data.leases.set(name, { ...held, until: 0 });
  }

  async truncate(stream: string, options: CallOptions & { readonly through: number }): Promise<void> {
    this.#enter('truncate', options);
    const through = requireWhole('options.through', options.through, 1);
    const found = this.#data.streams.get(checkStream(stream));
    if (found === undefined || (found.snapshot?.version ?? 0) < through) throw snapshotMissing(stream, through);
    const gone = new Set(found.events.filter(({ version }) => version <= through));
    found.events = found.events.filter((event) => !gone.has(event));
    found.first = Math.max(found.first, through + 1);
    for (const [key, { version }] of found.keys) if (version <= through) found.keys.delete(key);
    const kept = this.#data.events.filter((event) => !gone.has(event));
    this.#data.events.length = 0;
    for (const event of kept) this.#data.events.push(event);
  }

  async forgetEffects(options: CallOptions & { readonly doneBefore: number }): Promise<number> {
    this.#enter('forgetEffects', options);
    const doneBefore = requireWhole('options.doneBefore', options.doneBefore, 0);
    let forgotten = 0;
    for (const [key, { state, doneAt }] of this.#data.effects)
      if (state === 'done' && doneAt < doneBefore) {
        this.#data.effects.delete(key);
        forgotten += 1;
      }
    return forgotten;
  }

  async close(): Promise<void> {
    this.#closing.abort();
  }

  #enter(call: string, options: CallOptions): void {
    checkCall(call, options);
    if (this.#closing.signal.aborted) throw storeClosed('memory');
  }

  #newStream(name: string): MemoryStream {
    const stream: MemoryStream = { events: [], first: 1, keys: new Map(), snapshot: undefined };
    this.#data.streams.set(name, stream);
    return stream;
  }

  #write(append: PreparedAppend, stream: MemoryStream): Appended {
    const data = this.#data;
    const time = this.#clock.nowMs();
    for (const { type, data: text, meta } of append.events) {
      data.head += 1;
      const version = versionOf(stream) + 1;
      const event: MemoryEvent = {
        position: data.head,
        stream: append.stream,
        version,
        type,
        data: text,
        meta,
        time,
      };
      stream.events.push(event);
      data.events.push(event);
    }
    const version = versionOf(stream);
    const position = data.head;
    if (append.key !== undefined) stream.keys.set(append.key, { version, position, size: append.events.length });
    for (const { key, type, data: text } of append.effects)
      if (!data.effects.has(key))
        data.effects.set(key, {
          ...newWork({ stream: append.stream, key, data: text }),
          type,
          state: 'waiting',
          reason: '',
          doneAt: 0,
        });
    for (const timer of append.timers) this.#changeTimer(append.stream, timer);
    data.bell.ring();
    return { version, position, duplicate: false };
  }

  #changeTimer(stream: string, timer: PreparedAppend['timers'][number]): void {
    const timers = this.#data.timers.get(stream) ?? new Map<string, MemoryTimer>();
    this.#data.timers.set(stream, timers);
    const { key, due } = timer;
    if (due === undefined) timers.delete(key);
    else timers.set(key, { ...newWork({ stream, key, data: timer.data }), due });
  }

  #take(work: MemoryWork, options: { readonly now: number; readonly leaseMs: number }): number {
    const { now, leaseMs } = options;
    this.#data.token += 1;
    work.token = this.#data.token;
    work.holding = { since: now, until: now + leaseMs };
    work.attempts += 1;
    return this.#data.token;
  }

  /** The work of a claim that still stands; it stands until somebody else claims it, even when its time is over. */
  #requireClaim(claim: Claim): MemoryWork {
    const { kind, stream, key, token } = claim;
    const work = kind === 'effect' ? this.#data.effects.get(key) : this.#data.timers.get(stream)?.get(key);
    if (work?.token !== token) throw claimLost(claim);
    return work;
  }

  #settleOne(claim: Claim): void {
    if (claim.kind === 'timer') {
      this.#data.timers.get(claim.stream)?.delete(claim.key);
      return;
    }
    const effect = this.#data.effects.get(claim.key);
    if (effect !== undefined) Object.assign(effect, { state: 'done', token: 0, doneAt: this.#clock.nowMs() });
  }

  #requireLease(lease: Pick<Lease, 'name' | 'token'>): void {
    const held = this.#data.leases.get(lease.name);
    if (held === undefined || held.token !== lease.token || held.until === 0) throw leaseLost(lease);
  }
}

const free = { since: 0, until: 0 };

function versionOf(stream: MemoryStream): number {
  return stream.first + stream.events.length - 1;
}

function begins(stream: string, prefixes: readonly string[] | undefined): boolean {
  return prefixes === undefined || prefixes.some((prefix) => stream.startsWith(prefix));
}

function newWork(parts: { readonly stream: string; readonly key: string; readonly data: string }): MemoryWork {
  return { ...parts, attempts: 0, token: 0, holding: free };
}

function dueOf({ due }: MemoryTimer): number {
  return 'height' in due ? due.height : due.time;
}

/** A key may be repeated with the events that it came with, and with no others. */
function requireSame(
  append: PreparedAppend,
  stream: MemoryStream,
  known: { readonly version: number; readonly size: number },
): void {
  const { version, size } = known;
  const from = version - size + 1 - stream.first;
  const same =
    size === append.events.length &&
    append.events.every(({ type, data, meta }, index) => {
      const stored = stream.events[from + index];
      // What was truncated cannot be compared any more.
      if (stored === undefined) return from + index < 0;
      return stored.type === type && stored.data === data && stored.meta === meta;
    });
  if (!same) throw keyReused(append.stream, append.key ?? '');
}

function readEvent(event: MemoryEvent): StoredEvent {
  const { position, stream, version, type, data, meta, time } = event;
  return {
    position,
    stream,
    version,
    type,
    data: JSON.parse(data) as unknown,
    ...(meta === null ? {} : { meta: JSON.parse(meta) as unknown }),
    time,
  };
}
