import { z } from 'zod';
import { invalidArgument } from '../errors.ts';
import { isSecret, type Secret } from '../model/secret.ts';
import { SECRET_WANTED } from './schema.ts';

/** What {@link secret} may be told. */
export interface SecretSchemaOptions {
  /** What the text has to be, for the error: `32 bytes in hexadecimal`. */
  readonly expected?: string;
  /** Whether a text is that. */
  readonly accepts?: (text: string) => boolean;
}

/**
 * A field of a zod schema that is a {@link Secret}: given by reference, as a variable of the environment, or by the app
 * as a `Secret`. A plain text in a file is refused.
 *
 * @throws {@link ConfigError} `CONFIG_INVALID_ARGUMENT`
 *
 * @example
 * ```ts
 * import { loadSettings, secret } from '@bitcoin-enterprise/config';
 * import { z } from 'zod';
 *
 * const schema = z.strictObject({ key: secret({ expected: '32 bytes in hex', accepts: (text) => /^[0-9a-f]{64}$/.test(text) }) });
 * await loadSettings(schema, { environment: { prefix: 'APP', variables: { APP_KEY: 'ab'.repeat(32) } } });
 * await loadSettings(schema, { explicit: { key: 'ab'.repeat(32) } }); // => throws CONFIG_FIELD_INVALID
 * ```
 */
export function secret(options: SecretSchemaOptions = {}): z.ZodType<Secret, Secret> {
  const { expected = 'another secret', accepts } = options;
  if (typeof expected !== 'string') throw invalidArgument('options.expected', 'a string', expected);
  if (accepts !== undefined && typeof accepts !== 'function')
    throw invalidArgument('options.accepts', 'a function', accepts);
  return z.custom<Secret>().superRefine((value: unknown, context) => {
    const wants = isSecret(value) ? undefined : 'a secret by reference, as { "$secret": "env:NAME" }';
    if (wants !== undefined) context.addIssue({ code: 'custom', message: wants, params: { wants: SECRET_WANTED } });
    else if (accepts !== undefined && !accepts((value as Secret).reveal()))
      context.addIssue({ code: 'custom', message: `a secret: ${expected}`, params: { wants: 'another' } });
  });
}
