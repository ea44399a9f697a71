import { hasCode, SuiteError } from '@bitcoin-enterprise/core';
import {
  type ConfigErrors,
  isSecret,
  loadSettings,
  type SchemaResult,
  Secret,
  secret,
  type SettingsSchema,
  type SettingsSources,
} from '@bitcoin-enterprise/config';
import fc from 'fast-check';
import { inspect } from 'node:util';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { findJsonDoubt } from '../src/border/json-doubt.ts';
import { findJsonFault } from '../src/border/json-fault.ts';

const schema = z.strictObject({
  network: z.enum(['main', 'regtest']).default('regtest'),
  rpc: z.strictObject({
    url: z.url(),
    maxBatch: z.int().min(1).max(1_000).default(100),
    password: secret().optional(),
  }),
  peers: z.array(z.strictObject({ host: z.string() })).default([]),
});

const json = (value: unknown): SettingsSources['file'] & object => ({ name: 'app.json', text: JSON.stringify(value) });
const variables = (all: Record<string, string>): SettingsSources['environment'] & object => ({
  prefix: 'APP',
  variables: all,
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** The error of a load, with everything that a log could show of it. */
async function failure(sources: unknown, of: z.ZodType = schema): Promise<SuiteError & { readonly shown: string }> {
  const error: unknown = await loadSettings(of, sources as SettingsSources).then(
    () => undefined,
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(SuiteError);
  const shown = `${String(error)} ${JSON.stringify(error)} ${inspect(error, { depth: 9 })}`;
  return Object.assign(error as SuiteError, { shown });
}

async function problems(sources: unknown, of?: z.ZodType): Promise<unknown> {
  const error = await failure(sources, of);
  return hasCode(error, 'CONFIG_FIELD_INVALID') ? error.details.problems : error.code;
}

describe('sources', () => {
  it('are laid over each other: explicit over environment over file over defaults', async () => {
    const file = json({ network: 'main', rpc: { url: 'http://file', maxBatch: 5 }, peers: [{ host: 'a' }] });
    const environment = variables({ APP_RPC__URL: 'http://env', APP_RPC__MAX_BATCH: '6', OTHER: 'x', AP: 'y' });
    const explicit = { rpc: { maxBatch: 7 } };

    expect(await loadSettings(schema, { file })).toEqual({
      network: 'main',
      rpc: { url: 'http://file', maxBatch: 5 },
      peers: [{ host: 'a' }],
    });
    expect(await loadSettings(schema, { file, environment })).toMatchObject({
      rpc: { url: 'http://env', maxBatch: 6 },
    });
    const all = await loadSettings(schema, { file, environment, explicit });
    expect(all).toMatchObject({ network: 'main', rpc: { url: 'http://env', maxBatch: 7 } });
    expectTypeOf(all.rpc.maxBatch).toEqualTypeOf<number>();
    expect(await loadSettings(schema, { environment: variables({ APP_RPC__URL: 'http://env' }) })).toMatchObject({
      network: 'regtest',
    });
  });

  it('replace lists as a whole', async () => {
    const file = json({ rpc: { url: 'http://file' }, peers: [{ host: 'a' }, { host: 'b' }] });
    const loaded = await loadSettings(schema, { file, explicit: { peers: [{ host: 'c' }] } });

    expect(loaded.peers).toEqual([{ host: 'c' }]);
  });

  it('of the environment are texts first, and JSON where the schema takes no text', async () => {
    const shape = z.strictObject({
      text: z.string(),
      number: z.number(),
      flag: z.boolean(),
      list: z.array(z.string()),
      group: z.strictObject({ deep: z.strictObject({ er: z.number() }) }),
      either: z.union([z.number(), z.strictObject({ a: z.number() })]),
    });
    const environment = variables({
      APP_TEXT: '12345',
      APP_NUMBER: '12345',
      APP_FLAG: 'true',
      APP_LIST: '["a","b"]',
      APP_GROUP__DEEP: '{"er": 1}',
      APP_EITHER__A: '5',
    });

    expect(await loadSettings(shape, { environment })).toEqual({
      text: '12345',
      number: 12_345,
      flag: true,
      list: ['a', 'b'],
      group: { deep: { er: 1 } },
      either: { a: 5 },
    });
  });

  it('may be any schema of Standard Schema', async () => {
    const positive = {
      '~standard': {
        version: 1 as const,
        vendor: 'test',
        validate: (value: unknown) =>
          (value as { n?: unknown }).n === 1
            ? { value: { n: 1 } }
            : { issues: [{ message: 'one', path: [{ key: 'n' }] }] },
      },
    };

    expect(await loadSettings(positive, { explicit: { n: 1 } })).toEqual({ n: 1 });
    await expect(loadSettings(positive, { explicit: { n: 2 } })).rejects.toMatchObject({
      details: { problems: [{ path: 'n', expected: 'one', source: 'explicit' }] },
    });
  });
});

describe('problems', () => {
  it('are told all at once, each with its path, what was expected and where the value came from', async () => {
    const file = json({
      network: 'hunter2-net',
      rpc: { url: 'hunter2 url', extra: 'hunter2' },
      peers: [{ host: 5 }, {}],
    });
    const environment = variables({ APP_RPC__MAX_BATCH: 'hunter2', APP_RPC__HOST: 'hunter2' });
    const error = await failure({ file, environment });

    expect(error.message).toMatchInlineSnapshot(
      `"CONFIG_FIELD_INVALID: network: expected one of main, regtest (app.json); rpc.url: expected a text in the form of url (app.json); rpc.maxBatch: expected number (APP_RPC__MAX_BATCH); rpc.extra: expected no field of this name (app.json); rpc.host: expected no field of this name (APP_RPC__HOST); peers[0].host: expected string (app.json); peers[1].host: expected string (absent)"`,
    );
    expect(error.details).toEqual({
      problems: [
        { path: 'network', expected: 'one of main, regtest', source: 'app.json' },
        { path: 'rpc.url', expected: 'a text in the form of url', source: 'app.json' },
        { path: 'rpc.maxBatch', expected: 'number', source: 'APP_RPC__MAX_BATCH' },
        { path: 'rpc.extra', expected: 'no field of this name', source: 'app.json' },
        { path: 'rpc.host', expected: 'no field of this name', source: 'APP_RPC__HOST' },
        { path: 'peers[0].host', expected: 'string', source: 'app.json' },
        { path: 'peers[1].host', expected: 'string', source: 'absent' },
      ],
    });
    expect(error.shown.replaceAll('hunter2-net', '')).not.toContain('hunter2');
  });

  it('say bounds', async () => {
    const shape = z.object({
      low: z.number().min(5),
      high: z.int().max(5),
      short: z.string().min(3),
      long: z.string().max(3),
      step: z.number().multipleOf(5),
      list: z.array(z.number()).max(1),
      union: z.union([z.number(), z.null()]),
    });
    const explicit = { low: 1, high: 9, short: 'a', long: 'abcd', step: 7, list: [1, 2], union: 'x' };

    expect(await problems({ explicit }, shape)).toEqual(
      [
        ['low', 'at least 5'],
        ['high', 'at most 5'],
        ['short', 'at least 3 characters'],
        ['long', 'at most 3 characters'],
        ['step', 'a multiple of 5'],
        ['list', 'at most 1 items'],
        ['union', 'one of several forms'],
      ].map(([path, expected]) => ({ path, expected, source: 'explicit' })),
    );
  });

  it('are in the words of the app where it checks itself, unless they repeat the value', async () => {
    const fair = z.object({ a: z.string().refine(() => false, 'a colour') });
    const leaky = z.object({ a: z.string().refine(() => false, { error: (issue) => `no ${String(issue.input)}` }) });
    const whole = z.object({ a: z.object({ b: z.string() }).refine(() => false, { error: () => 'has hunter2' }) });

    expect(await problems({ explicit: { a: 'red' } }, fair)).toMatchObject([{ expected: 'a colour' }]);
    expect(await problems({ explicit: { a: 'hunter2' } }, leaky)).toMatchObject([{ expected: 'a valid value' }]);
    expect(await problems({ explicit: { a: { b: 'hunter2' } } }, whole)).toMatchObject([{ expected: 'a valid value' }]);
  });

  it('beyond fifty are counted', async () => {
    const explicit = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`f${index}`, 1]));
    const error = await failure({ explicit }, z.strictObject({}));

    expect((error.details as ConfigErrors['CONFIG_FIELD_INVALID']).problems).toHaveLength(50);
    expect(error.message).toMatch(/; and 10 more$/);
  });
});

describe('secrets', () => {
  const shape = z.strictObject({ url: z.string().optional(), password: secret() });
  const reference = { $secret: 'env:RPC_PASSWORD' };

  it('are fetched by reference, from the environment or from a resolver of the app', async () => {
    const environment = variables({ RPC_PASSWORD: 'hunter2' });
    const one = await loadSettings(shape, { file: json({ password: reference }), environment });
    const other = await loadSettings(shape, {
      file: json({ password: { $secret: 'vault:db/password' } }),
      resolvers: { vault: async (name) => (name === 'db/password' ? 'hunter3' : undefined) },
    });

    expect([one.password.reveal(), other.password.reveal()]).toEqual(['hunter2', 'hunter3']);
    expectTypeOf(one.password).toEqualTypeOf<Secret>();
  });

  it('may be a variable of the environment themselves, or a reference there, or a Secret of the app', async () => {
    const direct = await loadSettings(shape, { environment: variables({ APP_PASSWORD: 'hunter2' }) });
    const indirect = await loadSettings(shape, {
      environment: variables({ APP_PASSWORD: '{"$secret":"env:REAL"}', REAL: 'hunter3' }),
    });
    const given = await loadSettings(shape, { explicit: { password: new Secret('hunter4') } });
    const nested = await loadSettings(z.object({ rpc: shape }), {
      environment: variables({ APP_RPC: '{"password":{"$secret":"env:REAL"}}', REAL: 'hunter5' }),
    });

    const all = [direct.password, indirect.password, given.password, nested.rpc.password];
    expect(all.map((one) => one.reveal())).toEqual(['hunter2', 'hunter3', 'hunter4', 'hunter5']);
  });

  it('are refused as a plain text in a file', async () => {
    const error = await failure({ file: json({ password: 'hunter2' }) }, shape);

    expect(error).toMatchObject({
      code: 'CONFIG_FIELD_INVALID',
      hint: 'a secret is given by reference: { "$secret": "env:NAME" }',
    });
    expect(error.shown).not.toContain('hunter2');
  });

  it('are checked by the app without being told', async () => {
    const strict = z.object({ key: secret({ expected: 'eight digits', accepts: (text) => /^\d{8}$/.test(text) }) });
    const error = await failure({ environment: variables({ APP_KEY: 'hunter2' }) }, strict);

    expect(error.details).toEqual({
      problems: [{ path: 'key', expected: 'a secret: eight digits', source: 'APP_KEY' }],
    });
    expect(error.shown).not.toContain('hunter2');
  });

  it('show themselves to nobody', async () => {
    const loaded = await loadSettings(shape, {
      file: json({ url: 'http://user:hunter2@node', password: reference }),
      environment: variables({ RPC_PASSWORD: 'hunter2' }),
    });
    const { password } = loaded;
    const shown = [
      String(password),
      // oxlint-disable-next-line typescript/restrict-template-expressions
      `${password}`,
      JSON.stringify({ password }),
      inspect(password, { showHidden: true, depth: 9 }),
      inspect(password, { customInspect: false, showHidden: true, depth: 9 }),
      JSON.stringify(loaded),
      inspect(loaded, { depth: 9 }),
      JSON.stringify(Object.entries(password)),
      // oxlint-disable-next-line typescript/restrict-template-expressions
      new Error(`wrong ${password}`).message,
      JSON.stringify(structuredClone({ password })),
      [password].join(),
    ];

    for (const text of shown) expect(text).not.toContain('hunter2');
    expect(JSON.stringify(loaded)).toBe('{"url":"http://user:[redacted]@node","password":"[redacted]"}');
    expect(inspect(loaded)).toBe("{ url: 'http://user:[redacted]@node', password: '[redacted]' }");
    expect(loaded.url).toBe('http://user:hunter2@node');
    expect([isSecret(password), isSecret({}), isSecret(null)]).toEqual([true, false, false]);
  });

  it('in plain fields are not printed when their name gives them away', async () => {
    const loose = await loadSettings(z.object({ api: z.object({ token: z.string() }) }), {
      explicit: { api: { token: 'hunter2' } },
    });

    expect(JSON.stringify({ loose })).toBe('{"loose":{"api":{"token":"[redacted]"}}}');
    expect(JSON.stringify(loose.api)).toBe('{"token":"[redacted]"}');
    expect(loose.api.token).toBe('hunter2');
  });

  it.for([
    ['malformed', '', 'hunter2'],
    ['malformed', '', 5],
    ['malformed', '', 'env:'],
    ['unknown-scheme', '', 'hunter2:x'],
    ['absent', 'env', 'env:NOT_THERE'],
    ['absent', 'env', 'env:EMPTY'],
    ['absent', 'env', 'env:toString'],
    ['failed', 'vault', 'vault:hunter2'],
    ['failed', 'odd', 'odd:hunter2'],
    ['too-large', 'long', 'long:hunter2'],
  ] as const)('that cannot be fetched are told of: %s by "%s" (%s)', async ([reason, scheme, reference]) => {
    const error = await failure(
      {
        file: json({ password: { $secret: reference } }),
        environment: variables({ EMPTY: '' }),
        resolvers: {
          vault: () => Promise.reject(new Error('hunter2 refused')),
          odd: () => 5,
          long: () => 'x'.repeat(70_000),
        },
      },
      shape,
    );

    expect(error).toMatchObject({ code: 'CONFIG_SECRET_UNRESOLVED', details: { path: 'password', scheme, reason } });
    expect(error.retryable).toBe(reason === 'failed');
    expect(error.shown).not.toContain('hunter2');
  });

  it('are not waited for when the load is ended', async () => {
    const aborter = new AbortController();
    const { signal } = aborter;
    const load = loadSettings(shape, {
      file: json({ password: { $secret: 'slow:x' } }),
      resolvers: {
        slow: (_, options) =>
          new Promise((_, reject) => options.signal?.addEventListener('abort', () => reject(new Error('ended')))),
      },
      signal,
    });
    aborter.abort();

    await expect(load).rejects.toMatchObject({ code: 'CONFIG_ABORTED' });
    await expect(loadSettings(shape, { signal })).rejects.toMatchObject({ code: 'CONFIG_ABORTED' });
  });
});

it('hands out settings that nobody can change', async () => {
  const explicit = { rpc: { url: 'http://a' }, peers: [{ host: 'a' }] };
  const loaded = await loadSettings(schema, { explicit });

  expect(Object.isFrozen(loaded) && Object.isFrozen(loaded.rpc) && Object.isFrozen(loaded.peers[0])).toBe(true);
  expect(Object.isFrozen(explicit)).toBe(false);
  const defaults = { list: ['a'] };
  await loadSettings(z.object({ group: z.custom<typeof defaults>().default(defaults) }), {});
  expect(Object.isFrozen(defaults) || Object.isFrozen(defaults.list)).toBe(false);
  explicit.rpc.url = 'http://b';
  expect(loaded.rpc.url).toBe('http://a');
});

describe('hostile input', () => {
  const anything = z.record(z.string(), z.unknown());
  const file = (text: string, name = 'app.json'): SettingsSources => ({ file: { name, text } });

  it('pollutes no prototype, from any source', async () => {
    const polluting = [
      file('{"__proto__":{"polluted":1}}'),
      file('{"a":{"__proto__":{"polluted":1}}}'),
      file('{"a":[{"constructor":{"prototype":{"polluted":1}}}]}'),
      { environment: variables({ APP_CONSTRUCTOR__PROTOTYPE__POLLUTED: '1' }) },
      { environment: variables({ APP_A__PROTOTYPE: '1' }) },
      { explicit: JSON.parse('{"__proto__":{"polluted":1}}') as object },
      { explicit: { a: JSON.parse('[{"__proto__":{"polluted":1}}]') as object } },
    ];
    for (const sources of polluting)
      expect(await failure(sources, anything)).toMatchObject({ code: 'CONFIG_NAME_FORBIDDEN' });
    expect(await problems({ environment: variables({ APP___PROTO____POLLUTED: '1' }) }, anything)).toBe(
      'CONFIG_VARIABLE_INVALID',
    );
    const inText = { environment: variables({ APP_A: '{"__proto__":{"polluted":1}}' }) };
    expect(await failure(inText, z.object({ a: z.object({}) }))).toMatchObject({ code: 'CONFIG_NAME_FORBIDDEN' });
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it('is refused by size, depth and number of fields before it costs anything', async () => {
    const deep = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
    const wide = JSON.stringify(Object.fromEntries(Array.from({ length: 10_001 }, (_, i) => [`f${i}`, 1])));
    const limits = [
      [file(`{"a":"${'x'.repeat(1_048_576)}"}`), 'bytes'],
      [file(`{"a":"${'é'.repeat(600_000)}"}`), 'bytes'],
      [file(`{"a":${deep(400_000)}}`), 'depth'],
      [file(`{"a":${deep(33)}}`), 'depth'],
      [file(wide), 'fields'],
      [{ explicit: JSON.parse(`{"a":${deep(40)}}`) as object }, 'depth'],
      [{ environment: variables({ [`APP_${Array.from({ length: 40 }, () => 'A').join('__')}`]: '1' }) }, 'depth'],
    ] as const;
    for (const [sources, limit] of limits)
      expect(await failure(sources, anything)).toMatchObject({ code: 'CONFIG_TOO_LARGE', details: { limit } });
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    expect(await problems({ explicit: circular }, anything)).toBe('CONFIG_TOO_LARGE');
    expect(await loadSettings(anything, file(`{"a":${deep(31)}}`))).toHaveProperty('a');
    // Brackets and quotes inside of texts are no depth.
    expect(await loadSettings(anything, file(JSON.stringify({ a: `"\\"${'['.repeat(100)}` })))).toHaveProperty('a');
  });

  it('that is no JSON is told of by its place, not by its content', async () => {
    const error = await failure(file('{\n  "password": hunter2\n}'), anything);

    expect(error).toMatchObject({
      code: 'CONFIG_TEXT_MALFORMED',
      details: { source: 'app.json', line: 2, column: 15 },
    });
    expect(error.shown).not.toContain('hunter2');
    expect(error.cause).toBeUndefined();
    for (const text of ['', '{', 'null', '[]', '"a"', '1', '{"a":1,}', "{'a':1}", '{"a":1}//'])
      expect(await problems(file(text), anything)).not.toBe('no error');
    expect(await loadSettings(anything, file('\u{FEFF}{"a":1}'))).toEqual({ a: 1 });
  });

  it('that says a name twice, or a number that would become another, is refused by path and place', async () => {
    const cases = [
      ['{\n  "rpc": {"port": 1,\n    "port": 2}}', 'repeated-name', 'rpc.port', 3, 5],
      ['{"a":{"b":1},"\\u0061":{}}', 'repeated-name', 'a', 1, 14],
      ['{"peers":[{"x":1},{"x":1,"y":[],"x":"\\"}"}]}', 'repeated-name', 'peers[1].x', 1, 33],
      ['{"__proto__":1,"__proto__":2}', 'repeated-name', '__proto__', 1, 16],
      ['{"limit":9007199254740993}', 'number', 'limit', 1, 10],
      ['{"a":[0,\n-9007199254740992]}', 'number', 'a[1]', 2, 1],
      ['{"a":1e400}', 'number', 'a', 1, 6],
      ['{"a":[[],1e-400]}', 'number', 'a[1]', 1, 10],
      ['{"a":10000000000000000.0}', 'number', 'a', 1, 6],
    ] as const;
    for (const [text, reason, path, line, column] of cases)
      expect(await failure(file(text), anything)).toMatchObject({
        code: 'CONFIG_TEXT_AMBIGUOUS',
        details: { source: 'app.json', reason, path, line, column },
      });
    const fine = '{"a":9007199254740991,"b":{"a":-0,"c":[0.0,0e9,1.5e-7,1e15]},"c":"\\"a\\":1,a 9007199254740993"}';
    expect(await loadSettings(anything, file(fine))).toEqual(JSON.parse(fine));
    const error = await failure(file('{"a":9007199254740993}'), anything);
    expect(error.shown).not.toContain('900719');
    // A variable is read as JSON only where the schema does not take its text.
    const schema = z.strictObject({ limit: z.number(), note: z.string() });
    const text = '{"a":1,"a":2}';
    expect(
      await failure({ environment: variables({ APP_LIMIT: '9007199254740993', APP_NOTE: text }) }, schema),
    ).toMatchObject({ code: 'CONFIG_TEXT_AMBIGUOUS', details: { source: 'APP_LIMIT', reason: 'number', path: '' } });
    expect(await loadSettings(schema, { environment: variables({ APP_LIMIT: '1', APP_NOTE: text }) })).toEqual({
      limit: 1,
      note: text,
    });
  });

  it('is searched for doubts through whatever JSON says', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), (value, name) => {
        const text = JSON.stringify(value);
        fc.pre(!/-?\d{16}|e[+-]?\d\d/.test(text));
        const before = `[${text},{${JSON.stringify(name)}:${text},`;

        expect(findJsonDoubt(text)).toBeUndefined();
        expect(findJsonDoubt(`${before}${JSON.stringify(name)}:${text}}]`)).toEqual({
          reason: 'repeated-name',
          at: before.length,
          path: [1, name],
        });
        expect(findJsonDoubt(`[${text},{${JSON.stringify(name)}:1e999}]`)).toMatchObject({ path: [1, name] });
      }),
    );
  });

  it('that is no JSON is found at the character where every prefix of it still could be', () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(), fc.string({ minLength: 1, maxLength: 2 }), (text, at, noise) => {
        expect(findJsonFault(text)).toBe(text.length);
        const index = at % (text.length + 1);
        const broken = text.slice(0, index) + noise + text.slice(index);
        const fault = findJsonFault(broken);
        if (isJson(broken)) expect(fault).toBe(broken.length);
        else expect(fault).toBeGreaterThanOrEqual(0);
        // Whatever comes before the fault can be completed: a text cut there fails at its end, or is JSON.
        expect(findJsonFault(broken.slice(0, fault))).toBe(fault);
      }),
      { numRuns: 2_000 },
    );
  });

  it('of another format is refused by its extension', async () => {
    for (const name of ['app.yaml', 'app.yml', 'app.toml', 'app', 'json', '.json5', 'app.JS', 'app.constructor'])
      expect(await failure(file('{}', name), anything)).toMatchObject({
        code: 'CONFIG_FORMAT_UNKNOWN',
        details: { file: name, supported: ['.json'] },
      });
    expect(await loadSettings(anything, file('{}', 'dir.d/APP.JSON'))).toEqual({});
  });

  it('of contradicting variables is refused', async () => {
    expect(await problems({ environment: variables({ APP_A: '1', APP_A__B: '2' }) }, anything)).toBe(
      'CONFIG_VARIABLE_INVALID',
    );
    expect(await problems({ environment: variables({ APP_A_B: '1', APP_A__: '2' }) }, anything)).toBe(
      'CONFIG_VARIABLE_INVALID',
    );
    expect(await problems({ environment: variables({ APP_AB: '1', APP_ab: '2' }) }, anything)).toBe(
      'CONFIG_VARIABLE_INVALID',
    );
  });

  it('of any text is answered with settings or a code', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.json().map((text) => text.slice(0, -1)),
        ),
        fc.dictionary(
          fc.string({ unit: fc.constantFrom('A', 'b', '_', '1', 'é') }).map((name) => `APP_${name}`),
          fc.oneof(fc.string(), fc.json()),
        ),
        async (text, all) => {
          const load = loadSettings(schema, { ...file(text), environment: variables(all) });
          const code = await load.then(
            () => 'none',
            (error: unknown) => (error as SuiteError).code,
          );
          expect(code).toMatch(/^(none|CONFIG_[A-Z_]+)$/);
        },
      ),
      { numRuns: process.env['BE_LONG'] === '1' ? 50_000 : 1_000 },
    );
  });

  it('of wrong types is answered with a code', async () => {
    const junk: readonly unknown[] = [null, 1, 'x', [], () => 1, Symbol('x'), new Date(), new Map(), new Proxy({}, {})];
    for (const value of junk) {
      const calls: ReadonlyArray<() => unknown> = [
        () => loadSettings(value as typeof schema, {}),
        () => loadSettings(schema, value as SettingsSources),
        ...['file', 'environment', 'explicit', 'resolvers', 'signal'].map(
          (field) => () => loadSettings(schema, { [field]: value }),
        ),
        () => loadSettings(schema, { environment: { prefix: value as string, variables: {} } }),
        () => loadSettings(schema, { environment: { prefix: 'A', variables: { X: value as string } } }),
        () => loadSettings(schema, { resolvers: { x: value as () => string } }),
        () => new Secret(value as string),
        () => secret({ accepts: value as () => boolean }),
      ];
      for (const call of calls) {
        const code = await (async () => call())().then(
          () => 'none',
          (error: unknown) => (error as SuiteError).code ?? String(error),
        );
        expect(code).toMatch(/^(none|CONFIG_[A-Z_]+)$/);
      }
    }
  });
});

describe('what others throw and say', () => {
  const tellsNothing = async (load: Promise<unknown>, code: string): Promise<void> => {
    const error: unknown = await load.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code });
    const shown = [String(error), inspect(error, { depth: 9, showHidden: true }), JSON.stringify(error)].join();
    expect(shown).not.toContain('hunter2');
  };
  const standard = (validate: (value: Record<string, unknown>) => SchemaResult<unknown>): SettingsSchema<unknown> => ({
    '~standard': { version: 1, vendor: 'test', validate: (value) => validate(value as Record<string, unknown>) },
  });
  const environment = variables({ APP_KEY: 'hunter2' });

  it('is no way out for a secret when the code of the schema itself fails', async () => {
    const parsed = z.strictObject({ key: secret().transform((key) => new URL(key.reveal())) });
    await tellsNothing(loadSettings(parsed, { environment }), 'CONFIG_FIELD_INVALID');
    const accepts = (text: string): boolean => {
      throw new Error(text);
    };
    await tellsNothing(
      loadSettings(z.strictObject({ key: secret({ accepts }) }), { environment }),
      'CONFIG_FIELD_INVALID',
    );
  });

  it('is no way out for a value that a schema quotes in another spelling, or reveals', async () => {
    const quoting = standard(({ key }) => ({ issues: [{ message: `not ${JSON.stringify(key)}`, path: ['key'] }] }));
    await tellsNothing(loadSettings(quoting, { explicit: { key: 'hunter2"\n' } }), 'CONFIG_FIELD_INVALID');
    const revealing = standard(({ key }) => ({ issues: [{ message: (key as Secret).reveal(), path: ['key'] }] }));
    await tellsNothing(loadSettings(revealing, { explicit: { key: new Secret('hunter2') } }), 'CONFIG_FIELD_INVALID');
  });

  it('does not keep a load from being ended', async () => {
    const controller = new AbortController();
    const load = loadSettings(z.strictObject({ key: secret() }), {
      explicit: { key: { $secret: 'vault:x' } },
      resolvers: { vault: () => new Promise(() => {}) },
      signal: controller.signal,
    });
    setTimeout(() => controller.abort(), 5);
    await expect(load).rejects.toThrow('CONFIG_ABORTED');
  });
});
