import { hasCode, parseDisplayHash, parseHex } from '@bitcoin-enterprise/core';
import type { ChainSource, TxBroadcaster } from '@bitcoin-enterprise/chain';
import { parseTransaction } from '@bitcoin-enterprise/script';
import { coinId } from '../building/coin.ts';
import type { AccountCoins } from './account-coins.ts';
import type { AccountRecord } from './account-record.ts';
import type { AccountCoin } from './bitcoin-account-model.ts';
import type { SentTransaction } from './ledger.ts';
import { coinLocked, nameOf } from './payments.ts';

/** Sends what is on record, and finds out what has become of it. */
export class Sender {
  readonly #chain: ChainSource & TxBroadcaster;
  readonly #record: AccountRecord;
  readonly #coins: AccountCoins;

  constructor(options: {
    readonly chain: ChainSource & TxBroadcaster;
    readonly record: AccountRecord;
    readonly coins: AccountCoins;
  }) {
    this.#chain = options.chain;
    this.#record = options.record;
    this.#coins = options.coins;
  }

  /** Sends what is on record; what the chain refuses for good is noted. */
  async broadcast(txid: string, raw: Uint8Array): Promise<void> {
    try {
      await this.#chain.broadcast(raw);
    } catch (error) {
      const sent = (await this.#record.load()).sent.get(txid);
      // What is mined already is refused too.
      if (sent !== undefined && (await this.placeOf(sent)) !== undefined) return;
      // The coins are free again; any other error leaves open whether the node has it, and `resume` sends it again. So does
      // a refusal when a coin is spent and nobody knows by what: it may be this one, mined long ago.
      const isRefused = hasCode(error, 'CHAIN_TX_REJECTED', 'CHAIN_TX_MALFORMED');
      if (isRefused && ((await this.#coins.hasAllOf(raw)) || (await this.isDead(txid))))
        await this.#record.append(() => ({
          type: 'settled',
          txid,
          outcome: 'failed',
          reason: (error as Error).message.slice(0, 300),
        }));
      throw error;
    }
  }

  /** Sends once more what has not ended yet. */
  async again(one: SentTransaction & { readonly outcome?: string }): Promise<void> {
    if (one.outcome === undefined) await this.broadcast(one.txid, parseHex(one.raw));
  }

  /** Where the chain has a transaction; a node without an index of them knows its unspent outputs alone. */
  async placeOf({ txid, raw }: SentTransaction): Promise<{ readonly confirmations: number } | undefined> {
    const chain = this.#chain;
    const id = parseDisplayHash(txid);
    const found = await chain.transaction(id);
    if (found !== undefined) return found;
    for (const index of parseTransaction(parseHex(raw)).outputs.keys()) {
      const output = await chain.unspentOutput({ txid: id, index });
      if (output?.height !== undefined) return { confirmations: (await chain.tip()).height - output.height + 1 };
    }
    return undefined;
  }

  /** Whether another transaction of this account, which was mined, has spent a coin of one. */
  async isDead(txid: string): Promise<boolean> {
    const { sent } = await this.#record.load();
    const spends = new Set(sent.get(txid)?.spends.map(nameOf));
    for (const other of sent.values())
      if (other.txid !== txid && other.spends.some((spent) => spends.has(nameOf(spent))))
        if (((await this.placeOf(other))?.confirmations ?? 0) > 0) return true;
    return false;
  }

  /** Coins of what had failed: spent again, so that only one of them can ever be mined. */
  async conflicting(failed: readonly SentTransaction[]): Promise<readonly AccountCoin[]> {
    const coins = failed.length === 0 ? [] : await this.#coins.ripe();
    const required = new Map<string, AccountCoin>();
    for (const { spends, txid } of failed) {
      const free = coins.find((coin) => spends.some((spent) => coinId(coin) === nameOf(spent)));
      if (free !== undefined) required.set(coinId(free), free);
      else if (!(await this.isDead(txid))) throw coinLocked(spends[0] === undefined ? txid : nameOf(spends[0]));
    }
    return [...required.values()];
  }
}
