import type { CryptoEngine } from '@bitcoin-enterprise/core';
import { compactSizeLength, writeCompactSize, writeUint32 } from '../codec/scanner.ts';
import type { TransactionView } from '../codec/transaction-view.ts';
import { Opcode } from '../opcodes.ts';
import { OUTPUT_MASK, SighashType } from './hash-type.ts';
import { ScriptReader } from '../script-reader.ts';

/**
 * Signature hash of the first rules: the transaction with every other script blanked, hashed twice.
 *
 * @param hashType - Signed or unsigned 32 bits; all of them are hashed, only the lowest eight mean something.
 */
export function legacySighash(
  tx: TransactionView,
  inputIndex: number,
  scriptCode: Uint8Array,
  hashType: number,
  crypto: CryptoEngine,
): Uint8Array {
  const outputType = hashType & OUTPUT_MASK;
  const single = outputType === SighashType.SINGLE;
  if (single && inputIndex >= tx.outputCount) return one();
  const none = outputType === SighashType.NONE;
  const anyoneCanPay = (hashType & SighashType.ANYONECANPAY) !== 0;
  const code = withoutCodeSeparators(scriptCode);

  const inputCount = anyoneCanPay ? 1 : tx.inputCount;
  const outputCount = none ? 0 : single ? inputIndex + 1 : tx.outputCount;
  const outputs = none || single ? undefined : tx.allOutputBytes();
  const lastOutput = single ? tx.outputBytes(inputIndex) : undefined;
  const outputsSize = outputs?.length ?? (lastOutput === undefined ? 0 : 9 * inputIndex + lastOutput.length);
  const codeSize = compactSizeLength(code.declaredLength) + code.bytes.length;
  const size =
    12 + compactSizeLength(inputCount) + inputCount * 41 - 1 + codeSize + compactSizeLength(outputCount) + outputsSize;

  const message = new Uint8Array(size);
  const { bytes } = tx;
  writeUint32(message, 0, tx.version);
  let offset = writeCompactSize(message, 4, inputCount);
  for (let i = 0; i < inputCount; i++) {
    const input = anyoneCanPay ? inputIndex : i;
    let from = tx.outpointOffset(input);
    for (let k = 0; k < 36; k++) message[offset++] = bytes[from++] as number;
    if (input === inputIndex) {
      offset = writeCompactSize(message, offset, code.declaredLength);
      message.set(code.bytes, offset);
      offset += code.bytes.length;
    } else offset++;
    if (input === inputIndex || !(none || single)) writeUint32(message, offset, tx.sequence(input));
    offset += 4;
  }
  offset = writeCompactSize(message, offset, outputCount);
  if (outputs !== undefined) {
    message.set(outputs, offset);
    offset += outputs.length;
  }
  if (lastOutput !== undefined) {
    // Outputs before the one that is signed count as value -1 with an empty script.
    for (let i = 0; i < inputIndex; i++, offset += 9) message.fill(0xff, offset, offset + 8);
    message.set(lastOutput, offset);
    offset += lastOutput.length;
  }
  writeUint32(message, offset, tx.lockTime);
  writeUint32(message, offset + 4, hashType);
  return crypto.hash256(message);
}

/** The number one, little endian: what SIGHASH_SINGLE without its output signs, a bug that became consensus. */
function one(): Uint8Array {
  const hash = new Uint8Array(32);
  hash[0] = 1;
  return hash;
}

/**
 * A scriptCode as it is hashed: without OP_CODESEPARATOR. Where the script ends inside a push, Core announces the whole
 * length but hashes only up to the broken push; so do we.
 */
function withoutCodeSeparators(script: Uint8Array): { readonly bytes: Uint8Array; readonly declaredLength: number } {
  const reader = new ScriptReader(script);
  const separators: number[] = [];
  while (reader.next()) if (reader.opcode === Opcode.OP_CODESEPARATOR) separators.push(reader.position - 1);
  if (separators.length === 0 && reader.position === script.length)
    return { bytes: script, declaredLength: script.length };
  const kept = new Uint8Array(reader.position - separators.length);
  let from = 0;
  let to = 0;
  for (const separator of [...separators, reader.position]) {
    kept.set(script.subarray(from, separator), to);
    to += separator - from;
    from = separator + 1;
  }
  return { bytes: kept, declaredLength: script.length - separators.length };
}
