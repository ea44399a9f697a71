import { type CryptoEngine, currentCrypto } from '@bitcoin-enterprise/core';
import { writeUint32 } from '../codec/scanner.ts';
import { type TransactionLike, viewTransaction } from '../codec/transaction-view.ts';
import { requireCrypto, requireInteger } from '../errors.ts';
import { SighashContext } from './context.ts';

/** One buffer serves every message: it is filled and hashed before anything else can run. */
const scratch = new Uint8Array(116);

/** DefaultCheckTemplateVerifyHash of BIP119 for an input of a transaction whose hashes are shared. */
export function checkTemplateHashOf(context: SighashContext, inputIndex: number): Uint8Array {
  const { tx, scriptSigs, sequences, outputs } = context;
  const message = scratch;
  writeUint32(message, 0, tx.version);
  writeUint32(message, 4, tx.lockTime);
  message.set(scriptSigs, 8);
  let offset = 8 + scriptSigs.length;
  writeUint32(message, offset, tx.inputCount);
  message.set(sequences, offset + 4);
  writeUint32(message, offset + 36, tx.outputCount);
  message.set(outputs, offset + 40);
  offset += 72;
  writeUint32(message, offset, inputIndex);
  return context.crypto.sha256(message.subarray(0, offset + 4));
}

/**
 * The hash that OP_CHECKTEMPLATEVERIFY compares its argument with (DefaultCheckTemplateVerifyHash of BIP119): it covers
 * version, lock time, scriptSigs if any has bytes, sequences, outputs, the counts of both, and the place of the input;
 * neither the outputs spent nor witnesses. For all inputs of one transaction use {@link Sighasher.checkTemplate}.
 *
 * @param inputIndex - Where the input that runs the opcode stands, 0 to 2^32 - 1; it need not be there yet.
 * @returns 32 bytes.
 * @throws {@link ScriptError} `SCRIPT_INVALID_ARGUMENT`, and what {@link parseTransaction} throws.
 *
 * @example An output that only one transaction can spend
 * ```ts
 * import { assemble, checkTemplateHash, outputTypeOf } from '@bitcoin-enterprise/script';
 *
 * const input = { previousTxid: new Uint8Array(32), previousIndex: 0, scriptSig: new Uint8Array(), sequence: 0 };
 * const next = {
 *   version: 2,
 *   inputs: [{ ...input, witness: [] }], // whatever is spent: the hash does not cover it
 *   outputs: [{ value: 900n, scriptPubKey: Uint8Array.of(0x51) }],
 *   lockTime: 0,
 * };
 * const template = checkTemplateHash(next, 0);
 * template.length; // => 32
 * outputTypeOf(assemble([template, 'OP_CHECKTEMPLATEVERIFY'])); // => 'nonstandard'
 * ```
 */
export function checkTemplateHash(
  tx: TransactionLike,
  inputIndex: number,
  crypto: CryptoEngine = currentCrypto(),
): Uint8Array {
  requireInteger(inputIndex, 'inputIndex', 0, 0xffffffff);
  return checkTemplateHashOf(new SighashContext(viewTransaction(tx), [], requireCrypto(crypto)), inputIndex);
}
