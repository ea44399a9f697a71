/** Arguments of the store's calls, checked once, so that no adapter does it again. */
import { aborted, EventsError, invalidArgument } from '../errors.ts';
import type {
  Append,
  CallOptions,
  Claim,
  ClaimOptions,
  Lease,
  LeaseOptions,
  NewEffect,
  NewEvent,
  ReadOptions,
  Snapshot,
  TimerChange,
  TimerDue,
  WaitOptions,
} from '../ports/event-store.ts';
import { toJson } from './json.ts';
import { isRecord } from './records.ts';

/** Longest name of a stream, type, key, owner. */
const MAX_NAME = 255;
const MAX_EVENTS = 1_000;
const MAX_WORK = 1_000;
/** Most characters of JSON in one append. */
const MAX_APPEND_LENGTH = 16_777_216;
/** Characters of the state of a snapshot: it stands for any number of events. */
const MAX_SNAPSHOT_LENGTH = 16_777_216;
const DAY_MS = 86_400_000;
/** What a timer of 32 bits can wait. */
const MAX_TIMER_MS = 0x7fff_ffff;

/** An event as it is written. */
export interface PreparedEvent {
  readonly type: string;
  /** JSON text. */
  readonly data: string;
  /** JSON text. */
  readonly meta: string | null;
}

/** An effect as it is written. */
export interface PreparedEffect {
  readonly key: string;
  readonly type: string;
  /** JSON text. */
  readonly data: string;
}

/** A change of a timer as it is written. */
export type PreparedTimer =
  | { readonly key: string; readonly due: TimerDue; readonly data: string }
  | { readonly key: string; readonly due: undefined };

/** An append with everything checked. */
export interface PreparedAppend {
  readonly stream: string;
  readonly events: readonly PreparedEvent[];
  readonly expectedVersion: number | undefined;
  readonly key: string | undefined;
  readonly effects: readonly PreparedEffect[];
  readonly timers: readonly PreparedTimer[];
  readonly settles: readonly Claim[];
  readonly lease: Pick<Lease, 'name' | 'token'> | undefined;
  /** Characters of JSON in all of it. */
  readonly length: number;
}

/** Checks an append and turns its data into JSON text; each field is read once. */
export function prepareAppend(append: Append): PreparedAppend {
  return readable('append', () => {
    requireRecord('append', append);
    const { stream, events, expectedVersion, key, effects, timers, settles, lease } = append;
    requireName('append.stream', stream);
    if (expectedVersion !== undefined) requireWhole('append.expectedVersion', expectedVersion, 0);
    if (key !== undefined) requireName('append.key', key);
    const prepared = {
      stream,
      events: prepareEvents(events),
      expectedVersion,
      key,
      effects: effects === undefined ? none : prepareEffects(effects),
      timers: timers === undefined ? none : prepareTimers(timers),
      settles: settles === undefined ? none : checkClaims('append.settles', settles),
      lease: lease === undefined ? undefined : checkLease('append.lease', lease),
    };
    return { ...prepared, length: lengthOf(prepared) };
  });
}

const none: readonly never[] = [];

function prepareEvents(events: readonly NewEvent[]): readonly PreparedEvent[] {
  requireList('append.events', events, 1, MAX_EVENTS);
  const prepared: PreparedEvent[] = [];
  // By index: `map` would step over holes.
  const { length } = events;
  for (let index = 0; index < length; index++) prepared.push(prepareEvent(events[index] as NewEvent, index));
  return prepared;
}

function prepareEvent(event: NewEvent, index: number): PreparedEvent {
  if (!isRecord(event)) throw invalidArgument(`append.events[${index}]`, 'an object', event);
  const { type, data, meta } = event;
  if (!isName(type)) throw invalidArgument(`append.events[${index}].type`, nameText, type);
  return {
    type,
    data: data === undefined ? 'null' : toJson(data, `events[${index}].data`),
    meta: meta === undefined ? null : toJson(meta, `events[${index}].meta`),
  };
}

function prepareEffects(effects: readonly NewEffect[]): readonly PreparedEffect[] {
  const copy = (effect: NewEffect, index: number): PreparedEffect => {
    const path = `append.effects[${index}]`;
    requireRecord(path, effect);
    const { key, type, data } = effect;
    requireName(`${path}.key`, key);
    requireName(`${path}.type`, type);
    return { key, type, data: toJson(data, `effects[${index}].data`) };
  };
  return copyList(effects, { argument: 'append.effects', minimum: 0, maximum: MAX_WORK, copy });
}

function prepareTimers(timers: readonly TimerChange[]): readonly PreparedTimer[] {
  const copy = (timer: TimerChange, index: number): PreparedTimer => {
    const path = `append.timers[${index}]`;
    requireRecord(path, timer);
    const { key, cancel, due, data } = timer as {
      readonly key: unknown;
      readonly cancel?: unknown;
      readonly due?: TimerDue;
      readonly data?: unknown;
    };
    requireName(`${path}.key`, key);
    if (cancel === true) return { key, due: undefined };
    if (cancel !== undefined) throw invalidArgument(`${path}.cancel`, 'true', cancel);
    return { key, due: checkDue(`${path}.due`, due), data: toJson(data, `timers[${index}].data`) };
  };
  return copyList(timers, { argument: 'append.timers', minimum: 0, maximum: MAX_WORK, copy });
}

/** Characters of JSON in an append: what a group of them may come to is limited. */
function lengthOf(append: Pick<PreparedAppend, 'events' | 'effects' | 'timers'>): number {
  let length = 0;
  for (const { data, meta } of append.events) length += data.length + (meta === null ? 0 : meta.length);
  for (const { data } of append.effects) length += data.length;
  for (const timer of append.timers) if (timer.due !== undefined) length += timer.data.length;
  if (length > MAX_APPEND_LENGTH)
    throw new EventsError('EVENTS_DATA_INVALID', `expected at most ${MAX_APPEND_LENGTH} characters in an append`, {
      details: { path: 'append', reason: 'size' },
      hint: 'spread the events over several appends',
    });
  return length;
}

/** A copy of a list that was read once, index by index: what is read later must be what was checked. */
function copyList<Item, Copy>(
  list: readonly Item[],
  options: {
    readonly argument: string;
    readonly minimum: number;
    readonly maximum: number;
    readonly copy: (item: Item, index: number) => Copy;
  },
): readonly Copy[] {
  const { argument, minimum, maximum, copy } = options;
  requireList(argument, list, minimum, maximum);
  const copies: Copy[] = [];
  const { length } = list;
  for (let index = 0; index < length; index++) copies.push(copy(list[index] as Item, index));
  return copies;
}

/** Runs checks of something foreign: a getter that throws, a revoked proxy is a bug of the caller like any other. */
function readable<Result>(argument: string, check: () => Result): Result {
  try {
    return check();
  } catch (error) {
    if (error instanceof EventsError) throw error;
    throw invalidArgument(argument, 'readable', undefined);
  }
}

function checkDue(path: string, due: TimerDue | undefined): TimerDue {
  requireRecord(path, due);
  const { height, time } = due as { readonly height?: unknown; readonly time?: unknown };
  if ((height === undefined) === (time === undefined)) throw invalidArgument(path, 'a height or a time, not both', due);
  if (height !== undefined) return { height: requireWhole(`${path}.height`, height, 0, 0x7fff_ffff) };
  return { time: requireWhole(`${path}.time`, time, 0) };
}

/** Checks claims; the fields that matter are copied. */
export function checkClaims(path: string, claims: readonly Claim[]): readonly Claim[] {
  const copy = (claim: Claim, index: number): Claim => checkClaim(`${path}[${index}]`, claim);
  return readable(path, () => copyList(claims, { argument: path, minimum: 0, maximum: MAX_WORK, copy }));
}

/** Checks one claim; the fields that matter are copied. */
export function checkClaim(path: string, claim: Claim): Claim {
  return readable(path, () => {
    requireRecord(path, claim);
    const { kind, stream, key, token } = claim;
    if (kind !== 'effect' && kind !== 'timer') throw invalidArgument(`${path}.kind`, 'effect or timer', kind);
    requireName(`${path}.stream`, stream);
    requireName(`${path}.key`, key);
    requireWhole(`${path}.token`, token, 1);
    return { kind, stream, key, token };
  });
}

/** Checks a lease that a caller hands back. */
export function checkLease(path: string, lease: Lease): Pick<Lease, 'name' | 'token'> {
  return readable(path, () => {
    requireRecord(path, lease);
    const { name, token } = lease;
    requireName(`${path}.name`, name);
    return { name, token: requireWhole(`${path}.token`, token, 1) };
  });
}

/** Checks the name of a stream. */
export function checkStream(stream: string): string {
  requireName('stream', stream);
  return stream;
}

/** Checks a key or another name. */
export function checkName(argument: string, value: string): string {
  requireName(argument, value);
  return value;
}

/** Checks the window of a reading call. */
export function checkRead(options: ReadOptions): { readonly after: number; readonly limit: number } {
  return readable('options', () => {
    requireRecord('options', options);
    const { after = 0, limit = 1_000 } = options;
    return {
      after: requireWhole('options.after', after, 0),
      limit: requireWhole('options.limit', limit, 1, 10_000),
    };
  });
}

/** Checks the settings of a claiming call. */
export function checkClaiming(options: ClaimOptions): {
  readonly limit: number;
  readonly leaseMs: number;
  readonly prefixes: readonly string[] | undefined;
} {
  return readable('options', () => {
    requireRecord('options', options);
    const { limit = 100, leaseMs = 30_000, prefixes } = options;
    return {
      limit: requireWhole('options.limit', limit, 1, 1_000),
      leaseMs: requireWhole('options.leaseMs', leaseMs, 1, DAY_MS),
      prefixes: checkNames('options.prefixes', prefixes),
    };
  });
}

/** Checks which effects are asked for. */
export function checkTypes(types: readonly string[] | undefined): readonly string[] | undefined {
  return readable('options.types', () => checkNames('options.types', types));
}

function checkNames(argument: string, names: readonly string[] | undefined): readonly string[] | undefined {
  if (names === undefined) return undefined;
  const copy = (name: string, index: number): string => checkName(`${argument}[${index}]`, name);
  return copyList(names, { argument, minimum: 1, maximum: 1_000, copy });
}

/** Checks what has come: a height, a time, both or none. */
export function checkNow(options: { readonly height?: number; readonly time?: number }): {
  readonly height: number;
  readonly time: number;
} {
  const { height, time } = options;
  return {
    height: height === undefined ? -1 : requireWhole('options.height', height, 0),
    time: time === undefined ? -1 : requireWhole('options.time', time, 0),
  };
}

/** Checks a snapshot; its state comes as JSON text. */
export function prepareSnapshot(snapshot: Snapshot): Omit<Snapshot, 'state'> & { readonly state: string } {
  return readable('snapshot', () => {
    requireRecord('snapshot', snapshot);
    const { stream, version, state } = snapshot;
    requireName('snapshot.stream', stream);
    return {
      stream,
      version: requireWhole('snapshot.version', version, 1),
      state: toJson(state, 'snapshot.state', MAX_SNAPSHOT_LENGTH),
    };
  });
}

/** Checks the settings of a lease. */
export function checkLeasing(name: string, options: LeaseOptions): { readonly owner: string; readonly ttlMs: number } {
  return readable('options', () => {
    requireName('name', name);
    requireRecord('options', options);
    const { owner, ttlMs } = options;
    requireName('options.owner', owner);
    return { owner, ttlMs: requireWhole('options.ttlMs', ttlMs, 1, DAY_MS) };
  });
}

/** Checks the settings of a wait. */
export function checkWait(options: WaitOptions): { readonly after: number; readonly timeoutMs: number } {
  return readable('options', () => {
    requireRecord('options', options);
    const { after, timeoutMs } = options;
    return {
      after: requireWhole('options.after', after, 0),
      timeoutMs: requireWhole('options.timeoutMs', timeoutMs, 0, MAX_TIMER_MS),
    };
  });
}

/** Checks a whole number. */
export function requireWhole(
  argument: string,
  value: unknown,
  minimum: number,
  maximum: number = Number.MAX_SAFE_INTEGER,
): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < minimum || value > maximum)
    throw invalidArgument(argument, `a whole number from ${minimum} to ${maximum}`, value);
  return value;
}

/** Checks the options of a call, and refuses it when its signal has come already. */
export function checkCall(call: string, options: CallOptions): void {
  readable('options', () => {
    requireRecord('options', options);
    const { signal } = options;
    if (signal === undefined) return;
    if (!(signal instanceof AbortSignal)) throw invalidArgument('options.signal', 'an AbortSignal', signal);
    if (signal.aborted) throw aborted(call);
  });
}

/** Requires an object of options or parts. */
export function requireRecord(argument: string, value: unknown): asserts value is object {
  if (!isRecord(value)) throw invalidArgument(argument, 'an object', value);
}

function requireList(
  argument: string,
  value: unknown,
  minimum: number,
  maximum: number,
): asserts value is readonly unknown[] {
  if (!Array.isArray(value) || value.length < minimum || value.length > maximum)
    throw invalidArgument(argument, `an array of ${minimum} to ${maximum}`, value);
}

/** PostgreSQL keeps no NUL in a text, and no database keeps half a character. */
const unstorable = /[\0\p{Cs}]/u;
const nameText = `a string of 1 to ${MAX_NAME} characters without NUL or lone surrogates`;

function requireName(argument: string, value: unknown): asserts value is string {
  if (!isName(value)) throw invalidArgument(argument, nameText, value);
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_NAME && !unstorable.test(value);
}
