import { DescriptorsError, invalidArgument, syntaxError } from '../errors.ts';

/**
 * A text of calls, as descriptors, miniscripts and policies are: `name(argument,argument)suffix`, `{left,right}`, or a
 * word alone. Nothing is known here of what the names mean.
 */
export interface Expression {
  /** What stands before the bracket, or the word; empty for braces. */
  readonly name: string;
  /** Where it begins in the text, in UTF-16 units. */
  readonly position: number;
  /** How many units it has, with its arguments and suffix. */
  readonly length: number;
  /** `undefined` for a word alone. */
  readonly args: readonly Expression[] | undefined;
  /** Which brackets hold the arguments. */
  readonly brackets: 'round' | 'curly' | undefined;
  /** What stands behind the closing bracket, as in `musig(A,B)/0/*`. */
  readonly suffix: string;
}

/** Longer than any descriptor that could be spent: a Taproot tree of 20,000 leaves. */
const MAXIMUM_LENGTH = 4_000_000;
/** Deeper than any that could be spent, and far from the end of the call stack of those who walk it. */
const MAXIMUM_DEPTH = 500;

interface Open {
  readonly name: string;
  readonly position: number;
  readonly brackets: 'round' | 'curly';
  readonly args: Expression[];
}

/** How a text is read. */
export interface ParseExpressionOptions {
  /** Whether white space around words counts for nothing; it is part of them when absent. */
  readonly spaces?: boolean;
}

/**
 * Parses a text of calls in one pass, with a stack of its own.
 *
 * @param text - The whole text.
 * @param options - Whether words may stand between spaces.
 * @throws DescriptorsError `DESCRIPTORS_SYNTAX`, `DESCRIPTORS_TOO_LARGE`, `DESCRIPTORS_INVALID_ARGUMENT`.
 */
export function parseExpression(text: string, options: ParseExpressionOptions = {}): Expression {
  const { spaces = false } = options;
  if (typeof text !== 'string') throw invalidArgument('text', 'a string', text);
  if (text.length > MAXIMUM_LENGTH) throw tooLarge('length', MAXIMUM_LENGTH, MAXIMUM_LENGTH);
  const open: Open[] = [];
  let at = 0;
  for (;;) {
    while (spaces && isSpace(text.charCodeAt(at))) at += 1;
    const begin = at;
    while (at < text.length && !isStructure(text.charCodeAt(at))) at += 1;
    const word = spaces ? text.slice(begin, at).trimEnd() : text.slice(begin, at);
    const next = text[at];
    if (next === '(' || next === '{') {
      if (next === '{' && word !== '') throw unexpected(text, at, "',' or an end");
      if (next === '(' && word === '') throw unexpected(text, at, 'a name before the bracket');
      if (open.length === MAXIMUM_DEPTH) throw tooLarge('depth', at, MAXIMUM_DEPTH);
      open.push({ name: word, position: begin, brackets: next === '(' ? 'round' : 'curly', args: [] });
      at += 1;
      if (text[at] !== ')' || next !== '(') continue;
      // A call without arguments.
    } else {
      const atom = {
        name: word,
        position: begin,
        length: word.length,
        args: undefined,
        brackets: undefined,
        suffix: '',
      };
      const into = open.at(-1);
      if (into === undefined) {
        if (next !== undefined) throw unexpected(text, at, 'the end of the text');
        return atom;
      }
      into.args.push(atom);
    }
    // Behind an argument: another one, or the ends of calls.
    for (;;) {
      const inner = open.at(-1);
      const closing = text[at];
      if (inner === undefined) {
        if (closing !== undefined) throw unexpected(text, at, 'the end of the text');
        break;
      }
      if (closing === ',') {
        at += 1;
        break;
      }
      if (closing !== (inner.brackets === 'round' ? ')' : '}'))
        throw unexpected(text, at, inner.brackets === 'round' ? "',' or ')'" : "',' or '}'");
      at += 1;
      const suffixAt = at;
      while (at < text.length && !isStructure(text.charCodeAt(at))) at += 1;
      const { name, position, brackets, args } = inner;
      const call = {
        name,
        position: position,
        length: at - position,
        args,
        brackets,
        suffix: spaces ? text.slice(suffixAt, at).trim() : text.slice(suffixAt, at),
      };
      open.pop();
      const into = open.at(-1);
      if (into === undefined) {
        if (at < text.length) throw unexpected(text, at, 'the end of the text');
        return call;
      }
      into.args.push(call);
    }
  }
}

/** The text of an expression, as it was read. */
export function textOf(expression: Expression): string {
  const { name, args, brackets, suffix } = expression;
  if (args === undefined) return name;
  const inner = args.map(textOf).join(',');
  return brackets === 'curly' ? `{${inner}}${suffix}` : `${name}(${inner})${suffix}`;
}

/** Space, tab, line feed, carriage return. */
function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d;
}

function isStructure(code: number): boolean {
  // ( ) , { }
  return code === 0x28 || code === 0x29 || code === 0x2c || code === 0x7b || code === 0x7d;
}

function unexpected(text: string, at: number, expected: string): DescriptorsError {
  const got = at < text.length ? `'${String.fromCodePoint(text.codePointAt(at) as number)}'` : 'the end of the text';
  return syntaxError({ position: at, length: at < text.length ? 1 : 0 }, expected, got);
}

function tooLarge(what: 'length' | 'depth', position: number, limit: number): DescriptorsError {
  return new DescriptorsError('DESCRIPTORS_TOO_LARGE', `expected a text of at most ${limit} in ${what}, got more`, {
    details: { position, length: 1, what, limit },
  });
}

/** A word as an error may show it: a long one may be a secret in the wrong place. */
export function shownWord(word: string): string {
  return word.length <= 20 ? `'${word}'` : `${word.length} characters`;
}
