import { concatBytes, currentCrypto, equalBytes, type NetworkName } from '@bitcoin-enterprise/core';
import { invalidArgument, ReceiptsError, type ReceiptsErrors } from '../errors.ts';
import { readBlock, readTransaction, type WireTransaction } from './bitcoin-wire.ts';
import { branchOf, HEADER_LENGTH, hasProofOfWork, merkleRootOf, rootOfBranch, timeOf } from './block-proof.ts';
import { requireBytes, requireCount, requireList, requireObject, requireText } from './checks.ts';
import { type Checkpoint, parseCheckpoint } from './checkpoint.ts';
import { verifyConsistency } from './proofs.ts';

/** Proof that a checkpoint existed when a Bitcoin block was mined. */
export interface Anchor {
  /** Text of the checkpoint that the transaction commits to: the receipt's, or a later one of the same log. */
  readonly checkpoint: string;
  /** Consistency proof from the receipt's checkpoint to that one. */
  readonly consistency: readonly Uint8Array[];
  /** The transaction without witnesses. */
  readonly transaction: Uint8Array;
  /** Its place in the block, from 0. */
  readonly index: number;
  /** Merkle branch of the transaction id, from the leaf up. */
  readonly branch: readonly Uint8Array[];
  /** The block header, 80 bytes. */
  readonly header: Uint8Array;
  /** The block's coinbase transaction without witnesses: it fixes how deep the tree is. */
  readonly coinbase: Uint8Array;
  /** Merkle branch of the coinbase. */
  readonly coinbaseBranch: readonly Uint8Array[];
}

/** What a valid anchor shows, before anybody asked whether its block is on the best chain. */
export interface AnchorClaim {
  /** 32 bytes, internal order. */
  readonly blockHash: Uint8Array;
  readonly txid: Uint8Array;
  /** Time of the block header, Unix seconds; miners may set it up to two hours off. */
  readonly blockTime: number;
  /** The checkpoint that was anchored. */
  readonly checkpoint: Checkpoint;
}

const TAG = 'bitcoin-enterprise/checkpoint/v1';
// OP_RETURN, a push of 36 bytes, "BERC": enough for a scan of the chain to find candidates.
const PREFIX: readonly number[] = [0x6a, 0x24, 0x42, 0x45, 0x52, 0x43];

/**
 * The output script that anchors a checkpoint: `OP_RETURN "BERC" || tagged hash of the checkpoint's text`. It commits to
 * origin, size, root and extension lines, not to signatures: cosignatures may come later.
 *
 * @param text - Text of the checkpoint, as `formatCheckpoint` writes it.
 * @throws {@link ReceiptsError} `RECEIPTS_CHECKPOINT_MALFORMED`.
 *
 * @example
 * ```ts
 * import { anchorScript, formatCheckpoint } from '@bitcoin-enterprise/receipts';
 *
 * const script = anchorScript(formatCheckpoint({ origin: 'example.com/log', size: 1, root: new Uint8Array(32) }));
 * script.length; // => 38
 * ```
 */
export function anchorScript(text: string): Uint8Array {
  parseCheckpoint(text);
  return concatBytes(Uint8Array.from(PREFIX), currentCrypto().taggedHash(TAG, new TextEncoder().encode(text)));
}

/**
 * Takes the proof of an anchor out of a block.
 *
 * @param block - The whole block, serialized with or without witnesses.
 * @param options - Text of the anchored checkpoint, and the consistency proof to it when it is a later one than the
 * receipt's.
 * @throws {@link ReceiptsError} `RECEIPTS_ANCHOR_INVALID` when the bytes are no block or no transaction of it anchors the
 * checkpoint.
 */
export function anchorFromBlock(
  block: Uint8Array,
  options: { readonly checkpoint: string; readonly consistency?: readonly Uint8Array[] },
): Anchor {
  requireBytes('block', block);
  requireObject('options', options);
  const { checkpoint, consistency = [] } = options;
  requireText('options.checkpoint', checkpoint);
  const script = anchorScript(checkpoint);
  const { header, transactions } = attempt('transaction', () => readBlock(block));
  const index = transactions.findIndex((transaction) => anchors(transaction, script));
  const [coinbase] = transactions;
  const transaction = transactions[index];
  if (transaction === undefined || coinbase === undefined) throw invalid('commitment');
  const txids = transactions.map(({ stripped }) => currentCrypto().hash256(stripped));
  return {
    checkpoint,
    consistency,
    transaction: transaction.stripped,
    index,
    branch: branchOf(txids, index),
    header,
    coinbase: coinbase.stripped,
    coinbaseBranch: branchOf(txids, 0),
  };
}

/**
 * Verifies all of an anchor that needs no node: the commitment, the way from the receipt's checkpoint to the anchored
 * one, the transaction's place in the block, the block's proof of work.
 *
 * A transaction of 64 bytes can pass for an inner node of a block's Merkle tree, and an inner node for a transaction
 * (CVE-2017-12842). Neither helps here: transactions of 64 bytes are refused, and the coinbase must sit at the same
 * depth; nobody can make a coinbase whose first half is the hash of another one, for most of it is zeros.
 *
 * @throws {@link ReceiptsError} `RECEIPTS_ANCHOR_INVALID`.
 */
export function checkAnchor(
  anchor: Anchor,
  options: { readonly checkpoint: Checkpoint; readonly network: NetworkName },
): AnchorClaim {
  const { checkpoint: known, network } = options;
  const { transaction, index, branch, header, coinbase, coinbaseBranch } = anchor;
  const checkpoint = attempt('checkpoint', () => parseCheckpoint(anchor.checkpoint));
  if (checkpoint.origin !== known.origin || checkpoint.size < known.size) throw invalid('checkpoint');
  attempt('consistency', () =>
    verifyConsistency({
      first: known.size,
      firstRoot: known.root,
      second: checkpoint.size,
      secondRoot: checkpoint.root,
      proof: anchor.consistency,
    }),
  );

  if (transaction.length === 64 || coinbase.length === 64) throw invalid('transaction-size');
  const parsed = attempt('transaction', () => whole(transaction));
  if (!anchors(parsed, anchorScript(anchor.checkpoint))) throw invalid('commitment');
  if (header.length !== HEADER_LENGTH) throw invalid('header');
  if (!hasProofOfWork(header, network)) throw invalid('proof-of-work');
  const { hash256 } = currentCrypto();
  const root = merkleRootOf(header);
  const txid = hash256(transaction);
  if (!leadsTo(root, rootOfBranch(txid, index, branch))) throw invalid('branch');
  const isCoinbase = attempt('coinbase', () => whole(coinbase)).isCoinbase;
  const coinbaseRoot = rootOfBranch(hash256(coinbase), 0, coinbaseBranch);
  if (!isCoinbase || coinbaseBranch.length !== branch.length || !leadsTo(root, coinbaseRoot)) throw invalid('coinbase');
  return { blockHash: hash256(header), txid, blockTime: timeOf(header), checkpoint };
}

/** Requires an anchor by its types; `RECEIPTS_INVALID_ARGUMENT` otherwise. */
export function requireAnchor(anchor: unknown): asserts anchor is Anchor {
  requireObject('anchor', anchor);
  const { checkpoint, consistency, transaction, index, branch, header, coinbase, coinbaseBranch } = anchor as Anchor;
  requireText('anchor.checkpoint', checkpoint);
  requireCount('anchor.index', index);
  for (const [name, bytes] of Object.entries({ transaction, header, coinbase })) requireBytes(`anchor.${name}`, bytes);
  for (const [name, hashes] of Object.entries({ consistency, branch, coinbaseBranch })) {
    requireList(`anchor.${name}`, hashes);
    for (let i = 0; i < hashes.length; i++) requireBytes(`anchor.${name}[${i}]`, hashes[i], 32);
  }
}

/** Makes the error of an anchor. */
export function invalid(
  reason: ReceiptsErrors['RECEIPTS_ANCHOR_INVALID']['reason'],
): ReceiptsError<'RECEIPTS_ANCHOR_INVALID'> {
  return new ReceiptsError('RECEIPTS_ANCHOR_INVALID', `expected a valid anchor, got a wrong ${reason}`, {
    details: { reason },
  });
}

/** A transaction that is all of the bytes, in the form that its id hashes. */
function whole(bytes: Uint8Array): WireTransaction {
  const transaction = readTransaction(bytes);
  if (!equalBytes(transaction.stripped, bytes)) throw invalidArgument('transaction', 'without witnesses', bytes);
  return transaction;
}

function anchors(transaction: WireTransaction, script: Uint8Array): boolean {
  return transaction.outputScripts.some((output) => equalBytes(output, script));
}

function leadsTo(root: Uint8Array, found: Uint8Array | undefined): boolean {
  return found !== undefined && equalBytes(found, root);
}

/** Whatever is wrong with a part of an anchor is wrong with the anchor. */
function attempt<Value>(reason: ReceiptsErrors['RECEIPTS_ANCHOR_INVALID']['reason'], run: () => Value): Value {
  try {
    return run();
  } catch {
    throw invalid(reason);
  }
}
