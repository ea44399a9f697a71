import { toHex } from '@bitcoin-enterprise/core';
import type { BlockNode, Connected } from '../model/block-node.ts';
import type { Coin, Coins } from '../model/coins.ts';
import { PersistentMap } from '../model/persistent-map.ts';
import type { Outpoint } from '../ports/chain-source.ts';

/** A coin with its name. */
export interface OwnedCoin extends Outpoint {
  readonly coin: Coin;
}

/**
 * Which coins pay to which script. It follows the chain by what has changed since it was last asked, on any branch, so
 * that blocks cost nothing until somebody asks, and asking costs what the blocks since then have changed.
 */
export class CoinIndex {
  #coins: Coins = PersistentMap.empty();
  readonly #byScript = new Map<string, OwnedCoin[]>();

  /** All coins that pay to a script after a block, by height, then by transaction id as bytes, then by index. */
  coinsOf(node: BlockNode, scriptPubKey: Uint8Array): readonly OwnedCoin[] {
    this.#follow((node.connected as Connected).coins);
    return this.#byScript.get(toHex(scriptPubKey)) ?? [];
  }

  #follow(coins: Coins): void {
    if (coins === this.#coins) return;
    const { lost, gained } = this.#coins.changesTo(coins);
    this.#coins = coins;
    for (const { key, index, value } of lost) this.#remove({ txid: key, index, coin: value });
    // New coins are higher than all others, so that in this order most are put at the end of their lists.
    const owned = gained.map(({ key, index, value }): OwnedCoin => ({ txid: key, index, coin: value }));
    for (const coin of owned.sort(byHeight)) this.#insert(coin);
  }

  #insert(owned: OwnedCoin): void {
    const script = toHex(owned.coin.scriptPubKey);
    const list = this.#byScript.get(script);
    if (list === undefined) this.#byScript.set(script, [owned]);
    else list.splice(placeIn(list, owned), 0, owned);
  }

  #remove(owned: OwnedCoin): void {
    const script = toHex(owned.coin.scriptPubKey);
    const list = this.#byScript.get(script) as OwnedCoin[];
    list.splice(placeIn(list, owned), 1);
    if (list.length === 0) this.#byScript.delete(script);
  }
}

/** Position of the first coin that does not come before another. */
function placeIn(list: readonly OwnedCoin[], owned: OwnedCoin): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (byHeight(list[middle] as OwnedCoin, owned) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function byHeight(a: OwnedCoin, b: OwnedCoin): number {
  if (a.coin.height !== b.coin.height) return a.coin.height - b.coin.height;
  const at = a.txid.findIndex((byte, i) => byte !== b.txid[i]);
  return at < 0 ? a.index - b.index : (a.txid[at] as number) - (b.txid[at] as number);
}
