import { ConfigError } from '../errors.ts';
import { formatPath, treeLimits } from '../model/tree.ts';
import { findJsonDoubt, type JsonDoubt } from './json-doubt.ts';
import { findJsonFault } from './json-fault.ts';

/** The most a file of settings may hold, in bytes of UTF-8. */
export const MAX_TEXT_BYTES = 1_048_576;

/**
 * Reads a JSON text; its errors say where, and never repeat what is there.
 *
 * @throws {@link ConfigError} `CONFIG_TOO_LARGE`, `CONFIG_TEXT_MALFORMED`, `CONFIG_TEXT_AMBIGUOUS`
 */
export function parseJsonText(text: string, source: string): unknown {
  // A unit of UTF-16 is one to three bytes of UTF-8: the length alone decides in most cases.
  if (text.length > MAX_TEXT_BYTES || (text.length * 3 > MAX_TEXT_BYTES && bytesOf(text) > MAX_TEXT_BYTES))
    throw new ConfigError('CONFIG_TOO_LARGE', `expected at most ${MAX_TEXT_BYTES} bytes in ${source}, got more`, {
      details: { source, limit: 'bytes', maximum: MAX_TEXT_BYTES },
    });
  // Editors of Windows open a file with it.
  const body = text.startsWith('\u{FEFF}') ? text.slice(1) : text;
  requireShallow(body, source);
  const value = parsed(body, source);
  const doubt = findJsonDoubt(body);
  if (doubt !== undefined) throw ambiguous(body, source, doubt);
  return value;
}

function parsed(body: string, source: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    // The text of the parser's error quotes the input, so it is not kept as a cause.
    const place = placeOf(body, findJsonFault(body));
    const where = `line ${place.line}, column ${place.column}`;
    throw new ConfigError('CONFIG_TEXT_MALFORMED', `expected JSON in ${source}, got something else at ${where}`, {
      details: { source, ...place },
      hint: 'JSON knows no comments, no trailing commas and no single quotes',
    });
  }
}

function ambiguous(body: string, source: string, doubt: JsonDoubt): ConfigError<'CONFIG_TEXT_AMBIGUOUS'> {
  const { reason } = doubt;
  const place = placeOf(body, doubt.at);
  const path = formatPath(doubt.path);
  const [expected, got, hint] = words[reason];
  const where = `${path || 'the top'} of ${source}, line ${place.line}, column ${place.column}`;
  return new ConfigError('CONFIG_TEXT_AMBIGUOUS', `expected ${expected} at ${where}, got ${got}`, {
    details: { source, reason, path, ...place },
    hint,
  });
}

const words: Readonly<Record<JsonDoubt['reason'], readonly [string, string, string]>> = {
  'repeated-name': ['a name once', 'it again', 'remove one of the two: programs differ in which one they take'],
  number: [
    'a number that a double holds',
    'one that would be another',
    'whole numbers end at 2^53 - 1: write a larger one as a string, if the field takes that',
  ],
};

function placeOf(text: string, at: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, at).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

/** Counts brackets outside of strings, so that no parser has to go deeper than settings go. */
function requireShallow(text: string, source: string): void {
  let depth = 0;
  let inString = false;
  for (let index = 0; index < text.length; index++) {
    const character = text[index];
    if (inString) {
      if (character === '\\') index++;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === '{' || character === '[') depth++;
    else if (character === '}' || character === ']') depth--;
    if (depth > treeLimits.depth)
      throw new ConfigError('CONFIG_TOO_LARGE', `expected at most ${treeLimits.depth} levels in ${source}, got more`, {
        details: { source, limit: 'depth', maximum: treeLimits.depth },
      });
  }
}

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}
