import { loadCrypto } from '@bitcoin-enterprise/core';
import { createMemoryStore } from '@bitcoin-enterprise/events';
import { serializeTransaction } from '@bitcoin-enterprise/script';
import { beforeAll, describe, expect, it } from 'vitest';
import * as coins from '../../src/coins/index.ts';
import { SecretBytes } from '../../src/keys/secret-bytes.ts';
import * as messages from '../../src/messages/index.ts';
import * as silent from '../../src/silent/index.ts';

/** What plain JavaScript may hand over. */
const strange: readonly unknown[] = [
  undefined,
  null,
  true,
  0,
  -1,
  Number.NaN,
  1n,
  '',
  'text',
  Symbol('s'),
  [],
  [undefined],
  [{}],
  {},
  { length: -1 },
  { version: 2, inputs: [], outputs: [] },
  { version: 2, inputs: [{}], outputs: [{}] },
  { inputs: [{}], recipients: ['x'] },
  { version: 2, inputs: [null], outputs: [null] },
  { message: 'm', signature: 'smpAA==', scriptPubKey: new Uint8Array(1) },
  { message: 'm', scriptPubKey: new Uint8Array(1), coins: [{}] },
  new Uint8Array(0),
  new Uint8Array(33),
  new SecretBytes(new Uint8Array(3)),
  new SecretBytes(new Uint8Array(32)),
  () => undefined,
];

beforeAll(async () => {
  await loadCrypto();
});

type Callable = (...args: readonly unknown[]) => unknown;

const functions = [silent, messages, coins].flatMap((area) =>
  Object.entries(area).flatMap(([name, value]): readonly (readonly [string, Callable])[] => {
    const isClass = name.endsWith('Error') || name === 'SilentScanner';
    return typeof value === 'function' && !isClass ? [[name, value as unknown as Callable]] : [];
  }),
);

async function problemOf(action: () => unknown): Promise<unknown> {
  try {
    await action();
    return undefined;
  } catch (error) {
    const { code } = error as { readonly code?: unknown };
    return typeof code === 'string' && /^[A-Z_]+$/.test(code) ? undefined : error;
  }
}

describe('functions of silent payments, messages and coins', () => {
  it.for(functions)('%s answers wrong arguments with a code', async ([, call]) => {
    for (const first of strange) {
      expect(await problemOf(() => call(first))).toBeUndefined();
      for (const second of strange) expect(await problemOf(() => call(first, second, second))).toBeUndefined();
    }
  });

  it('and so do they for what stands deeper in them', async () => {
    const scriptPubKey = Uint8Array.of(0x76, 0xa9, 20, ...new Uint8Array(20), 0x88, 0xac);
    const toSign = messages.messageToSign(messages.messageToSpend('m', scriptPubKey));
    const tx = { ...toSign, inputs: toSign.inputs.flatMap((input) => [input, { ...input, previousIndex: 1 }]) };
    const signature = `ful${Buffer.from(serializeTransaction(tx)).toString('base64')}`;
    const chain = { unspentOutput: async () => undefined };
    const signer = { name: 's', sign: async () => ({}) as never };
    for (const value of [...strange, { value: 1 }, { value: 1n }, { value: 1n, scriptPubKey: 'x' }]) {
      const spentOutputs = [value] as never;
      for (const call of [
        () => messages.verifyMessage({ message: 'm', scriptPubKey, signature, spentOutputs }),
        () => messages.checkFunds([value] as never, chain),
        () => messages.checkFunds([{ previousTxid: new Uint8Array(32), scriptPubKey, value }] as never, chain),
        () => messages.createMessagePsbt({ message: 'm', scriptPubKey, spend: value as never }),
        () => messages.createMessagePsbt({ message: 'm', scriptPubKey, spend: { redeemScript: value as never } }),
        () => messages.createMessagePsbt({ message: 'm', scriptPubKey, coins: [value] as never }),
        () => messages.signMessage({ message: 'm', scriptPubKey, spend: value as never }, signer),
        () => messages.signLegacyMessage('m', { secretKey: value as never }),
        () => messages.messageToSign(value as never),
      ])
        expect(await problemOf(call)).toBeUndefined();
    }
  });

  it('and so do the objects that they make', async () => {
    const keys = {
      scanKey: new SecretBytes(new Uint8Array(32).fill(1)),
      spendPublicKey: Uint8Array.of(2, ...new Uint8Array(31), 1),
    };
    const locks = coins.createCoinLocks(createMemoryStore());
    for (const value of strange) {
      expect(await problemOf(() => new silent.SilentScanner(value as never))).toBeUndefined();
      expect(await problemOf(() => new silent.SilentScanner(keys, value as never))).toBeUndefined();
      const scanner = new silent.SilentScanner(keys);
      for (const call of [
        () => scanner.scanTweak(value as never),
        () => scanner.scanTweaks(value as never),
        () => scanner.scanTweaks([value] as never),
        () => scanner.scanTweaks([], value as never),
        () => scanner.scanTransaction(value as never, value as never),
        () => scanner.scriptsOfTweak(value as never),
        () => scanner.addLabels(value as never),
        () => locks.lock(value as never),
        () => locks.release(value as never),
        () => locks.requireHeld('a', value as never),
        () => locks.requireHeld(value as never, ['a']),
        () => locks.free(value as never),
      ])
        expect(await problemOf(call)).toBeUndefined();
    }
  });
});
