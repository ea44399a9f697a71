import { toHex } from '@bitcoin-enterprise/core';
import { dustThreshold, type TransactionView } from '@bitcoin-enterprise/script';
import type { Mempool } from './mempool.ts';
import { txText } from './names.ts';
import type { Rejection } from './rejection.ts';

/** Positions of the outputs that cost more to spend than they hold. */
export function dustOutputs(tx: TransactionView, dustRelayFee: bigint): readonly number[] {
  const dust: number[] = [];
  for (let i = 0; i < tx.outputCount; i++)
    if (tx.value(i) < dustThreshold(tx.scriptPubKey(i), dustRelayFee)) dust.push(i);
  return dust;
}

/** Whether each transaction spends all the dust of what it spends from that waits: Core's `CheckEphemeralSpends`. */
export function unspentDustFault(
  pool: Mempool,
  package_: readonly TransactionView[],
  dustRelayFee: bigint,
): { readonly tx: TransactionView; readonly rejection: Rejection } | undefined {
  const inPackage = new Map(package_.map((tx) => [toHex(tx.id()), tx]));
  for (const tx of package_) {
    const unspent = new Set<string>();
    for (let i = 0; i < tx.inputCount; i++) {
      const txid = tx.previousTxid(i);
      const parent = inPackage.get(toHex(txid)) ?? pool.entries.get(txid)?.tx;
      if (parent === undefined) continue;
      for (const index of dustOutputs(parent, dustRelayFee)) unspent.add(`${toHex(txid)}:${index}`);
    }
    for (let i = 0; i < tx.inputCount; i++) unspent.delete(`${toHex(tx.previousTxid(i))}:${tx.previousIndex(i)}`);
    if (unspent.size > 0)
      return {
        tx,
        rejection: {
          reason: 'missing-ephemeral-spends',
          detail: `tx ${txText(tx)} did not spend parent's ephemeral dust`,
        },
      };
  }
  return undefined;
}
