import { guarded, requireObject } from '../checks.ts';
import { type Clause, type ClauseKey, clauseOrigin } from '../contract/clauses.ts';

/** A place in a source file. */
export interface SourcePlace {
  /** As the engine names it: a path, or an address. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
}

interface Frame extends SourcePlace {
  readonly name: string;
}

/** Functions that make clauses: the frame above them is who wrote it. */
const MAKERS: ReadonlySet<string> = new Set([
  'written',
  'hashLock',
  'pk',
  'musig',
  'and',
  'or',
  'thresh',
  'older',
  'olderSeconds',
  'after',
  'sha256',
  'hash256',
  'ripemd160',
  'hash160',
]);
/** What the language itself makes clauses in: keys of the key path and of covenants. */
const MADE_BY_LANGUAGE: ReadonlySet<string> = new Set(['partsOf', 'compileState']);

/**
 * Where a clause was written: the call of `pk`, `and`… that made it.
 *
 * @returns `undefined` for a clause that no contract wrote, and where the engine keeps no stacks.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 */
export function sourceOfClause(clause: Clause): SourcePlace | undefined {
  return guarded('clause', 'a clause', () => {
    const { name, key } = requireObject<Clause & { readonly name: 'pk' }>('clause', clause);
    return placeOf(clause) ?? (name === 'pk' && key !== undefined ? placeOf(key) : undefined);
  });
}

function placeOf(made: Clause | ClauseKey): SourcePlace | undefined {
  const frames = framesOf(clauseOrigin(made) ?? '');
  const [first] = frames;
  if (first === undefined) return undefined;
  // Between them lie what guards their arguments, and functions without a name.
  const foreign = frames.findIndex(({ name, file }) => file !== first.file && name !== 'guarded');
  const own = foreign === -1 ? frames : frames.slice(0, foreign);
  const writer = frames[own.findLastIndex(({ name, file }) => file === first.file && MAKERS.has(name)) + 1];
  if (writer === undefined || isOfLanguage(writer, first)) return undefined;
  const { file, line, column } = writer;
  return { file, line, column };
}

/** Whether the language itself made a clause: of the key path, or of a covenant key. */
function isOfLanguage({ name, file }: Frame, first: Frame): boolean {
  const folder = first.file.slice(0, first.file.lastIndexOf('/') + 1);
  return (
    MADE_BY_LANGUAGE.has(name) ||
    (file.startsWith(folder) && /^(?:instance|state-output)\.\w+$/.test(file.slice(folder.length)))
  );
}

/** The frames of a stack that have a place, innermost first: of V8, and of Firefox and Safari. */
function framesOf(stack: string): readonly Frame[] {
  return stack.split('\n').flatMap((text): readonly Frame[] => {
    const found =
      /^\s*at (?:async )?(?:(.*?) \()?(?:file:\/\/)?(\S.*?):(\d+):(\d+)\)?$/.exec(text) ??
      /^(.*?)@(?:file:\/\/)?(.+?):(\d+):(\d+)$/.exec(text);
    if (found === null) return [];
    const [, name = '', file = '', line, column] = found;
    const called = name.replace(/^(?:Module|Object|Array)\./, '').replace(/ \[as .*\]$/, '');
    return [{ name: called, file, line: Number(line), column: Number(column) }];
  });
}
