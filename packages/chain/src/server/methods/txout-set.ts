import { compareBytes, concatBytes, encodeCompactSize } from '@bitcoin-enterprise/core';
import type { Coin } from '../../model/coins.ts';
import { hashJson, invalidParameter } from '../arguments.ts';
import { amountJson } from '../json.ts';
import type { RegtestNode } from '../node.ts';

/** The sums over all coins, as `gettxoutsetinfo` answers; `hash_serialized_3` commits to every one of them. */
export function txoutSetInfo(node: RegtestNode, type: string): object {
  if (type !== 'hash_serialized_3' && type !== 'none') throw invalidParameter(`'${type}' is not a valid hash_type`);
  const entries = [...node.connected.coins.entries()].sort((a, b) => compareBytes(a.key, b.key) || a.index - b.index);
  let total = 0n;
  let bogosize = 0;
  let transactions = 0;
  let previous: Uint8Array | undefined;
  const parts: Uint8Array[] = [];
  for (const { key, index, value: coin } of entries) {
    total += coin.value;
    bogosize += 32 + 4 + 4 + 8 + 2 + coin.scriptPubKey.length;
    if (previous === undefined || compareBytes(previous, key) !== 0) transactions++;
    previous = key;
    if (type !== 'none') parts.push(serialized(key, index, coin));
  }
  return {
    height: node.tip.height,
    bestblock: hashJson(node.tip.hash),
    txouts: entries.length,
    bogosize,
    ...(type === 'none' ? {} : { hash_serialized_3: hashJson(node.tools.crypto.hash256(concatBytes(...parts))) }),
    total_amount: amountJson(total),
    transactions,
    disk_size: 0,
  };
}

/** A coin as Core hashes it: outpoint, height and coinbase in one number, amount, script. */
function serialized(txid: Uint8Array, index: number, coin: Coin): Uint8Array {
  const head = new Uint8Array(48);
  const view = new DataView(head.buffer);
  head.set(txid);
  view.setUint32(32, index, true);
  view.setUint32(36, coin.height * 2 + (coin.coinbase ? 1 : 0), true);
  view.setBigInt64(40, coin.value, true);
  return concatBytes(head, encodeCompactSize(coin.scriptPubKey.length), coin.scriptPubKey);
}
