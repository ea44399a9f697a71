import { compactSizeLength, type CryptoEngine, equalBytes } from '@bitcoin-enterprise/core';
import {
  BLOCK_HEADER_SIZE,
  type BlockHeader,
  type BlockView,
  checkTransaction,
  countLegacySigops,
  isCoinbase,
  type TransactionView,
} from '@bitcoin-enterprise/script';
import type { BlockNode } from './block-node.ts';
import { MAX_BLOCK_SIGOPS_COST, MAX_BLOCK_WEIGHT, MAX_FUTURE_SECONDS, WITNESS_SCALE } from './limits.ts';
import { merkleRoot } from './merkle.ts';
import { reachesTarget, targetBytes, targetOf } from './proof-of-work.ts';
import { REGTEST_BITS, REGTEST_TARGET } from './regtest.ts';
import type { Rejection } from './rejection.ts';
import { isFinal } from './transaction-rules.ts';
import { checkWitnesses } from './witness-commitment.ts';

/** The lowest block version: BIP34, BIP66 and BIP65 are all active from the first block of regtest. */
const MIN_BLOCK_VERSION = 4;

/** The rules that need nothing but the block: Core's `CheckBlock`, in its order. */
export function checkBlock(block: BlockView, hash: Uint8Array, crypto: CryptoEngine): Rejection | undefined {
  const { header, transactions } = block;
  if (!reachesOwnTarget(header, hash)) return { reason: 'high-hash' };
  const { root, mutated } = merkleRoot(
    transactions.map((tx) => tx.id(crypto)),
    crypto,
  );
  if (!equalBytes(root, header.merkleRoot)) return { reason: 'bad-txnmrklroot' };
  if (mutated) return { reason: 'bad-txns-duplicate' };

  if (transactions.length === 0 || baseSizeOf(block) * WITNESS_SCALE > MAX_BLOCK_WEIGHT)
    return { reason: 'bad-blk-length' };
  if (!isCoinbase(transactions[0] as TransactionView)) return { reason: 'bad-cb-missing' };
  const second = transactions.findIndex((tx, i) => i > 0 && isCoinbase(tx));
  if (second > 0) return { reason: 'bad-cb-multiple', transactionIndex: second };

  let sigops = 0;
  for (const [transactionIndex, tx] of transactions.entries()) {
    const reason = checkTransaction(tx);
    if (reason !== undefined) return { reason, transactionIndex };
    sigops += countLegacySigops(tx);
  }
  return sigops * WITNESS_SCALE > MAX_BLOCK_SIGOPS_COST ? { reason: 'bad-blk-sigops' } : undefined;
}

/**
 * The rules about a header and the blocks before it: Core's `ContextualCheckBlockHeader`.
 *
 * @param now - The time that "too far ahead" is measured from, Unix seconds.
 */
export function checkHeaderInContext(header: BlockHeader, parent: BlockNode, now: number): Rejection | undefined {
  if (header.bits !== REGTEST_BITS) return { reason: 'bad-diffbits' };
  if (header.time <= parent.medianTime) return { reason: 'time-too-old' };
  if (header.time > now + MAX_FUTURE_SECONDS) return { reason: 'time-too-new' };
  if (header.version < MIN_BLOCK_VERSION)
    return { reason: `bad-version(0x${(header.version >>> 0).toString(16).padStart(8, '0')})` };
  return undefined;
}

/** The rules about a block and the blocks before it: Core's `ContextualCheckBlock`. */
export function checkBlockInContext(block: BlockView, parent: BlockNode, crypto: CryptoEngine): Rejection | undefined {
  const height = parent.height + 1;
  const unfinished = block.transactions.findIndex((tx) => !isFinal(tx, height, parent.medianTime));
  if (unfinished >= 0) return { reason: 'bad-txns-nonfinal', transactionIndex: unfinished };
  const scriptSig = (block.transactions[0] as TransactionView).scriptSig(0);
  const prefix = heightPush(height);
  if (scriptSig.length < prefix.length || prefix.some((byte, i) => scriptSig[i] !== byte))
    return { reason: 'bad-cb-height' };
  const witnessFault = checkWitnesses(block, crypto);
  if (witnessFault !== undefined) return witnessFault;
  return baseSizeOf(block) * 3 + block.bytes.length > MAX_BLOCK_WEIGHT ? { reason: 'bad-blk-weight' } : undefined;
}

/** The push of a height that opens a coinbase's scriptSig (BIP34), as Core's `CScript() << height` writes it. */
export function heightPush(height: number): Uint8Array {
  if (height === 0) return Uint8Array.of(0);
  if (height <= 16) return Uint8Array.of(0x50 + height);
  const bytes: number[] = [];
  for (let rest = height; rest > 0; rest = Math.floor(rest / 256)) bytes.push(rest & 0xff);
  // The highest bit is the sign of a script number.
  if (((bytes.at(-1) as number) & 0x80) !== 0) bytes.push(0);
  return Uint8Array.of(bytes.length, ...bytes);
}

/** Whether a header's hash reaches the target it names itself, and that target is within regtest's limit. */
function reachesOwnTarget(header: BlockHeader, hash: Uint8Array): boolean {
  if (header.bits === REGTEST_BITS) return reachesTarget(hash, REGTEST_TARGET);
  const target = targetOf(header.bits);
  return (
    target !== undefined && target <= (targetOf(REGTEST_BITS) as bigint) && reachesTarget(hash, targetBytes(target))
  );
}

function baseSizeOf(block: BlockView): number {
  let size = BLOCK_HEADER_SIZE + compactSizeLength(block.transactions.length);
  for (const tx of block.transactions) size += tx.baseSize;
  return size;
}
