import { concatBytes, currentCrypto, type Satoshis } from '@bitcoin-enterprise/core';
import { serializeTransaction, type Transaction, type TransactionOutput } from '@bitcoin-enterprise/script';
import type { Outpoint } from '../ports/chain-source.ts';

/** An output that anybody can spend who knows its script, and that no other part of the kit uses. */
export interface KitOutput {
  readonly scriptPubKey: Uint8Array;
  /** What satisfies it. */
  readonly witness: readonly Uint8Array[];
}

/** P2WSH of `<label> OP_DROP OP_TRUE`: standard everywhere, and spent without a key. */
export function kitOutput(label: string): KitOutput {
  const bytes = new TextEncoder().encode(label);
  const script = concatBytes(Uint8Array.of(bytes.length), bytes, Uint8Array.of(0x75, 0x51));
  const scriptPubKey = concatBytes(Uint8Array.of(0x00, 0x20), currentCrypto().sha256(script));
  return { scriptPubKey, witness: [script] };
}

/** An output that is spent, and what satisfies it. */
export interface KitInput {
  readonly outpoint: Outpoint;
  readonly witness: readonly Uint8Array[];
}

/** A transaction of kit outputs. */
export function kitTransaction(
  inputs: readonly KitInput[],
  outputs: readonly TransactionOutput[],
  options: { readonly version?: number; readonly lockTime?: number } = {},
): Transaction {
  const { version = 2, lockTime = 0 } = options;
  return {
    version,
    inputs: inputs.map(({ outpoint, witness }) => ({
      previousTxid: outpoint.txid,
      previousIndex: outpoint.index,
      scriptSig: new Uint8Array(0),
      sequence: 0xffff_fffd,
      witness,
    })),
    outputs,
    lockTime,
  };
}

/** A transaction that spends one kit output to another. */
export function kitSpend(
  from: KitInput,
  to: { readonly scriptPubKey: Uint8Array; readonly value: Satoshis },
  options: { readonly lockTime?: number } = {},
): Uint8Array {
  const { lockTime = 0 } = options;
  return serializeTransaction(kitTransaction([from], [to], { lockTime }));
}
