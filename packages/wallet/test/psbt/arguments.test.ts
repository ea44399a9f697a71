import { loadCrypto, SuiteError } from '@bitcoin-enterprise/core';
import { beforeAll, expect, it } from 'vitest';
import * as bitcoinjs from '../../src/bitcoinjs/index.ts';
import * as control from '../../src/control/index.ts';
import * as evm from '../../src/evm/index.ts';
import * as wallet from '../../src/index.ts';

beforeAll(async () => {
  await loadCrypto();
});

type Anything = (...given: readonly unknown[]) => unknown;

/** Everything that is exported and can be called. */
const exported: readonly (readonly [string, Anything])[] = Object.entries({ wallet, control, evm, bitcoinjs }).flatMap(
  ([module, names]) =>
    Object.entries(names).flatMap(([name, value]: readonly [string, unknown]) => {
      if (typeof value !== 'function' || name === 'WalletError' || name === 'SecretBytes') return [];
      const isClass = Function.prototype.toString.call(value).startsWith('class');
      const call: Anything = isClass
        ? (...given) => Reflect.construct(value, given) as unknown
        : (...given) => Reflect.apply(value, undefined, given) as unknown;
      return [[`${module}: ${name}`, call] as const];
    }),
);

it.for(exported)('whatever it is given, it says so with a code: %s', async ([, call]) => {
  const ring = wallet.createKeyRing({ secretKeys: [new Uint8Array(32).fill(7)] });
  const good = wallet.createPsbt({
    inputs: [
      {
        previousTxid: new Uint8Array(32),
        previousIndex: 0,
        witnessUtxo: { value: 5n, scriptPubKey: new Uint8Array(34) },
      },
    ],
    outputs: [{ value: 1n, scriptPubKey: new Uint8Array(34) }],
  });
  const input = (more: object): object => ({ ...good, inputs: [{ ...good.inputs[0], ...more }] });
  const output = (more: object): object => ({ ...good, outputs: [{ ...good.outputs[0], ...more }] });
  const lists = Object.entries(good.inputs[0] as object).filter(([, value]) => Array.isArray(value));
  const values: readonly unknown[] = [
    undefined,
    null,
    0,
    -1,
    Number.NaN,
    1.5,
    1n,
    '',
    'text',
    true,
    [],
    [null],
    {},
    new Uint8Array(3),
    Symbol('x'),
    good,
    ...lists.flatMap(([name]) => [input({ [name]: [null] }), input({ [name]: [{}] })]),
    ...[
      'witnessUtxo',
      'nonWitnessUtxo',
      'redeemScript',
      'tapInternalKey',
      'finalScriptSig',
      'finalScriptWitness',
    ].flatMap((name) => [input({ [name]: null }), input({ [name]: {} }), input({ [name]: 5 })]),
    ...['sighashType', 'sequence', 'previousIndex', 'requiredHeightLockTime'].flatMap((name) => [
      input({ [name]: 'x' }),
      input({ [name]: -1 }),
      input({ [name]: 1.5 }),
    ]),
    ...[{ value: -1n }, { tapTree: 5 }, { silentAddress: new Uint8Array(2) }, { tapTree: [null] }].map(output),
    ...[{ fallbackLockTime: 'x' }, { transactionVersion: -1 }, { modifiable: 'x' }, { extendedKeys: [null] }].map(
      (more) => ({ ...good, ...more }),
    ),
    { coins: [null], payments: [null], change: {}, feeRate: 1n },
    { coins: [{}], payments: [{ value: 5n }], change: { output: {} }, feeRate: 1_000n },
    { coins: [], replacedCoins: [{}], outputs: [{}], parents: [{}] },
  ];
  const wrong: string[] = [];
  const attempt = async (...given: readonly unknown[]): Promise<void> => {
    try {
      await Promise.race([call(...given), new Promise((resolve) => void setTimeout(resolve, 50))]);
    } catch (error) {
      if (!(error instanceof SuiteError)) wrong.push(String(error));
    }
  };
  for (const value of values) {
    await attempt(value);
    for (const other of [ring, good, 0, null, 'x', {}]) {
      await attempt(value, other);
      await attempt(other, value);
    }
    await attempt(good, 0, value);
  }
  expect([...new Set(wrong)]).toEqual([]);
});
