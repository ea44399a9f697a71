import type { CryptoEngine } from '@bitcoin-enterprise/core';
import {
  type ScriptFlag,
  type SpentOutput,
  type TapTree,
  type Transaction,
  assemble,
  consensusFlags,
  serializeTransaction,
  sighashTaproot,
  taprootOutput,
  taprootSecretKey,
} from '@bitcoin-enterprise/script';

/** One input to verify. */
export interface Spend {
  readonly tx: Uint8Array;
  readonly inputIndex: number;
  readonly spentOutputs: readonly SpentOutput[];
  readonly flags: readonly ScriptFlag[];
}

const EMPTY = new Uint8Array();

/** Transactions with one Taproot input that is spent by its key, each with a key of its own. */
export function keyPathSpends(engine: CryptoEngine, count: number): readonly Spend[] {
  return Array.from({ length: count }, (_, index) => {
    const secretKey = engine.sha256(Uint8Array.of(index, index >> 8, 1));
    const output = taprootOutput({ internalKey: xOnly(engine, secretKey), crypto: engine });
    const { tx, spentOutputs } = unsigned(output.scriptPubKey, index);
    const hash = sighashTaproot({ tx, inputIndex: 0, spentOutputs, crypto: engine });
    return signed(tx, spentOutputs, [sign(engine, hash, taprootSecretKey(secretKey, { crypto: engine }))]);
  });
}

/** Transactions with one Taproot input that is spent through a leaf of two with one signature. */
export function scriptPathSpends(engine: CryptoEngine, count: number): readonly Spend[] {
  return Array.from({ length: count }, (_, index) => {
    const secretKey = engine.sha256(Uint8Array.of(index, index >> 8, 2));
    const key = xOnly(engine, secretKey);
    const script = assemble([key, 'OP_CHECKSIG']);
    const tree: TapTree = [{ script }, { script: assemble([index, 'OP_DROP']) }];
    const output = taprootOutput({ internalKey: key, tree, crypto: engine });
    const leaf = output.leaves[0];
    if (leaf === undefined) throw new Error('the tree lost its leaf');
    const { tx, spentOutputs } = unsigned(output.scriptPubKey, index);
    const hash = sighashTaproot({ tx, inputIndex: 0, spentOutputs, leafHash: leaf.leafHash, crypto: engine });
    return signed(tx, spentOutputs, [sign(engine, hash, secretKey), script, leaf.controlBlock]);
  });
}

function xOnly(engine: CryptoEngine, secretKey: Uint8Array): Uint8Array {
  const key = engine.publicKey(secretKey);
  if (key === undefined) throw new Error('no secret key');
  return key.subarray(1);
}

function sign(engine: CryptoEngine, hash: Uint8Array, secretKey: Uint8Array): Uint8Array {
  const signature = engine.schnorrSign(hash, secretKey);
  if (signature === undefined) throw new Error('no signature');
  return signature;
}

function unsigned(
  scriptPubKey: Uint8Array,
  index: number,
): { readonly tx: Transaction; readonly spentOutputs: SpentOutput[] } {
  const previousTxid = Uint8Array.from({ length: 32 }, (_, at) => (at * 7 + index) & 0xff);
  return {
    tx: {
      version: 2,
      inputs: [{ previousTxid, previousIndex: index, scriptSig: EMPTY, sequence: 0xfffffffd, witness: [] }],
      outputs: [{ value: 9_000n, scriptPubKey }],
      lockTime: 0,
    },
    spentOutputs: [{ value: 10_000n, scriptPubKey }],
  };
}

function signed(tx: Transaction, spentOutputs: SpentOutput[], witness: readonly Uint8Array[]): Spend {
  const bytes = serializeTransaction({ ...tx, inputs: tx.inputs.map((input) => ({ ...input, witness })) });
  return { tx: bytes, inputIndex: 0, spentOutputs, flags: consensusFlags };
}
