import { toHex } from '@bitcoin-enterprise/core';
import type { TransactionView } from '@bitcoin-enterprise/script';
import type { Rejection } from './rejection.ts';

/** Most transactions of a package, and most weight together. */
export const MAX_PACKAGE_COUNT = 25;
const MAX_PACKAGE_WEIGHT = 404_000;

/** What a package must be whatever its transactions are: Core's `IsWellFormedPackage`. */
export function packageFormFault(txs: readonly TransactionView[]): Rejection | undefined {
  if (txs.length > MAX_PACKAGE_COUNT) return { reason: 'package-too-many-transactions' };
  if (txs.length > 1 && txs.reduce((sum, { weight }) => sum + weight, 0) > MAX_PACKAGE_WEIGHT)
    return { reason: 'package-too-large' };
  const later = new Set(txs.map((tx) => toHex(tx.id())));
  if (later.size !== txs.length) return { reason: 'package-contains-duplicates' };
  for (const tx of txs) {
    for (let i = 0; i < tx.inputCount; i++)
      if (later.has(toHex(tx.previousTxid(i)))) return { reason: 'package-not-sorted' };
    later.delete(toHex(tx.id()));
  }
  const spent = new Set<string>();
  for (const tx of txs) {
    const own = Array.from({ length: tx.inputCount }, (_, i) => toHex(tx.outpoint(i)));
    if (own.length === 0 || own.some((outpoint) => spent.has(outpoint))) return { reason: 'conflict-in-package' };
    for (const outpoint of own) spent.add(outpoint);
  }
  return undefined;
}

/** Whether all but the last are parents of the last. */
export function isChildWithParents(txs: readonly TransactionView[]): boolean {
  const child = txs.at(-1);
  if (child === undefined || txs.length < 2) return false;
  const spent = inputsOf(child);
  return txs.slice(0, -1).every((tx) => spent.has(toHex(tx.id())));
}

/** Whether, besides, no parent spends another. */
export function isChildWithParentsTree(txs: readonly TransactionView[]): boolean {
  if (!isChildWithParents(txs)) return false;
  const parents = txs.slice(0, -1);
  const names = new Set(parents.map((tx) => toHex(tx.id())));
  return parents.every((tx) => ![...inputsOf(tx)].some((spent) => names.has(spent)));
}

function inputsOf(tx: TransactionView): ReadonlySet<string> {
  return new Set(Array.from({ length: tx.inputCount }, (_, i) => toHex(tx.previousTxid(i))));
}
