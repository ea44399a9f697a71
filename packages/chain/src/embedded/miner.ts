import { concatBytes, type CryptoEngine } from '@bitcoin-enterprise/core';
import {
  type BlockHeader,
  type BlockView,
  joinBlock,
  serializeBlockHeader,
  serializeTransaction,
  type TransactionOutput,
  type TransactionView,
  viewTransaction,
} from '@bitcoin-enterprise/script';
import { ChainError } from '../errors.ts';
import type { BlockNode } from '../model/block-node.ts';
import { heightPush } from '../model/block-rules.ts';
import { merkleRoot } from '../model/merkle.ts';
import { reachesTarget } from '../model/proof-of-work.ts';
import { REGTEST_BITS, REGTEST_TARGET } from '../model/regtest.ts';
import { COMMITMENT_HEADER, witnessCommitment } from '../model/witness-commitment.ts';

/** BIP9's version bits with no deployment signalled. */
const BLOCK_VERSION = 0x2000_0000;

/** What goes into a block. */
export interface BlockContents {
  /** Everything but the coinbase, parents before children. */
  readonly transactions: readonly TransactionView[];
  /** Unix seconds. */
  readonly time: number;
  /** Where the reward goes. */
  readonly scriptPubKey: Uint8Array;
  /** Satoshis. */
  readonly reward: bigint;
  /** Makes the coinbase, and so the block, unlike any other of the same height. */
  readonly extraNonce: number;
  /** Of the header; without signals when absent. */
  readonly version?: number | undefined;
  /** Whether the coinbase cannot be in a lower block (BIP54), as Core makes it since version 30. */
  readonly locksCoinbase?: boolean | undefined;
}

/** Builds a block on a parent and finds its proof of work: on regtest, about every second nonce is one. */
export function mineBlock(parent: BlockNode, contents: BlockContents, crypto: CryptoEngine): BlockView {
  const { transactions, time } = contents;
  const coinbase = coinbaseFor(parent.height + 1, contents, crypto);
  const all = [coinbase, ...transactions];
  const header: BlockHeader = {
    version: contents.version ?? BLOCK_VERSION,
    previousBlockHash: parent.hash,
    merkleRoot: merkleRoot(
      all.map((tx) => tx.id(crypto)),
      crypto,
    ).root,
    time,
    bits: REGTEST_BITS,
    nonce: 0,
  };
  const nonce = findNonce(serializeBlockHeader(header), crypto);
  const solved = { ...header, nonce };
  const bytes = joinBlock(
    solved,
    all.map((tx) => tx.bytes),
  );
  return { bytes, header: solved, transactions: all };
}

/** The same block with a nonce that gives it its proof of work. */
export function withProofOfWork(view: BlockView, crypto: CryptoEngine): BlockView {
  const header = { ...view.header, nonce: findNonce(serializeBlockHeader({ ...view.header, nonce: 0 }), crypto) };
  const bytes = joinBlock(
    header,
    view.transactions.map((tx) => tx.bytes),
  );
  return { bytes, header, transactions: view.transactions };
}

function coinbaseFor(height: number, contents: BlockContents, crypto: CryptoEngine): TransactionView {
  const { transactions, scriptPubKey, reward, extraNonce, locksCoinbase = false } = contents;
  const reserved = new Uint8Array(32);
  const commitment = witnessCommitment(transactions, reserved, crypto);
  const outputs: readonly TransactionOutput[] = [
    { value: reward, scriptPubKey },
    { value: 0n, scriptPubKey: concatBytes(COMMITMENT_HEADER, commitment) },
  ];
  const counter = Uint8Array.of(4, extraNonce, extraNonce >>> 8, extraNonce >>> 16, extraNonce >>> 24);
  const input = {
    previousTxid: new Uint8Array(32),
    previousIndex: 0xffff_ffff,
    scriptSig: concatBytes(heightPush(height), counter),
    sequence: locksCoinbase ? 0xffff_fffe : 0xffff_ffff,
    witness: [reserved],
  };
  const lockTime = locksCoinbase ? height - 1 : 0;
  return viewTransaction(serializeTransaction({ version: 2, inputs: [input], outputs, lockTime }));
}

function findNonce(header: Uint8Array, crypto: CryptoEngine): number {
  const view = new DataView(header.buffer, header.byteOffset, header.length);
  for (let nonce = 0; nonce <= 0xffff; nonce++) {
    view.setUint32(76, nonce, true);
    if (reachesTarget(crypto.hash256(header), REGTEST_TARGET)) return nonce;
  }
  // One in two hashes reaches the target: 65,536 misses mean a broken hash function.
  throw new ChainError('CHAIN_MINING_FAILED', 'expected a proof of work within 65,536 hashes, got none', {
    details: { bits: REGTEST_BITS },
  });
}
