/** Refusals of transactions, in the words of Bitcoin Core. */
import { assertBytes, displayHash } from '@bitcoin-enterprise/core';
import { scriptErrorOfText, type TransactionView, viewTransaction } from '@bitcoin-enterprise/script';
import { ChainError, type TransactionRejection } from '../errors.ts';

/** Core's words for a transaction that is where it is wanted already. */
const KNOWN_ALREADY: readonly string[] = [
  'txn-already-in-mempool',
  'txn-already-known',
  'txn-same-nonwitness-data-in-mempool',
  'Transaction outputs already in utxo set',
  'Transaction already in block chain',
];

/** Whether a refusal says that the transaction waits already or has its block. */
export function isKnownAlready(reason: string): boolean {
  return KNOWN_ALREADY.some((words) => reason.startsWith(words));
}

/** Takes the node's text apart: `reason, details`, or `reason (script error), input N of txid (wtxid …), spending …`. */
export function rejectionOf(txid: string, message: string): TransactionRejection {
  const reason = /^(?:[^,(]*\(.*?\)(?=,|$)|[^,]*)/.exec(message)?.[0] ?? message;
  const input = /, input (\d+) of /.exec(message)?.[1];
  const scriptText = /script-verify-flag-failed \((.*?)\)(?:,|$)/.exec(message)?.[1];
  const scriptError = scriptText === undefined ? undefined : scriptErrorOfText(scriptText);
  return {
    // testmempoolaccept has a word of its own for what sendrawtransaction calls by the rule's name.
    reason: reason === 'missing-inputs' ? 'bad-txns-inputs-missingorspent' : reason,
    txid,
    ...(scriptError === undefined ? {} : { scriptError }),
    ...(input === undefined ? {} : { inputIndex: Number(input) }),
  };
}

/** The text that {@link rejectionOf} takes apart. */
export function rejectionText({ reason, txid, inputIndex }: TransactionRejection): string {
  return inputIndex === undefined ? reason : `${reason}, input ${inputIndex} of ${txid}`;
}

/** Makes the error for a transaction that a node refused. */
export function transactionRejected(rejection: TransactionRejection, cause?: unknown): ChainError<'CHAIN_TX_REJECTED'> {
  return new ChainError('CHAIN_TX_REJECTED', `expected the node to accept the transaction, got: ${rejection.reason}`, {
    details: rejection,
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Makes the error for bytes that are no transaction. */
export function transactionMalformed(bytes: Uint8Array, cause: unknown): ChainError<'CHAIN_TX_MALFORMED'> {
  return new ChainError('CHAIN_TX_MALFORMED', `expected a transaction, got ${bytes.length} bytes that are none`, {
    details: { length: bytes.length },
    cause,
  });
}

/**
 * Reads a transaction that the caller wants to send.
 *
 * @throws ChainError `CHAIN_TX_MALFORMED`.
 */
export function readCallersTransaction(bytes: Uint8Array): {
  readonly view: TransactionView;
  readonly txid: Uint8Array;
  readonly id: string;
} {
  assertBytes('bytes', bytes);
  try {
    const view = viewTransaction(new Uint8Array(bytes));
    const txid = view.id();
    return { view, txid, id: displayHash(txid) };
  } catch (error) {
    throw transactionMalformed(bytes, error);
  }
}
