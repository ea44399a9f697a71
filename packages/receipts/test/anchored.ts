import { currentCrypto, equalBytes } from '@bitcoin-enterprise/core';
import { anchorReceipt, anchorScript, type BestChain, parseNote, type Receipt } from '@bitcoin-enterprise/receipts';
import type { Scene } from './scene.ts';

/** A block of our own with valid proof of work at regtest's difficulty, and a chain of this one block. */
export interface TinyBlock {
  readonly block: Uint8Array;
  readonly chain: BestChain;
}

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));
const join = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

/** A transaction without witnesses: one input, one output. */
export function transactionOf(outpoint: Uint8Array, outputScript: Uint8Array): Uint8Array {
  const input = join(outpoint, hex('0151ffffffff'));
  const output = join(new Uint8Array(8), Uint8Array.of(outputScript.length), outputScript);
  return join(hex('0200000001'), input, Uint8Array.of(1), output, new Uint8Array(4));
}

/** A coinbase transaction of a height. */
export function coinbaseOf(height: number): Uint8Array {
  const input = join(
    new Uint8Array(32),
    hex('ffffffff03'),
    Uint8Array.of(2, height & 0xff, height >> 8),
    hex('ffffffff'),
  );
  return join(hex('0200000001'), input, hex('0100f2052a010000002651'), new Uint8Array(37), new Uint8Array(4));
}

/** Mines a block out of transactions, the first of which is the coinbase. */
export function mineTinyBlock(transactions: readonly Uint8Array[]): TinyBlock {
  const { hash256 } = currentCrypto();
  let row = transactions.map((bytes) => hash256(bytes));
  while (row.length > 1)
    row = Array.from({ length: Math.ceil(row.length / 2) }, (_, i) => {
      const left = row[2 * i] as Uint8Array;
      return hash256(join(left, row[2 * i + 1] ?? left));
    });
  const header = join(
    hex('00000020'),
    new Uint8Array(32).fill(5),
    row[0] as Uint8Array,
    hex('00f15365ffff7f20'),
    new Uint8Array(4),
  );
  while ((hash256(header)[31] as number) > 0x7f) header[76] = (header[76] as number) + 1;
  const hash = hash256(header);
  return {
    block: join(header, Uint8Array.of(transactions.length), ...transactions),
    chain: { confirmations: async (wanted) => (equalBytes(wanted, hash) ? 6 : undefined) },
  };
}

/** Anchors the checkpoint of a receipt, among other transactions. */
export async function anchored(
  scene: Scene,
  receipt: Receipt,
): Promise<{ readonly receipt: Receipt; readonly chain: BestChain }> {
  // The latest one of the log, which may be later than the receipt's.
  const checkpoint = parseNote((await scene.log.checkpoint()) ?? receipt.checkpoint).text;
  const others = Array.from({ length: 5 }, (_, i) => transactionOf(new Uint8Array(36).fill(i + 1), hex('51')));
  const ours = transactionOf(new Uint8Array(36).fill(77), anchorScript(checkpoint));
  const { block, chain } = mineTinyBlock([coinbaseOf(500), ...others.slice(0, 3), ours, ...others.slice(3)]);
  return { receipt: await anchorReceipt(receipt, { block, checkpoint, log: scene.log }), chain };
}
