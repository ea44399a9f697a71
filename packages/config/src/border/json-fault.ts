/**
 * The first place at which a text stops being JSON, which the runtime's parser names only in a text that quotes the
 * input, and not always.
 *
 * @param text - Nested no deeper than settings may be, for this follows the nesting.
 * @returns Index of the character; the length of the text when its end comes too early, or when it is JSON.
 */
export function findJsonFault(text: string): number {
  const state = { text, at: 0 };
  if (readValue(state)) skipSpace(state);
  return state.at;
}

interface Reader {
  readonly text: string;
  at: number;
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /true|false|null/y;

/** Reads one value; `false`, and the place at the fault, when there is none. */
function readValue(state: Reader): boolean {
  skipSpace(state);
  switch (state.text[state.at]) {
    case '{':
      return readGroup(state, { end: '}', readItem: readField });
    case '[':
      return readGroup(state, { end: ']', readItem: readValue });
    case '"':
      return readString(state);
    default:
      return readPattern(state, NUMBER) || readPattern(state, WORD);
  }
}

function readGroup(
  state: Reader,
  { end, readItem }: { readonly end: string; readonly readItem: (state: Reader) => boolean },
): boolean {
  state.at++;
  skipSpace(state);
  if (read(state, end)) return true;
  for (;;) {
    if (!readItem(state)) return false;
    skipSpace(state);
    if (read(state, end)) return true;
    if (!read(state, ',')) return false;
  }
}

function readField(state: Reader): boolean {
  skipSpace(state);
  if (state.text[state.at] !== '"' || !readString(state)) return false;
  skipSpace(state);
  return read(state, ':') && readValue(state);
}

function readString(state: Reader): boolean {
  state.at++;
  for (; state.at < state.text.length; state.at++) {
    const character = state.text[state.at] ?? '';
    if (character === '"') return read(state, '"');
    if (character < ' ') return false;
    if (character !== '\\') continue;
    const escape = /^\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/.exec(state.text.slice(state.at, state.at + 6))?.[0];
    if (escape === undefined) return false;
    state.at += escape.length - 1;
  }
  return false;
}

function readPattern(state: Reader, pattern: RegExp): boolean {
  pattern.lastIndex = state.at;
  const length = pattern.exec(state.text)?.[0].length ?? 0;
  state.at += length;
  return length > 0;
}

function read(state: Reader, character: string): boolean {
  if (state.text[state.at] !== character) return false;
  state.at++;
  return true;
}

function skipSpace(state: Reader): void {
  while (' \t\n\r'.includes(state.text[state.at] ?? '-')) state.at++;
}
