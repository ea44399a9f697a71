import { parseHex } from '@bitcoin-enterprise/core';
import {
  type OutputType,
  type PolicyProfile,
  type ScriptPart,
  type Transaction,
  assemble,
  checkStandardness,
  countLegacySigops,
  countSigops,
  dustThreshold,
  outputTypeOf,
  parseScript,
  policyProfiles,
  transactionSigopsCost,
  viewTransaction,
} from '@bitcoin-enterprise/script';
import { describe, expect, it } from 'vitest';
import { readJsonVectors } from '../../../scripts/testing/vectors.ts';

const core = policyProfiles['core-31'];
const knots = policyProfiles['knots-29'];
const EMPTY = new Uint8Array();
const fill = (length: number, byte = 2): Uint8Array => new Uint8Array(length).fill(byte);
const key = Uint8Array.from([2, ...fill(32, 7)]);
const taproot = assemble([1, fill(32)]);
const keyHash = assemble(['OP_0', fill(20)]);
const scriptHash = assemble(['OP_HASH160', fill(20), 'OP_EQUAL']);

const vectors = readJsonVectors<readonly [string, { readonly type: OutputType }][]>(
  'bitcoin-core-functional/rpc_decodescript.json',
);

describe('the type of an output', () => {
  it.skipIf(vectors === undefined)('is that of Core decodescript', () => {
    expect(vectors).toHaveLength(10);
    for (const [hex, { type }] of vectors ?? []) expect([hex, outputTypeOf(parseHex(hex))]).toEqual([hex, type]);
  });

  const multisig = (required: number, keys: number): ScriptPart[] => [
    required,
    ...Array.from({ length: keys }, () => key),
    keys,
    'OP_CHECKMULTISIG',
  ];
  it.for<[OutputType, Uint8Array]>([
    ['pubkey', assemble([key, 'OP_CHECKSIG'])],
    ['nonstandard', assemble([fill(33, 9), 'OP_CHECKSIG'])],
    ['pubkeyhash', assemble(['OP_DUP', 'OP_HASH160', fill(20), 'OP_EQUALVERIFY', 'OP_CHECKSIG'])],
    ['scripthash', scriptHash],
    ['multisig', assemble(multisig(2, 3))],
    ['multisig', assemble(multisig(17, 20))],
    ['nonstandard', assemble(multisig(3, 2))],
    ['nonstandard', assemble([2, key, key, 3, 'OP_CHECKMULTISIG'])],
    ['nonstandard', assemble([1, fill(32), 1, 'OP_CHECKMULTISIG'])],
    ['nulldata', assemble(['OP_RETURN', fill(40)])],
    ['nonstandard', assemble(['OP_RETURN', 'OP_DUP'])],
    ['witness_v0_keyhash', keyHash],
    ['witness_v0_scripthash', assemble(['OP_0', fill(32)])],
    ['nonstandard', assemble(['OP_0', fill(31)])],
    ['witness_v1_taproot', taproot],
    ['anchor', parseScript('1 4e73')],
    ['witness_unknown', assemble([1, fill(31)])],
    ['witness_unknown', assemble([16, fill(40)])],
    ['nonstandard', assemble([16, fill(41)])],
    ['nonstandard', EMPTY],
  ])('is %s', ([type, script]) => {
    expect(outputTypeOf(script)).toBe(type);
  });
});

describe('signature checks', () => {
  it('are counted by the number before a multisig only where accuracy is asked for', () => {
    const script = assemble([2, key, key, 2, 'OP_CHECKMULTISIG', 'OP_CHECKSIG', 'OP_CHECKSIGVERIFY']);

    expect(countSigops(script, { accurate: true })).toBe(4);
    expect(countSigops(script, { accurate: false })).toBe(22);
    expect(countSigops(assemble(['OP_0', 'OP_CHECKMULTISIGVERIFY']), { accurate: true })).toBe(20);
  });

  it('are counted up to a push that ends too early', () => {
    expect(countSigops(Uint8Array.of(0xac, 0x05, 0xac, 0xac), { accurate: true })).toBe(1);
  });

  it('cost four in scripts, one in witnesses, and nothing in Taproot', () => {
    const script = assemble([1, key, 1, 'OP_CHECKMULTISIG']);
    const cost = (scriptPubKey: Uint8Array, scriptSig: Uint8Array, witness: Uint8Array[]): number =>
      transactionSigopsCost(viewTransaction(spend({ scriptSig, witness })), [{ value: 1n, scriptPubKey }]);

    expect(cost(keyHash, EMPTY, [fill(71), key])).toBe(1);
    expect(cost(assemble(['OP_0', fill(32)]), EMPTY, [script])).toBe(1);
    expect(cost(scriptHash, assemble([script]), [])).toBe(4);
    expect(cost(scriptHash, assemble([keyHash]), [fill(71), key])).toBe(1);
    expect(cost(scriptHash, Uint8Array.of(0x61), [])).toBe(0);
    expect(cost(taproot, EMPTY, [fill(64)])).toBe(0);
    expect(cost(assemble([key, 'OP_CHECKSIG']), EMPTY, [])).toBe(0);
  });

  it('of a transaction without its inputs are those in its own scripts', () => {
    const outputs = [{ value: 1n, scriptPubKey: assemble([key, 'OP_CHECKSIG']) }];

    expect(countLegacySigops(viewTransaction(spend({ scriptSig: Uint8Array.of(0xac) }, { outputs })))).toBe(2);
  });
});

interface Input {
  readonly scriptSig?: Uint8Array;
  readonly witness?: readonly Uint8Array[];
}

function spend(input: Input = {}, other: Partial<Transaction> = {}): Transaction {
  return {
    version: 2,
    inputs: [
      { previousTxid: fill(32), previousIndex: 0, scriptSig: EMPTY, sequence: 0xfffffffd, witness: [], ...input },
    ],
    outputs: [{ value: 10_000n, scriptPubKey: taproot }],
    lockTime: 0,
    ...other,
  };
}

describe('what is relayed', () => {
  const check = (tx: Transaction, scriptPubKey: Uint8Array = keyHash, profile: PolicyProfile = core): unknown =>
    checkStandardness({ tx, spentOutputs: tx.inputs.map(() => ({ value: 20_000n, scriptPubKey })), profile });
  const to = (scriptPubKey: Uint8Array, value = 10_000n, count = 1): Transaction =>
    spend({ witness: [fill(71), key] }, { outputs: Array.from({ length: count }, () => ({ value, scriptPubKey })) });
  const signed: Input = { witness: [fill(71), key] };

  it('is an ordinary payment', () => {
    expect(check(spend(signed))).toBeUndefined();
    expect(check(spend(signed), keyHash, knots)).toBeUndefined();
  });

  it('has a version of 1 to 3', () => {
    for (const version of [0, 4]) expect(check(spend(signed, { version }))).toBe('version');
    for (const version of [1, 2, 3]) expect(check(spend(signed, { version }))).toBeUndefined();
  });

  it('is neither too heavy nor too small', () => {
    const outputs = [{ value: 10_000n, scriptPubKey: assemble(['OP_RETURN', fill(99_990)]) }];
    expect(check(spend(signed, { outputs }))).toBe('tx-size');
    const small = (script: Uint8Array) => check(spend(signed, { outputs: [{ value: 10_000n, scriptPubKey: script }] }));
    expect(small(parseScript('1 4e73'))).toBe('tx-size-small');
    expect(small(assemble([1, fill(3)]))).toBeUndefined();
    expect(check(spend(signed, { outputs: [{ value: 1n, scriptPubKey: assemble(['OP_RETURN']) }] }))).toBe(
      'tx-size-small',
    );
  });

  it('has short scriptSigs that only push', () => {
    const many = Array.from({ length: 4 }, () => fill(420));
    expect(check(spend({ scriptSig: assemble(many) }), scriptHash)).toBe('scriptsig-size');
    expect(check(spend({ scriptSig: Uint8Array.of(0x61) }), scriptHash)).toBe('scriptsig-not-pushonly');
  });

  it('pays to kinds of outputs that are known', () => {
    expect(check(to(Uint8Array.of(0x51)))).toBe('scriptpubkey');
    expect(check(to(assemble([1, key, key, key, key, 4, 'OP_CHECKMULTISIG'])))).toBe('scriptpubkey');
    expect(check(to(assemble([1, key, key, key, 3, 'OP_CHECKMULTISIG'])))).toBeUndefined();
    expect(check(to(assemble([1, key, key, key, 3, 'OP_CHECKMULTISIG'])), keyHash, knots)).toBe('bare-multisig');
  });

  it('carries as much data as its profile likes', () => {
    const data = assemble(['OP_RETURN', fill(90)]);
    expect(check(to(data, 0n))).toBeUndefined();
    expect(check(to(data, 0n), keyHash, knots)).toBe('datacarrier');
    const little = assemble(['OP_RETURN', fill(30)]);
    expect(check(to(little, 0n, 2))).toBeUndefined();
    expect(check(to(little, 0n, 2), keyHash, knots)).toBe('multi-op-return');
  });

  it('has at most one dust output, or none', () => {
    expect(check(to(taproot, 329n))).toBeUndefined();
    expect(check(to(taproot, 329n, 2))).toBe('dust');
    expect(check(to(taproot, 329n), keyHash, knots)).toBe('dust');
    expect(check(to(taproot, 330n), keyHash, knots)).toBeUndefined();
  });

  it('spends kinds of outputs that are known', () => {
    expect(check(spend(), Uint8Array.of(0x51))).toBe('bad-txns-nonstandard-inputs');
    expect(check(spend(), assemble([2, fill(32)]))).toBe('bad-txns-nonstandard-inputs');
    const greedy = assemble(Array.from({ length: 16 }, (): ScriptPart => 'OP_CHECKSIG'));
    expect(check(spend({ scriptSig: assemble([greedy]) }), scriptHash)).toBe('bad-txns-nonstandard-inputs');
    const modest = greedy.subarray(0, 15);
    expect(check(spend({ scriptSig: assemble([modest]) }), scriptHash)).toBeUndefined();
  });

  it('executes at most 2,500 legacy signature checks (BIP54)', () => {
    const inputs = (count: number): Transaction => {
      const [input] = spend({ scriptSig: assemble([fill(15, 0xac)]) }).inputs as [Transaction['inputs'][number]];
      return spend({}, { inputs: Array.from({ length: count }, (_, previousIndex) => ({ ...input, previousIndex })) });
    };
    expect(check(inputs(166), scriptHash)).toBeUndefined();
    expect(check(inputs(167), scriptHash)).toBe('bad-txns-nonstandard-inputs');
    expect(check(inputs(167), scriptHash, knots)).toBeUndefined();
  });

  it('costs at most 16,000 in signature checks', () => {
    const scriptPubKey = assemble(['OP_0', fill(32)]);
    const [input] = spend({ witness: [fill(3_600, 0xac)] }).inputs as [Transaction['inputs'][number]];
    const tx = (count: number): Transaction =>
      spend({}, { inputs: Array.from({ length: count }, (_, previousIndex) => ({ ...input, previousIndex })) });
    expect(check(tx(4), scriptPubKey)).toBeUndefined();
    expect(check(tx(5), scriptPubKey)).toBe('bad-txns-too-many-sigops');
  });

  it('has witnesses within the limits of version 0', () => {
    const scriptPubKey = assemble(['OP_0', fill(32)]);
    const items = (count: number, size: number, script = 1): Transaction =>
      spend({ witness: [...Array.from({ length: count }, () => fill(size)), fill(script)] });
    expect(check(items(100, 80, 3_600), scriptPubKey)).toBeUndefined();
    expect(check(items(101, 80), scriptPubKey)).toBe('bad-witness-nonstandard');
    expect(check(items(1, 81), scriptPubKey)).toBe('bad-witness-nonstandard');
    expect(check(items(1, 80, 3_601), scriptPubKey)).toBe('bad-witness-nonstandard');
    expect(check(spend({ witness: [EMPTY] }), parseScript('1 4e73'))).toBe('bad-witness-nonstandard');
    expect(check(spend({ witness: [EMPTY] }), assemble([key, 'OP_CHECKSIG']))).toBe('bad-witness-nonstandard');
  });

  it('has witnesses within the limits of Taproot', () => {
    const control = (steps: number, version = 0xc0): Uint8Array => Uint8Array.from([version, ...fill(32 + 32 * steps)]);
    const leaf = (script: Uint8Array, item = 80, block = control(1)): Transaction =>
      spend({ witness: [fill(item), script, block] });
    const plain = Uint8Array.of(0x51);
    expect(check(leaf(plain), taproot)).toBeUndefined();
    expect(check(leaf(plain, 81), taproot)).toBe('bad-witness-nonstandard');
    expect(check(leaf(plain, 81, control(1, 0xc2)), taproot)).toBeUndefined();
    expect(check(spend({ witness: [fill(64), Uint8Array.of(0x50)] }), taproot)).toBe('bad-witness-nonstandard');
    expect(check(spend({ witness: [plain, EMPTY] }), taproot)).toBe('bad-witness-nonstandard');
    const branching = assemble([1, 'OP_IF', 'OP_ENDIF']);
    expect(check(leaf(branching), taproot)).toBeUndefined();
    expect(check(leaf(branching), taproot, knots)).toBe('bad-witness-nonstandard');
    expect(check(leaf(assemble([fill(256)])), taproot, knots)).toBeUndefined();
    expect(check(leaf(assemble([fill(257)])), taproot, knots)).toBe('bad-witness-nonstandard');
    expect(check(leaf(plain, 80, control(7)), taproot, knots)).toBeUndefined();
    expect(check(leaf(plain, 80, control(8)), taproot, knots)).toBe('bad-witness-nonstandard');
    expect(check(leaf(plain, 80, control(8)), taproot)).toBeUndefined();
  });
});

it('dust is what costs more to spend than it holds', () => {
  expect(dustThreshold(assemble(['OP_DUP', 'OP_HASH160', fill(20), 'OP_EQUALVERIFY', 'OP_CHECKSIG']), 3_000n)).toBe(
    546n,
  );
  expect(dustThreshold(keyHash, 3_000n)).toBe(294n);
  expect(dustThreshold(taproot, 3_000n)).toBe(330n);
  expect(dustThreshold(parseScript('1 4e73'), 3_000n)).toBe(240n);
  expect(dustThreshold(assemble(['OP_RETURN']), 3_000n)).toBe(0n);
});
