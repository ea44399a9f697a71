import { blockHeight, displayHash, parseDisplayHash, parseHex } from '@bitcoin-enterprise/core';
import type { ChainSource } from '@bitcoin-enterprise/chain';
import { parseTransaction } from '@bitcoin-enterprise/script';
import { coinId, isTaproot, type WalletCoin } from '../building/coin.ts';
import { WalletError } from '../errors.ts';
import type { AccountRecord } from './account-record.ts';
import type { AccountCoin } from './bitcoin-account-model.ts';
import type { OwnOutputs } from './own-outputs.ts';

/** Blocks, its own included, until the next one may spend a block reward. */
const COINBASE_MATURITY = 100;

/** A coin before it is known how it is spent. */
type OwnCoin = Omit<AccountCoin, 'plan'> & {
  /** Whether it is no block reward, or one that may be spent in the next block. */
  readonly isRipe: boolean;
};

/** The coins of an account, from its chain and its record. */
export class AccountCoins {
  readonly #outputs: OwnOutputs;
  readonly #record: AccountRecord;
  readonly #chain: ChainSource;
  readonly #gapLimit: number;
  /** Whether the descriptor has relative locks, which may be of time. */
  readonly #hasTimeLocks: boolean;

  constructor(options: {
    readonly outputs: OwnOutputs;
    readonly record: AccountRecord;
    readonly chain: ChainSource;
    readonly gapLimit: number;
    readonly hasTimeLocks: boolean;
  }) {
    this.#outputs = options.outputs;
    this.#record = options.record;
    this.#chain = options.chain;
    this.#gapLimit = options.gapLimit;
    this.#hasTimeLocks = options.hasTimeLocks;
  }

  /** Those that can be spent in the next block, with the way they are spent. */
  async ripe(): Promise<readonly AccountCoin[]> {
    const tip = await this.#chain.tip();
    const found: AccountCoin[] = [];
    for (const { isRipe, ...coin } of await this.all()) {
      if (!isRipe) continue;
      const plan = this.#outputs.planOf(coin.output, tip, await this.#ageOf(coin.height, tip));
      if (plan !== undefined) found.push({ ...coin, plan });
    }
    return found;
  }

  /** Whether a script is the account's own, among those that were shown and those within the gap. */
  async isOwn(scriptPubKey: Uint8Array): Promise<boolean> {
    const { next } = await this.#record.load();
    for (const branch of this.#outputs.branches.keys())
      for (let index = 0; index < (next[branch === 1 ? 1 : 0] ?? 0) + this.#gapLimit; index++)
        this.#outputs.output(branch, index);
    return this.#outputs.placeOf(scriptPubKey) !== undefined;
  }

  /** Confirmed ones, and change that is on its way: what others send may be replaced. */
  async spendable(besides: readonly WalletCoin[]): Promise<readonly AccountCoin[]> {
    const { sent } = await this.#record.load();
    const others = new Set(besides.map(coinId));
    const coins = (await this.ripe()).filter(
      (coin) => (coin.height !== undefined || sent.has(displayHash(coin.txid))) && !others.has(coinId(coin)),
    );
    return Promise.all(coins.map(async (coin) => this.whole(coin)));
  }

  /** With the transaction that it came from, which a signature before Taproot does not vouch for. */
  async whole<Known extends WalletCoin>(coin: Known): Promise<Known> {
    if (isTaproot(coin) || coin.previousTransaction !== undefined) return coin;
    const found = await this.#chain.transaction(coin.txid);
    return found === undefined ? coin : { ...coin, previousTransaction: found.bytes };
  }

  /** Of the descriptor, what nobody else has spent; what is sent and not confirmed is spent, and its change is there. */
  async all(): Promise<readonly OwnCoin[]> {
    const chain = this.#chain;
    const gapLimit = this.#gapLimit;
    const { next, sent } = await this.#record.load();
    const tip = await chain.tip();
    const found: OwnCoin[] = [];
    for (const branch of this.#outputs.branches.keys()) {
      const issued = next[branch === 1 ? 1 : 0] ?? 0;
      for (let index = 0, gap = 0; gap < gapLimit || index < issued; index++) {
        const output = this.#outputs.output(branch, index);
        const unspent = await chain.unspentOutputsOf(output.scriptPubKey);
        gap = unspent.length > 0 || index < issued ? 0 : gap + 1;
        for (const { txid, index: place, value, height, coinbase } of unspent)
          found.push({
            isRipe: !coinbase || (height !== undefined && tip.height - height + 1 >= COINBASE_MATURITY),
            txid,
            index: place,
            value,
            output,
            branch,
            derivationIndex: index,
            ...(height === undefined ? {} : { height }),
          });
      }
    }
    const waiting = [...sent.values()].filter(({ outcome }) => outcome === undefined);
    const spent = new Set(waiting.flatMap(({ spends }) => spends.map(({ txid, index }) => `${txid}:${index}`)));
    for (const { txid, raw } of waiting) {
      const id = parseDisplayHash(txid);
      for (const [index, { value, scriptPubKey }] of parseTransaction(parseHex(raw)).outputs.entries()) {
        const place = this.#outputs.placeOf(scriptPubKey);
        const known = found.some((coin) => coin.index === index && displayHash(coin.txid) === txid);
        if (place === undefined || known) continue;
        if ((await chain.unspentOutput({ txid: id, index }, { includeMempool: true })) === undefined) continue;
        const output = this.#outputs.output(place.branch, place.index);
        found.push({
          txid: id,
          index,
          value,
          output,
          branch: place.branch,
          derivationIndex: place.index,
          isRipe: true,
        });
      }
    }
    return found.filter((coin) => !spent.has(coinId(coin)));
  }

  /** Whether all that a transaction spends is there to be spent, as far as blocks or the mempool say. */
  async hasAllOf(raw: Uint8Array): Promise<boolean> {
    const chain = this.#chain;
    for (const { previousTxid: txid, previousIndex: index } of parseTransaction(raw).inputs)
      if ((await chain.unspentOutput({ txid, index })) === undefined)
        if ((await chain.unspentOutput({ txid, index }, { includeMempool: true })) === undefined) return false;
    return true;
  }

  /** What a transaction pays. */
  async feeOf(tx: ReturnType<typeof parseTransaction>): Promise<bigint> {
    let fee = -tx.outputs.reduce((sum, { value }) => sum + value, 0n);
    for (const { previousTxid, previousIndex } of tx.inputs) {
      const before = await this.#chain.transaction(previousTxid);
      const value = before === undefined ? undefined : parseTransaction(before.bytes).outputs[previousIndex]?.value;
      if (value === undefined)
        throw new WalletError(
          'WALLET_BUILD_IMPOSSIBLE',
          'expected a chain that knows what the parent spends, got one that does not',
          {
            details: { reason: 'the fee of the parent is not known' },
            hint: 'use a source with an index of transactions',
          },
        );
      fee += value;
    }
    return fee;
  }

  /** How old a coin is, as relative locks count it: in blocks, and between median times (BIP68). */
  async #ageOf(
    height: number | undefined,
    tip: { readonly height: number; readonly medianTime: number },
  ): Promise<{ readonly confirmations: number; readonly ageSeconds: number }> {
    if (height === undefined) return { confirmations: 0, ageSeconds: 0 };
    const confirmations = tip.height - height + 1;
    if (!this.#hasTimeLocks) return { confirmations, ageSeconds: 0 };
    const chain = this.#chain;
    const hash = await chain.blockHash(blockHeight(Math.max(0, height - 1)));
    const before = hash === undefined ? undefined : await chain.header(hash);
    return { confirmations, ageSeconds: before === undefined ? 0 : Math.max(0, tip.medianTime - before.medianTime) };
  }
}
