/** What bytes prove by themselves, whoever hands them over. */
import { concatBytes, currentCrypto, equalBytes } from '@bitcoin-enterprise/core';
import {
  BLOCK_HEADER_SIZE,
  type BlockHeader,
  type BlockView,
  parseBlockHeader,
  type TransactionView,
  viewBlock,
  viewTransaction,
} from '@bitcoin-enterprise/script';
import { merkleRoot } from '../model/merkle.ts';
import { reachesTarget, targetBytes, targetOf } from '../model/proof-of-work.ts';
import { checkWitnesses } from '../model/witness-commitment.ts';
import { answerInvalid, readAs } from './answer.ts';

/** A header with its hash, and the work that went into it checked. */
export interface ProvenHeader {
  readonly hash: Uint8Array;
  readonly header: BlockHeader;
}

/** A branch of a Merkle tree: what a transaction and a header are tied together by. */
export interface MerkleBranch {
  /** From the leaf up, 32 bytes each in internal order. */
  readonly hashes: readonly Uint8Array[];
  /** Place of the transaction in its block. */
  readonly position: number;
}

/** Inner nodes of a Merkle tree have 64 bytes, and a transaction of 64 bytes could be taken for one (F49). */
const AMBIGUOUS_SIZE = 64;

/** Reads 80 bytes as a header whose hash reaches the target it names, and is the one asked for, if one was. */
export function proveHeader(method: string, bytes: Uint8Array, hash?: Uint8Array): ProvenHeader {
  return readAs(method, 'a block header of 80 bytes', () => {
    const header = parseBlockHeader(bytes);
    const found = currentCrypto().hash256(bytes);
    if (hash !== undefined && !equalBytes(found, hash))
      throw answerInvalid(method, 'the header of the block asked for');
    if (!hasWork(header, found)) throw answerInvalid(method, 'a header with proof of work');
    return { hash: found, header };
  });
}

/** Whether a hash reaches the target that its header names. */
export function hasWork(header: BlockHeader, hash: Uint8Array): boolean {
  const target = targetOf(header.bits);
  return target !== undefined && reachesTarget(hash, targetBytes(target));
}

/** Reads a block whose header has the hash asked for, and whose transactions and witnesses are the ones it commits to. */
export function proveBlock(method: string, bytes: Uint8Array, hash: Uint8Array): BlockView {
  return readAs(method, 'a block', () => {
    proveHeader(method, bytes.subarray(0, BLOCK_HEADER_SIZE), hash);
    const block = viewBlock(bytes);
    const crypto = currentCrypto();
    const { root, mutated } = merkleRoot(
      block.transactions.map((tx) => tx.id(crypto)),
      crypto,
    );
    if (mutated || !equalBytes(root, block.header.merkleRoot) || checkWitnesses(block, crypto) !== undefined)
      throw answerInvalid(method, 'a block of the transactions that its header commits to');
    return block;
  });
}

/** Reads a transaction that has the id asked for. Its witness, which the id does not cover, is the source's word. */
export function proveTransaction(method: string, bytes: Uint8Array, txid: Uint8Array): TransactionView {
  return readAs(method, 'a transaction', () => {
    const view = viewTransaction(bytes);
    if (!equalBytes(view.id(), txid)) throw answerInvalid(method, 'the transaction asked for');
    return view;
  });
}

/**
 * Checks that a transaction is in a block.
 *
 * @param branch - From the transaction to the root.
 * @param facts - `depth`: hashes in the branch of the block's coinbase, which an inner node posing as a transaction
 * would have one more than; absent when it is not known.
 */
export function proveInclusion(
  method: string,
  branch: MerkleBranch,
  facts: { readonly tx: TransactionView; readonly header: BlockHeader; readonly depth?: number },
): void {
  const { tx, header, depth } = facts;
  const { hashes, position } = branch;
  const sound =
    tx.baseSize !== AMBIGUOUS_SIZE &&
    hashes.length < 32 &&
    Number.isSafeInteger(position) &&
    position >= 0 &&
    position < 2 ** hashes.length &&
    (depth === undefined || depth === hashes.length) &&
    equalBytes(foldBranch(tx.id(), branch), header.merkleRoot);
  if (!sound) throw answerInvalid(method, 'a proof that the transaction is in the block');
}

/** Root that a leaf and its branch lead to. */
function foldBranch(leaf: Uint8Array, { hashes, position }: MerkleBranch): Uint8Array {
  const crypto = currentCrypto();
  let node = leaf;
  let side = position;
  for (const hash of hashes) {
    node = crypto.hash256(side % 2 === 0 ? concatBytes(node, hash) : concatBytes(hash, node));
    side = Math.floor(side / 2);
  }
  return node;
}

/** Branch of the transaction at a place, for whoever serves proofs. */
export function branchOf(txids: readonly Uint8Array[], position: number): readonly Uint8Array[] {
  const crypto = currentCrypto();
  const hashes: Uint8Array[] = [];
  let level = txids;
  for (let side = position; level.length > 1; side = Math.floor(side / 2)) {
    const last = level.at(-1) as Uint8Array;
    const even = level.length % 2 === 0 ? level : [...level, last];
    hashes.push(even[side ^ 1] as Uint8Array);
    level = Array.from({ length: even.length / 2 }, (_, i) =>
      crypto.hash256(concatBytes(even[2 * i] as Uint8Array, even[2 * i + 1] as Uint8Array)),
    );
  }
  return hashes;
}

/** Whether an output can never be spent, so that nodes do not keep it: `OP_RETURN`, or a script beyond all limits. */
export function isUnspendable(scriptPubKey: Uint8Array): boolean {
  return scriptPubKey[0] === 0x6a || scriptPubKey.length > 10_000;
}

/** Median of the times of a header and the ten before it, newest first (BIP113). */
export function medianTimeOf(headers: readonly BlockHeader[]): number {
  const times = headers.slice(0, 11).map(({ time }) => time);
  times.sort((a, b) => a - b);
  return times[times.length >> 1] ?? 0;
}
