import { toHex } from '@bitcoin-enterprise/core';
import { serializeBlockHeader, type TransactionView } from '@bitcoin-enterprise/script';
import type { BlockNode } from '../model/block-node.ts';
import { targetBytes, targetOf } from '../model/proof-of-work.ts';
import { hashJson } from './arguments.ts';
import { transactionJson, spentInBlock } from './transaction-json.ts';

/** How many times harder than the easiest target of mainnet a compact target is. */
export function difficultyOf(bits: number): number {
  let shift = (bits >>> 24) & 0xff;
  let difficulty = 0x0000ffff / (bits & 0x00ffffff);
  for (; shift < 29; shift++) difficulty *= 256;
  for (; shift > 29; shift--) difficulty /= 256;
  // Core prints sixteen digits of a fraction.
  return Number(difficulty.toPrecision(16));
}

/** A compact target written out, most significant byte first. */
export function targetJson(bits: number): string {
  return toHex(targetBytes(targetOf(bits) ?? 0n).toReversed());
}

/** A number of 256 bits as Core shows work. */
export function workJson(work: bigint): string {
  return work.toString(16).padStart(64, '0');
}

/** A header as `getblockheader` shows it. */
export function headerJson(node: BlockNode, tip: BlockNode): Readonly<Record<string, unknown>> {
  const { header } = node;
  const isBest = node.isOn(tip);
  const next = isBest && node !== tip ? tip.ancestor(node.height + 1) : undefined;
  const bits = header.bits.toString(16).padStart(8, '0');
  return {
    hash: hashJson(node.hash),
    confirmations: isBest ? tip.height - node.height + 1 : -1,
    height: node.height,
    version: header.version | 0,
    versionHex: (header.version >>> 0).toString(16).padStart(8, '0'),
    merkleroot: hashJson(header.merkleRoot),
    time: header.time,
    mediantime: node.medianTime,
    nonce: header.nonce,
    bits,
    target: targetJson(header.bits),
    difficulty: difficultyOf(header.bits),
    chainwork: workJson(node.work),
    nTx: node.transactions.length,
    ...(node.parent === undefined ? {} : { previousblockhash: hashJson(node.parent.hash) }),
    ...(next === undefined ? {} : { nextblockhash: hashJson(next.hash) }),
  };
}

/** The 80 bytes of a header in hex. */
export function headerHex(node: BlockNode): string {
  return toHex(serializeBlockHeader(node.header));
}

/** A block as `getblock` shows it: ids, transactions, or transactions with what they spend. */
export function blockJson(
  node: BlockNode,
  tip: BlockNode,
  options: { readonly verbosity: 1 | 2 | 3; readonly version: number },
): object {
  const { verbosity, version } = options;
  const header = headerJson(node, tip);
  const { previousblockhash, nextblockhash, nTx, ...first } = header;
  let baseSize = 80 + (node.transactions.length < 253 ? 1 : 3);
  for (const tx of node.transactions) baseSize += tx.baseSize;
  const size = node.view.bytes.length;
  const spent = verbosity === 1 ? [] : spentInBlock(node);
  return {
    ...first,
    nTx,
    ...(previousblockhash === undefined ? {} : { previousblockhash }),
    ...(nextblockhash === undefined ? {} : { nextblockhash }),
    strippedsize: baseSize,
    size,
    weight: baseSize * 3 + size,
    ...(version >= 310_000 ? { coinbase_tx: coinbaseJson(node) } : {}),
    tx: node.transactions.map((tx, i) =>
      verbosity === 1
        ? hashJson(tx.id())
        : transactionJson(tx, { spent: spent[i] ?? [], previousOutputs: verbosity === 3, hex: true }),
    ),
  };
}

function coinbaseJson({ transactions: [coinbase] }: BlockNode): object {
  const tx = coinbase as TransactionView;
  const [witness] = tx.witness(0);
  return {
    version: tx.version,
    locktime: tx.lockTime,
    sequence: tx.sequence(0),
    coinbase: toHex(tx.scriptSig(0)),
    ...(witness === undefined ? {} : { witness: toHex(witness) }),
  };
}
