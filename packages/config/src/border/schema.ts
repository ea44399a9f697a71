import { invalidArgument } from '../errors.ts';
import { isSecret } from '../model/secret.ts';
import { isTree, type Path, valueAt } from '../model/tree.ts';

/**
 * What settings have to be: a schema of zod, or of any library that keeps to Standard Schema.
 *
 * @see https://standardschema.dev
 */
export interface SettingsSchema<T> {
  /** What Standard Schema asks for. */
  readonly '~standard': {
    /** Of Standard Schema. */
    readonly version: 1;
    /** The library. */
    readonly vendor: string;
    /** Judges settings. */
    readonly validate: (value: unknown) => SchemaResult<T> | Promise<SchemaResult<T>>;
  };
}

/** What a schema answers. */
export type SchemaResult<T> =
  | { readonly value: T; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** One thing that a schema finds wrong. */
export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** One thing that is wrong, in words of ours. */
export interface Finding {
  readonly path: Path;
  readonly expected: string;
  /** Whether a {@link Secret} was missed. */
  readonly wantsSecret: boolean;
}

/** What a schema says of settings: the value, or what is wrong with them. */
export type Verdict<T> = { readonly value: T } | { readonly findings: readonly Finding[] };

/** Marks the issue of a field that is to be a secret. */
export const SECRET_WANTED = 'bitcoin-enterprise-secret';

/** Requires a schema. */
export function requireSchema(schema: unknown): void {
  const standard = typeof schema === 'object' || typeof schema === 'function' ? schema : undefined;
  const inner: unknown = standard === null ? undefined : (standard as Partial<SettingsSchema<unknown>>)?.['~standard'];
  if (typeof inner !== 'object' || inner === null || !('validate' in inner) || typeof inner.validate !== 'function')
    throw invalidArgument('schema', 'a schema of zod, or of Standard Schema', schema);
}

/** Asks a schema, and puts what it finds into words that never repeat a value. */
export async function judge<T>(schema: SettingsSchema<T>, settings: unknown): Promise<Verdict<T>> {
  let result: SchemaResult<T>;
  try {
    result = await schema['~standard'].validate(settings);
  } catch {
    // What a check or a transform of the app throws may hold what it was given, also as a field: `new URL` does that.
    const expected = 'settings that the code of the schema can handle: a check or a transform of it failed';
    return { findings: [{ path: [], expected, wantsSecret: false }] };
  }
  if (result.issues === undefined) return { value: result.value };
  return { findings: result.issues.flatMap((issue) => findingsOf(issue, settings)) };
}

/** The fields of zod's issues that are read; a schema of another library has none of them. */
interface ZodIssue {
  readonly code?: unknown;
  readonly expected?: unknown;
  readonly format?: unknown;
  readonly origin?: unknown;
  readonly minimum?: unknown;
  readonly maximum?: unknown;
  readonly divisor?: unknown;
  readonly values?: unknown;
  readonly keys?: unknown;
  readonly params?: unknown;
}

function findingsOf(issue: SchemaIssue, settings: unknown): readonly Finding[] {
  const path = (issue.path ?? []).map((step) => (typeof step === 'object' ? step.key : step));
  const zod = issue as ZodIssue;
  if (zod.code === 'unrecognized_keys' && Array.isArray(zod.keys))
    return zod.keys.map((key: unknown) => ({
      path: [...path, String(key)],
      expected: 'no field of this name',
      wantsSecret: false,
    }));
  const wantsSecret = isSecretIssue(zod.params);
  return [{ path, expected: expectationOf(issue, zod) ?? messageOf(issue, valueAt(settings, path)), wantsSecret }];
}

function isSecretIssue(params: unknown): boolean {
  return typeof params === 'object' && params !== null && 'wants' in params && params.wants === SECRET_WANTED;
}

/** What zod expected, from the facts of its issue and not from its text. */
function expectationOf(issue: SchemaIssue, zod: ZodIssue): string | undefined {
  const unit = typeof zod.origin === 'string' ? unitOf(zod.origin) : '';
  switch (zod.code) {
    case 'invalid_type':
      return String(zod.expected);
    case 'invalid_format':
      return `a text in the form of ${String(zod.format)}`;
    case 'too_small':
      return `at least ${String(zod.minimum)}${unit}`;
    case 'too_big':
      return `at most ${String(zod.maximum)}${unit}`;
    case 'not_multiple_of':
      return `a multiple of ${String(zod.divisor)}`;
    case 'invalid_value':
      return `one of ${Array.isArray(zod.values) ? zod.values.map((value) => String(value)).join(', ') : 'a few values'}`;
    case 'invalid_union':
      return 'one of several forms';
    case 'custom':
      return isSecretIssue(zod.params) ? issue.message : undefined;
    default:
      return undefined;
  }
}

function unitOf(origin: string): string {
  if (origin === 'string') return ' characters';
  return origin === 'array' || origin === 'set' || origin === 'map' ? ' items' : '';
}

/** The text of a check the app wrote, unless it repeats what it was to check. */
function messageOf(issue: SchemaIssue, value: unknown): string {
  const { message } = issue;
  if (typeof message !== 'string' || message === '' || message.length > 300) return 'a valid value';
  // Quoted in JSON's way, a text is there in another spelling.
  const repeats = (text: string): boolean =>
    message.includes(text) || message.includes(JSON.stringify(text).slice(1, -1));
  return textsIn(value).some(repeats) ? 'a valid value' : message;
}

function textsIn(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(textsIn);
  if (isSecret(value)) return textsIn(value.reveal());
  if (isTree(value)) return Object.values(value).flatMap(textsIn);
  if (typeof value === 'string') return value === '' ? [] : [value];
  return typeof value === 'number' || typeof value === 'bigint' ? [String(value)] : [];
}
