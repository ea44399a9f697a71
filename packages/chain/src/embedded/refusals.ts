import { concatBytes, displayHash } from '@bitcoin-enterprise/core';
import {
  type BlockView,
  type ScriptErrorName,
  scriptErrorText,
  type TransactionView,
  viewBlock,
  viewTransaction,
} from '@bitcoin-enterprise/script';
import { ChainError, invalidArgument, type TransactionRejection } from '../errors.ts';
import type { BlockRefusal } from '../model/chain-state.ts';
import { outpointKey, scriptKey } from '../model/impersonation.ts';
import type { Rejection } from '../model/rejection.ts';
import type { Outpoint } from '../ports/chain-source.ts';

/** Reads a transaction that came from outside. */
export function readTransaction(bytes: Uint8Array): TransactionView {
  requireBytes(bytes, 'tx');
  try {
    return viewTransaction(new Uint8Array(bytes));
  } catch (cause) {
    throw new ChainError('CHAIN_TX_MALFORMED', `expected a transaction, got ${bytes.length} other bytes`, {
      details: { length: bytes.length },
      cause,
    });
  }
}

/** Twice what a block can have at most: more is not even looked at. */
const MAX_BLOCK_BYTES = 8_000_000;

/** Reads a block that came from outside. */
export function readBlock(bytes: Uint8Array): BlockView {
  requireBytes(bytes, 'block');
  try {
    if (bytes.length > MAX_BLOCK_BYTES) throw invalidArgument('block', `at most ${MAX_BLOCK_BYTES} bytes`, bytes);
    return viewBlock(new Uint8Array(bytes));
  } catch (cause) {
    throw new ChainError('CHAIN_BLOCK_MALFORMED', `expected a block, got ${bytes.length} other bytes`, {
      details: { length: bytes.length },
      cause,
    });
  }
}

/** Throws unless a value is a byte array, of a length if one is given. */
export function requireBytes(value: unknown, argument: string, length?: number): asserts value is Uint8Array {
  if (!(value instanceof Uint8Array) || (length !== undefined && value.length !== length))
    throw invalidArgument(argument, length === undefined ? 'a Uint8Array' : `a Uint8Array of ${length} bytes`, value);
}

/** Throws unless a value is a whole number within bounds. */
export function requireWhole(value: unknown, argument: string, minimum: number, maximum: number): void {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < minimum || value > maximum)
    throw invalidArgument(argument, `a whole number from ${minimum} to ${maximum}`, value);
}

/** Throws unless a value is an object, of which the caller then checks the fields. */
export function requireObject(value: unknown, argument: string): asserts value is object {
  if (typeof value !== 'object' || value === null) throw invalidArgument(argument, 'an object', value);
}

/** Throws unless a value names an output. */
export function requireOutpoint(value: Outpoint): void {
  requireObject(value, 'outpoint');
  requireBytes(value.txid, 'outpoint.txid', 32);
  requireWhole(value.index, 'outpoint.index', 0, 0xffff_ffff);
}

/** Whether a value is an abort signal, of this realm or another. */
export function isSignal(value: unknown): value is AbortSignal {
  return (
    typeof value === 'object' &&
    value !== null &&
    'aborted' in value &&
    typeof value.aborted === 'boolean' &&
    'addEventListener' in value &&
    typeof value.addEventListener === 'function'
  );
}

/** Throws unless a value is an abort signal or absent. */
export function requireSignal(value: AbortSignal | undefined): void {
  if (value !== undefined && !isSignal(value)) throw invalidArgument('options.signal', 'an AbortSignal', value);
}

/** A refusal of a transaction as callers see it. */
export function transactionRejection(tx: TransactionView, rejection: Rejection): TransactionRejection {
  const { scriptError, inputIndex } = rejection;
  return {
    reason: reasonText(rejection),
    txid: displayHash(tx.id()),
    ...(scriptError === undefined ? {} : { scriptError }),
    ...(inputIndex === undefined ? {} : { inputIndex }),
  };
}

/** The error of a transaction that was refused. */
export function transactionRefused(tx: TransactionView, rejection: Rejection): ChainError<'CHAIN_TX_REJECTED'> {
  const details = transactionRejection(tx, rejection);
  const missing = rejection.reason === 'bad-txns-inputs-missingorspent';
  return new ChainError('CHAIN_TX_REJECTED', `expected a valid transaction, got ${details.reason}`, {
    details,
    ...(rejection.scriptError === undefined ? {} : { hint: 'trace(bytes, inputIndex) shows where the script failed.' }),
    retryable: missing || rejection.reason === 'non-final' || rejection.reason === 'non-BIP68-final',
  });
}

/** The error of a block that was refused. */
export function blockRefused(refusal: BlockRefusal): ChainError<'CHAIN_BLOCK_REJECTED'> {
  const { rejection, hash, transactions } = refusal;
  const { scriptError, inputIndex, transactionIndex } = rejection;
  const tx = transactionIndex === undefined ? undefined : transactions[transactionIndex];
  const reason = reasonText(rejection);
  return new ChainError('CHAIN_BLOCK_REJECTED', `expected a valid block, got ${reason}`, {
    details: {
      reason,
      blockHash: displayHash(hash),
      ...(scriptError === undefined ? {} : { scriptError }),
      ...(tx === undefined ? {} : { txid: displayHash(tx.id()) }),
      ...(inputIndex === undefined ? {} : { inputIndex }),
    },
  });
}

/** The error of an output that is not there. */
export function outputUnknown({ txid, index }: Outpoint): ChainError<'CHAIN_OUTPUT_UNKNOWN'> {
  const outpoint = `${displayHash(txid)}:${index}`;
  return new ChainError('CHAIN_OUTPUT_UNKNOWN', `expected an output ${outpoint}, got none`, { details: { outpoint } });
}

/** What an impersonation is remembered by. */
export function impersonationKey(target: Uint8Array | Outpoint): string {
  if (target instanceof Uint8Array) return scriptKey(target);
  if (typeof target !== 'object' || target === null)
    throw invalidArgument('target', 'a scriptPubKey or an outpoint', target);
  const { txid, index } = target;
  requireBytes(txid, 'target.txid', 32);
  requireWhole(index, 'target.index', 0, 0xffff_ffff);
  return outpointKey(concatBytes(txid, Uint8Array.of(index, index >>> 8, index >>> 16, index >>> 24)));
}

function reasonText({ reason, scriptError }: Rejection): string {
  return scriptError === undefined ? reason : `${reason} (${scriptErrorText(scriptError as ScriptErrorName)})`;
}
