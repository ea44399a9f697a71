import { satoshis, toHex, virtualBytes } from '@bitcoin-enterprise/core';
import type { TransactionView } from '@bitcoin-enterprise/script';
import type { PackageOutcome } from '../model/package-accept.ts';
import type { TestAcceptResult } from '../ports/tx-broadcaster.ts';
import { copyOf } from './copies.ts';
import type { SubmittedPackage } from './options.ts';
import { transactionRejection } from './refusals.ts';

/** What became of a package, in the words of this package's API. */
export function packageResult(txs: readonly TransactionView[], outcome: PackageOutcome): SubmittedPackage {
  const transactions = txs.map((tx) => memberResult(tx, outcome));
  const { fault } = outcome;
  if (fault !== undefined) return { accepted: false, reason: fault.reason, transactions };
  return { accepted: transactions.every(({ accepted }) => accepted), transactions };
}

function memberResult(tx: TransactionView, { pool, members }: PackageOutcome): TestAcceptResult {
  const member = members.get(toHex(tx.witnessId()));
  const entry = pool.entries.get(tx.id());
  // What was taken may have been dropped since, because the pool is full.
  if (entry !== undefined)
    return { accepted: true, txid: copyOf(tx.id()), fee: satoshis(entry.fee), size: virtualBytes(entry.size) };
  const rejection =
    member?.kind === 'refused'
      ? member.rejection
      : { reason: member === undefined ? 'package-not-validated' : 'mempool full' };
  return { accepted: false, rejection: transactionRejection(tx, rejection) };
}
