/** Packages of transactions: what callers hand in, and what nodes say of them. */
import { displayHash, equalBytes } from '@bitcoin-enterprise/core';
import { ChainError, invalidArgument, type TransactionRejection } from '../errors.ts';
import { MAX_PACKAGE_COUNT } from '../model/package-form.ts';
import { Answer, answerInvalid } from './answer.ts';
import { isKnownAlready, readCallersTransaction, rejectionOf } from './rejection.ts';

/** A transaction of a package. */
export interface PackageTransaction {
  /** As the caller gave it, copied. */
  readonly bytes: Uint8Array;
  /** 32 bytes in internal order. */
  readonly txid: Uint8Array;
  /** Its display form. */
  readonly id: string;
  /** Display form of the witness id. */
  readonly witnessId: string;
}

/** What a node says of a package. */
export interface PackageAnswer {
  /** Core's word for the whole. */
  readonly reason: string;
  /** Why each was refused, in their order; `undefined` for one that waits. */
  readonly rejections: readonly (TransactionRejection | undefined)[];
}

/**
 * Reads a package that the caller wants to send.
 *
 * @throws ChainError `CHAIN_INVALID_ARGUMENT`, `CHAIN_TX_MALFORMED`.
 */
export function readCallersPackage(transactions: readonly Uint8Array[]): readonly PackageTransaction[] {
  if (!Array.isArray(transactions) || transactions.length === 0 || transactions.length > MAX_PACKAGE_COUNT)
    throw invalidArgument('transactions', `an array of 1 to ${MAX_PACKAGE_COUNT} transactions`, transactions);
  return Array.from(transactions as readonly Uint8Array[], (bytes) => {
    const { view, txid, id } = readCallersTransaction(bytes);
    return { bytes: view.bytes, txid, id, witnessId: displayHash(view.witnessId()) };
  });
}

/** Reads what `submitpackage` says. */
export function readPackageAnswer(
  method: string,
  value: unknown,
  transactions: readonly PackageTransaction[],
): PackageAnswer {
  const answer = new Answer(method, value);
  const results = answer.object('tx-results');
  const rejections = transactions.map(({ txid, id, witnessId }) => {
    if (!results.has(witnessId)) throw answerInvalid(method, 'about each of the transactions sent');
    const result = results.object(witnessId);
    if (!equalBytes(result.hash('txid'), txid)) throw answerInvalid(method, 'about the transactions sent');
    return result.has('error') ? rejectionOf(id, result.text('error')) : undefined;
  });
  const reason = answer.text('package_msg');
  if (reason !== 'success' && rejections.every((rejection) => rejection === undefined))
    throw answerInvalid(method, 'a reason for each that was refused');
  return { reason, rejections };
}

/** What a node says that refuses a package before it looks at any transaction. */
export function refusedAsWhole(transactions: readonly PackageTransaction[], reason: string): PackageAnswer {
  const rejections = transactions.map(({ id }): TransactionRejection => ({
    reason: 'package-not-validated',
    txid: id,
  }));
  return { reason, rejections };
}

/**
 * What a call for a package answers.
 *
 * @returns The ids, when each waits or is where it is wanted already.
 * @throws ChainError `CHAIN_PACKAGE_REJECTED`.
 */
export function settlePackage(
  transactions: readonly PackageTransaction[],
  { reason, rejections }: PackageAnswer,
  cause?: unknown,
): readonly Uint8Array[] {
  const members = transactions.map(({ id }, place) => {
    const rejection = rejections[place];
    return rejection === undefined || isKnownAlready(rejection.reason) ? { txid: id } : { txid: id, rejection };
  });
  const reasons = members.flatMap(({ rejection }) => (rejection === undefined ? [] : [rejection.reason]));
  if (reasons.length === 0) return transactions.map(({ txid }) => txid);
  const text = `${reason} (${reasons.join('; ')})`.slice(0, 1_000);
  throw new ChainError('CHAIN_PACKAGE_REJECTED', `expected the node to accept the package, got: ${text}`, {
    details: { reason, transactions: members },
    ...(cause === undefined ? {} : { cause }),
  });
}
