import type { CryptoEngine } from '@bitcoin-enterprise/core';
import { compactSizeLength, writeCompactSize, writeInt64, writeUint32 } from '../codec/scanner.ts';
import type { SpentOutput } from '../model.ts';
import type { SighashContext } from './context.ts';
import { SighashType } from './hash-type.ts';

/** What a signature inside a tapscript covers besides the transaction (BIP342). */
export interface TapscriptSighash {
  /** Hash of the leaf, 32 bytes. */
  readonly leafHash: Uint8Array;
  /** Opcode position of the last executed OP_CODESEPARATOR, 0xffffffff when there is none. */
  readonly codeSeparatorPosition: number;
}

/** No OP_CODESEPARATOR was executed. */
export const NO_CODE_SEPARATOR = 0xffffffff;

/** Whether BIP341 defines a sighash type. */
export function isTaprootHashType(hashType: number): boolean {
  return (hashType >= 0 && hashType <= 3) || (hashType >= 0x81 && hashType <= 0x83);
}

/** One buffer serves every message of ordinary size: it is filled and hashed before anything else can run. */
const scratch = new Uint8Array(512);

/**
 * Signature hash of BIP341 for the key path, and of BIP342 when `leaf` is given.
 *
 * @param annexHash - SHA-256 of the annex with its length, when there is one.
 * @returns `undefined` for an undefined type, and for SINGLE without its output.
 */
export function taprootSighash(
  context: SighashContext,
  inputIndex: number,
  hashType: number,
  annexHash: Uint8Array | undefined,
  leaf: TapscriptSighash | undefined,
): Uint8Array | undefined {
  if (!isTaprootHashType(hashType)) return undefined;
  const { tx, crypto } = context;
  const outputType = hashType === SighashType.DEFAULT ? SighashType.ALL : hashType & 3;
  const anyoneCanPay = (hashType & SighashType.ANYONECANPAY) !== 0;
  if (outputType === SighashType.SINGLE && inputIndex >= tx.outputCount) return undefined;

  const spent = context.spentOutputs[inputIndex] as SpentOutput;
  const message = spent.scriptPubKey.length <= 128 ? scratch : new Uint8Array(512 + spent.scriptPubKey.length);
  message[0] = 0;
  message[1] = hashType;
  writeUint32(message, 2, tx.version);
  writeUint32(message, 6, tx.lockTime);
  let offset = 10;
  if (!anyoneCanPay) {
    message.set(context.prevouts, offset);
    message.set(context.amounts, offset + 32);
    message.set(context.scriptPubKeys, offset + 64);
    message.set(context.sequences, offset + 96);
    offset += 128;
  }
  if (outputType === SighashType.ALL) {
    message.set(context.outputs, offset);
    offset += 32;
  }
  message[offset++] = (leaf === undefined ? 0 : 2) | (annexHash === undefined ? 0 : 1);
  if (anyoneCanPay) {
    message.set(tx.outpoint(inputIndex), offset);
    writeInt64(message, offset + 36, spent.value);
    offset = writeCompactSize(message, offset + 44, spent.scriptPubKey.length);
    message.set(spent.scriptPubKey, offset);
    offset += spent.scriptPubKey.length;
    writeUint32(message, offset, tx.sequence(inputIndex));
  } else writeUint32(message, offset, inputIndex);
  offset += 4;
  if (annexHash !== undefined) {
    message.set(annexHash, offset);
    offset += 32;
  }
  if (outputType === SighashType.SINGLE) {
    message.set(crypto.sha256(tx.outputBytes(inputIndex)), offset);
    offset += 32;
  }
  if (leaf !== undefined) {
    message.set(leaf.leafHash, offset);
    message[offset + 32] = 0; // key version (BIP342)
    writeUint32(message, offset + 33, leaf.codeSeparatorPosition);
    offset += 37;
  }
  return crypto.taggedHash('TapSighash', message.subarray(0, offset));
}

/** Hash of an annex with its length, as BIP341 signs it. */
export function annexHashOf(annex: Uint8Array, crypto: CryptoEngine): Uint8Array {
  const bytes = new Uint8Array(compactSizeLength(annex.length) + annex.length);
  bytes.set(annex, writeCompactSize(bytes, 0, annex.length));
  return crypto.sha256(bytes);
}
