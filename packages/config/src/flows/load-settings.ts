import { hasCode } from '@bitcoin-enterprise/core';
import { parseEnvironment, type EnvironmentText, type SettingsEnvironment, variableAt } from '../border/environment.ts';
import { parseSettingsFile, type SettingsFile } from '../border/file.ts';
import { parseJsonText } from '../border/json-text.ts';
import { type Finding, judge, requireSchema, type SettingsSchema } from '../border/schema.ts';
import { ConfigError, type FieldProblem, invalidArgument } from '../errors.ts';
import { present } from '../model/present.ts';
import { Secret } from '../model/secret.ts';
import { copyTree, formatPath, isTree, mapLeaves, mergeTrees, type Path, type Tree, valueAt } from '../model/tree.ts';
import type { SecretResolver } from '../ports/secret-resolver.ts';
import { aborted, isReference, resolveSecrets } from './resolve-secrets.ts';

/** Where settings come from, weakest first: what the schema defaults, the file, the environment, the explicit object. */
export interface SettingsSources {
  /** A file that was read. */
  readonly file?: SettingsFile;
  /** The variables of the process. */
  readonly environment?: SettingsEnvironment;
  /** What the app says itself: its command line, a test. */
  readonly explicit?: object;
  /** What fetches secrets, by the scheme of their reference; `env:` is there when there is an environment. */
  readonly resolvers?: Readonly<Record<string, SecretResolver>>;
  /** Ends the load. */
  readonly signal?: AbortSignal;
}

/** The most problems that one error tells of. */
const MAX_PROBLEMS = 50;

/**
 * Loads the settings of an app: merges its sources, fetches the secrets they refer to, and has the schema judge the
 * whole. What comes back is frozen, and printed without secrets.
 *
 * A variable of the environment is a text. Where the schema does not take the text, it is read as JSON; where the
 * schema asks for a secret, it is one.
 *
 * @param schema - Of zod or another library of Standard Schema. Make it strict, and misspelt fields are found.
 * @returns What the schema makes of them.
 * @throws {@link ConfigError} `CONFIG_FIELD_INVALID` with all problems, `CONFIG_SECRET_UNRESOLVED`,
 * `CONFIG_FORMAT_UNKNOWN`, `CONFIG_TEXT_MALFORMED`, `CONFIG_TEXT_AMBIGUOUS`, `CONFIG_TOO_LARGE`,
 * `CONFIG_NAME_FORBIDDEN`, `CONFIG_VARIABLE_INVALID`, `CONFIG_ABORTED`, `CONFIG_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts
 * import { loadSettings, secret } from '@bitcoin-enterprise/config';
 * import { z } from 'zod';
 *
 * const schema = z.strictObject({ rpc: z.strictObject({ port: z.int().default(8332), password: secret() }) });
 * const settings = await loadSettings(schema, {
 *   file: { name: 'app.json', text: '{ "rpc": { "port": 18443, "password": { "$secret": "env:RPC_PASSWORD" } } }' },
 *   environment: { prefix: 'APP', variables: { APP_RPC__PORT: '18444', RPC_PASSWORD: 'hunter2' } },
 * });
 * JSON.stringify(settings); // => '{"rpc":{"port":18444,"password":"[redacted]"}}'
 * settings.rpc.password.reveal(); // => 'hunter2'
 * ```
 */
export async function loadSettings<T>(schema: SettingsSchema<T>, sources: SettingsSources): Promise<T> {
  requireSchema(schema);
  requireSources(sources);
  const { file, environment, explicit, signal } = sources;
  const resolving = { resolvers: resolversOf(sources), signal };
  if (signal?.aborted === true) throw aborted();

  const fromFile = file === undefined ? undefined : parseSettingsFile(file);
  const variables = environment === undefined ? undefined : parseEnvironment(environment);
  const fromApp = explicit === undefined ? undefined : copyTree(explicit as Tree, 'explicit');
  const texts = variables?.texts ?? [];
  const fromEnvironment = variables && mapLeaves(variables.tree, (leaf) => referenceOf(leaf) ?? leaf);
  const merged = [fromFile, fromEnvironment, fromApp].reduce<Tree>(
    (below, above) => (above === undefined ? below : mergeTrees(below, above)),
    Object.create(null) as Tree,
  );

  const settings = await resolveSecrets(merged, resolving);
  const first = await judge(schema, settings);
  if ('value' in first) return present(first.value);

  const reread = rereadTexts(settings, { texts, findings: first.findings });
  const second = await judge(schema, await resolveSecrets(reread, resolving));
  if ('value' in second) return present(second.value);

  const sourceOf = (path: Path): string => {
    if (valueAt(fromApp, path) !== undefined) return 'explicit';
    const variable = variableAt(texts, path);
    if (variable !== undefined) return variable;
    if (valueAt(fromFile, path) !== undefined) return file?.name ?? 'file';
    return valueAt(merged, path) === undefined ? 'absent' : 'environment';
  };
  throw fieldError(second.findings, sourceOf);
}

function requireSources(sources: unknown): asserts sources is SettingsSources {
  if (!isTree(sources)) throw invalidArgument('sources', 'an object', sources);
  const { file, environment, explicit, resolvers, signal } = sources;
  if (file !== undefined && !(isTree(file) && typeof file['name'] === 'string' && typeof file['text'] === 'string'))
    throw invalidArgument('sources.file', 'an object of name and text', file);
  if (environment !== undefined) {
    if (!isTree(environment)) throw invalidArgument('sources.environment', 'an object', environment);
    const { prefix, variables } = environment;
    if (typeof prefix !== 'string' || !/^[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*$/.test(prefix))
      throw invalidArgument('sources.environment.prefix', 'a word as in APP_RPC', prefix);
    if (typeof variables !== 'object' || variables === null)
      throw invalidArgument('sources.environment.variables', 'an object of strings', variables);
    for (const text of Object.values(variables))
      if (text !== undefined && typeof text !== 'string')
        throw invalidArgument('sources.environment.variables', 'an object of strings', variables);
  }
  if (explicit !== undefined && !isTree(explicit)) throw invalidArgument('sources.explicit', 'an object', explicit);
  if (resolvers !== undefined && !isTree(resolvers)) throw invalidArgument('sources.resolvers', 'an object', resolvers);
  for (const resolver of Object.values(resolvers ?? {}))
    if (typeof resolver !== 'function') throw invalidArgument('sources.resolvers', 'an object of functions', resolver);
  if (signal !== undefined && !(typeof signal === 'object' && signal !== null && 'aborted' in signal))
    throw invalidArgument('sources.signal', 'an AbortSignal', signal);
}

function resolversOf({ environment, resolvers = {} }: SettingsSources): ReadonlyMap<string, SecretResolver> {
  const all = new Map<string, SecretResolver>();
  if (environment !== undefined)
    all.set('env', (name) => (Object.hasOwn(environment.variables, name) ? environment.variables[name] : undefined));
  for (const [scheme, resolver] of Object.entries(resolvers)) all.set(scheme, resolver);
  return all;
}

/** The reference that a text of the environment is, when it is one. */
function referenceOf(text: unknown): unknown {
  if (typeof text !== 'string' || !text.startsWith('{')) return undefined;
  try {
    const value = parseJsonText(text, 'the environment');
    return isReference(value) ? value : undefined;
  } catch {
    // A text, unless the schema does not take it.
    return undefined;
  }
}

/** The settings with those texts of the environment read anew that the schema did not take. */
function rereadTexts(
  settings: Tree,
  options: { readonly texts: readonly EnvironmentText[]; readonly findings: readonly Finding[] },
): Tree {
  const { texts, findings } = options;
  return mapLeaves(settings, (leaf, path) => {
    const own = texts.find((text) => text.text === leaf && samePath(text.path, path));
    const finding = own && findings.find((one) => isWithin(one.path, path) || isWithin(path, one.path));
    if (own === undefined || finding === undefined) return leaf;
    if (finding.wantsSecret) return own.text === '' ? leaf : new Secret(own.text);
    const value = jsonOf(own.text, own.variable);
    return isTree(value) || Array.isArray(value) ? copyTree({ value }, own.variable)['value'] : (value ?? leaf);
  });
}

/** What a text says as JSON; `undefined` when it is none; which of two things it says is not guessed. */
function jsonOf(text: string, source: string): unknown {
  try {
    return parseJsonText(text, source);
  } catch (error) {
    if (hasCode(error, 'CONFIG_TEXT_AMBIGUOUS')) throw error;
    return undefined;
  }
}

function samePath(a: Path, b: Path): boolean {
  return a.length === b.length && isWithin(a, b);
}

/** Whether a path is another one, or leads to something inside of it. */
function isWithin(path: Path, group: Path): boolean {
  return group.every((step, index) => path[index] === step);
}

function fieldError(
  findings: readonly Finding[],
  sourceOf: (path: Path) => string,
): ConfigError<'CONFIG_FIELD_INVALID'> {
  const problems: readonly FieldProblem[] = findings.slice(0, MAX_PROBLEMS).map(({ path, expected }) => ({
    path: formatPath(path),
    expected,
    source: sourceOf(path),
  }));
  const lines = problems.map(({ path, expected, source }) => `${path || 'settings'}: expected ${expected} (${source})`);
  const more = findings.length > MAX_PROBLEMS ? `; and ${findings.length - MAX_PROBLEMS} more` : '';
  return new ConfigError('CONFIG_FIELD_INVALID', `${lines.join('; ')}${more}`, {
    details: { problems },
    ...(findings.some(({ wantsSecret }) => wantsSecret)
      ? { hint: 'a secret is given by reference: { "$secret": "env:NAME" }' }
      : {}),
  });
}
