import { equalBytes, isBytes, parseHex } from '@bitcoin-enterprise/core';
import { parseTransaction, ScriptError, type Transaction } from '@bitcoin-enterprise/script';
import { invalidArgument } from '../errors.ts';
import { GlobalType, MAGIC } from './field-types.ts';
import type { Psbt } from './model.ts';
import { type Growing, parseInput, readSilentShare, type UnsignedInput } from './parse-input.ts';
import { parseOutput, type UnsignedOutput } from './parse-output.ts';
import { malformed, PsbtReader, type PsbtRecord } from './reader.ts';
import { fixed, keyOf, plainKey, rawField, readOrigin, uint32, valueReader } from './values.ts';

/** Larger than any transaction with all that may be said of it. */
const MAXIMUM_BYTES = 0x0400_0000;
/** Bytes without witnesses that fill a block (BIP141). */
const MAXIMUM_TRANSACTION = 1_000_000;

/**
 * Reads a PSBT of version 0 or 2 with the fields of BIP174, 370, 371, 373, 375 and 376; what it does not know it keeps.
 *
 * @param psbt - Its bytes, or a text of base64 or hexadecimal digits.
 * @returns Plain data whose byte arrays are views into `psbt`.
 * @throws WalletError `WALLET_PSBT_MALFORMED` with the byte at which that shows; `WALLET_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts
 * import { parsePsbt } from '@bitcoin-enterprise/wallet';
 *
 * parsePsbt('cHNidP8BAAoAAAAAAAAAAAAAAA==').inputs.length; // => 0
 * ```
 */
export function parsePsbt(psbt: Uint8Array | string): Psbt {
  const bytes = bytesOf(psbt);
  if (bytes.length > MAXIMUM_BYTES) throw malformed(MAXIMUM_BYTES, 'more than 64 MiB');
  const reader = new PsbtReader(bytes);
  if (bytes.length < MAGIC.length || !equalBytes(reader.take(MAGIC.length), MAGIC))
    throw malformed(0, 'other bytes than `psbt` and 0xff at the start');
  const parsed = readGlobals(reader.map(), bytes.length);
  const { psbt: globals, inputCount, outputCount, unsigned } = parsed;
  const inputs = [];
  for (let i = 0; i < inputCount; i++) {
    const { offset } = reader;
    inputs.push(inTransaction(offset, () => parseInput(reader.map(), unsignedInput(unsigned, i), offset)));
  }
  const outputs = [];
  for (let i = 0; i < outputCount; i++) {
    const { offset } = reader;
    outputs.push(parseOutput(reader.map(), unsignedOutput(unsigned, i), offset));
  }
  reader.end();
  return { ...globals, inputs, outputs };
}

function bytesOf(psbt: Uint8Array | string): Uint8Array {
  if (isBytes(psbt)) return psbt;
  if (typeof psbt !== 'string') throw invalidArgument('psbt', 'bytes or a text', psbt);
  const text = psbt.trim();
  if (text.length > MAXIMUM_BYTES * 2) throw malformed(MAXIMUM_BYTES, 'more than 64 MiB');
  if (text.startsWith('70736274')) {
    if (!/^[0-9a-f]*$/i.test(text) || text.length % 2 !== 0) throw malformed(0, 'a text that is not hexadecimal');
    return parseHex(text);
  }
  try {
    const binary = atob(text);
    const bytes = new Uint8Array(binary.length);
    for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
    return bytes;
  } catch {
    throw malformed(0, 'a text that is neither base64 nor hexadecimal');
  }
}

/** A transaction inside that does not parse makes the PSBT malformed. */
function inTransaction<Result>(offset: number, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (error instanceof ScriptError) throw malformed(offset, 'a transaction that does not parse');
    throw error;
  }
}

type Globals = Growing<Omit<Psbt, 'inputs' | 'outputs'>>;

interface ParsedGlobals {
  readonly psbt: Globals;
  readonly inputCount: number;
  readonly outputCount: number;
  readonly unsigned: Transaction | undefined;
}

function readGlobals(records: readonly PsbtRecord[], size: number): ParsedGlobals {
  const psbt: Growing<Omit<Psbt, 'inputs' | 'outputs' | 'transactionVersion'>> & { transactionVersion?: number } = {
    version: versionOf(records),
    extendedKeys: [],
    silentShares: [],
    unknown: [],
  };
  let unsigned: Transaction | undefined;
  const counts: { inputs?: number; outputs?: number } = {};
  const scanKeys = new Map<string, number>();
  for (const record of records) {
    const { type } = record;
    if (psbt.version === 0 && type >= GlobalType.transactionVersion && type <= GlobalType.silentProof)
      throw malformed(record.offset, 'a field of version 2 alone');
    switch (type) {
      case GlobalType.unsignedTransaction:
        plainKey(record);
        if (psbt.version === 2) throw malformed(record.offset, 'a transaction, which version 2 has none of');
        unsigned = unsignedOf(record);
        break;
      case GlobalType.extendedKey:
        psbt.extendedKeys.push(extendedKeyOf(record));
        break;
      case GlobalType.transactionVersion:
        plainKey(record);
        psbt.transactionVersion = uint32(record);
        break;
      case GlobalType.fallbackLockTime:
        plainKey(record);
        psbt.fallbackLockTime = uint32(record);
        break;
      case GlobalType.inputCount:
        counts.inputs = countOf(record, size);
        break;
      case GlobalType.outputCount:
        counts.outputs = countOf(record, size);
        break;
      case GlobalType.modifiable:
        plainKey(record);
        psbt.modifiable = fixed(record, 1)[0] as number;
        break;
      case GlobalType.silentShare:
      case GlobalType.silentProof:
        readSilentShare(psbt.silentShares, scanKeys, record, type === GlobalType.silentProof ? 'proof' : 'share');
        break;
      case GlobalType.signedMessage:
        plainKey(record);
        psbt.signedMessage = record.value;
        break;
      case GlobalType.version:
        break;
      default:
        psbt.unknown.push(rawField(record));
    }
  }
  if (psbt.version === 0) {
    if (unsigned === undefined) throw malformed(MAGIC.length, 'no unsigned transaction');
    const { version: transactionVersion, lockTime: fallbackLockTime } = unsigned;
    const inputCount = unsigned.inputs.length;
    const outputCount = unsigned.outputs.length;
    return { psbt: { ...psbt, transactionVersion, fallbackLockTime }, inputCount, outputCount, unsigned };
  }
  const { transactionVersion } = psbt;
  const least = 41 * (counts.inputs ?? 0) + 9 * (counts.outputs ?? 0);
  if (least > MAXIMUM_TRANSACTION) throw malformed(MAGIC.length, 'more inputs or outputs than a block has room for');
  if (transactionVersion === undefined || counts.inputs === undefined || counts.outputs === undefined)
    throw malformed(MAGIC.length, 'version 2 without transaction version or numbers of inputs and outputs');
  return {
    psbt: { ...psbt, transactionVersion },
    inputCount: counts.inputs,
    outputCount: counts.outputs,
    unsigned: undefined,
  };
}

function versionOf(records: readonly PsbtRecord[]): 0 | 2 {
  const record = records.find(({ type }) => type === GlobalType.version);
  if (record === undefined) return 0;
  plainKey(record);
  const version = uint32(record);
  if (version !== 0 && version !== 2) throw malformed(record.offset, `version ${version}`);
  return version;
}

function unsignedOf(record: PsbtRecord): Transaction {
  if (record.value.length > MAXIMUM_TRANSACTION)
    throw malformed(record.offset, 'a transaction that is larger than a block has room for');
  const tx = inTransaction(record.offset, () => parseTransaction(record.value, { witness: false }));
  if (tx.inputs.some(({ scriptSig }) => scriptSig.length > 0))
    throw malformed(record.offset, 'an unsigned transaction with a scriptSig');
  return tx;
}

function extendedKeyOf(record: PsbtRecord): Psbt['extendedKeys'][number] {
  const key = keyOf(record, 78);
  const { value } = record;
  if (value.length % 4 !== 0 || value.length / 4 - 1 !== key[4])
    throw malformed(record.offset, 'an extended key whose path is not as long as it is deep');
  return { key, origin: readOrigin(valueReader(record)) };
}

function countOf(record: PsbtRecord, size: number): number {
  plainKey(record);
  const reader = valueReader(record);
  const count = reader.compactSize();
  reader.end();
  // Each map has a separator at least.
  if (count > size) throw malformed(record.offset, 'more inputs or outputs than bytes');
  return count;
}

function unsignedInput(tx: Transaction | undefined, index: number): UnsignedInput | undefined {
  const input = tx?.inputs[index];
  if (input === undefined) return undefined;
  const { previousTxid, previousIndex, sequence } = input;
  return { previousTxid, previousIndex, sequence };
}

function unsignedOutput(tx: Transaction | undefined, index: number): UnsignedOutput | undefined {
  const output = tx?.outputs[index];
  return output === undefined ? undefined : { value: output.value, scriptPubKey: output.scriptPubKey };
}
