import type { TransactionView } from '@bitcoin-enterprise/script';

/** What a pool keeps of a transaction besides itself: its entry, its place in the graph of clusters, indexes. */
const ENTRY_BYTES = 490;

/** Scripts up to this size lie in the output itself. */
const INLINE_SCRIPT_BYTES = 36;

/**
 * About how much memory a waiting transaction takes in Core on a machine of 64 bits: what its parts ask of malloc. Its
 * `-maxmempool` counts in these bytes, so that a pool is full after the same transactions.
 */
export function memoryUsage(tx: TransactionView): number {
  // Who spends an output is a node of a tree.
  return ENTRY_BYTES + tx.inputCount * allocated(48) + transactionBytes(tx);
}

/** About how much memory a transaction itself takes in Core. */
export function transactionBytes(tx: TransactionView): number {
  let bytes = allocated(128) + allocated(24) + allocated(104 * tx.inputCount) + allocated(48 * tx.outputCount);
  for (let i = 0; i < tx.inputCount; i++) {
    bytes += scriptBytes(tx.scriptSig(i).length);
    const witness = tx.witness(i);
    bytes += allocated(24 * witness.length);
    for (const item of witness) bytes += allocated(item.length);
  }
  for (let i = 0; i < tx.outputCount; i++) bytes += scriptBytes(tx.scriptPubKey(i).length);
  return bytes;
}

function scriptBytes(length: number): number {
  return length > INLINE_SCRIPT_BYTES ? allocated(length) : 0;
}

/** What malloc gives for a request: a header, and a multiple of sixteen. */
export function allocated(bytes: number): number {
  return bytes === 0 ? 0 : Math.floor((bytes + 31) / 16) * 16;
}
