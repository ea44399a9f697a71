import { toHex } from '@bitcoin-enterprise/core';
import { isCoinbase, type SpentOutput, type TransactionView } from '@bitcoin-enterprise/script';
import type { BlockNode } from '../model/block-node.ts';
import { scriptAsm } from './asm.ts';
import { hashJson } from './arguments.ts';
import { amountJson } from './json.ts';
import { scriptPubKeyJson } from './script-json.ts';

/** What is shown besides the transaction itself. */
export interface TransactionJsonOptions {
  /** What its inputs spend, where the fee is to be shown. */
  readonly spent?: readonly SpentOutput[];
  /** Whether each input tells what it spends. */
  readonly previousOutputs?: boolean;
  /** Whether the bytes are shown. */
  readonly hex?: boolean;
}

/** A transaction as Core's `decoderawtransaction` shows it. */
export function transactionJson(tx: TransactionView, options: TransactionJsonOptions = {}): object {
  const { spent, hex = false } = options;
  const coinbase = isCoinbase(tx);
  return {
    txid: hashJson(tx.id()),
    hash: hashJson(tx.witnessId()),
    version: tx.version,
    size: tx.bytes.length,
    vsize: tx.virtualSize,
    weight: tx.weight,
    locktime: tx.lockTime,
    vin: Array.from({ length: tx.inputCount }, (_, i) => inputJson(tx, i, options)),
    vout: Array.from({ length: tx.outputCount }, (_, n) => ({
      value: amountJson(tx.value(n)),
      n,
      scriptPubKey: scriptPubKeyJson(tx.scriptPubKey(n)),
    })),
    ...(spent === undefined || coinbase ? {} : { fee: amountJson(feeOf(tx, spent)) }),
    ...(hex ? { hex: toHex(tx.bytes) } : {}),
  };
}

function inputJson(tx: TransactionView, i: number, options: TransactionJsonOptions): object {
  const scriptSig = tx.scriptSig(i);
  const witness = tx.witness(i);
  const txinwitness = witness.length === 0 ? {} : { txinwitness: witness.map((item) => toHex(item)) };
  const sequence = tx.sequence(i);
  if (isCoinbase(tx)) return { coinbase: toHex(scriptSig), ...txinwitness, sequence };
  const { spent, previousOutputs = false } = options;
  const coin: (SpentOutput & { readonly height?: number; readonly coinbase?: boolean }) | undefined = spent?.[i];
  return {
    txid: hashJson(tx.previousTxid(i)),
    vout: tx.previousIndex(i),
    scriptSig: { asm: scriptAsm(scriptSig, { signatures: true }), hex: toHex(scriptSig) },
    ...txinwitness,
    ...(coin !== undefined && previousOutputs
      ? {
          prevout: {
            generated: coin.coinbase ?? false,
            height: coin.height,
            value: amountJson(coin.value),
            scriptPubKey: scriptPubKeyJson(coin.scriptPubKey),
          },
        }
      : {}),
    sequence,
  };
}

/** What inputs are worth above outputs, satoshis. */
export function feeOf(tx: TransactionView, spent: readonly SpentOutput[]): bigint {
  let fee = spent.reduce((sum, { value }) => sum + value, 0n);
  for (let i = 0; i < tx.outputCount; i++) fee -= tx.value(i);
  return fee;
}

/** What the inputs of each transaction of a block spend; that of the coinbase is empty. */
export function spentInBlock(node: BlockNode): readonly (readonly SpentOutput[])[] {
  const before = node.parent?.connected?.coins;
  const made = new Map<string, TransactionView>();
  return node.transactions.map((tx, position) => {
    made.set(toHex(tx.id()), tx);
    if (position === 0 || before === undefined) return [];
    return Array.from({ length: tx.inputCount }, (_, i) => {
      const [txid, index] = [tx.previousTxid(i), tx.previousIndex(i)];
      const coin = before.get(txid, index);
      if (coin !== undefined) return coin;
      const parent = made.get(toHex(txid)) as TransactionView;
      const { height } = node;
      return { value: parent.value(index), scriptPubKey: parent.scriptPubKey(index), height, coinbase: false };
    });
  });
}
