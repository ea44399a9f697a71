import { ConfigError } from '../errors.ts';
import { formatPath, isForbidden, type Path, type Tree, treeLimits } from '../model/tree.ts';

/** The variables of a process, and which of them are settings. */
export interface SettingsEnvironment {
  /** What the names of settings begin with: `APP` for `APP_RPC__URL`. */
  readonly prefix: string;
  /** The variables, all of them: references to secrets may name any. */
  readonly variables: Readonly<Record<string, string | undefined>>;
}

/** A text from the environment and the variable it came from. */
export interface EnvironmentText {
  readonly path: Path;
  readonly variable: string;
  readonly text: string;
}

/**
 * Reads the settings among variables: `__` goes one level down, `_` begins a new word, so `APP_RPC__MAX_BATCH` is
 * `rpc.maxBatch`.
 *
 * @throws {@link ConfigError} `CONFIG_VARIABLE_INVALID`, `CONFIG_NAME_FORBIDDEN`, `CONFIG_TOO_LARGE`
 */
export function parseEnvironment({ prefix, variables }: SettingsEnvironment): {
  readonly tree: Tree;
  readonly texts: readonly EnvironmentText[];
} {
  const start = `${prefix}_`;
  const texts: EnvironmentText[] = [];
  const root: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  // In the order of their names, so that errors do not depend on how the process was started.
  for (const variable of Object.keys(variables)
    .filter((name) => name.startsWith(start))
    .toSorted()) {
    const text = variables[variable];
    if (text === undefined) continue;
    const path = pathOf(variable, start);
    place(root, path, { variable, text });
    texts.push({ path, variable, text });
  }
  return { tree: root, texts };
}

function pathOf(variable: string, start: string): Path {
  const segments = variable.slice(start.length).split('__');
  if (segments.length > treeLimits.depth)
    throw new ConfigError('CONFIG_TOO_LARGE', `expected at most ${treeLimits.depth} levels in ${variable}, got more`, {
      details: { source: variable, limit: 'depth', maximum: treeLimits.depth },
    });
  return segments.map((segment) => {
    if (!/[A-Za-z0-9]/.test(segment)) throw invalidVariable(variable, 'empty-segment');
    const name = segment.toLowerCase().replaceAll(/_+(.)/g, (_, letter: string) => letter.toUpperCase());
    if (isForbidden(name))
      throw new ConfigError('CONFIG_NAME_FORBIDDEN', `expected plain names in the environment, got ${name}`, {
        details: { source: variable, path: name },
      });
    return name;
  });
}

function place(
  root: Record<string, unknown>,
  path: Path,
  { variable, text }: { readonly variable: string; readonly text: string },
): void {
  let group = root;
  path.forEach((step, index) => {
    const name = String(step);
    const there = group[name];
    const isLast = index === path.length - 1;
    if (there !== undefined && (isLast || typeof there !== 'object' || there === null))
      throw invalidVariable(variable, 'field-and-group');
    if (isLast) group[name] = text;
    else {
      const inner = (there ?? Object.create(null)) as Record<string, unknown>;
      group[name] = inner;
      group = inner;
    }
  });
}

function invalidVariable(
  variable: string,
  reason: 'empty-segment' | 'field-and-group',
): ConfigError<'CONFIG_VARIABLE_INVALID'> {
  const expected = reason === 'empty-segment' ? 'a name on every level' : 'a field to be set once, by one variable';
  return new ConfigError('CONFIG_VARIABLE_INVALID', `expected ${expected}, got the variable ${variable}`, {
    details: { variable, reason },
  });
}

/** The variable that a value came from, when it came from the environment. */
export function variableAt(texts: readonly EnvironmentText[], path: Path): string | undefined {
  const wanted = formatPath(path);
  return texts.find((text) => {
    const own = formatPath(text.path);
    return wanted === own || wanted.startsWith(`${own}.`) || wanted.startsWith(`${own}[`);
  })?.variable;
}
