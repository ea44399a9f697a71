import { type CryptoEngine, currentCrypto } from '@bitcoin-enterprise/core';
import { requireBytes, requireCrypto, requireInteger, requireList, requireObject, invalidArgument } from '../errors.ts';
import type { Transaction, TransactionInput, TransactionOutput } from '../model.ts';
import { compactSizeLength, writeCompactSize, writeInt64, writeUint32 } from './scanner.ts';

/** How a transaction is to be written. */
export interface SerializeTransactionOptions {
  /** Whether witnesses are written (BIP144) when there are any; `true` when absent. */
  readonly witness?: boolean;
}

/**
 * Writes a transaction as bytes, in the BIP144 form when an input has a witness.
 *
 * @throws {@link ScriptError} `SCRIPT_INVALID_ARGUMENT` when a field has the wrong type, length or range.
 */
export function serializeTransaction(transaction: Transaction, options: SerializeTransactionOptions = {}): Uint8Array {
  const tx = requireTransaction(transaction);
  requireObject(options, 'options');
  const withWitness = (options.witness ?? true) && tx.inputs.some((input) => input.witness.length > 0);
  const bytes = new Uint8Array(baseSizeOf(tx) + (withWitness ? 2 + witnessSizeOf(tx) : 0));
  writeUint32(bytes, 0, tx.version);
  let offset = 4;
  if (withWitness) {
    bytes[5] = 1;
    offset = 6;
  }
  offset = writeCompactSize(bytes, offset, tx.inputs.length);
  for (const input of tx.inputs) {
    bytes.set(input.previousTxid, offset);
    writeUint32(bytes, offset + 32, input.previousIndex);
    offset = writeBytes(bytes, offset + 36, input.scriptSig);
    writeUint32(bytes, offset, input.sequence);
    offset += 4;
  }
  offset = writeCompactSize(bytes, offset, tx.outputs.length);
  for (const output of tx.outputs) {
    writeInt64(bytes, offset, output.value);
    offset = writeBytes(bytes, offset + 8, output.scriptPubKey);
  }
  if (withWitness)
    for (const input of tx.inputs) {
      offset = writeCompactSize(bytes, offset, input.witness.length);
      for (const item of input.witness) offset = writeBytes(bytes, offset, item);
    }
  writeUint32(bytes, offset, tx.lockTime);
  return bytes;
}

/** Transaction id: double SHA-256 of the serialisation without witnesses, 32 bytes in internal order. */
export function transactionId(tx: Transaction, crypto: CryptoEngine = currentCrypto()): Uint8Array {
  return requireCrypto(crypto).hash256(serializeTransaction(tx, { witness: false }));
}

/** Witness transaction id (BIP141): double SHA-256 of the full serialisation, 32 bytes in internal order. */
export function witnessTransactionId(tx: Transaction, crypto: CryptoEngine = currentCrypto()): Uint8Array {
  return requireCrypto(crypto).hash256(serializeTransaction(tx));
}

/**
 * Weight units of a transaction (BIP141): three times its size without witnesses plus its full size.
 *
 * @throws {@link ScriptError} `SCRIPT_INVALID_ARGUMENT`.
 */
export function transactionWeight(transaction: Transaction): number {
  const tx = requireTransaction(transaction);
  const witness = tx.inputs.some((input) => input.witness.length > 0) ? 2 + witnessSizeOf(tx) : 0;
  return 4 * baseSizeOf(tx) + witness;
}

/** Virtual size in bytes: weight over four, rounded up. */
export function transactionVirtualSize(tx: Transaction): number {
  return Math.ceil(transactionWeight(tx) / 4);
}

function writeBytes(bytes: Uint8Array, offset: number, value: Uint8Array): number {
  const start = writeCompactSize(bytes, offset, value.length);
  bytes.set(value, start);
  return start + value.length;
}

function baseSizeOf(tx: Transaction): number {
  let size = 8 + compactSizeLength(tx.inputs.length) + compactSizeLength(tx.outputs.length);
  for (const { scriptSig } of tx.inputs) size += 40 + compactSizeLength(scriptSig.length) + scriptSig.length;
  for (const { scriptPubKey } of tx.outputs) size += 8 + compactSizeLength(scriptPubKey.length) + scriptPubKey.length;
  return size;
}

function witnessSizeOf(tx: Transaction): number {
  let size = 0;
  for (const { witness } of tx.inputs) {
    size += compactSizeLength(witness.length);
    for (const item of witness) size += compactSizeLength(item.length) + item.length;
  }
  return size;
}

const MAX_UINT32 = 0xffffffff;

/** Reads each field of a transaction once and checks it, so that what is measured is what is written. */
function requireTransaction(value: unknown): Transaction {
  const tx = requireObject(value, 'tx');
  return {
    version: requireInteger(tx['version'], 'tx.version', 0, MAX_UINT32),
    inputs: requireList(tx['inputs'], 'tx.inputs').map(requireInput),
    outputs: requireList(tx['outputs'], 'tx.outputs').map(requireOutput),
    lockTime: requireInteger(tx['lockTime'], 'tx.lockTime', 0, MAX_UINT32),
  };
}

function requireInput(value: unknown): TransactionInput {
  const input = requireObject(value, 'input');
  return {
    previousTxid: requireBytes(input['previousTxid'], 'input.previousTxid', 32),
    previousIndex: requireInteger(input['previousIndex'], 'input.previousIndex', 0, MAX_UINT32),
    scriptSig: requireBytes(input['scriptSig'], 'input.scriptSig'),
    sequence: requireInteger(input['sequence'], 'input.sequence', 0, MAX_UINT32),
    witness: requireList(input['witness'], 'input.witness').map((item) => requireBytes(item, 'witness item')),
  };
}

/** Reads an output once and checks it. */
export function requireOutput(value: unknown): TransactionOutput {
  const output = requireObject(value, 'output');
  return {
    value: requireValue(output['value'], 'output.value'),
    scriptPubKey: requireBytes(output['scriptPubKey'], 'output.scriptPubKey'),
  };
}

/** Throws unless a value is a bigint that fits the signed 64 bits of the wire. */
export function requireValue(value: unknown, argument: string): bigint {
  if (typeof value !== 'bigint' || BigInt.asIntN(64, value) !== value)
    throw invalidArgument(argument, 'a bigint of satoshis within signed 64 bits', value);
  return value;
}
