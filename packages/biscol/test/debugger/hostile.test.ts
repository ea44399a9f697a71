import { loadCrypto, satoshis } from '@bitcoin-enterprise/core';
import { instantiate } from '@bitcoin-enterprise/biscol';
import { htlc } from '@bitcoin-enterprise/biscol/contracts';
import * as debuggerExports from '@bitcoin-enterprise/biscol/debugger';
import {
  debugSpend,
  explainTransition,
  mapWay,
  nextStep,
  sessionHtml,
  stepAt,
} from '@bitcoin-enterprise/biscol/debugger';
import { beforeAll, describe, expect, it } from 'vitest';
import { dice } from '../../../descriptors/test/support/dice.ts';
import { htlcParams } from '../contracts/scenarios/htlc.ts';
import { codeOf } from '../support/code-of.ts';

beforeAll(async () => {
  await loadCrypto();
});

const WRONG: readonly unknown[] = [
  null,
  undefined,
  0,
  -1,
  Number.NaN,
  1n,
  '',
  'x',
  true,
  Symbol('s'),
  [],
  [null],
  {},
  { steps: 1 },
  { steps: [null], stepCount: 1, missing: 1 },
  { inputs: [null], outputs: [null] },
  { leaf: {}, fragment: {}, clause: {} },
  { leaf: { script: new Uint8Array(3) }, fragment: { name: 'and_v', subs: [{}] }, clause: { name: 'and', subs: [3] } },
  new Uint8Array(3),
  () => 1,
  new Proxy(
    {},
    {
      get: () => {
        throw new Error('mine');
      },
    },
  ),
];

const CODED = /^(?:BISCOL|SCRIPT|DESCRIPTORS|CORE)_[A-Z_]+$|^no error$/;

describe('every function of the debugger', () => {
  const functions = Object.entries(debuggerExports).filter(([, value]) => typeof value === 'function') as [
    string,
    (...parameters: unknown[]) => unknown,
  ][];

  it.for(functions)('%s answers wrong arguments with a code', ([name, call]) => {
    for (const first of WRONG)
      for (const second of WRONG)
        for (const third of [
          undefined,
          null,
          7,
          {},
          { cells: [{}], chain: 3 },
          { cells: 'x' },
          { context: 'tapscript', keys: 3 },
        ])
          expect(String(codeOf(() => call(first, second, third))), `${name} ${typeof first} ${typeof second}`).toMatch(
            CODED,
          );
  });

  it('is one of these', () => {
    expect(functions.map(([name]) => name).toSorted()).toEqual([
      'debugSpend',
      'explainTransition',
      'mapScript',
      'mapWay',
      'nextStep',
      'previousStep',
      'renderExplanation',
      'renderSession',
      'renderStep',
      'sessionHtml',
      'sessionToJson',
      'sourceOfClause',
      'stepAt',
    ]);
  });
});

const instance = () => instantiate(htlc, { network: 'regtest', params: htlcParams(100) });
const cell = { state: 'offered', data: {}, value: satoshis(100_000n), txid: new Uint8Array(32), index: 0 };
const tx = {
  version: 2,
  inputs: [
    {
      previousTxid: new Uint8Array(32),
      previousIndex: 0,
      scriptSig: new Uint8Array(0),
      sequence: 0,
      witness: [] as Uint8Array[],
    },
  ],
  outputs: [{ value: 1n, scriptPubKey: new Uint8Array(0) }],
  lockTime: 0,
};

describe('options that are right but for one', () => {
  const spentOutputs = () => [
    { value: 100_000n, scriptPubKey: instance().output('offered', {}, cell.value).scriptPubKey },
  ];

  it.for([
    ['tx', 3],
    ['tx', { ...tx, inputs: [] }],
    ['tx', { ...tx, inputs: [{}] }],
    ['inputIndex', 1],
    ['inputIndex', -1],
    ['spentOutputs', []],
    ['spentOutputs', [{ value: 1, scriptPubKey: 2 }]],
    ['instance', { contract: {} }],
    ['instance', { contract: htlc, params: null }],
    ['cell', { state: 'nowhere', data: {}, value: 1n }],
    ['cell', 7],
    ['plan', {}],
    ['plan', { inputs: [{}], tx: {} }],
    ['taproot', { leaves: 3 }],
    ['keys', [{ name: 'a', key: new Uint8Array(3) }]],
    ['preimages', [3]],
    ['chain', { height: -1 }],
    ['chain', { height: 1, outputs: 3 }],
    ['flags', ['NOTHING_OF_THE_KIND']],
    ['profile', { name: 3 }],
    ['maximumSteps', -1],
  ] as const)('of debugSpend: %s is answered with a code', ([field, value]) => {
    const options = { tx, inputIndex: 0, spentOutputs: spentOutputs(), instance: instance(), cell, [field]: value };
    expect(String(codeOf(() => debugSpend(options as never)))).toMatch(/^(?:BISCOL|SCRIPT)_|^no error$/);
  });

  it.for([
    ['cells', []],
    ['cells', [{ ...cell, state: 'other' }]],
    ['cells', [{ ...cell, data: null }]],
    ['cells', [{ ...cell, txid: new Uint8Array(3) }]],
    ['cells', [{ ...cell, value: 3 }]],
    ['signers', 'sender'],
    ['signers', [3]],
    ['preimages', 'x'],
    ['args', 3],
    ['chain', { height: 600_000_000 }],
  ] as const)('of explainTransition: %s is answered with a code', ([field, value]) => {
    expect(codeOf(() => explainTransition(instance(), 'claim', { cells: [cell], [field]: value } as never))).toBe(
      'BISCOL_INVALID_ARGUMENT',
    );
  });

  it('of explainTransition: a transition that there is not', () => {
    expect(codeOf(() => explainTransition(instance(), 'constructor', { cells: [cell] }))).toBe(
      'BISCOL_INVALID_ARGUMENT',
    );
  });
});

it('witnesses of random bytes are diagnosed, whatever they are', () => {
  const roll = dice(99);
  const { scriptPubKey, ways } = instance().output('offered', {}, cell.value);
  const leaves = ways.flatMap(({ leaf }) => leaf ?? []);
  for (let run = 0; run < 300; run++) {
    const item = (): Uint8Array => {
      const pick = leaves[roll.below(leaves.length)];
      if (pick !== undefined && roll.oneIn(3)) return roll.oneIn(2) ? pick.script : pick.controlBlock;
      return Uint8Array.from({ length: [0, 1, 32, 33, 64, 65, 97][roll.below(7)] ?? 0 }, () => roll.below(256));
    };
    const witness = Array.from({ length: roll.below(6) }, item);
    const session = debugSpend({
      tx: { ...tx, inputs: tx.inputs.map((input) => ({ ...input, witness })) },
      inputIndex: 0,
      spentOutputs: [{ value: 100_000n, scriptPubKey }],
      instance: instance(),
      cell,
    });
    expect(session.verdict.ok).toBe(false);
    expect(session.diagnosis?.cause).toBeDefined();
  }
});

it('a step that no session has is answered with a code', () => {
  const session = debugSpend({
    tx,
    inputIndex: 0,
    spentOutputs: [{ value: 1n, scriptPubKey: Uint8Array.of(0x51) }],
  });
  expect(codeOf(() => stepAt(session, 99))).toBe('BISCOL_INVALID_ARGUMENT');
  expect(codeOf(() => nextStep(session, { index: -4 } as never))).toBe('BISCOL_INVALID_ARGUMENT');
  expect(codeOf(() => mapWay({} as never))).not.toBe('no error');
});

it('nothing in a session can end the script of its page', () => {
  const session = debugSpend({ tx, inputIndex: 0, spentOutputs: [{ value: 1n, scriptPubKey: Uint8Array.of(0x51) }] });
  const page = sessionHtml({ ...session, path: '</script><script>alert(1)</script>' }, { title: '<b>&"' });
  expect(page).not.toContain('alert(1)</script>');
  expect(page).toContain('<title>&lt;b&gt;&amp;&quot;</title>');
});
