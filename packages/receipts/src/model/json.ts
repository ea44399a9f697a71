import { describeValue } from '@bitcoin-enterprise/core';
import { invalidArgument, ReceiptsError } from '../errors.ts';
import { isList, isObject, requireCount, requireObject, requireText } from './checks.ts';

/** What JSON can say, as the rest of the suite reads it: numbers are finite, whole ones within ±(2^53 - 1). */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

/** An object of {@link Json} values. */
export interface JsonObject {
  readonly [name: string]: Json;
}

/** How much a text may ask of its reader. */
export interface JsonLimits {
  /** Characters, 1,048,576 when absent. */
  readonly maximumLength?: number;
  /** Objects and arrays within one another, 32 when absent, at most 256: each costs a frame of the stack. */
  readonly maximumDepth?: number;
}

const MAX_LENGTH = 1_048_576;
const MAX_DEPTH = 32;
const DEEPEST = 256;
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/**
 * Parses JSON that every parser reads the same way: a repeated name, a number that a double cannot hold, a lone
 * surrogate, and a text beyond the limits are refused.
 *
 * @throws {@link ReceiptsError} `RECEIPTS_JSON_INVALID`.
 */
export function parseJson(text: string, limits: JsonLimits = {}): Json {
  requireText('text', text);
  requireObject('limits', limits);
  const { maximumLength = MAX_LENGTH, maximumDepth = MAX_DEPTH } = limits;
  requireCount('limits.maximumLength', maximumLength);
  requireCount('limits.maximumDepth', maximumDepth);
  if (maximumDepth > DEEPEST) throw invalidArgument('limits.maximumDepth', `at most ${DEEPEST}`, maximumDepth);
  if (text.length > maximumLength) throw jsonInvalid('too-long', maximumLength);
  let at = 0;

  const skip = (): void => {
    for (let code = text.charCodeAt(at); code === 32 || code === 10 || code === 13 || code === 9;)
      code = text.charCodeAt(++at);
  };
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    if (found !== undefined) at += found.length;
    return found;
  };
  const readString = (): string => {
    const start = at;
    const value = text[at] === '"' ? stringOf(text.slice(at, (at = endOfString(text, at)))) : undefined;
    if (value === undefined) throw jsonInvalid('syntax', start);
    if (hasLoneSurrogate(value)) throw jsonInvalid('string', start);
    return value;
  };
  const readNumber = (): number => {
    const start = at;
    const value = Number(match(number) ?? 'none');
    if (Number.isNaN(value)) throw jsonInvalid('syntax', start);
    if (!isExact(value)) throw jsonInvalid('number', start);
    return value;
  };
  const take = (character: string): boolean => {
    skip();
    if (text[at] !== character) return false;
    at++;
    return true;
  };
  const expect = (character: string): void => {
    if (!take(character)) throw jsonInvalid('syntax', at);
  };
  const readValue = (depth: number): Json => {
    skip();
    const first = text[at];
    if (first === '{' || first === '[') {
      if (depth >= maximumDepth) throw jsonInvalid('too-deep', at);
      at++;
      return first === '{' ? readObject(depth + 1) : readArray(depth + 1);
    }
    if (first === '"') return readString();
    for (const [word, value] of words)
      if (text.startsWith(word, at)) {
        at += word.length;
        return value;
      }
    return readNumber();
  };
  const readArray = (depth: number): readonly Json[] => {
    const items: Json[] = [];
    if (take(']')) return items;
    do items.push(readValue(depth));
    while (take(','));
    expect(']');
    return items;
  };
  const readObject = (depth: number): JsonObject => {
    const fields = new Map<string, Json>();
    if (take('}')) return {};
    do {
      skip();
      const start = at;
      const name = readString();
      if (fields.has(name)) throw jsonInvalid('duplicate-key', start);
      expect(':');
      fields.set(name, readValue(depth));
    } while (take(','));
    expect('}');
    // fromEntries defines own properties, so that a field "__proto__" is a field and nothing else.
    return Object.fromEntries(fields);
  };

  const value = readValue(0);
  skip();
  if (at !== text.length) throw jsonInvalid('syntax', at);
  return value;
}

/** Where a string that opens here ends, after its quotation mark. A loop: a pattern would keep a stack of all escapes. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

/** The value of a string with its quotation marks; `undefined` with control characters or escapes not of RFC 8259. */
function stringOf(quoted: string): string | undefined {
  try {
    return JSON.parse(quoted) as string;
  } catch {
    return undefined;
  }
}

const words: ReadonlyArray<readonly [string, null | boolean]> = [
  ['null', null],
  ['true', true],
  ['false', false],
];

/**
 * The one JSON text of a value (RFC 8785): names in order of their UTF-16 units, no white space.
 *
 * @throws {@link ReceiptsError} `RECEIPTS_JSON_UNSUPPORTED` for what JSON cannot carry faithfully; a bigint is to be
 * written as a decimal string.
 */
export function canonicalJson(value: unknown, path = '$', depth = 0): string {
  if (depth > MAX_DEPTH) throw unsupported(path, 'nested too deep, or within itself');
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') {
    if (!isExact(value)) throw unsupported(path, 'number that JSON cannot carry');
    return JSON.stringify(value);
  }
  if (typeof value === 'string') {
    if (hasLoneSurrogate(value)) throw unsupported(path, 'string with a lone surrogate');
    return JSON.stringify(value);
  }
  try {
    if (isList(value)) {
      const items = Array.from(value, (item, index) => canonicalJson(item, `${path}[${index}]`, depth + 1));
      return `[${items.join(',')}]`;
    }
    if (isPlain(value)) {
      const fields = Object.keys(value)
        .toSorted(byUnits)
        .map((name) => {
          if (hasLoneSurrogate(name)) throw unsupported(path, 'name with a lone surrogate');
          return `${JSON.stringify(name)}:${canonicalJson(value[name], `${path}.${shortened(name)}`, depth + 1)}`;
        });
      return `{${fields.join(',')}}`;
    }
  } catch (cause) {
    if (cause instanceof ReceiptsError) throw cause;
    // A getter or a proxy that throws.
    throw unsupported(path, 'object that cannot be read');
  }
  throw unsupported(path, describeValue(value));
}

/** Names in errors are the caller's own, but never whole input. */
function shortened(name: string): string {
  return name.length > 40 ? `${name.slice(0, 40)}…` : name;
}

function byUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function hasLoneSurrogate(text: string): boolean {
  return /\p{Surrogate}/u.test(text);
}

function isExact(value: number): boolean {
  // A whole number beyond 2^53 - 1 has neighbours that other parsers would keep apart.
  return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  if (!isObject(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // An object of another realm has an Object.prototype of its own, whose prototype is null too.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function jsonInvalid(
  reason: 'syntax' | 'too-long' | 'too-deep' | 'duplicate-key' | 'number' | 'string',
  position: number,
): ReceiptsError<'RECEIPTS_JSON_INVALID'> {
  return new ReceiptsError('RECEIPTS_JSON_INVALID', `expected JSON, got ${reason} at character ${position}`, {
    details: { reason, position },
  });
}

function unsupported(path: string, got: string): ReceiptsError<'RECEIPTS_JSON_UNSUPPORTED'> {
  return new ReceiptsError('RECEIPTS_JSON_UNSUPPORTED', `expected a JSON value at ${path}, got ${got}`, {
    details: { path, got },
    hint: 'write bigints as decimal strings and leave absent fields out',
  });
}
