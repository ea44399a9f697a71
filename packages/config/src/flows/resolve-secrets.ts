import { ConfigError, type ConfigErrors } from '../errors.ts';
import { Secret } from '../model/secret.ts';
import { formatPath, isTree, mapLeaves, type Path, REFERENCE_FIELD, type Tree } from '../model/tree.ts';
import type { SecretResolver } from '../ports/secret-resolver.ts';

/** The longest secret, in characters. */
const MAX_SECRET_LENGTH = 65_536;

/** What secrets are fetched with. */
export interface ResolveOptions {
  /** By scheme. */
  readonly resolvers: ReadonlyMap<string, SecretResolver>;
  readonly signal: AbortSignal | undefined;
}

/** Fetches what the references in settings name, all at once, and puts secrets in their places. */
export async function resolveSecrets(tree: Tree, options: ResolveOptions): Promise<Tree> {
  const found = new Map<string, Promise<Secret>>();
  mapLeaves(tree, (leaf, path) => {
    if (isReference(leaf)) found.set(keyOf(path), resolve(leaf[REFERENCE_FIELD], path, options));
    return leaf;
  });
  const secrets = new Map<string, Secret>();
  const settled = await Promise.allSettled(found.values());
  // All have settled, so that no rejection is left to nobody; the first in the order of the settings is told.
  for (const result of settled) if (result.status === 'rejected') throw result.reason;
  for (const [key, secret] of found) secrets.set(key, await secret);
  return mapLeaves(tree, (leaf, path) => secrets.get(keyOf(path)) ?? leaf);
}

/** Whether a value stands for a secret that is kept elsewhere. */
export function isReference(value: unknown): value is { readonly [REFERENCE_FIELD]: unknown } {
  return isTree(value) && Object.hasOwn(value, REFERENCE_FIELD);
}

async function resolve(reference: unknown, path: Path, options: ResolveOptions): Promise<Secret> {
  const { resolvers, signal } = options;
  // A reference may be the secret itself, put there by mistake: of what it says only a known scheme is repeated.
  const parts = typeof reference === 'string' ? /^([a-z][a-z0-9+-]{0,30}):([^]+)$/.exec(reference) : null;
  const [, scheme, rest] = parts ?? [];
  if (scheme === undefined || rest === undefined) throw unresolved(path, { scheme: '', reason: 'malformed' });
  const resolver = resolvers.get(scheme);
  if (resolver === undefined) throw unresolved(path, { scheme: '', reason: 'unknown-scheme' });
  let text: unknown;
  try {
    text = await unlessAborted(async () => resolver(rest, { signal }), signal);
  } catch {
    // The error of a resolver may say what it should not: it is neither kept nor repeated.
    throw signal?.aborted === true ? aborted() : unresolved(path, { scheme, reason: 'failed' });
  }
  if (signal?.aborted === true) throw aborted();
  if (text === undefined || text === '') throw unresolved(path, { scheme, reason: 'absent' });
  if (typeof text !== 'string') throw unresolved(path, { scheme, reason: 'failed' });
  if (text.length > MAX_SECRET_LENGTH) throw unresolved(path, { scheme, reason: 'too-large' });
  return new Secret(text);
}

/** What work gives, unless the signal is aborted first: a resolver that does not heed it must not hold the load. */
async function unlessAborted(work: () => Promise<unknown>, signal: AbortSignal | undefined): Promise<unknown> {
  if (signal === undefined) return work();
  let stop = (): void => undefined;
  try {
    return await new Promise((resolveWith, reject) => {
      stop = () => reject(aborted());
      signal.addEventListener('abort', stop, { once: true });
      if (signal.aborted) stop();
      else work().then(resolveWith, reject);
    });
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** The error of a load that its signal ended. */
export function aborted(): ConfigError<'CONFIG_ABORTED'> {
  return new ConfigError('CONFIG_ABORTED', 'expected the settings to be loaded, got the abort of the signal', {
    details: { call: 'loadSettings' },
  });
}

const hints: Readonly<Record<ConfigErrors['CONFIG_SECRET_UNRESOLVED']['reason'], string>> = {
  malformed: 'write { "$secret": "env:NAME" } or { "$secret": "file:/path" }',
  'unknown-scheme': 'hand in a resolver for this scheme',
  absent: 'the reference names nothing, or something empty',
  'too-large': `a secret has at most ${MAX_SECRET_LENGTH} characters`,
  failed: 'the resolver failed; its error is not repeated, for it may hold the secret',
};

function unresolved(
  path: Path,
  facts: Omit<ConfigErrors['CONFIG_SECRET_UNRESOLVED'], 'path'>,
): ConfigError<'CONFIG_SECRET_UNRESOLVED'> {
  const where = formatPath(path);
  const through = facts.scheme === '' ? '' : ` through ${facts.scheme}:`;
  return new ConfigError('CONFIG_SECRET_UNRESOLVED', `expected a secret for ${where}${through}, got: ${facts.reason}`, {
    details: { path: where, ...facts },
    hint: hints[facts.reason],
    retryable: facts.reason === 'failed',
  });
}

function keyOf(path: Path): string {
  return JSON.stringify(path.map(String));
}
