import { SuiteError, concatBytes, currentCrypto, loadCrypto } from '@bitcoin-enterprise/core';
import {
  type Transaction,
  TransactionView,
  UNSPENDABLE_INTERNAL_KEY,
  assemble,
  checkStandardness,
  checkTransaction,
  consensusFlags,
  countSigops,
  disassemble,
  encodeDerSignature,
  joinBlock,
  parseBlock,
  parseBlockHeader,
  parseControlBlock,
  parseScript,
  parseTransaction,
  policyProfiles,
  serializeBlock,
  serializeTransaction,
  sighashLegacy,
  standardFlags,
  taprootOutput,
  traceInput,
  transactionId,
  transactionSigopsCost,
  transactionWeight,
  verifyInput,
  verifyTransaction,
  viewTransaction,
} from '@bitcoin-enterprise/script';
import * as script from '@bitcoin-enterprise/script';
import { describe, expect, it } from 'vitest';
import { ContractMaker } from './lockstep/contracts.ts';
import { Random } from '../../../scripts/testing/random.ts';
import { makeSpend } from './lockstep/spends.ts';

const long = process.env['BE_LONG'] === '1';
const seed = Number(process.env['BE_SEED'] ?? 20_261_120);
const EMPTY = new Uint8Array();

await loadCrypto();

/** Runs something on hostile input and refuses every error without a code. */
function coded(act: () => unknown): string {
  try {
    act();
    return 'ok';
  } catch (error) {
    if (error instanceof SuiteError) return error.code;
    throw error;
  }
}

/** Real transactions and blocks, and what the generator makes of them: the corpus that mutations start from. */
function corpus(random: Random): Uint8Array[] {
  const maker = new ContractMaker(random);
  const coins = Array.from({ length: 40 }, (_, index) => ({
    contract: maker.make(),
    txid: random.bytes(32),
    index,
    value: 100_000n,
  }));
  const transactions = Array.from({ length: 60 }, () => makeSpend(random, coins).tx);
  const header = {
    version: 1,
    previousBlockHash: random.bytes(32),
    merkleRoot: random.bytes(32),
    time: 1,
    bits: 2,
    nonce: 3,
  };
  return [
    ...transactions,
    joinBlock(header, transactions.slice(0, 5)),
    ...coins.map((coin) => coin.contract.scriptPubKey),
  ];
}

function mutate(random: Random, source: Uint8Array): Uint8Array {
  const bytes = source.slice(0, random.chance(0.2) ? random.below(source.length + 1) : source.length);
  for (let flips = random.below(6); flips > 0 && bytes.length > 0; flips--)
    bytes[random.below(bytes.length)] = random.chance(0.3) ? random.pick([0, 0xfd, 0xfe, 0xff]) : random.below(256);
  return random.chance(0.1) ? concatBytes(bytes, random.bytes(random.below(20))) : bytes;
}

describe(`random and mutated bytes (seed ${seed})`, () => {
  it('never make a parser throw anything but a coded error', () => {
    const random = new Random(seed);
    const sources = corpus(random);
    const parsers: readonly ((bytes: Uint8Array) => unknown)[] = [
      (bytes) => serializeTransaction(parseTransaction(bytes)),
      (bytes) => parseTransaction(bytes, { witness: false }),
      (bytes) => checkTransaction(TransactionView.of(bytes)),
      (bytes) => serializeBlock(parseBlock(bytes)),
      parseBlockHeader,
      parseControlBlock,
      (bytes) => parseScript(disassemble(bytes)),
      (bytes) => countSigops(bytes, { accurate: true }),
    ];
    const outcomes = new Set<string>();
    const rounds = long ? 1_000_000 : 10_000;
    for (let round = 0; round < rounds; round++) {
      const bytes = random.chance(0.3) ? random.bytes(random.below(200)) : mutate(random, random.pick(sources));
      for (const parse of parsers) outcomes.add(coded(() => parse(bytes)));
    }

    expect([...outcomes].sort()).toEqual([
      'SCRIPT_ASSEMBLY_INVALID',
      'SCRIPT_BYTES_TRAILING',
      'SCRIPT_BYTES_TRUNCATED',
      'SCRIPT_ENCODING_INVALID',
      'SCRIPT_TAPROOT_INVALID',
      'ok',
    ]);
  });

  it('parse to what they are serialised from', () => {
    const random = new Random(seed + 1);
    const sources = corpus(random);
    for (let round = 0; round < (long ? 200_000 : 5_000); round++) {
      const bytes = mutate(random, random.pick(sources));
      let tx: Transaction;
      try {
        tx = parseTransaction(bytes);
      } catch {
        continue;
      }
      expect(serializeTransaction(tx)).toEqual(bytes);
      const view = TransactionView.of(bytes);
      expect(view.weight).toBe(transactionWeight(tx));
      expect(view.id()).toEqual(transactionId(tx));
    }
  });

  it('never make the interpreter or the rules of relay throw', () => {
    const random = new Random(seed + 2);
    const maker = new ContractMaker(random);
    const coins = Array.from({ length: 200 }, (_, index) => ({
      contract: maker.make(),
      txid: random.bytes(32),
      index,
      value: 100_000n,
    }));
    const errors = new Map<string, number>();
    for (let round = 0; round < (long ? 20_000 : 600); round++) {
      const { tx, spentOutputs } = makeSpend(random, coins);
      for (const flags of [consensusFlags, standardFlags]) {
        const verdict = verifyTransaction({ tx, spentOutputs, flags });
        const outcome = verdict.ok ? 'OK' : verdict.error;
        errors.set(outcome, (errors.get(outcome) ?? 0) + 1);
        const traced = traceInput({ tx, inputIndex: 0, spentOutputs, flags });
        if (verdict.ok) expect(traced.verdict.ok).toBe(true);
      }
      checkStandardness({ tx, spentOutputs, profile: policyProfiles['core-31'] });
      transactionSigopsCost(viewTransaction(tx), spentOutputs);
    }

    expect(errors.get('OK')).toBeGreaterThan(100);
    expect(errors.size).toBeGreaterThan(12);
  });
});

describe('arguments of the wrong type', () => {
  class Liar extends Uint8Array {
    override get length(): number {
      return 5;
    }
  }
  const { proxy: revoked, revoke } = Proxy.revocable(new Uint8Array(4), {});
  revoke();
  const detached = new Uint8Array(8);
  structuredClone(detached, { transfer: [detached.buffer] });
  const wrong: readonly unknown[] = [
    undefined,
    null,
    0,
    -1,
    1.5,
    NaN,
    2 ** 40,
    'text',
    '',
    {},
    [],
    // oxlint-disable-next-line no-sparse-arrays -- a hole is what is tested
    [,],
    [1],
    () => 0,
    Symbol('x'),
    1n,
    EMPTY,
    new Uint8Array(33),
    new Liar(3),
    new Liar(2_000),
    detached,
    new Proxy(new Uint8Array(32), {}),
    Object.create(Uint8Array.prototype) as unknown,
    Object.create(null) as unknown,
    revoked,
    { tx: EMPTY, spentOutputs: [revoked], flags: ['P2SH'] },
  ];
  const exported = Object.entries(script as Readonly<Record<string, unknown>>).filter(
    (entry): entry is [string, (...args: unknown[]) => unknown] =>
      typeof entry[1] === 'function' && entry[0] !== 'ScriptError',
  );

  it('has every exported function to test', () => expect(exported.length).toBeGreaterThan(45));

  it.for(exported)('%s answers with a code', ([, target]) => {
    const call = (...args: unknown[]): unknown =>
      Function.prototype.toString.call(target).startsWith('class ') ? Reflect.construct(target, args) : target(...args);
    const tx = { version: 2, inputs: [], outputs: [], lockTime: 0 };
    for (const value of wrong) {
      expect(coded(() => call(value))).toMatch(/^(ok|SCRIPT_|CORE_)/);
      for (const first of [EMPTY, tx, new Uint8Array(32), 'OP_1'])
        for (const args of [
          [first, value],
          [first, first, value],
        ])
          expect(coded(() => call(...args))).toMatch(/^(ok|SCRIPT_|CORE_)/);
    }
  });

  it('fields of the wrong type are refused with a code, whatever the field', () => {
    const tx: Transaction = {
      version: 2,
      inputs: [{ previousTxid: new Uint8Array(32), previousIndex: 0, scriptSig: EMPTY, sequence: 0, witness: [] }],
      outputs: [{ value: 1n, scriptPubKey: EMPTY }],
      lockTime: 0,
    };
    const good = { tx, inputIndex: 0, spentOutputs: [{ value: 1n, scriptPubKey: EMPTY }], flags: consensusFlags };
    for (const key of Object.keys(good))
      for (const value of wrong) {
        const outcome = coded(() => verifyInput({ ...good, [key]: value }));
        expect(outcome).toMatch(/^(ok|SCRIPT_)/);
      }
    for (const key of Object.keys(tx))
      for (const value of wrong)
        expect(coded(() => serializeTransaction({ ...tx, [key]: value }))).toMatch(/^(ok|SCRIPT_)/);
  });
});

describe('absurd sizes', () => {
  /** Milliseconds of the fastest of a few runs. */
  function fastest(act: () => unknown): number {
    let best = Infinity;
    for (let run = 0; run < 5; run++) {
      const start = performance.now();
      act();
      best = Math.min(best, performance.now() - start);
    }
    return best;
  }

  /** How much longer sixteen times the size takes: 16 when linear, 256 when quadratic. */
  function growth(size: number, act: (size: number) => () => unknown): number {
    const [small, large] = [act(size), act(16 * size)];
    return fastest(large) / Math.max(fastest(small), 0.05);
  }

  /** Between the two, with room for collected garbage and cold caches. */
  const BOUND = 80;

  const spendOfMany = (count: number): Uint8Array =>
    serializeTransaction({
      version: 2,
      inputs: Array.from({ length: count }, (_, index) => ({
        previousTxid: currentCrypto().sha256(Uint8Array.of(index, index >> 8, index >> 16)),
        previousIndex: index,
        scriptSig: EMPTY,
        sequence: 0xffffffff,
        witness: [],
      })),
      outputs: [{ value: 1n, scriptPubKey: Uint8Array.of(0x51) }],
      lockTime: 0,
    });

  it('a transaction of 100,000 inputs parses, and is verified, in linear time', () => {
    const parse = growth(6_250, (count) => {
      const bytes = spendOfMany(count);
      return () => checkTransaction(viewTransaction(parseTransaction(bytes)));
    });
    expect(parse).toBeLessThan(BOUND);

    const verify = growth(750, (count) => {
      const tx = spendOfMany(count);
      const spentOutputs = Array.from({ length: count }, () => ({ value: 1n, scriptPubKey: Uint8Array.of(0x51) }));
      return () => expect(verifyTransaction({ tx, spentOutputs, flags: consensusFlags }).ok).toBe(true);
    });
    expect(verify).toBeLessThan(BOUND);
  });

  const runTapscript = (script: Uint8Array, items: readonly Uint8Array[] = []): (() => unknown) => {
    const output = taprootOutput({ internalKey: UNSPENDABLE_INTERNAL_KEY, tree: { script } });
    const tx = serializeTransaction({
      version: 2,
      inputs: [
        {
          previousTxid: new Uint8Array(32).fill(1),
          previousIndex: 0,
          scriptSig: EMPTY,
          sequence: 0,
          witness: [...items, script, output.leaves[0]?.controlBlock ?? EMPTY],
        },
      ],
      outputs: [{ value: 1n, scriptPubKey: Uint8Array.of(0x51) }],
      lockTime: 0,
    });
    const spentOutputs = [{ value: 1n, scriptPubKey: output.scriptPubKey }];
    return () => verifyInput({ tx, inputIndex: 0, spentOutputs, flags: consensusFlags });
  };

  it.for([
    ['no operations', (size: number) => new Uint8Array(size).fill(0x61)],
    ['nested conditionals', (size: number) => new Uint8Array(size).fill(0x63).fill(0x51, 0, 1)],
    ['toggled conditionals', (size: number) => concatBytes(Uint8Array.of(0x51, 0x63), new Uint8Array(size).fill(0x67))],
    ['pushes and drops', (size: number) => Uint8Array.from({ length: size }, (_, i) => (i % 2 === 0 ? 0x51 : 0x75))],
    ['stack rotations', (size: number) => concatBytes(assemble([1, 2, 3]), new Uint8Array(size).fill(0x7b))],
  ] as const)('a block-size tapscript of %s runs in linear time', ([, make]) => {
    expect(growth(long ? 240_000 : 30_000, (size) => runTapscript(make(size)))).toBeLessThan(BOUND);
  });

  it('fifteen signatures of one script cost no more transaction hashing than one', () => {
    const crypto = currentCrypto();
    const secretKey = new Uint8Array(32).fill(1);
    const key = crypto.publicKey(secretKey) as Uint8Array;
    const script = assemble([...Array.from({ length: 15 }, () => [key, 'OP_CHECKSIGVERIFY'] as const).flat(), 1]);
    const filler = new Uint8Array(900_000);
    const base = {
      version: 2,
      inputs: [
        { previousTxid: new Uint8Array(32).fill(1), previousIndex: 0, scriptSig: EMPTY, sequence: 0, witness: [] },
      ],
      outputs: [{ value: 1n, scriptPubKey: filler }],
      lockTime: 0,
    };
    const hash = sighashLegacy({ tx: base, inputIndex: 0, scriptCode: script });
    const signature = concatBytes(
      encodeDerSignature(crypto.ecdsaSign(hash, secretKey) as Uint8Array),
      Uint8Array.of(1),
    );
    const scriptSig = assemble(Array.from({ length: 15 }, () => signature));
    const tx = { ...base, inputs: [{ ...(base.inputs[0] as Transaction['inputs'][number]), scriptSig }] };
    const spentOutputs = [{ value: 1n, scriptPubKey: script }];
    const bytes = serializeTransaction(tx);

    const all = fastest(() => {
      expect(verifyInput({ tx: bytes, inputIndex: 0, spentOutputs, flags: consensusFlags }).ok).toBe(true);
    });
    const once = fastest(() => sighashLegacy({ tx: bytes, inputIndex: 0, scriptCode: script }));
    const signatures = fastest(() => {
      for (let i = 0; i < 15; i++) crypto.ecdsaVerify(signature.subarray(0, 64), hash, key);
    });
    expect(all).toBeLessThan(4 * once + 4 * signatures + 20);
  });
});
