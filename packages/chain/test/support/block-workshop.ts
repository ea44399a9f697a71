import { concatBytes, currentCrypto, parseHex } from '@bitcoin-enterprise/core';
import {
  type BlockHeader,
  joinBlock,
  parseTransaction,
  serializeBlockHeader,
  serializeTransaction,
  type Transaction,
  type TransactionInput,
  transactionId,
  witnessTransactionId,
} from '@bitcoin-enterprise/script';
import { type EmbeddedChain, FUNDER_SCRIPT, type Outpoint } from '@bitcoin-enterprise/chain';

/** How a hand-made block departs from a good one. */
export interface BlockEdits {
  readonly transactions?: readonly Transaction[];
  readonly coinbase?: (coinbase: Transaction) => Transaction;
  /** Changes the header before its proof of work is found. */
  readonly header?: (header: BlockHeader) => BlockHeader;
  /** Changes the list of transactions after the Merkle root is taken. */
  readonly afterMerkle?: (transactions: readonly Transaction[]) => readonly Transaction[];
  /** `none` leaves the witness commitment out, `wrong` spoils it. */
  readonly commitment?: 'right' | 'wrong' | 'none';
  /** Finds a hash that misses the target instead. */
  readonly miss?: boolean;
  /** Fees that the coinbase may take. */
  readonly reward?: bigint;
}

const crypto = currentCrypto();

/** Builds the block that comes next on a chain, with something wrong about it. */
export function buildBlock(chain: EmbeddedChain, edits: BlockEdits = {}): Uint8Array {
  const { tip } = chain;
  const { transactions = [], commitment = 'right' } = edits;
  const height = tip.height + 1;
  const witnessRoot = rootOf([new Uint8Array(32), ...transactions.map((tx) => witnessTransactionId(tx))]);
  const committed = crypto.hash256(concatBytes(witnessRoot, new Uint8Array(32)));
  if (commitment === 'wrong') committed[0] = (committed[0] as number) ^ 1;
  const plain: Transaction = {
    version: 2,
    inputs: [
      {
        previousTxid: new Uint8Array(32),
        previousIndex: 0xffff_ffff,
        scriptSig: concatBytes(pushOf(height), parseHex('04deadbeef')),
        sequence: 0xffff_ffff,
        witness: commitment === 'none' ? [] : [new Uint8Array(32)],
      },
    ],
    outputs: [
      { value: edits.reward ?? 5_000_000_000n >> BigInt(Math.floor(height / 150)), scriptPubKey: FUNDER_SCRIPT },
      ...(commitment === 'none' ? [] : [{ value: 0n, scriptPubKey: concatBytes(parseHex('6a24aa21a9ed'), committed) }]),
    ],
    lockTime: 0,
  };
  const all = [edits.coinbase?.(plain) ?? plain, ...transactions];
  const header: BlockHeader = {
    version: 0x2000_0000,
    previousBlockHash: tip.hash,
    merkleRoot: rootOf(all.map((tx) => transactionId(tx))),
    time: tip.time + 600,
    bits: 0x207f_ffff,
    nonce: 0,
  };
  const edited = edits.header?.(header) ?? header;
  const solved = solve(edited, edits.miss ?? false);
  return joinBlock(
    solved,
    (edits.afterMerkle?.(all) ?? all).map((tx) => serializeTransaction(tx)),
  );
}

function solve(header: BlockHeader, miss: boolean): BlockHeader {
  for (let nonce = 0; nonce < 100_000; nonce++) {
    const hash = crypto.hash256(serializeBlockHeader({ ...header, nonce }));
    const good = (hash[31] as number) < 0x7f;
    const bad = (hash[31] as number) > 0x7f;
    if (miss ? bad : good) return { ...header, nonce };
  }
  throw new Error('no nonce found');
}

function rootOf(ids: readonly Uint8Array[]): Uint8Array {
  let level = [...ids];
  while (level.length > 1) {
    const next: Uint8Array[] = [];
    for (let i = 0; i < level.length; i += 2)
      next.push(crypto.hash256(concatBytes(level[i] as Uint8Array, level[i + 1] ?? (level[i] as Uint8Array))));
    level = next;
  }
  return level[0] ?? new Uint8Array(32);
}

/** The push of a number up to 2^15 - 1 and above 16, as BIP34 wants it. */
export function pushOf(height: number): Uint8Array {
  if (height <= 16) return Uint8Array.of(0x50 + height);
  return height < 128 ? Uint8Array.of(1, height) : Uint8Array.of(2, height & 0xff, height >> 8);
}

/** An input that spends an outpoint. */
export function inputOf(outpoint: Outpoint, fields: Partial<TransactionInput> = {}): TransactionInput {
  return {
    previousTxid: outpoint.txid,
    previousIndex: outpoint.index,
    scriptSig: new Uint8Array(0),
    sequence: 0xffff_ffff,
    witness: [],
    ...fields,
  };
}

/** A transaction of inputs to one output. */
export function spend(
  inputs: readonly TransactionInput[],
  fields: Partial<Transaction> & { readonly value?: bigint } = {},
): Transaction {
  const { value = 1_000n, ...rest } = fields;
  return {
    version: 2,
    inputs,
    outputs: [{ value, scriptPubKey: parseHex(`51${'61'.repeat(10)}`) }],
    lockTime: 0,
    ...rest,
  };
}

/** A transaction as plain data. */
export const read = (bytes: Uint8Array): Transaction => parseTransaction(bytes);
