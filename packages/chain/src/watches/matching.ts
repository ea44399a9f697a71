import { currentCrypto, displayHash, toHex } from '@bitcoin-enterprise/core';
import type { TransactionView } from '@bitcoin-enterprise/script';
import type { Match, Watch, WatchState } from './model.ts';

/** Watches by what they wait for, so that a transaction is looked up and not compared. */
export class WatchIndex {
  readonly #transactions = new Map<string, string[]>();
  readonly #outputs = new Map<string, string[]>();
  readonly #scripts = new Map<string, string[]>();

  /** @param watches - What to look for. */
  constructor(watches: Iterable<Watch>) {
    for (const watch of watches)
      if (watch.kind === 'transaction') put(this.#transactions, watch.txid, watch.id);
      else if (watch.kind === 'output') put(this.#outputs, `${watch.txid}:${watch.index}`, watch.id);
      else if (watch.kind === 'script') put(this.#scripts, watch.script, watch.id);
  }

  /** What a transaction means to the watches. */
  match(tx: TransactionView): readonly Match[] {
    const matches: Match[] = [];
    let id: string | undefined;
    const txid = (): string => (id ??= displayHash(tx.id(currentCrypto())));
    if (this.#transactions.size > 0)
      for (const watch of this.#transactions.get(txid()) ?? []) matches.push({ watch, txid: txid() });
    if (this.#outputs.size > 0)
      for (let index = 0; index < tx.inputCount; index++) {
        const spent = `${displayHash(tx.previousTxid(index))}:${tx.previousIndex(index)}`;
        for (const watch of this.#outputs.get(spent) ?? []) matches.push({ watch, txid: txid(), index });
      }
    if (this.#scripts.size > 0)
      for (let index = 0; index < tx.outputCount; index++)
        for (const watch of this.#scripts.get(toHex(tx.scriptPubKey(index))) ?? [])
          matches.push({ watch, txid: txid(), index, value: String(tx.value(index)) });
    return matches;
  }
}

/** The index of a state, made anew only when its watches have changed. */
export class IndexOfWatches {
  #watches: readonly Watch[] = [];
  #state: WatchState | undefined;
  #index: WatchIndex = new WatchIndex([]);

  /** @param state - Whose watches to look for. */
  of(state: WatchState): WatchIndex {
    if (state === this.#state) return this.#index;
    const watches = watchesOf(state);
    const isSame = watches.length === this.#watches.length && watches.every((watch, i) => watch === this.#watches[i]);
    if (!isSame) this.#index = new WatchIndex(watches);
    this.#watches = watches;
    this.#state = state;
    return this.#index;
  }
}

/** The watches of a state. */
export function watchesOf(state: WatchState): readonly Watch[] {
  return Object.values(state.watches).map(({ watch }) => watch);
}

function put(map: Map<string, string[]>, key: string, id: string): void {
  map.set(key, [...(map.get(key) ?? []), id]);
}
