import { type CryptoEngine, currentCrypto } from '@bitcoin-enterprise/core';
import { requireBytes, requireCrypto, requireInteger, requireList, requireObject } from '../errors.ts';
import type { Block, BlockHeader } from '../model.ts';
import { readTransaction } from './parse.ts';
import { Scanner, compactSizeLength, readUint32, slice, writeCompactSize, writeUint32 } from './scanner.ts';
import { serializeTransaction } from './serialize.ts';
import { TransactionView } from './transaction-view.ts';

/** Bytes of a block header. */
export const BLOCK_HEADER_SIZE = 80;

/** A block as its header and views of its transactions: what the chain works on. */
export interface BlockView {
  readonly bytes: Uint8Array;
  readonly header: BlockHeader;
  readonly transactions: readonly TransactionView[];
}

/**
 * Reads the 80 bytes of a block header.
 *
 * @throws {@link ScriptError} `SCRIPT_BYTES_TRUNCATED`, `SCRIPT_BYTES_TRAILING`, `SCRIPT_INVALID_ARGUMENT`.
 */
export function parseBlockHeader(bytes: Uint8Array): BlockHeader {
  const scanner = new Scanner(requireBytes(bytes, 'bytes'));
  scanner.skip(BLOCK_HEADER_SIZE);
  scanner.end();
  return readHeader(bytes);
}

/** Writes a block header as 80 bytes. */
export function serializeBlockHeader(header: BlockHeader): Uint8Array {
  requireHeader(header);
  const bytes = new Uint8Array(BLOCK_HEADER_SIZE);
  writeUint32(bytes, 0, header.version);
  bytes.set(header.previousBlockHash, 4);
  bytes.set(header.merkleRoot, 36);
  writeUint32(bytes, 68, header.time);
  writeUint32(bytes, 72, header.bits);
  writeUint32(bytes, 76, header.nonce);
  return bytes;
}

/** Hash of a block: double SHA-256 of its header, 32 bytes in internal order. */
export function blockHash(header: BlockHeader, crypto: CryptoEngine = currentCrypto()): Uint8Array {
  return requireCrypto(crypto).hash256(serializeBlockHeader(header));
}

/**
 * Reads a block into its header and views of its transactions, without copying.
 *
 * @throws {@link ScriptError} `SCRIPT_BYTES_TRUNCATED`, `SCRIPT_BYTES_TRAILING`, `SCRIPT_ENCODING_INVALID`,
 * `SCRIPT_INVALID_ARGUMENT`.
 */
export function viewBlock(bytes: Uint8Array): BlockView {
  return { bytes, ...readBlock(bytes, (scanner) => TransactionView.scan(scanner)) };
}

function readBlock<Tx>(
  bytes: Uint8Array,
  read: (scanner: Scanner) => Tx,
): { readonly header: BlockHeader; readonly transactions: readonly Tx[] } {
  const scanner = new Scanner(requireBytes(bytes, 'bytes'));
  scanner.skip(BLOCK_HEADER_SIZE);
  const transactions: Tx[] = [];
  for (let count = scanner.compactSize(); count > 0; count--) transactions.push(read(scanner));
  scanner.end();
  return { header: readHeader(bytes), transactions };
}

/** Reads a block into plain data; throws as {@link viewBlock}. */
export function parseBlock(bytes: Uint8Array): Block {
  return readBlock(bytes, (scanner) => readTransaction(scanner, true));
}

/** Writes a block with the witnesses of its transactions. */
export function serializeBlock(block: Block): Uint8Array {
  requireObject(block, 'block');
  const transactions = requireList(block.transactions, 'block.transactions') as Block['transactions'];
  return joinBlock(
    block.header,
    transactions.map((tx) => serializeTransaction(tx)),
  );
}

/** Writes a block of transactions that are serialised already. */
export function joinBlock(header: BlockHeader, transactions: readonly Uint8Array[]): Uint8Array {
  const parts = requireList(transactions, 'transactions').map((tx) => requireBytes(tx, 'transactions entry'));
  let size = BLOCK_HEADER_SIZE + compactSizeLength(parts.length);
  for (const tx of parts) size += tx.length;
  const bytes = new Uint8Array(size);
  bytes.set(serializeBlockHeader(header));
  let offset = writeCompactSize(bytes, BLOCK_HEADER_SIZE, parts.length);
  for (const tx of parts) {
    bytes.set(tx, offset);
    offset += tx.length;
  }
  return bytes;
}

function readHeader(bytes: Uint8Array): BlockHeader {
  return {
    version: readUint32(bytes, 0) | 0,
    previousBlockHash: slice(bytes, 4, 36),
    merkleRoot: slice(bytes, 36, 68),
    time: readUint32(bytes, 68),
    bits: readUint32(bytes, 72),
    nonce: readUint32(bytes, 76),
  };
}

function requireHeader(header: BlockHeader): void {
  requireObject(header, 'header');
  requireInteger(header.version, 'header.version', -0x80000000, 0x7fffffff);
  requireBytes(header.previousBlockHash, 'header.previousBlockHash', 32);
  requireBytes(header.merkleRoot, 'header.merkleRoot', 32);
  requireInteger(header.time, 'header.time', 0, 0xffffffff);
  requireInteger(header.bits, 'header.bits', 0, 0xffffffff);
  requireInteger(header.nonce, 'header.nonce', 0, 0xffffffff);
}
