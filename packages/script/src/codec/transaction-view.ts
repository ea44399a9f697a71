import { invalidArgument, requireBytes, requireList, requireObject } from '../errors.ts';
import type { Transaction } from '../model.ts';
import { currentCrypto, isBytes, type CryptoEngine } from '@bitcoin-enterprise/core';
import { type ParseTransactionOptions, readTransaction, requireWitnessFlag, requireWitnessItems } from './parse.ts';
import { serializeTransaction } from './serialize.ts';
import { Scanner, readInt64, readUint32, slice } from './scanner.ts';

/**
 * A transaction as offsets into its own bytes: what the interpreter and the chain work on, made without copying.
 *
 * Offsets are kept in one array of numbers, three an input (outpoint, scriptSig, sequence) and three an output
 * (value, scriptPubKey, end); a view object is made only where one is asked for.
 */
export class TransactionView {
  /** Exactly the bytes of this transaction. */
  readonly bytes: Uint8Array;
  /** Number of inputs. */
  readonly inputCount: number;
  /** Number of outputs. */
  readonly outputCount: number;
  /** Whether the bytes are in the BIP144 form. */
  readonly hasWitness: boolean;
  readonly #inputs: readonly number[];
  readonly #outputs: readonly number[];
  readonly #witnesses: readonly number[];
  readonly #inputsStart: number;
  readonly #outputsStart: number;
  readonly #outputsEnd: number;
  #id: Uint8Array | undefined;
  #witnessId: Uint8Array | undefined;

  private constructor(scan: Scan) {
    if (!isScan(scan)) throw invalidArgument('scan', 'what TransactionView.of reads', scan);
    this.bytes = scan.bytes;
    this.inputCount = scan.inputs.length / 3;
    this.outputCount = scan.outputs.length / 3;
    this.hasWitness = scan.hasWitness;
    this.#inputs = scan.inputs;
    this.#outputs = scan.outputs;
    this.#witnesses = scan.witnesses;
    this.#inputsStart = scan.inputsStart;
    this.#outputsStart = scan.outputsStart;
    this.#outputsEnd = scan.outputsEnd;
  }

  /** Reads one transaction that fills its bytes exactly. */
  static of(bytes: Uint8Array, options: ParseTransactionOptions = {}): TransactionView {
    const scanner = new Scanner(requireBytes(bytes, 'bytes'));
    const view = TransactionView.scan(scanner, options);
    scanner.end();
    return view;
  }

  /** Reads one transaction where a scanner stands and moves it behind. */
  static scan(scanner: Scanner, options: ParseTransactionOptions = {}): TransactionView {
    return new TransactionView(scanTransaction(scanner, options.witness ?? true));
  }

  /** Unsigned 32-bit version. */
  get version(): number {
    return readUint32(this.bytes, 0);
  }

  /** Lock time: height below 500,000,000, else Unix seconds. */
  get lockTime(): number {
    return readUint32(this.bytes, this.bytes.length - 4);
  }

  /** Offset of the 36 bytes of an input's outpoint. */
  outpointOffset(input: number): number {
    return this.#offset(this.#inputs, input * 3);
  }

  /** The 36 bytes of an input's outpoint: transaction id and index, as serialised. */
  outpoint(input: number): Uint8Array {
    const offset = this.outpointOffset(input);
    return slice(this.bytes, offset, offset + 36);
  }

  /** Id of the transaction that an input spends, internal order. */
  previousTxid(input: number): Uint8Array {
    const offset = this.outpointOffset(input);
    return slice(this.bytes, offset, offset + 32);
  }

  /** Index of the output that an input spends. */
  previousIndex(input: number): number {
    return readUint32(this.bytes, this.outpointOffset(input) + 32);
  }

  /** An input's scriptSig. */
  scriptSig(input: number): Uint8Array {
    return slice(this.bytes, this.#offset(this.#inputs, input * 3 + 1), this.sequenceOffset(input));
  }

  /** Offset of an input's sequence, which is also the end of its scriptSig. */
  sequenceOffset(input: number): number {
    return this.#offset(this.#inputs, input * 3 + 2);
  }

  /** An input's sequence. */
  sequence(input: number): number {
    return readUint32(this.bytes, this.sequenceOffset(input));
  }

  /** An input's witness stack, bottom first. */
  witness(input: number): Uint8Array[] {
    const start = this.#witnessOffset(input);
    if (start === undefined) return [];
    const scanner = new Scanner(this.bytes, start);
    const items: Uint8Array[] = [];
    for (let count = scanner.compactSize(); count > 0; count--) {
      const length = scanner.compactSize();
      items.push(slice(this.bytes, scanner.position, scanner.position + length));
      scanner.skip(length);
    }
    return items;
  }

  /** Size in bytes of an input's serialised witness stack, its item count included (BIP342's budget adds 50). */
  witnessSize(input: number): number {
    const start = this.#witnessOffset(input);
    return start === undefined ? 0 : this.#offset(this.#witnesses, input + 1) - start;
  }

  /** Weight units of an input: four for each byte of its base part, one for each of its witness (BIP141). */
  inputWeight(input: number): number {
    return 4 * (this.sequenceOffset(input) + 4 - this.outpointOffset(input)) + this.witnessSize(input);
  }

  /** Value of an output, satoshis, signed as serialised. */
  value(output: number): bigint {
    return readInt64(this.bytes, this.#offset(this.#outputs, output * 3));
  }

  /** An output's scriptPubKey. */
  scriptPubKey(output: number): Uint8Array {
    const start = this.#offset(this.#outputs, output * 3 + 1);
    return slice(this.bytes, start, this.#offset(this.#outputs, output * 3 + 2));
  }

  /** An output as serialised: value, length, scriptPubKey. */
  outputBytes(output: number): Uint8Array {
    const start = this.#offset(this.#outputs, output * 3);
    return slice(this.bytes, start, this.#offset(this.#outputs, output * 3 + 2));
  }

  /** All outputs as serialised, without their count: what `hashOutputs` of BIP143 and BIP341 covers. */
  allOutputBytes(): Uint8Array {
    return slice(this.bytes, this.#outputsStart, this.#outputsEnd);
  }

  /** Size in bytes without witnesses. */
  get baseSize(): number {
    return this.hasWitness ? this.#outputsEnd - this.#inputsStart + 8 : this.bytes.length;
  }

  /** Weight units (BIP141): three times the base size plus the total size. */
  get weight(): number {
    return this.baseSize * 3 + this.bytes.length;
  }

  /** Virtual size in bytes: weight over four, rounded up. */
  get virtualSize(): number {
    return Math.ceil(this.weight / 4);
  }

  /** The serialisation without witnesses, which the transaction id is the hash of. */
  baseBytes(): Uint8Array {
    if (!this.hasWitness) return this.bytes;
    const base = new Uint8Array(this.baseSize);
    base.set(slice(this.bytes, 0, 4));
    base.set(slice(this.bytes, this.#inputsStart, this.#outputsEnd), 4);
    base.set(slice(this.bytes, this.bytes.length - 4, this.bytes.length), base.length - 4);
    return base;
  }

  /** Transaction id, 32 bytes in internal order; computed once. */
  id(crypto: CryptoEngine = currentCrypto()): Uint8Array {
    return (this.#id ??= crypto.hash256(this.baseBytes()));
  }

  /** Witness transaction id (BIP141), 32 bytes in internal order; computed once. */
  witnessId(crypto: CryptoEngine = currentCrypto()): Uint8Array {
    return (this.#witnessId ??= this.hasWitness ? crypto.hash256(this.bytes) : this.id(crypto));
  }

  /** An entry of a table of offsets; an index outside it is a bug of the caller. */
  #offset(table: readonly number[], index: number): number {
    const offset = table[index];
    if (offset === undefined) throw invalidArgument('index', 'an input or output of the transaction', index);
    return offset;
  }

  #witnessOffset(input: number): number | undefined {
    if (this.hasWitness) return this.#offset(this.#witnesses, input);
    this.outpointOffset(input);
    return undefined;
  }

  /** The transaction as plain data. */
  toTransaction(): Transaction {
    return readTransaction(new Scanner(this.bytes), this.hasWitness);
  }
}

/** Views are made by {@link TransactionView.of} alone; plain JavaScript could call the constructor all the same. */
function isScan(scan: unknown): scan is Scan {
  return Array.isArray(requireObject(scan, 'scan')['inputs']) && isBytes((scan as Partial<Scan>).bytes);
}

interface Scan {
  readonly bytes: Uint8Array;
  readonly hasWitness: boolean;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly witnesses: readonly number[];
  readonly inputsStart: number;
  readonly outputsStart: number;
  readonly outputsEnd: number;
}

/** Finds every field of a transaction; offsets in the result are relative to its first byte. */
function scanTransaction(scanner: Scanner, allowWitness: boolean): Scan {
  const start = scanner.position;
  scanner.skip(4);
  let inputsStart = scanner.position;
  const inputs: number[] = [];
  const outputs: number[] = [];
  const witnesses: number[] = [];
  let flags = 0;
  let inputCount = scanner.compactSize();
  if (inputCount === 0 && allowWitness) {
    flags = scanner.byte();
    if (flags !== 0) {
      inputsStart = scanner.position;
      inputCount = scanner.compactSize();
    }
  }
  for (let i = 0; i < inputCount; i++) {
    inputs.push(scanner.position - start);
    scanner.skip(36);
    const length = scanner.compactSize();
    inputs.push(scanner.position - start);
    scanner.skip(length);
    inputs.push(scanner.position - start);
    scanner.skip(4);
  }
  // Core reads a zero count and a zero flag as a transaction with neither inputs nor outputs (UnserializeTransaction).
  const outputCount = inputCount === 0 && allowWitness && flags === 0 ? 0 : scanner.compactSize();
  const outputsStart = scanner.position;
  for (let i = 0; i < outputCount; i++) {
    outputs.push(scanner.position - start);
    scanner.skip(8);
    const length = scanner.compactSize();
    outputs.push(scanner.position - start);
    scanner.skip(length);
    outputs.push(scanner.position - start);
  }
  const outputsEnd = scanner.position;
  if (flags !== 0) scanWitnesses(scanner, start, inputCount, flags, witnesses);
  scanner.skip(4);
  return {
    bytes: slice(scanner.bytes, start, scanner.position),
    hasWitness: flags !== 0,
    inputs,
    outputs,
    witnesses,
    inputsStart: inputsStart - start,
    outputsStart: outputsStart - start,
    outputsEnd: outputsEnd - start,
  };
}

function scanWitnesses(scanner: Scanner, start: number, inputCount: number, flags: number, witnesses: number[]): void {
  const flagOffset = start + 5;
  requireWitnessFlag((flags & 1) !== 0, flags, flagOffset);
  let items = 0;
  for (let i = 0; i < inputCount; i++) {
    witnesses.push(scanner.position - start);
    const count = scanner.compactSize();
    items += count;
    for (let j = 0; j < count; j++) scanner.skip(scanner.compactSize());
  }
  witnesses.push(scanner.position - start);
  requireWitnessItems(items, flagOffset);
  requireWitnessFlag(flags === 1, flags, flagOffset);
}

/** Throws unless a value is a view, and returns it. */
export function requireView(tx: unknown): TransactionView {
  if (!(requireObject(tx, 'tx') instanceof TransactionView)) throw invalidArgument('tx', 'a TransactionView', tx);
  return tx as TransactionView;
}

/** A transaction in any of its three forms. */
export type TransactionLike = Uint8Array | Transaction | TransactionView;

/**
 * A view of a transaction that came as bytes, as plain data or as a view already.
 *
 * @throws {@link ScriptError} as {@link parseTransaction} does.
 */
export function viewTransaction(tx: TransactionLike): TransactionView {
  if (isBytes(tx)) return TransactionView.of(tx);
  if (requireObject(tx, 'tx') instanceof TransactionView) return tx as TransactionView;
  const bytes = serializeTransaction(tx as Transaction);
  // Without inputs the count of zero must not be read as BIP144's marker.
  return TransactionView.of(bytes, { witness: requireList((tx as Transaction).inputs, 'tx.inputs').length > 0 });
}
