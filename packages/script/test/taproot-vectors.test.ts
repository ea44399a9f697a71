import { type CryptoEngine, encodeAddress, jsCrypto, loadCrypto, parseHex, toHex } from '@bitcoin-enterprise/core';
import {
  type ScriptFlag,
  type SpentOutput,
  type TapTree,
  SignatureBatch,
  parseTransaction,
  sighashTaproot,
  taprootOutput,
  taprootSecretKey,
  verifyInput,
} from '@bitcoin-enterprise/script';
import { describe, expect, it } from 'vitest';
import { readJsonVectors } from '../../../scripts/testing/vectors.ts';

interface Satisfaction {
  readonly scriptSig: string;
  readonly witness: readonly string[];
}
interface TaprootCase {
  readonly tx: string;
  readonly prevouts: readonly string[];
  readonly index: number;
  readonly flags: string;
  readonly comment: string;
  readonly success: Satisfaction;
  readonly failure?: Satisfaction;
}

const cases = readJsonVectors<TaprootCase[]>('taproot/taproot_reference.json.gz') ?? [];

function outputOf(hex: string): SpentOutput {
  const bytes = parseHex(hex);
  const value = new DataView(bytes.buffer, bytes.byteOffset).getBigInt64(0, true);
  return { value, scriptPubKey: bytes.subarray(bytes[8] === 0xfd ? 11 : 9) };
}

function verdictOf(
  test: TaprootCase,
  { scriptSig, witness }: Satisfaction,
  { crypto, batched = false }: { readonly crypto: CryptoEngine; readonly batched?: boolean },
): string {
  const tx = parseTransaction(parseHex(test.tx));
  const inputs = tx.inputs.map((input, index) =>
    index === test.index
      ? { ...input, scriptSig: parseHex(scriptSig), witness: witness.map((item) => parseHex(item)) }
      : input,
  );
  const batch = new SignatureBatch(crypto);
  const verdict = verifyInput({
    tx: { ...tx, inputs },
    inputIndex: test.index,
    spentOutputs: test.prevouts.map(outputOf),
    flags: test.flags.split(',') as ScriptFlag[],
    crypto,
    ...(batched ? { batch } : {}),
  });
  if (!verdict.ok) return verdict.error;
  return batch.verify().length === 0 ? 'OK' : 'BATCH';
}

const { engine } = await loadCrypto();
const long = process.env['BE_LONG'] === '1';

describe.skipIf(cases.length === 0)('the taproot reference corpus', () => {
  const failing = cases.filter((test) => test.failure !== undefined);

  it('has 2,760 spends that must pass and 2,483 that must fail', () => {
    expect(cases).toHaveLength(2_760);
    expect(failing).toHaveLength(2_483);
  });

  it('accepts every spend that must pass', () => {
    const wrong = cases
      .map((test) => [test.comment, verdictOf(test, test.success, { crypto: engine })])
      .filter(([, got]) => got !== 'OK');

    expect(wrong).toEqual([]);
  });

  it('refuses every spend that must fail', () => {
    const wrong = failing.filter((test) => verdictOf(test, test.failure as Satisfaction, { crypto: engine }) === 'OK');

    expect(wrong.map((test) => test.comment)).toEqual([]);
  });

  it('comes to the same verdicts with signatures put off to a batch', () => {
    const batched = { crypto: engine, batched: true };
    const wrong = failing.filter(
      (test) =>
        verdictOf(test, test.success, batched) !== 'OK' ||
        verdictOf(test, test.failure as Satisfaction, batched) === 'OK',
    );

    expect(wrong.map((test) => test.comment)).toEqual([]);
  });

  it('comes to the same verdicts on the JavaScript engine, with the same errors', () => {
    const some = failing.filter((_, index) => long || index % 10 === 0);
    const wrong = some.filter(
      (test) =>
        verdictOf(test, test.success, { crypto: jsCrypto }) !== 'OK' ||
        verdictOf(test, test.failure as Satisfaction, { crypto: jsCrypto }) !==
          verdictOf(test, test.failure as Satisfaction, { crypto: engine }),
    );

    expect(wrong.map((test) => test.comment)).toEqual([]);
  });
});

interface WalletLeaf {
  readonly script: string;
  readonly leafVersion: number;
}
type WalletTree = WalletLeaf | readonly [WalletTree, WalletTree];
interface WalletVectors {
  readonly scriptPubKey: readonly {
    readonly given: { readonly internalPubkey: string; readonly scriptTree: WalletTree | null };
    readonly intermediary: {
      readonly merkleRoot: string | null;
      readonly tweak: string;
      readonly tweakedPubkey: string;
      readonly leafHashes?: readonly string[];
    };
    readonly expected: {
      readonly scriptPubKey: string;
      readonly bip350Address: string;
      readonly scriptPathControlBlocks?: readonly string[];
    };
  }[];
  readonly keyPathSpending: readonly {
    readonly given: {
      readonly rawUnsignedTx: string;
      readonly utxosSpent: readonly { readonly scriptPubKey: string; readonly amountSats: number }[];
    };
    readonly inputSpending: readonly {
      readonly given: {
        readonly txinIndex: number;
        readonly internalPrivkey: string;
        readonly merkleRoot: string | null;
        readonly hashType: number;
      };
      readonly intermediary: { readonly tweakedPrivkey: string; readonly sigHash: string };
    }[];
  }[];
}

const wallet = readJsonVectors<WalletVectors>('bitcoin-core-unit/bip341_wallet_vectors.json');

const treeOf = (tree: WalletTree): TapTree =>
  'script' in tree
    ? { script: parseHex(tree.script), leafVersion: tree.leafVersion }
    : [treeOf(tree[0]), treeOf(tree[1])];

describe.skipIf(wallet === undefined)('the wallet vectors of BIP341', () => {
  it.for(wallet?.scriptPubKey ?? [])('builds $expected.bip350Address', ({ given, intermediary, expected }) => {
    const output = taprootOutput({
      internalKey: parseHex(given.internalPubkey),
      ...(given.scriptTree === null ? {} : { tree: treeOf(given.scriptTree) }),
    });

    expect(output.merkleRoot === undefined ? null : toHex(output.merkleRoot)).toBe(intermediary.merkleRoot);
    expect(toHex(output.tweak)).toBe(intermediary.tweak);
    expect(toHex(output.outputKey)).toBe(intermediary.tweakedPubkey);
    expect(toHex(output.scriptPubKey)).toBe(expected.scriptPubKey);
    expect(encodeAddress(output.scriptPubKey, 'main')).toBe(expected.bip350Address);
    expect(output.leaves.map((leaf) => toHex(leaf.leafHash))).toEqual(intermediary.leafHashes ?? []);
    expect(output.leaves.map((leaf) => toHex(leaf.controlBlock))).toEqual(expected.scriptPathControlBlocks ?? []);
  });

  it('derives every key and hash of the key-path spends', () => {
    const spending = wallet?.keyPathSpending[0];
    const tx = parseHex(spending?.given.rawUnsignedTx ?? '');
    const spentOutputs = (spending?.given.utxosSpent ?? []).map(({ scriptPubKey, amountSats }) => ({
      value: BigInt(amountSats),
      scriptPubKey: parseHex(scriptPubKey),
    }));

    expect(spending?.inputSpending).toHaveLength(7);
    for (const { given, intermediary } of spending?.inputSpending ?? []) {
      const merkleRoot = given.merkleRoot === null ? undefined : parseHex(given.merkleRoot);
      const { txinIndex: inputIndex, hashType } = given;
      expect(toHex(taprootSecretKey(parseHex(given.internalPrivkey), { merkleRoot }))).toBe(
        intermediary.tweakedPrivkey,
      );
      expect(toHex(sighashTaproot({ tx, inputIndex, spentOutputs, hashType }))).toBe(intermediary.sigHash);
    }
  });
});
