import { ensure, ensureEqual } from '@bitcoin-enterprise/core/testing';
import { hasCode } from '@bitcoin-enterprise/core';
import type { ClaimedEffect, ClaimedTimer, EventStore, StoredEvent } from '../ports/event-store.ts';

/** What a writer tells before it is killed: only what was acknowledged, one line each. */
export type CrashReport =
  /** An append was acknowledged. */
  | { readonly did: 'append'; readonly stream: string; readonly version: number; readonly position: number }
  /** An effect was claimed. */
  | { readonly did: 'claim'; readonly key: string; readonly token: number }
  /** An effect was settled with its result. */
  | { readonly did: 'settle'; readonly key: string; readonly token: number }
  /** A timer was settled with the event that it fired. */
  | { readonly did: 'fire'; readonly stream: string; readonly key: string };

/** Settings of {@link writeUntilKilled}. */
export interface CrashWriterOptions {
  /** Names the writer's own streams; two writers at a time have different ones. */
  readonly name: string;
  /** Whole number that decides what the writer does. */
  readonly seed: number;
  /** Hears what was acknowledged; must hand it on before it returns. */
  readonly report: (report: CrashReport) => void;
  /** Performs an effect in a world outside of the store. */
  readonly perform: (key: string) => void;
  /** Milliseconds for which work is claimed: short, so that the work of the dead is taken over soon. */
  readonly leaseMs?: number;
  /** Ends the writer between two steps; without it only a kill does. */
  readonly signal?: AbortSignal;
}

const RESULTS = 'results';
const MAX_HEIGHT = 10;

/**
 * Writes, claims, performs and settles without end: what a process does that is killed in the middle of it.
 *
 * Meant for a child process: the parent kills it at any moment, starts it again, and in the end lets
 * {@link checkAfterCrashes} look at what was acknowledged.
 */
export async function writeUntilKilled(store: EventStore, options: CrashWriterOptions): Promise<void> {
  const { name, seed, signal } = options;
  const random = randomOf(seed);
  while (signal?.aborted !== true) {
    // Another writer may fire a timer of this stream meanwhile, and the shared stream is anybody's.
    await unlessLate(appendOne(store, { ...options, stream: `${name}/${random(4)}`, random }));
    if (random(2) === 0) await unlessLate(contend(store, options));
    if (random(3) === 0) await workEffects(store, options, await store.claimEffects(claiming(options)));
    if (random(3) === 0)
      await workTimers(store, options, await store.claimTimers({ ...claiming(options), height: MAX_HEIGHT }));
  }
}

/** Does all the work that is left, so that the end can be checked. */
export async function finishWork(store: EventStore, options: CrashWriterOptions): Promise<void> {
  const { leaseMs = 50 } = options;
  for (let idle = 0; idle < 3;) {
    const effects = await store.claimEffects(claiming(options));
    const timers = await store.claimTimers({ ...claiming(options), height: MAX_HEIGHT });
    await workEffects(store, options, effects);
    await workTimers(store, options, timers);
    idle = effects.length + timers.length === 0 ? idle + 1 : 0;
    // What the dead had claimed comes back after its lease.
    if (idle > 0)
      await new Promise((done) => {
        setTimeout(done, leaseMs);
      });
  }
}

/**
 * Requires that nothing acknowledged was lost, nothing happened twice, and nothing is half done.
 *
 * @param reports - Of all writers, in the order in which each told them.
 * @param performed - Keys of effects as the outside world saw them, repetitions included.
 * @returns Counts for the record.
 */
export async function checkAfterCrashes(
  store: EventStore,
  reports: readonly CrashReport[],
  performed: readonly string[],
): Promise<{
  readonly events: number;
  readonly acknowledged: number;
  readonly effects: number;
  readonly repeated: number;
}> {
  const events: StoredEvent[] = [];
  for (let after = 0; ; after = events.at(-1)?.position ?? 0) {
    const page = await store.readAll({ after, limit: 10_000 });
    if (page.length === 0) break;
    events.push(...page);
  }
  const streams = new Map<string, StoredEvent[]>();
  for (const [index, event] of events.entries()) {
    ensureEqual(event.position, index + 1, 'positions have no gap');
    const stream = streams.get(event.stream) ?? [];
    ensureEqual(event.version, stream.length + 1, `versions of ${event.stream} have no gap`);
    stream.push(event);
    streams.set(event.stream, stream);
  }
  for (const [name, stream] of streams) if (name.includes('/')) checkWhole(name, stream);
  checkWork(events, new Set(performed));
  for (const report of reports) checkReport(report, { events, streams });
  checkTokens(reports);
  return {
    events: events.length,
    acknowledged: reports.length,
    effects: new Set(performed).size,
    repeated: performed.length - new Set(performed).size,
  };
}

interface Written {
  readonly n: number;
  readonly of: number;
}

/** Appends are whole: the first of two events never stands without the second. */
function checkWhole(name: string, stream: readonly StoredEvent[]): void {
  let expected = 1;
  for (const { type, data, version } of stream) {
    if (type !== 'wrote') continue;
    const { n, of } = data as Written;
    ensureEqual(n, expected, `part of the append at version ${version} of ${name}`);
    expected = n === of ? 1 : n + 1;
  }
  ensureEqual(expected, 1, `the last append of ${name} is whole`);
}

/** Each effect has one result, each timer has fired once, and no effect ended that was not performed. */
function checkWork(events: readonly StoredEvent[], performed: ReadonlySet<string>): void {
  const asked = new Set<string>();
  const results = new Set<string>();
  const fired = new Set<string>();
  for (const { type, data, stream } of events) {
    const { key = '' } = data as { readonly key?: string };
    if (type === 'wrote' && key !== '') asked.add(key);
    if (type === 'result') {
      ensure(!results.has(key), `effect ${key} has two results`);
      ensure(performed.has(key), `effect ${key} has a result and was never performed`);
      results.add(key);
    }
    if (type === 'fired') {
      ensure(!fired.has(`${stream} ${key}`), `timer ${key} of ${stream} fired twice`);
      fired.add(`${stream} ${key}`);
    }
  }
  for (const key of asked) ensure(results.has(key), `effect ${key} was asked for and has no result`);
  ensureEqual(fired.size, asked.size, 'timers that fired');
}

function checkReport(
  report: CrashReport,
  known: { readonly events: readonly StoredEvent[]; readonly streams: ReadonlyMap<string, readonly StoredEvent[]> },
): void {
  if (report.did === 'append') {
    const event = known.events[report.position - 1];
    ensure(event !== undefined, `the acknowledged event at ${report.position} is lost`);
    ensureEqual([event.stream, event.version], [report.stream, report.version], `event at ${report.position}`);
  } else if (report.did === 'settle') {
    const { key } = report;
    const results = known.streams.get(RESULTS) ?? [];
    const found = results.some(({ data }) => (data as { readonly key: string }).key === key);
    ensure(found, `the acknowledged result of ${key} is lost`);
  } else if (report.did === 'fire') {
    const { stream, key } = report;
    const found = (known.streams.get(stream) ?? []).some(
      ({ type, data }) => type === 'fired' && (data as { readonly key: string }).key === key,
    );
    ensure(found, `the acknowledged firing of ${key} in ${stream} is lost`);
  }
}

/** Nobody is given an effect whose settlement was acknowledged. */
function checkTokens(reports: readonly CrashReport[]): void {
  const settled = new Map<string, number>();
  for (const report of reports) if (report.did === 'settle') settled.set(report.key, report.token);
  for (const report of reports)
    if (report.did === 'claim')
      ensure(report.token <= (settled.get(report.key) ?? Infinity), `effect ${report.key} was given out once more`);
}

function claiming({ leaseMs = 50 }: CrashWriterOptions): { readonly limit: number; readonly leaseMs: number } {
  return { limit: 5, leaseMs };
}

async function appendOne(
  store: EventStore,
  options: CrashWriterOptions & { readonly stream: string; readonly random: (below: number) => number },
): Promise<void> {
  const { stream, random, report } = options;
  const version = await store.version(stream);
  const of = 1 + random(3);
  const key = `${stream}#${version}`;
  const appended = await store.append({
    stream,
    expectedVersion: version,
    key,
    events: Array.from({ length: of }, (_, i) => ({
      type: 'wrote',
      data: { n: i + 1, of, ...(i === 0 ? { key } : {}) },
    })),
    effects: [{ key, type: 'perform', data: { stream } }],
    timers: [{ key, due: { height: random(MAX_HEIGHT + 1) } }],
  });
  report({ did: 'append', stream, version: appended.version, position: appended.position });
}

/** Appends to a stream that all writers share, and loses some of the races. */
async function contend(store: EventStore, { report }: CrashWriterOptions): Promise<void> {
  const stream = 'shared';
  const expectedVersion = await store.version(stream);
  const { version, position } = await store.append({ stream, expectedVersion, events: [{ type: 'shared', data: {} }] });
  report({ did: 'append', stream, version, position });
}

async function unlessLate(appending: Promise<void>): Promise<void> {
  try {
    await appending;
  } catch (error) {
    if (!hasCode(error, 'EVENTS_VERSION_CONFLICT')) throw error;
  }
}

async function workEffects(
  store: EventStore,
  options: CrashWriterOptions,
  claims: readonly ClaimedEffect[],
): Promise<void> {
  const { report, perform } = options;
  for (const claim of claims) {
    const { key, token } = claim;
    report({ did: 'claim', key, token });
    perform(key);
    try {
      await store.append({ stream: RESULTS, events: [{ type: 'result', data: { key } }], settles: [claim] });
      report({ did: 'settle', key, token });
    } catch (error) {
      if (!hasCode(error, 'EVENTS_CLAIM_LOST')) throw error;
    }
  }
}

async function workTimers(
  store: EventStore,
  options: CrashWriterOptions,
  claims: readonly ClaimedTimer[],
): Promise<void> {
  for (const claim of claims) {
    const { stream, key } = claim;
    try {
      await store.append({ stream, events: [{ type: 'fired', data: { key } }], settles: [claim] });
      options.report({ did: 'fire', stream, key });
    } catch (error) {
      if (!hasCode(error, 'EVENTS_CLAIM_LOST')) throw error;
    }
  }
}

/** Whole numbers below a bound, the same for the same seed (mulberry32). */
function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b_79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
