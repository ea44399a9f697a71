import { isRecord } from '../codecs/is-bytes.ts';
import { assertObject, CoreError, invalidArgument } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Entropy } from '../ports/entropy.ts';
import type { Timers } from '../ports/timers.ts';
import { systemClock } from '../system/clock.ts';
import { webEntropy } from '../system/entropy.ts';
import { systemTimers } from '../system/timers.ts';

/** Requires an object of options and makes one of nothing. */
export function requireOptions(argument: string, options: unknown): void {
  assertObject(argument, options);
}

/** Requires a function. */
export function requireFunction(argument: string, value: unknown): void {
  if (typeof value !== 'function') throw invalidArgument(argument, 'a function', value);
}

/** Requires a function, or nothing. */
export function requireOptionalFunction(argument: string, value: unknown): void {
  if (value !== undefined) requireFunction(argument, value);
}

/** Requires a finite number in a range, ends included. */
export function requireNumber(argument: string, value: unknown, minimum: number, maximum: number): void {
  if (typeof value !== 'number') throw invalidArgument(argument, 'a number', value);
  if (!(value >= minimum && value <= maximum && Number.isFinite(value)))
    throw new CoreError('CORE_UNIT_OUT_OF_RANGE', `expected ${argument} ${minimum}..${maximum}, got ${value}`, {
      details: { unit: argument, value, minimum, maximum },
    });
}

/** Requires a number of milliseconds, 0 or more, or nothing. */
export function requireOptionalMs(argument: string, value: unknown): void {
  if (value !== undefined) requireNumber(argument, value, 0, Number.MAX_SAFE_INTEGER);
}

/** Requires a whole number of at least `minimum`. */
export function requireCount(argument: string, value: unknown, minimum: number): void {
  requireNumber(argument, value, minimum, Number.MAX_SAFE_INTEGER);
  if (!Number.isInteger(value)) throw invalidArgument(argument, 'a whole number', value);
}

/** Requires an AbortSignal, of whichever realm, or nothing. */
export function requireSignal(argument: string, value: unknown): void {
  if (value === undefined) return;
  if (!hasMethods(value, ['addEventListener', 'removeEventListener']) || typeof fieldOf(value, 'aborted') !== 'boolean')
    throw invalidArgument(argument, 'an AbortSignal', value);
}

/** Requires an object with methods, or nothing. */
export function requirePart(argument: string, value: unknown, methods: readonly string[]): void {
  if (value !== undefined && !hasMethods(value, methods))
    throw invalidArgument(argument, `an object with ${methods.join(', ')}`, value);
}

/** Requires a text, or nothing. */
export function requireName(argument: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'string') throw invalidArgument(argument, 'a string', value);
}

/** What the parts need of the world; each may be replaced, in tests above all. */
export interface World {
  /** What durations are measured with; the system's when absent. */
  readonly clock?: Clock;
  /** What waits; the system's when absent. */
  readonly timers?: Timers;
  /** What jitter is drawn from; WebCrypto when absent. */
  readonly entropy?: Entropy;
}

/** The world as given, its gaps filled; randomness is looked for when it is first needed. */
export function worldOf(options: World): {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly entropy: () => Entropy;
} {
  requirePart('options.clock', options.clock, ['monotonicMs']);
  requirePart('options.timers', options.timers, ['after']);
  requirePart('options.entropy', options.entropy, ['bytes']);
  const { clock = systemClock(), timers = systemTimers() } = options;
  let { entropy } = options;
  return { clock, timers, entropy: () => (entropy ??= webEntropy()) };
}

/** A field of anything; `undefined` when it has none or cannot be read. */
export function fieldOf(value: unknown, name: string): unknown {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined;
  try {
    return (value as Readonly<Record<string, unknown>>)[name];
  } catch {
    return undefined;
  }
}

function hasMethods(value: unknown, methods: readonly string[]): boolean {
  return isRecord(value) && methods.every((name) => typeof fieldOf(value, name) === 'function');
}
