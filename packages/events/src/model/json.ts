import { EventsError } from '../errors.ts';

/** Deepest nesting of event data. */
const MAX_DEPTH = 64;
/** Most values in one piece of data: a few objects that are met again and again would take for ever. */
const MAX_VALUES = 1_000_000;
/** Longest JSON text of one value, in characters. */
export const MAX_JSON_LENGTH = 1_048_576;

interface Fault {
  /** Where, below the value that was checked. */
  readonly path: string;
  readonly reason: 'type' | 'depth' | 'number' | 'size';
  readonly expected: string;
}

/**
 * JSON text of data that comes back from it unchanged: no bigint, no bytes, no `NaN`, no class instance, no hole.
 * Fields that are `undefined` are left out.
 *
 * @param path - Where the data stands, for the error.
 * @param longest - Characters that its text may have; 1,048,576 when absent.
 * @throws EventsError `EVENTS_DATA_INVALID`.
 */
export function toJson(value: unknown, path: string, longest: number = MAX_JSON_LENGTH): string {
  if (value === undefined) return 'null';
  if (value === lastRead && lastText.length <= longest) return lastText;
  let text: string;
  try {
    requireJson(value, path);
    text = JSON.stringify(value);
  } catch (error) {
    if (error instanceof EventsError) throw error;
    // A getter that throws, a revoked proxy.
    throw dataInvalid(path, 'type', 'readable data', error);
  }
  if (text.length > longest) throw dataInvalid(path, 'size', `at most ${longest} characters of JSON`);
  return text;
}

/** The last data that was read back, and its text: it is appended right after, as a rule. */
let lastRead: unknown = {};
let lastText = '';

/**
 * Data as it will be read again. Its text is kept, so that it need not be written twice; nobody may change it.
 *
 * @throws EventsError as {@link toJson}.
 */
export function readBack(value: object, path: string): unknown {
  const text = toJson(value, path);
  lastRead = JSON.parse(text) as unknown;
  lastText = text;
  return lastRead;
}

/**
 * Requires a value that JSON carries unchanged, however long its text is.
 *
 * @throws EventsError `EVENTS_DATA_INVALID`.
 */
export function requireJson(value: unknown, path: string): void {
  let fault: Fault | undefined;
  try {
    fault = faultOf(value, 0, { left: MAX_VALUES });
  } catch (error) {
    throw dataInvalid(path, 'type', 'readable data', error);
  }
  if (fault !== undefined) throw dataInvalid(path + fault.path, fault.reason, fault.expected);
}

/** Counts down the values that may still be met. */
interface Budget {
  left: number;
}

function faultOf(value: unknown, depth: number, budget: Budget): Fault | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined;
    case 'number':
      return Number.isFinite(value) ? undefined : { path: '', reason: 'number', expected: 'a finite number' };
    case 'object':
      return value === null ? undefined : faultOfObject(value, depth, budget);
    case 'bigint':
      return { path: '', reason: 'type', expected: 'JSON data, an amount as a decimal string' };
    default:
      return { path: '', reason: 'type', expected: 'JSON data' };
  }
}

function faultOfObject(value: object, depth: number, budget: Budget): Fault | undefined {
  budget.left -= 1;
  if (budget.left < 0) return { path: '', reason: 'size', expected: `at most ${MAX_VALUES} values` };
  if (depth === MAX_DEPTH) return { path: '', reason: 'depth', expected: `at most ${MAX_DEPTH} levels` };
  if ('toJSON' in value) return { path: '.toJSON', reason: 'type', expected: 'no field of that name' };
  if (Array.isArray(value)) {
    // By index: an iteration would step over holes, which JSON turns into null.
    for (let i = 0; i < value.length; i++) {
      const fault = faultOf(value[i], depth + 1, budget);
      if (fault !== undefined) return { ...fault, path: `[${i}]${fault.path}` };
    }
    return undefined;
  }
  if (!hasPlainPrototype(value)) return { path: '', reason: 'type', expected: 'a plain object' };
  for (const key of Object.keys(value)) {
    // Reading it back would set a prototype instead of a field.
    if (key === '__proto__') return { path: `.${key}`, reason: 'type', expected: 'no field of that name' };
    const field = (value as Readonly<Record<string, unknown>>)[key];
    if (typeof field === 'string' || field === undefined) continue;
    const fault = faultOf(field, depth + 1, budget);
    if (fault !== undefined) return { ...fault, path: `.${key}${fault.path}` };
  }
  return undefined;
}

/** Whether an object is one that JSON carries, its fields aside: no class instance, and nothing that JSON treats anew. */
export function isPlain(value: object): boolean {
  return hasPlainPrototype(value) && !Object.hasOwn(value, '__proto__');
}

function hasPlainPrototype(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || isForeignPlain(prototype);
}

/** Whether a prototype is `Object.prototype` of another realm. */
function isForeignPlain(prototype: unknown): boolean {
  return (
    typeof prototype === 'object' &&
    prototype !== null &&
    Object.getPrototypeOf(prototype) === null &&
    Object.hasOwn(prototype, 'hasOwnProperty')
  );
}

function dataInvalid(
  path: string,
  reason: Fault['reason'],
  expected: string,
  cause?: unknown,
): EventsError<'EVENTS_DATA_INVALID'> {
  return new EventsError('EVENTS_DATA_INVALID', `expected ${expected} at ${path}`, {
    details: { path, reason },
    ...(cause === undefined ? {} : { cause }),
  });
}
