import { parseHex, reverseBytes, toHex } from '@bitcoin-enterprise/core';
import {
  type ScriptFlag,
  ScriptError,
  TransactionView,
  UNSPENDABLE_INTERNAL_KEY,
  parseTransaction,
  serializeTransaction,
  sighashLegacy,
  standardFlags,
  taprootOutput,
  transactionId,
  verifyInput,
  verifyTransaction,
} from '@bitcoin-enterprise/script';
import { describe, expect, it } from 'vitest';
import { readJsonVectors } from '../../../scripts/testing/vectors.ts';
import { parseCoreScript } from './support/core-script.ts';
import { flagsOf, spentOutputsOf, trimFlags } from './support/core-transactions.ts';

const EMPTY = new Uint8Array();
const NULL_TXID = new Uint8Array(32);
const allFlags: readonly ScriptFlag[] = [...standardFlags, 'SIGPUSHONLY'];

/** The pair of transactions that Core's script tests run in: one that credits the script, one that spends it. */
function spendOf(scriptSig: Uint8Array, scriptPubKey: Uint8Array, witness: Uint8Array[], value: bigint) {
  const credit = {
    version: 1,
    inputs: [
      {
        previousTxid: NULL_TXID,
        previousIndex: 0xffffffff,
        scriptSig: Uint8Array.of(0, 0),
        sequence: 0xffffffff,
        witness: [],
      },
    ],
    outputs: [{ value, scriptPubKey }],
    lockTime: 0,
  };
  return {
    version: 1,
    inputs: [{ previousTxid: transactionId(credit), previousIndex: 0, scriptSig, sequence: 0xffffffff, witness }],
    outputs: [{ value, scriptPubKey: EMPTY }],
    lockTime: 0,
  };
}

type ScriptTest = [string, string, string, string, string?];
const isScriptTest = (row: unknown[]): boolean => row.length >= 4;
const scriptTests = (readJsonVectors<unknown[][]>('bitcoin-core-unit/script_tests.json') ?? []).filter(isScriptTest);

function runScriptTest(row: unknown[]): { readonly expected: string; readonly got: string } {
  const [wire, rest] = Array.isArray(row[0]) ? [row[0] as (string | number)[], row.slice(1)] : [[], row];
  const [sigText, keyText, flagText, expected] = rest as ScriptTest;
  const value = BigInt(Math.round(Number(wire.at(-1) ?? 0) * 1e8));
  let witness: Uint8Array[] = [];
  let keyScriptText = keyText;
  const items = wire.slice(0, -1) as string[];
  const scriptItem = items.find((item) => item.startsWith('#SCRIPT#'));
  if (scriptItem === undefined) witness = items.map((item) => parseHex(item));
  else {
    const script = parseCoreScript(scriptItem.slice('#SCRIPT#'.length));
    const output = taprootOutput({ internalKey: UNSPENDABLE_INTERNAL_KEY, tree: { script } });
    const controlBlock = output.leaves[0]?.controlBlock ?? EMPTY;
    witness = items.map((item) =>
      item === scriptItem ? script : item === '#CONTROLBLOCK#' ? controlBlock : parseHex(item),
    );
    keyScriptText = keyText.replace('#TAPROOTOUTPUT#', `0x${toHex(output.outputKey)}`);
  }
  const scriptPubKey = parseCoreScript(keyScriptText);
  const tx = spendOf(parseCoreScript(sigText), scriptPubKey, witness, value);
  const verdict = verifyInput({
    tx: serializeTransaction(tx),
    inputIndex: 0,
    spentOutputs: [{ value, scriptPubKey }],
    flags: flagsOf(flagText),
  });
  return { expected, got: verdict.ok ? 'OK' : verdict.error };
}

describe.skipIf(scriptTests.length === 0)("Core's script_tests", () => {
  it('has 1,222 cases', () => expect(scriptTests).toHaveLength(1_222));

  it('gives the exact error of every case', () => {
    const wrong = scriptTests
      .map((row) => ({ row: JSON.stringify(row).slice(0, 300), ...runScriptTest(row) }))
      .filter(({ expected, got }) => expected !== got);

    expect(wrong).toEqual([]);
  });
});

type TransactionTest = [[string, number, string, (number | string)?][], string, string];
const transactionTests = (path: string): TransactionTest[] =>
  (readJsonVectors<unknown[][]>(path) ?? []).filter((row): row is TransactionTest => row.length === 3);
const valid = transactionTests('bitcoin-core-unit/tx_valid.json');
const invalid = transactionTests('bitcoin-core-unit/tx_invalid.json');

describe.skipIf(valid.length === 0)("Core's tx_valid", () => {
  it('has 121 cases', () => expect(valid).toHaveLength(121));

  it('accepts every transaction under all flags but those excluded, and under fewer', () => {
    const wrong: unknown[] = [];
    for (const [prevouts, hex, excluded] of valid) {
      const tx = TransactionView.of(parseHex(hex));
      const spentOutputs = spentOutputsOf(tx, prevouts);
      const flags = trimFlags(allFlags.filter((flag) => !flagsOf(excluded).includes(flag)));
      const fewer = flags.map((one) => trimFlags(flags.filter((flag) => flag !== one)));
      for (const set of [flags, ...fewer, []]) {
        const verdict = verifyTransaction({ tx, spentOutputs, flags: set });
        if (!verdict.ok) wrong.push([verdict, hex.slice(0, 80), set]);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('rejects every transaction once a flag that its row excludes is set', () => {
    const wrong: unknown[] = [];
    for (const [prevouts, hex, excludedText] of valid) {
      const tx = TransactionView.of(parseHex(hex));
      const spentOutputs = spentOutputsOf(tx, prevouts);
      const excluded = flagsOf(excludedText);
      for (const one of excluded) {
        const flags = trimFlags(allFlags.filter((flag) => flag === one || !excluded.includes(flag)));
        if (flags.includes(one) && verifyTransaction({ tx, spentOutputs, flags }).ok)
          wrong.push([one, hex.slice(0, 80)]);
      }
    }
    expect(wrong).toEqual([]);
  });
});

describe.skipIf(invalid.length === 0)("Core's tx_invalid", () => {
  it('has 93 cases', () => expect(invalid).toHaveLength(93));

  it('refuses every transaction under its flags', () => {
    const accepted = invalid.filter(([prevouts, hex, flags]) => {
      const tx = TransactionView.of(parseHex(hex));
      const verdict = verifyTransaction({ tx, spentOutputs: spentOutputsOf(tx, prevouts), flags: flagsOf(flags) });
      return verdict.ok || flags.includes('BADTX') !== verdict.error.startsWith('bad-');
    });

    expect(accepted.map(([, hex, flags]) => [flags, hex.slice(0, 80)])).toEqual([]);
  });
});

type SighashTest = [string, string, number, number, string];
const sighashTests = (readJsonVectors<unknown[][]>('bitcoin-core-unit/sighash.json') ?? []).filter(
  (row): row is SighashTest => row.length === 5,
);

describe.skipIf(sighashTests.length === 0)("Core's sighash tests", () => {
  it('has 500 cases and every hash is right', () => {
    expect(sighashTests).toHaveLength(500);
    for (const [tx, scriptCode, inputIndex, hashType, expected] of sighashTests) {
      const hash = sighashLegacy({ tx: parseHex(tx), inputIndex, scriptCode: parseHex(scriptCode), hashType });
      expect(toHex(reverseBytes(hash))).toBe(expected);
    }
  });

  it('reads and writes every transaction back to the same bytes', () => {
    for (const [hex] of sighashTests) expect(toHex(serializeTransaction(parseTransaction(parseHex(hex))))).toBe(hex);
  });
});

it('throws a coded error for a flag that Core does not have', () => {
  const flags = ['P2SH', 'P2SSH'] as unknown as ScriptFlag[];
  const tx = spendOf(EMPTY, Uint8Array.of(0x51), [], 1n);
  const act = () => verifyInput({ tx, inputIndex: 0, spentOutputs: [{ value: 1n, scriptPubKey: EMPTY }], flags });

  expect(act).toThrowErrorMatchingInlineSnapshot(
    `[ScriptError: SCRIPT_FLAG_UNKNOWN: expected a script verification flag, got "P2SSH"]`,
  );
  expect(act).toThrow(ScriptError);
});
