/** What leaves the chain is a copy: nobody outside holds the bytes that the chain itself stands on. */
import { blockHeight, satoshis } from '@bitcoin-enterprise/core';
import type { BlockNode } from '../model/block-node.ts';
import type { BlockReference, UnspentOutput } from '../ports/chain-source.ts';
import type { OwnedCoin } from './coin-index.ts';

/** Bytes of their own. */
export function copyOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

/** The name of a block. */
export function referenceTo(node: BlockNode): BlockReference {
  return { hash: copyOf(node.hash), height: blockHeight(node.height) };
}

/** A coin as users see it. */
export function unspentFrom({ txid, index, coin }: OwnedCoin): UnspentOutput {
  return {
    txid: copyOf(txid),
    index,
    value: satoshis(coin.value),
    scriptPubKey: copyOf(coin.scriptPubKey),
    height: blockHeight(coin.height),
    coinbase: coin.coinbase,
  };
}
