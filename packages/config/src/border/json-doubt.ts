import type { Path } from '../model/tree.ts';

/** Something that JSON allows and two programs read differently. */
export interface JsonDoubt {
  readonly reason: 'repeated-name' | 'number';
  /** Index of the character where it begins. */
  readonly at: number;
  readonly path: Path;
}

/** An object or a list that is being read. */
interface Group {
  /** Names seen so far; absent in a list. */
  readonly names?: Set<string>;
  /** Where in it the reader is. */
  step: string | number;
  /** Whether the next string is a name. */
  isNameNext: boolean;
}

const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/**
 * The first place at which a JSON text means one thing here and another elsewhere: a name that an object has twice, of
 * which the runtime's parser takes the last, and a number that a double does not hold, which it rounds.
 *
 * @param text - JSON, as the runtime's parser has found.
 */
export function findJsonDoubt(text: string): JsonDoubt | undefined {
  const groups: Group[] = [];
  const doubt = (reason: JsonDoubt['reason'], at: number): JsonDoubt => ({
    reason,
    at,
    path: groups.map(({ step }) => step),
  });
  for (let at = 0; at < text.length;) {
    const character = text[at] ?? '';
    const group = groups.at(-1);
    if (character === '"') {
      const end = endOfString(text, at);
      if (group?.names !== undefined && group.isNameNext) {
        // By what the name says: `a` and `\u0061` are the same one.
        const name = JSON.parse(text.slice(at, end)) as string;
        group.step = name;
        group.isNameNext = false;
        if (group.names.has(name)) return doubt('repeated-name', at);
        group.names.add(name);
      }
      at = end;
      continue;
    }
    if (character === '-' || (character >= '0' && character <= '9')) {
      NUMBER.lastIndex = at;
      const number = NUMBER.exec(text)?.[0] ?? character;
      if (!isHeld(number)) return doubt('number', at);
      at += number.length;
      continue;
    }
    if (character === '{') groups.push({ names: new Set(), step: '', isNameNext: true });
    else if (character === '[') groups.push({ step: 0, isNameNext: false });
    else if (character === '}' || character === ']') groups.pop();
    else if (character === ',' && group !== undefined) {
      if (typeof group.step === 'number') group.step++;
      else group.isNameNext = true;
    }
    at++;
  }
  return undefined;
}

/** Whether a number is what was written, and not its neighbour, infinity, or nothing. */
function isHeld(text: string): boolean {
  const value = Number(text);
  if (!Number.isFinite(value)) return false;
  if (value === 0) return !/[1-9]/.test(text.split(/[eE]/)[0] ?? '');
  return !Number.isInteger(value) || Number.isSafeInteger(value);
}

/** Where a string ends, after its quotation mark. A loop: a pattern would keep a stack of all escapes. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}
