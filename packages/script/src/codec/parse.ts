import { ScriptError, requireBytes, requireObject } from '../errors.ts';
import type { Transaction, TransactionInput, TransactionOutput } from '../model.ts';
import { Scanner, readInt64, readUint32, slice } from './scanner.ts';

/** How a transaction is to be read. */
export interface ParseTransactionOptions {
  /**
   * Whether the BIP144 form with witnesses is recognised; `true` when absent. Only `false` reads an unfinished
   * transaction without inputs, because its count of zero is BIP144's marker.
   */
  readonly witness?: boolean;
}

/**
 * Reads a serialised transaction, with or without witnesses (BIP144), into plain data.
 *
 * The byte arrays of the result are views into `bytes`: nothing is copied.
 *
 * @param bytes - Exactly one transaction.
 * @throws {@link ScriptError} `SCRIPT_BYTES_TRUNCATED`, `SCRIPT_BYTES_TRAILING`, `SCRIPT_ENCODING_INVALID`,
 * `SCRIPT_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts
 * import { parseHex } from '@bitcoin-enterprise/core';
 * import { parseTransaction } from '@bitcoin-enterprise/script';
 *
 * const hex = '02000000' + '01' + '00'.repeat(32) + 'ffffffff' + '00' + 'ffffffff' + '00' + '00000000';
 * parseTransaction(parseHex(hex)).inputs.length; // => 1
 * ```
 */
export function parseTransaction(bytes: Uint8Array, options: ParseTransactionOptions = {}): Transaction {
  const scanner = new Scanner(requireBytes(bytes, 'bytes'));
  const { witness = true } = requireObject(options, 'options') as ParseTransactionOptions;
  const tx = readTransaction(scanner, witness);
  scanner.end();
  return tx;
}

/** Reads a transaction where a scanner stands, in one pass, and moves it behind (Core's UnserializeTransaction). */
export function readTransaction(scanner: Scanner, allowWitness: boolean): Transaction {
  const { bytes } = scanner;
  const version = readUint32(bytes, scanner.skip(4));
  let flagOffset = 0;
  let inputCount = scanner.compactSize();
  if (inputCount === 0 && allowWitness) {
    flagOffset = scanner.position;
    if (scanner.byte() === 0) return { version, inputs: [], outputs: [], lockTime: readUint32(bytes, scanner.skip(4)) };
    inputCount = scanner.compactSize();
  }
  const inputs: TransactionInput[] = [];
  const witnesses: Uint8Array[][] = [];
  for (let i = 0; i < inputCount; i++) {
    const outpoint = scanner.skip(36);
    const length = scanner.compactSize();
    const script = scanner.skip(length);
    const sequence = readUint32(bytes, scanner.skip(4));
    const witness: Uint8Array[] = [];
    witnesses.push(witness);
    inputs.push({
      previousTxid: slice(bytes, outpoint, outpoint + 32),
      previousIndex: readUint32(bytes, outpoint + 32),
      scriptSig: slice(bytes, script, script + length),
      sequence,
      witness,
    });
  }
  const outputs: TransactionOutput[] = [];
  for (let count = scanner.compactSize(); count > 0; count--) {
    const value = scanner.skip(8);
    const length = scanner.compactSize();
    const script = scanner.skip(length);
    outputs.push({ value: readInt64(bytes, value), scriptPubKey: slice(bytes, script, script + length) });
  }
  if (flagOffset !== 0) readWitnesses(scanner, witnesses, flagOffset);
  return { version, inputs, outputs, lockTime: readUint32(bytes, scanner.skip(4)) };
}

function readWitnesses(scanner: Scanner, witnesses: readonly Uint8Array[][], flagOffset: number): void {
  const { bytes } = scanner;
  const flag = bytes[flagOffset] as number;
  requireWitnessFlag((flag & 1) !== 0, flag, flagOffset);
  let items = 0;
  for (const witness of witnesses)
    for (let count = scanner.compactSize(); count > 0; count--, items++) {
      const length = scanner.compactSize();
      const start = scanner.skip(length);
      witness.push(slice(bytes, start, start + length));
    }
  requireWitnessItems(items, flagOffset);
  requireWitnessFlag(flag === 1, flag, flagOffset);
}

/** Refuses a flag behind BIP144's marker that means nothing yet. */
export function requireWitnessFlag(known: boolean, flag: number, offset: number): void {
  if (!known)
    throw new ScriptError('SCRIPT_ENCODING_INVALID', `expected flag 1 behind the marker, got ${flag}`, {
      details: { offset, reason: 'unknown-transaction-flag' },
    });
}

/** Refuses BIP144's form for a transaction whose witnesses are all empty. */
export function requireWitnessItems(items: number, offset: number): void {
  if (items === 0)
    throw new ScriptError('SCRIPT_ENCODING_INVALID', 'expected a witness behind the marker, got only empty ones', {
      details: { offset, reason: 'superfluous-witness' },
    });
}
