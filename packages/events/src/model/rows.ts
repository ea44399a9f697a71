import { unixMilliseconds } from '@bitcoin-enterprise/core';
import { EventsError } from '../errors.ts';
import type { StoredEvent, TimerDue } from '../ports/event-store.ts';

/** A row of the events table. */
export interface EventRow {
  readonly position: number;
  readonly stream: string;
  readonly version: number;
  readonly type: string;
  readonly data: string;
  readonly meta: string | null;
  readonly time: number;
}

/** A row of the timers table. */
export interface TimerRow extends WorkRow {
  readonly height: number | null;
  readonly time: number | null;
}

/** A row of the effects table. */
export interface EffectRow extends WorkRow {
  readonly type: string;
}

/** What effects and timers have in common. */
export interface WorkRow {
  readonly id: number;
  readonly stream: string;
  readonly key: string;
  readonly data: string;
  readonly attempts: number;
}

/** An event as readers get it. */
export function readEventRow(row: EventRow, store: string): StoredEvent {
  const { position, stream, version, type, data, meta, time } = row;
  return {
    position,
    stream,
    version,
    type,
    data: readJson(data, store),
    ...(meta === null ? {} : { meta: readJson(meta, store) }),
    time: unixMilliseconds(time),
  };
}

/** When a timer is due. */
export function readDue({ height, time }: Pick<TimerRow, 'height' | 'time'>): TimerDue {
  return height === null ? { time: time ?? 0 } : { height };
}

/** Data as it was stored. */
export function readJson(text: string, store: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new EventsError('EVENTS_STORE_CORRUPT', 'expected JSON in the data of a stored row', {
      details: { store, reason: 'data is no JSON' },
      cause: error,
    });
  }
}
