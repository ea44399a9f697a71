import { requireView, type TransactionView } from './codec/transaction-view.ts';
import { readUint32 } from './codec/scanner.ts';

/** Why a transaction is invalid whatever the chain holds: Core's reject reasons (consensus/tx_check.cpp). */
export type TransactionFault =
  | 'bad-txns-vin-empty'
  | 'bad-txns-vout-empty'
  | 'bad-txns-oversize'
  | 'bad-txns-vout-negative'
  | 'bad-txns-vout-toolarge'
  | 'bad-txns-txouttotal-toolarge'
  | 'bad-txns-inputs-duplicate'
  | 'bad-cb-length'
  | 'bad-txns-prevout-null';

const MAX_MONEY = 2_100_000_000_000_000n;
const MAX_BLOCK_WEIGHT = 4_000_000;

/**
 * Checks what can be said of a transaction without a chain (Core's CheckTransaction).
 *
 * @returns Core's reject reason, or `undefined` when nothing is wrong.
 */
export function checkTransaction(tx: TransactionView): TransactionFault | undefined {
  requireView(tx);
  if (tx.inputCount === 0) return 'bad-txns-vin-empty';
  if (tx.outputCount === 0) return 'bad-txns-vout-empty';
  if (tx.baseSize * 4 > MAX_BLOCK_WEIGHT) return 'bad-txns-oversize';
  let total = 0n;
  for (let output = 0; output < tx.outputCount; output++) {
    const value = tx.value(output);
    if (value < 0n) return 'bad-txns-vout-negative';
    if (value > MAX_MONEY) return 'bad-txns-vout-toolarge';
    total += value;
    if (total > MAX_MONEY) return 'bad-txns-txouttotal-toolarge';
  }
  if (hasDuplicateInputs(tx)) return 'bad-txns-inputs-duplicate';
  if (isCoinbase(tx)) {
    const { length } = tx.scriptSig(0);
    return length < 2 || length > 100 ? 'bad-cb-length' : undefined;
  }
  for (let input = 0; input < tx.inputCount; input++) if (isNullOutpoint(tx, input)) return 'bad-txns-prevout-null';
  return undefined;
}

/** Whether a transaction is a coinbase: one input that spends no output. */
export function isCoinbase(tx: TransactionView): boolean {
  return requireView(tx).inputCount === 1 && isNullOutpoint(tx, 0);
}

function isNullOutpoint(tx: TransactionView, input: number): boolean {
  const { bytes } = tx;
  const offset = tx.outpointOffset(input);
  if (readUint32(bytes, offset + 32) !== 0xffffffff) return false;
  for (let i = 0; i < 32; i++) if (bytes[offset + i] !== 0) return false;
  return true;
}

/** A set of keys, because a hostile transaction has up to 97,000 inputs and a pair-wise search would hang. */
function hasDuplicateInputs(tx: TransactionView): boolean {
  if (tx.inputCount === 1) return false;
  const seen = new Set<string>();
  for (let input = 0; input < tx.inputCount; input++) {
    seen.add(outpointKey(tx.bytes, tx.outpointOffset(input)));
    if (seen.size !== input + 1) return true;
  }
  return false;
}

function outpointKey(bytes: Uint8Array, offset: number): string {
  let text = '';
  for (let i = 0; i < 36; i += 4)
    text += String.fromCharCode(
      (bytes[offset + i] as number) | ((bytes[offset + i + 1] as number) << 8),
      (bytes[offset + i + 2] as number) | ((bytes[offset + i + 3] as number) << 8),
    );
  return text;
}
