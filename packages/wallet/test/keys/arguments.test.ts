import { loadCrypto } from '@bitcoin-enterprise/core';
import { beforeAll, describe, expect, it } from 'vitest';
import * as keys from '../../src/keys/index.ts';

/** What plain JavaScript may hand over. */
const strange: readonly unknown[] = [
  undefined,
  null,
  true,
  0,
  Number.NaN,
  1n,
  '',
  'text',
  Symbol('s'),
  [],
  [undefined],
  [{}],
  {},
  { used: {} },
  new Uint8Array(0),
  new Uint8Array(32),
  new keys.SecretBytes(new Uint8Array(32)),
  () => undefined,
];

type Callable = (...args: readonly unknown[]) => unknown;

const functions = Object.entries(keys).flatMap(([name, value]): readonly (readonly [string, Callable])[] => {
  if (typeof value !== 'function' || name.endsWith('Error')) return [];
  const isClass = name === 'SecretBytes' || name === 'Mnemonic';
  const call: Callable = isClass
    ? (...args) => Reflect.construct(value as new () => unknown, args)
    : (value as unknown as Callable);
  return [[name, call]];
});

beforeAll(async () => {
  await loadCrypto();
});

describe('functions of keys', () => {
  it.for(functions)('%s answers wrong arguments with a code', async ([, call]) => {
    const master = keys.masterKey(new keys.SecretBytes(new Uint8Array(32)), { network: 'test' });
    for (const first of [...strange, master])
      for (const second of strange) {
        const error: unknown = await (async () => call(first, second))().catch((caught: unknown) => caught);
        if (error instanceof Error) expect(error).toHaveProperty('code', expect.stringMatching(/^[A-Z_\d]+$/));
      }
  });
});
