import {
  blockHeight,
  concatBytes,
  decodeAddress,
  displayHash,
  type Entropy,
  equalBytes,
  type FeeRate,
  feeRate as requireFeeRate,
  hasCode,
  type NetworkName,
  parseDisplayHash,
  parseHex,
  toHex,
} from '@bitcoin-enterprise/core';
import type { ChainSource, FeeEstimator, TxBroadcaster } from '@bitcoin-enterprise/chain';
import {
  type DerivedKey,
  type DerivedOutput,
  type Descriptor,
  parseDescriptor,
  planSpend,
  type SpendPlan,
} from '@bitcoin-enterprise/descriptors';
import type { EventStore } from '@bitcoin-enterprise/events';
import {
  parseTransaction,
  serializeTransaction,
  transactionId,
  transactionVirtualSize,
} from '@bitcoin-enterprise/script';
import {
  type BuiltTransaction,
  buildPayment,
  type BuildPaymentOptions,
  type PaymentOutput,
} from '../building/build.ts';
import { buildChild, buildReplacement } from '../building/bump.ts';
import { coinId, isTaproot, type WalletCoin } from '../building/coin.ts';
import { requireFunction, requireInteger, requireList, requireObject, requireText } from '../checks.ts';
import { NATIVE_ASSET } from '../control/payment.ts';
import { invalidArgument, WalletError } from '../errors.ts';
import { discoverAddresses, nextUnused } from '../keys/discover.ts';
import { type ScriptUsage, unspentUsage } from '../keys/script-usage.ts';
import { extractTransaction } from '../psbt/extract.ts';
import { finalizePsbt, type FinalizeOptions } from '../psbt/finalize.ts';
import type { Psbt } from '../psbt/model.ts';
import { requirePsbt } from '../psbt/require-psbt.ts';
import { psbtId } from '../psbt/transaction.ts';
import type { Signer } from '../signers/ports.ts';
import { decodeSilentAddress } from '../silent/address.ts';
import { verifySilentShares } from '../silent/psbt.ts';
import type { Balance, ChainAccount, PaymentStatus, SendRequest, SentPayment } from './account.ts';
import {
  type AccountEvent,
  type AccountLedger,
  EMPTY_ACCOUNT,
  foldAccount,
  type SentTransaction,
  type SpentCoin,
} from './ledger.ts';

/** What a Bitcoin account is made of. */
export interface BitcoinAccountOptions {
  /** Names the account in its store: 1 to 100 characters. */
  readonly id: string;
  /** Public, ranged; with `<0;1>` for receiving and change, or both given as two. */
  readonly descriptor: string;
  readonly network: NetworkName;
  readonly chain: ChainSource & TxBroadcaster & Partial<FeeEstimator>;
  readonly store: EventStore;
  /** Asked one after the other, each with what those before have added. */
  readonly signers: readonly Signer[];
  /** Which keys can sign, for the choice of the way that is spent; all when absent. */
  readonly canSign?: (key: DerivedKey) => boolean;
  /** Unused addresses in a row after which nothing more is looked for: 1 to 10,000, 20 when absent (BIP44). */
  readonly gapLimit?: number;
  /** When the chain does not estimate fees: satoshis per 1,000 virtual bytes; 1,000 when absent. */
  readonly fallbackFeeRate?: FeeRate;
  /** Estimates above are not believed: satoshis per 1,000 virtual bytes; 5,000,000 when absent. */
  readonly maximumFeeRate?: FeeRate;
  readonly entropy?: Entropy;
  readonly finalize?: FinalizeOptions;
}

/** A coin of an account, and where it lies. */
export type AccountCoin = WalletCoin & { readonly branch: number; readonly derivationIndex: number };

/** What is paid from an account. */
export interface AccountPayment {
  readonly payments: readonly PaymentOutput[];
  /** Estimated for six blocks when absent. */
  readonly feeRate?: FeeRate;
  /** Payments that the fee is taken from, by their place. */
  readonly feeFrom?: readonly number[];
  /** Coins that must be spent. */
  readonly requiredCoins?: readonly AccountCoin[];
  /** 3 for TRUC (BIP431). */
  readonly transactionVersion?: 2 | 3;
  readonly algorithms?: BuildPaymentOptions['algorithms'];
}

/** A transaction that was built and not sent yet. */
export type AccountDraft = Omit<BuiltTransaction, 'coins'> & {
  readonly coins: readonly AccountCoin[];
  /** The one that it is to replace. */
  readonly replaces?: string;
};

/** A Bitcoin account: one descriptor on one chain. */
export interface BitcoinAccount extends ChainAccount {
  readonly descriptor: Descriptor;
  readonly network: NetworkName;
  /**
   * Finds out which addresses were used before, so that none of them is shown again: after a restore, with a new store.
   * Without it, those that hold coins are found by themselves.
   *
   * @param usage - `scannedUsage` of `./keys` reads all blocks, and misses none.
   * @throws WalletError `WALLET_ABORTED`; what the usage throws.
   */
  restore(usage: ScriptUsage, options?: { readonly signal?: AbortSignal }): Promise<void>;
  /** Whether a script is the account's own, among the addresses that were shown and those within the gap. */
  isOwn(scriptPubKey: Uint8Array): Promise<boolean>;
  /** All coins that are unspent, also on their way, with the way they are spent now; those that cannot be are left out. */
  coins(): Promise<readonly AccountCoin[]>;
  /** Builds a payment. @throws as `buildPayment`. */
  draft(payment: AccountPayment): Promise<AccountDraft>;
  /** Builds a replacement of what was sent and is not confirmed (BIP125). @throws as `buildReplacement`. */
  draftReplacement(txid: string, feeRate: FeeRate): Promise<AccountDraft>;
  /** Builds a child of what was sent, or received, and is not confirmed (CPFP). @throws as `buildChild`. */
  draftChild(txid: string, feeRate: FeeRate): Promise<AccountDraft>;
  /** Hands a PSBT to all signers, one after the other. @throws those of the signers. */
  sign(psbt: Psbt): Promise<Psbt>;
  /**
   * Finishes, checks, records and sends what was signed. Two processes never send two transactions of one coin, unless
   * one replaces the other; a key that has sent the same payments already sends nothing new.
   *
   * @throws WalletError `WALLET_PSBT_INCOMPLETE`, `WALLET_PSBT_INPUT_INVALID`, `WALLET_PSBT_MISMATCH`, `WALLET_COIN_LOCKED`,
   * `WALLET_INVALID_ARGUMENT` for a key of other payments; ChainError
   * `CHAIN_TX_REJECTED`.
   */
  finish(key: string, draft: AccountDraft, signed: Psbt): Promise<SentPayment & { readonly fee: bigint }>;
  /** What was sent, oldest first. */
  sent(): Promise<readonly SentTransaction[]>;
}

/** When all locks are open. */
const SOME_DAY = {
  height: 499_999_999,
  medianTime: 0xffff_fffe,
  confirmations: 65_535,
  ageSeconds: 0xffff_ffff,
} as const;
const FEE_TARGET = 6;
const FALLBACK_FEE_RATE = 1_000n;
const MAXIMUM_FEE_RATE = 5_000_000n;
const CONFLICTS = 50;
/** Confirmations after which a transaction is not looked at any more. */
const FINAL = 6;
/** Addresses for change that are given to drafts and not used, in a row: half of what BIP44 looks through. */
const MOST_OPEN_CHANGES = 10;
/** Blocks, its own included, until the next one may spend a block reward. */
const COINBASE_MATURITY = 100;

/**
 * Opens a Bitcoin account. Everything but the descriptor can be lost: a new store finds the coins again.
 *
 * @throws WalletError `WALLET_INVALID_ARGUMENT`; DescriptorsError for a text that is no descriptor.
 */
export function createBitcoinAccount(options: BitcoinAccountOptions): BitcoinAccount {
  const given = requireObject<BitcoinAccountOptions>('options', options);
  const {
    gapLimit = 20,
    fallbackFeeRate = FALLBACK_FEE_RATE as FeeRate,
    maximumFeeRate = MAXIMUM_FEE_RATE as FeeRate,
    canSign = () => true,
  } = given;
  requireInteger('options.gapLimit', gapLimit, 1, 10_000);
  requireText('options.id', given.id);
  requireFunction('options.canSign', canSign);
  requireFunction('options.chain.tip', requireObject<ChainSource>('options.chain', given.chain).tip);
  requireFunction('options.store.append', requireObject<EventStore>('options.store', given.store).append);
  for (const [i, signer] of requireList('options.signers', given.signers).entries())
    requireFunction(`options.signers[${i}].sign`, requireObject<Signer>(`options.signers[${i}]`, signer).sign);
  requireFeeRate(fallbackFeeRate);
  requireFeeRate(maximumFeeRate);
  const descriptor = parseDescriptor(requireText('options.descriptor', given.descriptor));
  if (!descriptor.isRange || descriptor.multipathCount > 2)
    throw invalidArgument(
      'options.descriptor',
      'a descriptor with a wildcard and at most two branches',
      given.descriptor,
    );
  return new StoredAccount({ ...options, gapLimit, fallbackFeeRate, maximumFeeRate, canSign }, descriptor);
}

/** A coin before it is known how it is spent. */
type OwnCoin = Omit<AccountCoin, 'plan'> & {
  /** Whether it is no block reward, or one that may be spent in the next block. */
  readonly isRipe: boolean;
};

type Settled = BitcoinAccountOptions &
  Required<Pick<BitcoinAccountOptions, 'gapLimit' | 'fallbackFeeRate' | 'maximumFeeRate' | 'canSign'>>;

class StoredAccount implements BitcoinAccount {
  readonly id: string;
  readonly chain: string;
  readonly network: NetworkName;
  readonly descriptor: Descriptor;
  readonly #options: Settled;
  readonly #stream: string;
  readonly #branches: readonly Descriptor[];
  readonly #derived: Map<string, DerivedOutput> = new Map();
  readonly #scripts: Map<string, { readonly branch: number; readonly index: number }> = new Map();
  /** Whether the descriptor has relative locks, which may be of time. */
  readonly #hasTimeLocks: boolean;
  #ledger: AccountLedger = EMPTY_ACCOUNT;

  constructor(options: Settled, descriptor: Descriptor) {
    this.id = options.id;
    this.network = options.network;
    this.chain = `bitcoin:${options.network}`;
    this.descriptor = descriptor;
    this.#options = options;
    this.#stream = `wallet/account/${options.id}`;
    this.#branches = descriptor.paths();
    this.#hasTimeLocks = String(descriptor).includes('older(');
  }

  async receiveAddress(): Promise<string> {
    const index = await this.#issue(0);
    const address = this.#output(0, index).address(this.network);
    if (address === undefined)
      throw invalidArgument('descriptor', 'one whose scripts have addresses', String(this.descriptor));
    return address;
  }

  async restore(usage: ScriptUsage, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const { gapLimit } = this.#options;
    const paths = await discoverAddresses(this.descriptor, { ...options, usage, gapLimit });
    for (const [branch, path] of paths.entries()) {
      const index = nextUnused(path) - 1;
      await this.#append(({ next }) => {
        const isKnown = index < (next[branch === 1 ? 1 : 0] ?? 0);
        return isKnown ? undefined : { type: 'issued', branch, index, isUsed: true };
      });
    }
  }

  async isOwn(scriptPubKey: Uint8Array): Promise<boolean> {
    const { next } = await this.#load();
    for (const branch of this.#branches.keys())
      for (let index = 0; index < (next[branch === 1 ? 1 : 0] ?? 0) + this.#options.gapLimit; index++)
        this.#output(branch, index);
    return this.#scripts.has(toHex(scriptPubKey));
  }

  async balances(): Promise<readonly Balance[]> {
    const coins = await this.#allCoins();
    const sum = (list: readonly { readonly value: bigint }[]): bigint =>
      list.reduce((total, { value }) => total + value, 0n);
    const confirmed = coins.filter(({ height, isRipe }) => height !== undefined && isRipe);
    return [{ asset: NATIVE_ASSET, available: sum(confirmed), pending: sum(coins) - sum(confirmed) }];
  }

  async coins(): Promise<readonly AccountCoin[]> {
    const tip = await this.#options.chain.tip();
    const found: AccountCoin[] = [];
    for (const { isRipe, ...coin } of await this.#allCoins()) {
      if (!isRipe) continue;
      const plan = this.#planOf(coin.output, tip, await this.#ageOf(coin.height, tip));
      if (plan !== undefined) found.push({ ...coin, plan });
    }
    return found;
  }

  async draft(payment: AccountPayment): Promise<AccountDraft> {
    const given = requireObject<AccountPayment>('payment', payment) as AccountPayment;
    requireList('payment.requiredCoins', given.requiredCoins ?? []);
    const { payments, feeRate = await this.#feeRate(), requiredCoins, ...rest } = given;
    const coins = await this.#spendable(requiredCoins ?? []);
    const required = await Promise.all((requiredCoins ?? []).map(async (coin) => this.#whole(coin)));
    const built = buildPayment({
      ...rest,
      ...(await this.#common()),
      payments,
      feeRate,
      coins,
      requiredCoins: required,
      change: await this.#change(),
    });
    return this.#drafted(built);
  }

  async draftReplacement(txid: string, feeRate: FeeRate): Promise<AccountDraft> {
    const before = await this.#waiting(txid);
    const tx = parseTransaction(parseHex(before.raw));
    const replacedCoins = await Promise.all(before.spends.map(async (spent) => this.#whole(this.#coinOf(spent))));
    // Of other inputs a silent payment has another script: it is paid by its address again.
    const paid = tx.outputs.map((output, place): PaymentOutput => {
      const keys = before.silent?.find((one) => one.output === place)?.keys;
      return keys === undefined ? output : { value: output.value, silentAddress: parseHex(keys) };
    });
    const payments = paid.filter((_, i) => i !== before.changeIndex);
    const built = buildReplacement({
      ...(await this.#common()),
      feeRate,
      payments: payments.length > 0 ? payments : paid,
      replacedCoins,
      replacedFee: BigInt(before.fee),
      // Those of its own change would hang on what it replaces.
      coins: (await this.#spendable([])).filter(({ height }) => height !== undefined),
      change:
        before.changeIndex === undefined
          ? await this.#change()
          : await this.#changeOf(tx.outputs[before.changeIndex]?.scriptPubKey),
      transactionVersion: tx.version === 3 ? 3 : 2,
    });
    return { ...this.#drafted(built), replaces: txid };
  }

  async draftChild(txid: string, feeRate: FeeRate): Promise<AccountDraft> {
    const id = parseDisplayHash(txid);
    const found = await this.#options.chain.transaction(id);
    if (found === undefined || found.block !== undefined)
      throw new WalletError(
        'WALLET_BUILD_IMPOSSIBLE',
        'expected a transaction that waits, got one that is mined or unknown',
        {
          details: { reason: 'there is nothing to pay for' },
        },
      );
    const parent = parseTransaction(found.bytes);
    const fee = await this.#feeOf(parent);
    const own = await this.coins();
    const outputs = own.filter((coin) => displayHash(coin.txid) === txid);
    const { output } = await this.#change();
    const built = buildChild({
      ...(await this.#common()),
      feeRate,
      parents: [{ virtualSize: transactionVirtualSize(parent), fee }],
      outputs,
      coins: parent.version === 3 ? [] : await this.#spendable(outputs),
      change: output,
      transactionVersion: parent.version === 3 ? 3 : 2,
    });
    return this.#drafted(built);
  }

  async sign(psbt: Psbt): Promise<Psbt> {
    let signed = psbt;
    for (const signer of this.#options.signers) {
      const before = signed;
      signed = await signer.sign(before);
      // The next one must not sign what this one has made of it.
      if (!isSameTransaction(before, signed))
        throw new WalletError('WALLET_SIGNER_ANSWER_INVALID', `expected the same transaction of ${signer.name}`, {
          details: { signer: signer.name, reason: 'another transaction' },
        });
    }
    return signed;
  }

  async finish(key: string, draft: AccountDraft, signed: Psbt): Promise<SentPayment & { readonly fee: bigint }> {
    requireInteger('key.length', requireText('key', key).length, 1, 200);
    requireDrafted(requireObject<AccountDraft>('draft', draft).psbt, signed);
    const tx = extractTransaction(finalizePsbt(signed, this.#options.finalize));
    const raw = serializeTransaction(tx);
    const txid = displayHash(transactionId(tx));
    const { fee, changeIndex, replaces } = draft;
    const spends = draft.coins.map((coin) => spentOf(coin));
    const silent = signed.outputs.flatMap(({ silentAddress }, output) =>
      silentAddress === undefined ? [] : [{ output, keys: toHex(silentAddress) }],
    );
    // Whoever has computed the scripts: they must be those of the addresses (BIP375, Extractor).
    if (silent.length > 0) verifySilentShares(signed);
    const event: AccountEvent = {
      type: 'sent',
      key,
      txid,
      raw: toHex(raw),
      fee: String(fee),
      spends,
      ...(changeIndex === undefined ? {} : { changeIndex, ...(await this.#changePlace(tx.outputs[changeIndex])) }),
      ...(silent.length === 0 ? {} : { silent }),
      ...(replaces === undefined ? {} : { replaces }),
    };
    let earlier: SentTransaction | undefined;
    await this.#append((ledger) => {
      const same = ledger.sent.get(txid);
      if (same !== undefined && same.outcome !== 'failed') return undefined;
      // Somebody else may have sent it meanwhile, from other coins.
      const known = currentOf(ledger, key);
      earlier = known === undefined || known.txid === replaces || known.outcome === 'failed' ? undefined : known;
      if (earlier !== undefined) return undefined;
      for (const other of ledger.sent.values()) {
        if (other.outcome === 'failed' || other.outcome === 'replaced' || other.txid === replaces) continue;
        const shared = other.spends.find((one) =>
          spends.some((mine) => mine.txid === one.txid && mine.index === one.index),
        );
        if (shared !== undefined) throw coinLocked(`${shared.txid}:${shared.index}`);
      }
      return event;
    });
    if (earlier !== undefined) {
      const known: SentTransaction = earlier;
      const isSame = signed.outputs.every(
        (output, place) => place === changeIndex || pays(known, output.value, output),
      );
      if (!isSame) throw invalidArgument('key', 'a key of this payment, which was not given to another', key);
      await this.#sendAgain(earlier);
      return { key, id: earlier.txid, fee: BigInt(earlier.fee) };
    }
    await this.#broadcast(txid, raw);
    return { key, id: txid, fee };
  }

  async send(request: SendRequest): Promise<SentPayment> {
    const { key, to, amount, asset = NATIVE_ASSET } = requireObject<SendRequest>('request', request) as SendRequest;
    requireInteger('request.key.length', requireText('request.key', key).length, 1, 200);
    if (asset !== NATIVE_ASSET) throw invalidArgument('request.asset', NATIVE_ASSET, asset);
    if (typeof amount !== 'bigint' || amount <= 0n)
      throw invalidArgument('request.amount', 'satoshis, as a bigint above 0', amount);
    const receiver = receiverOf(to, this.network);
    const ledger = await this.#load();
    const known = currentOf(ledger, key);
    const made = madeUnder(ledger, key);
    if (!made.every((one) => pays(one, amount, receiver)))
      throw invalidArgument('request.key', 'a key of this payment, which was not given to another', key);
    // Whichever of its transactions was mined: one that was replaced, or that a node refused, may be the one.
    for (const one of made) if ((await this.#placeOf(one)) !== undefined) return { key, id: one.txid };
    if (known !== undefined && known.outcome !== 'failed') {
      await this.#sendAgain(known);
      return { key, id: known.txid };
    }
    const requiredCoins = await this.#conflicting(made);
    const draft = await this.draft({ payments: [{ value: amount, ...receiver }], requiredCoins });
    return this.finish(key, draft, await this.sign(draft.psbt));
  }

  /** Coins of what had failed: spent again, so that only one of them can ever be mined. */
  async #conflicting(failed: readonly SentTransaction[]): Promise<readonly AccountCoin[]> {
    const coins = failed.length === 0 ? [] : await this.coins();
    const required = new Map<string, AccountCoin>();
    for (const { spends, txid } of failed) {
      const free = coins.find((coin) => spends.some((spent) => coinId(coin) === nameOf(spent)));
      if (free !== undefined) required.set(coinId(free), free);
      else if (!(await this.#isDead(txid))) throw coinLocked(spends[0] === undefined ? txid : nameOf(spends[0]));
    }
    return [...required.values()];
  }

  /** Whether another transaction of this account, which was mined, has spent a coin of one. */
  async #isDead(txid: string): Promise<boolean> {
    const { sent } = await this.#load();
    const spends = new Set(sent.get(txid)?.spends.map(nameOf));
    for (const other of sent.values())
      if (other.txid !== txid && other.spends.some((spent) => spends.has(nameOf(spent))))
        if (((await this.#placeOf(other))?.confirmations ?? 0) > 0) return true;
    return false;
  }

  /** Where the chain has a transaction; a node without an index of them knows its unspent outputs alone. */
  async #placeOf({ txid, raw }: SentTransaction): Promise<{ readonly confirmations: number } | undefined> {
    const { chain } = this.#options;
    const id = parseDisplayHash(txid);
    const found = await chain.transaction(id);
    if (found !== undefined) return found;
    for (const index of parseTransaction(parseHex(raw)).outputs.keys()) {
      const output = await chain.unspentOutput({ txid: id, index });
      if (output?.height !== undefined) return { confirmations: (await chain.tip()).height - output.height + 1 };
    }
    return undefined;
  }

  async #sendAgain(one: SentTransaction & { readonly outcome?: string }): Promise<void> {
    if (one.outcome === undefined) await this.#broadcast(one.txid, parseHex(one.raw));
  }

  async status(key: string): Promise<PaymentStatus> {
    const ledger = await this.#load();
    const current = currentOf(ledger, key);
    if (current === undefined) return 'unknown';
    if (current.outcome === 'confirmed') return 'confirmed';
    // What was replaced, or refused by one node, may be mined all the same.
    let isThere = false;
    for (const one of madeUnder(ledger, key)) {
      const place = await this.#placeOf(one);
      if ((place?.confirmations ?? 0) > 0) return 'confirmed';
      isThere ||= place !== undefined;
    }
    return current.outcome === 'failed' && !isThere ? 'failed' : 'pending';
  }

  async resume(): Promise<void> {
    for (const one of (await this.#load()).sent.values()) {
      if (one.outcome !== undefined) continue;
      const { txid } = one;
      const found = await this.#placeOf(one);
      if (found === undefined)
        try {
          await this.#sendAgain(one);
        } catch (error) {
          // On record, and no reason to leave the others behind.
          if (!hasCode(error, 'CHAIN_TX_REJECTED', 'CHAIN_TX_MALFORMED')) throw error;
        }
      else if (found.confirmations >= FINAL)
        await this.#append(() => ({ type: 'settled', txid, outcome: 'confirmed' }));
    }
  }

  async sent(): Promise<readonly SentTransaction[]> {
    return [...(await this.#load()).sent.values()];
  }

  async #waiting(txid: string): Promise<SentTransaction> {
    const sent = (await this.#load()).sent.get(txid);
    const found = await this.#options.chain.transaction(parseDisplayHash(txid));
    if (sent === undefined || sent.outcome !== undefined || found?.block !== undefined)
      throw new WalletError(
        'WALLET_BUILD_IMPOSSIBLE',
        'expected a transaction of this account that waits, got another',
        {
          details: { reason: 'there is nothing to replace' },
        },
      );
    return sent;
  }

  async #broadcast(txid: string, raw: Uint8Array): Promise<void> {
    try {
      await this.#options.chain.broadcast(raw);
    } catch (error) {
      const sent = (await this.#load()).sent.get(txid);
      // What is mined already is refused too.
      if (sent !== undefined && (await this.#placeOf(sent)) !== undefined) return;
      // The coins are free again; any other error leaves open whether the node has it, and `resume` sends it again. So does
      // a refusal when a coin is spent and nobody knows by what: it may be this one, mined long ago.
      const isRefused = hasCode(error, 'CHAIN_TX_REJECTED', 'CHAIN_TX_MALFORMED');
      if (isRefused && ((await this.#hasAllCoins(raw)) || (await this.#isDead(txid))))
        await this.#append(() => ({
          type: 'settled',
          txid,
          outcome: 'failed',
          reason: (error as Error).message.slice(0, 300),
        }));
      throw error;
    }
  }

  /** Whether all that a transaction spends is there to be spent, as far as blocks or the mempool say. */
  async #hasAllCoins(raw: Uint8Array): Promise<boolean> {
    const { chain } = this.#options;
    for (const { previousTxid: txid, previousIndex: index } of parseTransaction(raw).inputs)
      if ((await chain.unspentOutput({ txid, index })) === undefined)
        if ((await chain.unspentOutput({ txid, index }, { includeMempool: true })) === undefined) return false;
    return true;
  }

  /** Confirmed ones, and change that is on its way: what others send may be replaced. */
  async #spendable(besides: readonly WalletCoin[]): Promise<readonly AccountCoin[]> {
    const { sent } = await this.#load();
    const others = new Set(besides.map(coinId));
    const coins = (await this.coins()).filter(
      (coin) => (coin.height !== undefined || sent.has(displayHash(coin.txid))) && !others.has(coinId(coin)),
    );
    return Promise.all(coins.map(async (coin) => this.#whole(coin)));
  }

  /** With the transaction that it came from, which a signature before Taproot does not vouch for. */
  async #whole<Known extends WalletCoin>(coin: Known): Promise<Known> {
    if (isTaproot(coin) || coin.previousTransaction !== undefined) return coin;
    const found = await this.#options.chain.transaction(coin.txid);
    return found === undefined ? coin : { ...coin, previousTransaction: found.bytes };
  }

  /** Of the descriptor, what nobody else has spent; what is sent and not confirmed is spent, and its change is there. */
  async #allCoins(): Promise<readonly OwnCoin[]> {
    const { chain, gapLimit } = this.#options;
    const { next, sent } = await this.#load();
    const tip = await chain.tip();
    const found: OwnCoin[] = [];
    for (const branch of this.#branches.keys()) {
      const issued = next[branch === 1 ? 1 : 0] ?? 0;
      for (let index = 0, gap = 0; gap < gapLimit || index < issued; index++) {
        const output = this.#output(branch, index);
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
        const place = this.#scripts.get(toHex(scriptPubKey));
        const known = found.some((coin) => coin.index === index && displayHash(coin.txid) === txid);
        if (place === undefined || known) continue;
        if ((await chain.unspentOutput({ txid: id, index }, { includeMempool: true })) === undefined) continue;
        const output = this.#output(place.branch, place.index);
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

  #planOf(
    output: DerivedOutput,
    tip: { readonly height: number; readonly medianTime: number },
    age: { readonly confirmations: number; readonly ageSeconds: number },
  ): SpendPlan | undefined {
    const { canSign } = this.#options;
    const plan = planSpend(output, { canSign, height: tip.height, medianTime: tip.medianTime, ...age, lowR: true });
    return plan.ok ? plan : undefined;
  }

  /** How old a coin is, as relative locks count it: in blocks, and between median times (BIP68). */
  async #ageOf(
    height: number | undefined,
    tip: { readonly height: number; readonly medianTime: number },
  ): Promise<{ readonly confirmations: number; readonly ageSeconds: number }> {
    if (height === undefined) return { confirmations: 0, ageSeconds: 0 };
    const confirmations = tip.height - height + 1;
    if (!this.#hasTimeLocks) return { confirmations, ageSeconds: 0 };
    const { chain } = this.#options;
    const hash = await chain.blockHash(blockHeight(Math.max(0, height - 1)));
    const before = hash === undefined ? undefined : await chain.header(hash);
    return { confirmations, ageSeconds: before === undefined ? 0 : Math.max(0, tip.medianTime - before.medianTime) };
  }

  #coinOf({ txid, index, value, branch, derivationIndex }: SpentCoin): AccountCoin {
    const output = this.#output(branch, derivationIndex);
    const plan = planSpend(output, {
      canSign: this.#options.canSign,
      ...SOME_DAY,
      lowR: true,
    });
    if (!plan.ok) throw coinLocked(`${txid}:${index}`);
    return { txid: parseDisplayHash(txid), index, value: BigInt(value), output, plan, branch, derivationIndex };
  }

  async #feeOf(tx: ReturnType<typeof parseTransaction>): Promise<bigint> {
    let fee = -tx.outputs.reduce((sum, { value }) => sum + value, 0n);
    for (const { previousTxid, previousIndex } of tx.inputs) {
      const before = await this.#options.chain.transaction(previousTxid);
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

  async #change(): Promise<BuildPaymentOptions['change']> {
    const branch = this.#branches.length > 1 ? 1 : 0;
    const { next, unused } = await this.#load();
    // What drafts that came to nothing have taken would be a gap that a restore does not look beyond: taken once more.
    const isGap =
      branch === 1 && next[1] - unused[1] >= MOST_OPEN_CHANGES && this.#options.gapLimit > MOST_OPEN_CHANGES;
    return this.#changeAt(branch, isGap ? unused[1] : await this.#issue(branch));
  }

  async #changeOf(scriptPubKey: Uint8Array | undefined): Promise<BuildPaymentOptions['change']> {
    const place = scriptPubKey === undefined ? undefined : this.#scripts.get(toHex(scriptPubKey));
    return place === undefined ? this.#change() : this.#changeAt(place.branch, place.index);
  }

  async #changePlace(
    output: { readonly scriptPubKey: Uint8Array } | undefined,
  ): Promise<Pick<SentTransaction, 'changeAt'>> {
    // Another process may have drafted it: then it is derived here.
    if (output === undefined || !(await this.isOwn(output.scriptPubKey))) return {};
    const place = this.#scripts.get(toHex(output.scriptPubKey));
    return place === undefined ? {} : { changeAt: { branch: place.branch, derivationIndex: place.index } };
  }

  #changeAt(branch: number, index: number): BuildPaymentOptions['change'] {
    const output = this.#output(branch, index);
    const plan = planSpend(output, {
      canSign: this.#options.canSign,
      ...SOME_DAY,
      lowR: true,
    });
    // Of a wallet that cannot sign yet: heavier than most inputs.
    return { output, spendWeight: plan.ok ? plan.weight.maximum : 1_000 };
  }

  async #common(): Promise<{ readonly lockTime: number; readonly entropy?: Entropy }> {
    const { chain, entropy } = this.#options;
    // Against fee sniping: whoever mines the last block again cannot take the transaction along.
    const { height } = await chain.tip();
    return { lockTime: height, ...(entropy === undefined ? {} : { entropy }) };
  }

  async #feeRate(): Promise<FeeRate> {
    const { chain, fallbackFeeRate, maximumFeeRate } = this.#options;
    const rate = (await chain.estimateFeeRate?.(FEE_TARGET)) ?? fallbackFeeRate;
    if (rate <= maximumFeeRate) return rate;
    throw new WalletError(
      'WALLET_BUILD_IMPOSSIBLE',
      `expected a fee rate of at most ${maximumFeeRate} sat/kvB, got an estimate of ${rate}`,
      {
        details: { reason: 'an estimate of the fee rate that nobody pays' },
        hint: 'give the fee rate to `draft`, or raise `maximumFeeRate`',
      },
    );
  }

  #drafted(built: BuiltTransaction): AccountDraft {
    return { ...built, coins: built.coins as readonly AccountCoin[] };
  }

  #output(branch: number, index: number): DerivedOutput {
    const name = `${branch}/${index}`;
    const known = this.#derived.get(name);
    if (known !== undefined) return known;
    const output = (this.#branches[branch] as Descriptor).derive(index);
    this.#derived.set(name, output);
    for (const script of output.scripts) this.#scripts.set(toHex(script), { branch, index });
    return output;
  }

  /** The next address of a branch, on record before anybody sees it. */
  async #issue(branch: number): Promise<number> {
    // A new store does not know what the seed has done before.
    if ((await this.#load()).version === 0) await this.restore(unspentUsage(this.#options.chain));
    let index = 0;
    await this.#append((ledger) => {
      index = ledger.next[branch === 1 ? 1 : 0] ?? 0;
      return { type: 'issued', branch, index };
    });
    return index;
  }

  async #load(): Promise<AccountLedger> {
    for (;;) {
      const before = this.#ledger;
      const events = await this.#options.store.readStream(this.#stream, { after: before.version });
      // Another call has gone on meanwhile: what was read would be folded twice.
      if (this.#ledger !== before) continue;
      if (events.length === 0) return before;
      this.#ledger = foldAccount(before, events);
    }
  }

  async #append(propose: (ledger: AccountLedger) => AccountEvent | undefined): Promise<void> {
    for (let tries = 1; ; tries++) {
      const ledger = await this.#load();
      const event = propose(ledger);
      if (event === undefined) return;
      const { type, ...data } = event;
      try {
        await this.#options.store.append({
          stream: this.#stream,
          expectedVersion: ledger.version,
          events: [{ type, data }],
        });
        return;
      } catch (error) {
        if (!hasCode(error, 'EVENTS_VERSION_CONFLICT') || tries >= CONFLICTS) throw error;
      }
    }
  }
}

/** An address as what is paid: a script, or the keys of a silent payment. */
function receiverOf(to: string, network: NetworkName): Partial<PaymentOutput> {
  if (!/^t?sp1/i.test(to)) return { scriptPubKey: decodeAddress(to, network).scriptPubKey };
  const { scanPublicKey, spendPublicKey } = decodeSilentAddress(to, network);
  return { silentAddress: concatBytes(scanPublicKey, spendPublicKey) };
}

type Recorded = SentTransaction & { readonly outcome?: string };

/** What stands for a payment now: the last one of its key, or what has replaced it. */
function currentOf({ sent }: AccountLedger, key: string): Recorded | undefined {
  const all = [...sent.values()];
  let current = all.findLast((one) => one.key === key && one.outcome !== 'replaced');
  current ??= all.findLast((one) => one.key === key);
  while (current?.outcome === 'replaced') {
    const { txid } = current;
    const next = all.findLast((one) => one.replaces === txid && one.outcome !== 'failed');
    if (next === undefined) break;
    current = next;
  }
  return current;
}

/** All transactions that were made for a payment: of its key, and what has replaced them. */
function madeUnder({ sent }: AccountLedger, key: string): readonly Recorded[] {
  const made: Recorded[] = [];
  const ids = new Set<string>();
  for (const one of sent.values())
    if (one.key === key || (one.replaces !== undefined && ids.has(one.replaces))) {
      made.push(one);
      ids.add(one.txid);
    }
  return made;
}

/** Whether a transaction pays an amount to a receiver. */
function pays({ raw, silent = [] }: SentTransaction, amount: bigint, receiver: Partial<PaymentOutput>): boolean {
  const { scriptPubKey, silentAddress } = receiver;
  const keys = silentAddress === undefined ? undefined : toHex(silentAddress);
  return parseTransaction(parseHex(raw)).outputs.some((output, place) => {
    if (output.value !== amount) return false;
    if (keys !== undefined) return silent.some((one) => one.output === place && one.keys === keys);
    return scriptPubKey !== undefined && equalBytes(output.scriptPubKey, scriptPubKey);
  });
}

/** What was signed must be what was drafted: the coins of the draft are what goes on record. */
function requireDrafted(drafted: Psbt | undefined, signed: Psbt): void {
  requirePsbt(drafted, 'draft.psbt');
  requirePsbt(signed, 'signed');
  if (isSameTransaction(drafted, signed)) return;
  throw new WalletError('WALLET_PSBT_MISMATCH', 'expected the transaction that was drafted, got another', {
    details: { reason: 'another transaction than the draft' },
  });
}

/** In either version, and before or after silent payments have their scripts. */
function isSameTransaction(one: Psbt, other: Psbt): boolean {
  return equalBytes(psbtId({ ...one, version: 2 }), psbtId({ ...other, version: 2 }));
}

function nameOf({ txid, index }: SpentCoin): string {
  return `${txid}:${index}`;
}

function spentOf({ txid, index, value, branch, derivationIndex }: AccountCoin): SpentCoin {
  return { txid: displayHash(txid), index, value: String(value), branch, derivationIndex };
}

function coinLocked(outpoint: string): WalletError<'WALLET_COIN_LOCKED'> {
  return new WalletError(
    'WALLET_COIN_LOCKED',
    `expected a coin that is free, got ${outpoint}, which another payment spends`,
    {
      details: { outpoint },
      hint: 'build the payment again',
    },
  );
}
