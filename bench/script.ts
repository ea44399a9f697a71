/** The interpreter against bitcore-lib and against the curve operations it cannot avoid; the codec against bitcoinjs-lib. */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type CryptoEngine, loadCrypto, parseHex } from '@bitcoin-enterprise/core';
import {
  type ScriptFlag,
  type SpentOutput,
  type Transaction,
  consensusFlags,
  parseTransaction,
  serializeTransaction,
  verifyInput,
} from '@bitcoin-enterprise/script';
import { readJsonVectors } from '../scripts/testing/vectors.ts';
import { measured, runCase } from './harness.ts';
import type { BenchResult, BenchSettings } from './harness.ts';
import { type Spend, keyPathSpends, scriptPathSpends } from './script/spends.ts';

interface Rivals {
  readonly bitcoinjs: { readonly Transaction: { fromBuffer(bytes: Uint8Array): unknown } };
  readonly bitcore: Bitcore;
}

/** What is used of bitcore-lib. */
interface Bitcore {
  readonly Transaction: {
    new (hex: string): { inputs: { output: unknown }[] };
    readonly Output: new (fields: { satoshis: number; script: unknown }) => unknown;
  };
  readonly Script: {
    new (bytes: Buffer): unknown;
    readonly Interpreter: {
      new (): {
        verify(
          sig: unknown,
          key: unknown,
          tx: unknown,
          input: number,
          flags: number,
          witness: Buffer[],
          value: number,
        ): boolean;
      };
      readonly [flag: string]: unknown;
    };
  };
}

/** Every so many spends of the corpus are measured: bitcore-lib needs milliseconds for each. */
const EVERY = 40;

/** Runs all cases. */
export async function runBench(settings: BenchSettings): Promise<readonly BenchResult[]> {
  const rivals = pathToFileURL(resolve(import.meta.dirname, 'thirdparty/rivals.js')).href;
  const { bitcoinjs, bitcore } = (await import(rivals)) as Rivals;
  const { engine } = await loadCrypto({ prefer: 'wasm' });
  const corpus = taprootCorpus();
  const sample = corpus
    .filter((_, index) => index % EVERY === 0)
    .map((spend) => ({ spend, theirs: forBitcore(bitcore, spend) }));
  for (const { spend, theirs } of sample)
    if (verify(spend, engine) !== theirs()) throw new Error('bitcore-lib and we disagree about a spend of the corpus');

  return [
    ...runCase(
      {
        name: 'taproot corpus, verify an input',
        ours: measured(() => sample.forEach(({ spend }) => verify(spend, engine)), { operations: sample.length }),
        rivals: {
          'bitcore-lib': {
            measure: measured(() => sample.forEach(({ theirs }) => theirs()), { operations: sample.length }),
            promised: 10,
          },
        },
      },
      settings,
    ),
    ...overheadOf(
      'taproot corpus',
      corpus.filter(({ valid }) => valid),
      engine,
      settings,
    ),
    ...overheadOf('key path', keyPathSpends(engine, 500), engine, settings),
    ...overheadOf('script path, one signature', scriptPathSpends(engine, 500), engine, settings),
    ...[2, 300].flatMap((inputs) => decode(bitcoinjs, inputs, settings)),
  ];
}

function verify(spend: Spend, crypto: CryptoEngine): boolean {
  return verifyInput({ ...spend, crypto }).ok;
}

/** The interpreter against a run of its own curve operations alone: what it adds may be 15 % of them. */
function overheadOf(
  name: string,
  spends: readonly Spend[],
  engine: CryptoEngine,
  settings: BenchSettings,
): readonly BenchResult[] {
  const operations: (() => unknown)[] = [];
  const recorder: CryptoEngine = {
    ...engine,
    schnorrVerify: (...args) => record(() => engine.schnorrVerify(...args)),
    ecdsaVerify: (...args) => record(() => engine.ecdsaVerify(...args)),
    xOnlyTweakAddCheck: (...args) => record(() => engine.xOnlyTweakAddCheck(...args)),
  };
  function record(operation: () => boolean): boolean {
    operations.push(operation);
    return operation();
  }
  const used = spends.filter((spend) => {
    const before = operations.length;
    verify(spend, recorder);
    return operations.length > before;
  });
  return runCase(
    {
      name: `${name}, verify an input (curve operations over all)`,
      ours: measured(() => used.forEach((spend) => verify(spend, engine)), { operations: used.length }),
      rivals: {},
      limit: {
        measure: measured(() => operations.forEach((operation) => operation()), { operations: used.length }),
        promised: 1 / 1.15,
      },
    },
    settings,
  );
}

function decode(bitcoinjs: Rivals['bitcoinjs'], inputs: number, settings: BenchSettings): readonly BenchResult[] {
  const fill = (length: number, byte: number): Uint8Array => new Uint8Array(length).fill(byte);
  const tx: Transaction = {
    version: 2,
    inputs: Array.from({ length: inputs }, (_, index) => ({
      previousTxid: fill(32, index + 1),
      previousIndex: index,
      scriptSig: new Uint8Array(),
      sequence: 0xfffffffd,
      witness: [fill(64, 7)],
    })),
    outputs: Array.from({ length: inputs }, () => ({ value: 123_456n, scriptPubKey: fill(34, 0x51) })),
    lockTime: 0,
  };
  const bytes = serializeTransaction(tx);
  const operations = 1_000 / inputs;
  const repeat = (run: () => unknown) =>
    measured(
      () => {
        for (let i = 0; i < operations; i++) run();
      },
      { operations: Math.ceil(operations) },
    );
  return runCase(
    {
      name: `decode ${inputs} in, ${inputs} out`,
      ours: repeat(() => parseTransaction(bytes)),
      rivals: { 'bitcoinjs-lib': { measure: repeat(() => bitcoinjs.Transaction.fromBuffer(bytes)), promised: 4 } },
    },
    settings,
  );
}

interface Satisfaction {
  readonly scriptSig: string;
  readonly witness: readonly string[];
}
interface CorpusCase {
  readonly tx: string;
  readonly prevouts: readonly string[];
  readonly index: number;
  readonly flags: string;
  readonly success: Satisfaction;
  readonly failure?: Satisfaction;
}

function taprootCorpus(): readonly (Spend & { readonly valid: boolean })[] {
  const cases = readJsonVectors<readonly CorpusCase[]>('taproot/taproot_reference.json.gz');
  if (cases === undefined) throw new Error('the benchmark needs the taproot corpus in ../shared/vectors');
  return cases.flatMap((test) => {
    const base = parseTransaction(parseHex(test.tx));
    const spentOutputs = test.prevouts.map(outputOf);
    const spend = ({ scriptSig, witness }: Satisfaction, valid: boolean) => ({
      tx: serializeTransaction({
        ...base,
        inputs: base.inputs.map((input, index) =>
          index === test.index
            ? { ...input, scriptSig: parseHex(scriptSig), witness: witness.map((item) => parseHex(item)) }
            : input,
        ),
      }),
      inputIndex: test.index,
      spentOutputs,
      flags: test.flags.includes('TAPROOT') ? consensusFlags : (test.flags.split(',') as ScriptFlag[]),
      valid,
    });
    return [spend(test.success, true), ...(test.failure === undefined ? [] : [spend(test.failure, false)])];
  });
}

function outputOf(hex: string): SpentOutput {
  const bytes = parseHex(hex);
  const value = new DataView(bytes.buffer, bytes.byteOffset).getBigInt64(0, true);
  return { value, scriptPubKey: bytes.subarray(bytes[8] === 0xfd ? 11 : 9) };
}

function forBitcore(bitcore: Bitcore, { tx, inputIndex, spentOutputs, flags }: Spend): () => boolean {
  const { Interpreter } = bitcore.Script;
  const bits = flags.reduce((sum, flag) => sum | Number(Interpreter[`SCRIPT_VERIFY_${flag}`] ?? 0), 0);
  const input = parseTransaction(tx).inputs[inputIndex] as Transaction['inputs'][number];
  const witness = input.witness.map((item) => Buffer.from(item));
  const { value, scriptPubKey } = spentOutputs[inputIndex] as SpentOutput;
  const hex = Buffer.from(tx).toString('hex');
  return () => {
    const theirs = new bitcore.Transaction(hex);
    theirs.inputs.forEach((one, index) => {
      const spent = spentOutputs[index] as SpentOutput;
      one.output = new bitcore.Transaction.Output({
        satoshis: Number(spent.value),
        script: new bitcore.Script(Buffer.from(spent.scriptPubKey)),
      });
    });
    return new Interpreter().verify(
      new bitcore.Script(Buffer.from(input.scriptSig)),
      new bitcore.Script(Buffer.from(scriptPubKey)),
      theirs,
      inputIndex,
      bits,
      witness,
      Number(value),
    );
  };
}
