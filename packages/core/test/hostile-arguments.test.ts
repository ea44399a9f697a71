import * as core from '@bitcoin-enterprise/core';
import { loadSecp256k1 } from '@bitcoin-enterprise/secp256k1';
import * as testing from '@bitcoin-enterprise/core/testing';
import { workerCrypto } from '@bitcoin-enterprise/core/workers';
import { runInNewContext } from 'node:vm';
import { afterEach, expect, it } from 'vitest';
import { codeOf } from './code-of.ts';

const revoked = Proxy.revocable(new Uint8Array(1), {});
revoked.revoke();
const revokedList = Proxy.revocable([], {});
revokedList.revoke();
const honest = new Set<unknown>([new Uint8Array(0), new Uint8Array(5_000)]);

const junk: readonly unknown[] = [
  undefined,
  null,
  true,
  -1,
  0.5,
  Number.NaN,
  2 ** 60,
  -5n,
  10n ** 40n,
  '',
  'x'.repeat(5_000),
  Symbol('x'),
  {},
  { toString: null, valueOf: null },
  [],
  [null],
  () => 1,
  ...honest,
  new Proxy({}, {}),
  revoked.proxy,
  revokedList.proxy,
  new Proxy(new Uint8Array(32), {}),
  Object.create(Uint8Array.prototype),
  Object.defineProperty(new Uint8Array(2_000), 'length', { value: 32 }),
  Object.assign(new Uint8Array(32), { constructor: null }),
];

const functions = Object.entries(core).filter(
  (entry): entry is [string, (...args: unknown[]) => unknown] =>
    typeof entry[1] === 'function' && /^[a-z]/.test(entry[0]),
);

afterEach(() => core.installCrypto(core.jsCrypto));

it.for(functions)('%s answers any arguments with a result or a code', async ([, call]) => {
  for (const first of junk)
    for (const second of junk) expect(await codeOfAnswer(() => call(first, second))).toMatch(/^(no error|[A-Z0-9_]+)$/);
});

/** As `codeOf`, of a call that may answer later. */
async function codeOfAnswer(call: () => unknown): Promise<unknown> {
  let answer: unknown;
  const code = codeOf(() => {
    answer = call();
  });
  if (!(answer instanceof Promise)) return code;
  return answer.then(
    () => code,
    (error: unknown) =>
      codeOf(() => {
        throw error;
      }),
  );
}

it('describes what throws at every touch', () => {
  expect(core.describeValue(revoked.proxy)).toBe('object');
  expect(core.describeValue(Object.defineProperty(new Uint8Array(2), 'length', { value: 3 }))).toBe(
    'Uint8Array that is detached or altered',
  );
  const details = { revoked: revoked.proxy, lying: Object.defineProperty(new Uint8Array(2), 'length', { value: 3 }) };
  const error = new core.SuiteError('APP_X', 'x', { details, cause: revoked.proxy });
  expect(error.toJSON()).toMatchObject({
    details: { revoked: 'unreadable', lying: 'Uint8Array that is detached or altered' },
    cause: 'object',
  });
});

it('names a wrong argument even when the name itself is wrong', () => {
  expect(codeOf(() => core.assertBytes(Symbol('x') as never, 1))).toBe('CORE_INVALID_ARGUMENT');
  expect(codeOf(() => core.assertBytes('x', new Uint8Array(1), Symbol('x') as never))).toBe('CORE_INVALID_ARGUMENT');
  expect(codeOf(() => core.assertObject(Symbol('x') as never, 1))).toBe('CORE_INVALID_ARGUMENT');
  expect(core.invalidArgument(Symbol('x') as never, Object.create(null) as never, 1)).toMatchObject({
    message: 'CORE_INVALID_ARGUMENT: expected argument to be valid, got whole number',
    details: { argument: 'argument', expected: 'valid', got: 'whole number' },
  });
});

const wrongOptions: readonly unknown[] = [null, new Uint8Array(2), [], ['x'], 'x', 7, true, revoked.proxy];

it.for(wrongOptions.map((options) => [core.describeValue(options), options] as const))(
  'refuses options that are %s',
  async ([, options]) => {
    const bad = options as never;
    const words = { prefix: 'a', words: new Uint8Array(0), variant: 'bech32' } as const;
    for (const call of [
      () => core.encodeBech32(words, bad),
      () => core.encodeBech32(bad),
      () => core.decodeBech32('A12UEL5L', bad),
      () => core.readCompactSize(new Uint8Array(9), 0, bad),
      () => core.encodeWif(new Uint8Array(32).fill(1), bad),
    ])
      expect(codeOf(call)).toBe('CORE_INVALID_ARGUMENT');
    const coded = { code: 'CORE_CRYPTO_INVALID_ARGUMENT' };
    await expect(core.loadCrypto(bad)).rejects.toMatchObject(coded);
    await expect(core.wasmCrypto(bad)).rejects.toMatchObject(coded);
    await expect(workerCrypto(bad)).rejects.toMatchObject(coded);
    await expect(loadSecp256k1(bad)).rejects.toMatchObject({ code: 'SECP256K1_INVALID_ARGUMENT' });
  },
);

it('does not hide wrong options of an engine behind a fallback', async () => {
  for (const options of [{ entropy: 'x' }, { entropy: new Uint8Array(31) }, { variant: 'huge' }])
    await expect(core.loadCrypto(options as never)).rejects.toMatchObject({ code: 'CORE_CRYPTO_INVALID_ARGUMENT' });
});

it('tells bytes from what passes for them', () => {
  class Sub extends Uint8Array {}
  class Throwing extends Uint8Array {
    override get length(): number {
      throw new Error('no');
    }
  }
  const real: Uint8Array[] = [new Uint8Array(0), new Uint8Array(3), Buffer.alloc(0), Buffer.from('x'), new Sub(2)];
  real.push(runInNewContext('new Uint8Array(2)') as Uint8Array, new Uint8Array(new SharedArrayBuffer(4)));
  for (const value of real) expect(core.isBytes(value)).toBe(true);
  for (const value of [
    ...junk,
    new Throwing(1),
    new Uint16Array(2),
    new DataView(new ArrayBuffer(1)),
    new ArrayBuffer(1),
  ])
    expect(core.isBytes(value)).toBe(honest.has(value));
});

it('exports constants that nobody can change', () => {
  const thawed: string[] = [];
  const walk = (value: unknown, path: string): void => {
    if (typeof value !== 'object' || value === null) return;
    if (!Object.isFrozen(value)) thawed.push(path);
    for (const [key, inner] of Object.entries(value)) walk(inner, `${path}.${key}`);
  };
  for (const [name, value] of [...Object.entries(core), ...Object.entries(testing)]) walk(value, name);
  expect(thawed).toEqual([]);
});
