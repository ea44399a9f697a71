import { open } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import type { SettingsFile } from '../border/file.ts';
import type { SettingsSchema } from '../border/schema.ts';
import { ConfigError, invalidArgument } from '../errors.ts';
import { loadSettings } from '../flows/load-settings.ts';
import type { SecretResolver } from '../ports/secret-resolver.ts';

/** Where the settings of a process come from. */
export interface AppSettingsOptions {
  /** A file in JSON, which has to be there; none when absent. */
  readonly file?: string;
  /** What the variables of settings begin with: `APP` for `APP_RPC__URL`; variables are no settings when absent. */
  readonly prefix?: string;
  /** The variables; those of the process when absent. */
  readonly variables?: Readonly<Record<string, string | undefined>>;
  /** What the app says itself: the strongest source. */
  readonly explicit?: object;
  /** What fetches secrets beside `env:NAME` and `file:/absolute/path`, by scheme. */
  readonly resolvers?: Readonly<Record<string, SecretResolver>>;
  /** Ends the load. */
  readonly signal?: AbortSignal;
}

/** The most a file of settings may hold, in bytes; one byte more is read to know. */
const MAX_FILE_BYTES = 1_048_576;
/** The most a file of one secret may hold, in bytes. */
const MAX_SECRET_BYTES = 65_536;

/**
 * Loads the settings of a process: `loadSettings` with a file, the variables of the process, and secrets in files.
 *
 * @throws {@link ConfigError} `CONFIG_FILE_UNREADABLE`, `CONFIG_INVALID_ARGUMENT`, and what `loadSettings` throws.
 *
 * @example
 * ```ts
 * import { loadAppSettings } from '@bitcoin-enterprise/config/node';
 * import { z } from 'zod';
 *
 * const schema = z.strictObject({ port: z.int().min(1) });
 * await loadAppSettings(schema, { prefix: 'APP', variables: { APP_PORT: '8332' } }); // => { port: 8332 }
 * await loadAppSettings(schema, { file: '/nowhere/app.json' }); // => throws CONFIG_FILE_UNREADABLE
 * ```
 */
export async function loadAppSettings<T>(schema: SettingsSchema<T>, options: AppSettingsOptions = {}): Promise<T> {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw invalidArgument('options', 'an object', options);
  const { file, prefix, variables = process.env, explicit, resolvers, signal } = options;
  if (file !== undefined && (typeof file !== 'string' || file.includes('\0')))
    throw invalidArgument('options.file', 'a path', file);
  const read = file === undefined ? undefined : await readSettingsFile(file);
  // Without a prefix, variables are no settings; references to secrets may name them all the same.
  const environment = prefix === undefined ? undefined : { prefix, variables };
  return loadSettings(schema, {
    ...(read === undefined ? {} : { file: read }),
    ...(environment === undefined ? {} : { environment }),
    ...(explicit === undefined ? {} : { explicit }),
    resolvers: {
      env: (name) => (Object.hasOwn(variables, name) ? variables[name] : undefined),
      file: readSecret,
      ...resolvers,
    },
    ...(signal === undefined ? {} : { signal }),
  });
}

async function readSettingsFile(path: string): Promise<SettingsFile> {
  let bytes: Uint8Array | undefined;
  try {
    bytes = await readAtMost(path, MAX_FILE_BYTES);
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
    throw new ConfigError('CONFIG_FILE_UNREADABLE', `expected to read the file ${path}, got ${reason}`, {
      details: { file: path, reason },
      cause,
    });
  }
  if (bytes === undefined)
    throw new ConfigError('CONFIG_TOO_LARGE', `expected at most ${MAX_FILE_BYTES} bytes in ${path}, got more`, {
      details: { source: path, limit: 'bytes', maximum: MAX_FILE_BYTES },
    });
  try {
    return { name: path, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    throw new ConfigError('CONFIG_TEXT_MALFORMED', `expected UTF-8 in ${path}, got other bytes`, {
      details: { source: path, line: 0, column: 0 },
    });
  }
}

/** Reads a secret from a file of its own, as Docker and Kubernetes mount them; the line end of an editor is no part. */
async function readSecret(path: string): Promise<string | undefined> {
  if (!isAbsolute(path)) throw invalidArgument('file reference', 'an absolute path', path);
  const bytes = await readAtMost(path, MAX_SECRET_BYTES);
  if (bytes === undefined) throw invalidArgument('file reference', 'a file of a secret', path);
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\r?\n$/, '');
}

/** The bytes of a file; `undefined` when there are more. A device that never ends is not read to its end. */
async function readAtMost(path: string, maximum: number): Promise<Uint8Array | undefined> {
  const handle = await open(path, 'r');
  try {
    const buffer = new Uint8Array(maximum + 1);
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return length > maximum ? undefined : buffer.subarray(0, length);
  } finally {
    await handle.close();
  }
}
