import { compactSizeLength, writeCompactSize, writeInt64, writeUint32 } from '../codec/scanner.ts';
import type { SighashContext } from './context.ts';
import { OUTPUT_MASK, SighashType } from './hash-type.ts';

const ZERO = new Uint8Array(32);

/** Signature hash of BIP143 for witness version 0. */
export function witnessV0Sighash(
  context: SighashContext,
  inputIndex: number,
  scriptCode: Uint8Array,
  value: bigint,
  hashType: number,
): Uint8Array {
  const { tx, crypto } = context;
  const outputType = hashType & OUTPUT_MASK;
  const all = outputType !== SighashType.NONE && outputType !== SighashType.SINGLE;
  const anyoneCanPay = (hashType & SighashType.ANYONECANPAY) !== 0;
  const message = new Uint8Array(156 + compactSizeLength(scriptCode.length) + scriptCode.length);
  writeUint32(message, 0, tx.version);
  message.set(anyoneCanPay ? ZERO : context.doublePrevouts, 4);
  message.set(anyoneCanPay || !all ? ZERO : context.doubleSequences, 36);
  message.set(tx.outpoint(inputIndex), 68);
  let offset = writeCompactSize(message, 104, scriptCode.length);
  message.set(scriptCode, offset);
  offset += scriptCode.length;
  writeInt64(message, offset, value);
  writeUint32(message, offset + 8, tx.sequence(inputIndex));
  message.set(hashOutputs(context, inputIndex, outputType), offset + 12);
  writeUint32(message, offset + 44, tx.lockTime);
  writeUint32(message, offset + 48, hashType);
  return crypto.hash256(message);
}

function hashOutputs(context: SighashContext, inputIndex: number, outputType: number): Uint8Array {
  if (outputType === SighashType.NONE) return ZERO;
  if (outputType !== SighashType.SINGLE) return context.doubleOutputs;
  return inputIndex < context.tx.outputCount ? context.crypto.hash256(context.tx.outputBytes(inputIndex)) : ZERO;
}
