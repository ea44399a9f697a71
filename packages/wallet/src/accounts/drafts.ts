import { displayHash, type Entropy, type FeeRate, parseDisplayHash, parseHex } from '@bitcoin-enterprise/core';
import { parseTransaction, transactionVirtualSize } from '@bitcoin-enterprise/script';
import {
  type BuiltTransaction,
  buildPayment,
  type BuildPaymentOptions,
  type PaymentOutput,
} from '../building/build.ts';
import { buildChild, buildReplacement } from '../building/bump.ts';
import { requireList, requireObject } from '../checks.ts';
import { WalletError } from '../errors.ts';
import type { AccountCoins } from './account-coins.ts';
import type { AccountRecord } from './account-record.ts';
import type { AccountCoin, AccountDraft, AccountPayment, BitcoinAccountOptions } from './bitcoin-account-model.ts';
import type { SentTransaction } from './ledger.ts';
import type { OwnOutputs } from './own-outputs.ts';

const FEE_TARGET = 6;
/** Addresses for change that are given to drafts and not used, in a row: half of what BIP44 looks through. */
const MOST_OPEN_CHANGES = 10;

/** What drafts are made of. */
export interface DraftsOptions extends Pick<BitcoinAccountOptions, 'chain' | 'entropy'> {
  readonly record: AccountRecord;
  readonly outputs: OwnOutputs;
  readonly coins: AccountCoins;
  readonly gapLimit: number;
  readonly fallbackFeeRate: FeeRate;
  readonly maximumFeeRate: FeeRate;
  /** Puts the next address of a branch on record, and says which it is. */
  readonly issue: (branch: number) => Promise<number>;
}

/** Builds the transactions of an account, before they are signed. */
export class Drafts {
  readonly #options: DraftsOptions;

  /** @param options - Coins, change and rates. */
  constructor(options: DraftsOptions) {
    this.#options = options;
  }

  /** A payment. */
  async payment(payment: AccountPayment): Promise<AccountDraft> {
    const given = requireObject<AccountPayment>('payment', payment) as AccountPayment;
    requireList('payment.requiredCoins', given.requiredCoins ?? []);
    const { payments, feeRate = await this.#feeRate(), requiredCoins, ...rest } = given;
    const coins = await this.#options.coins.spendable(requiredCoins ?? []);
    const required = await Promise.all((requiredCoins ?? []).map(async (coin) => this.#options.coins.whole(coin)));
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

  /** A replacement of what was sent and is not confirmed (BIP125). */
  async replacement(txid: string, feeRate: FeeRate): Promise<AccountDraft> {
    const before = await this.#waiting(txid);
    const tx = parseTransaction(parseHex(before.raw));
    const replacedCoins = await Promise.all(
      before.spends.map(async (spent) => this.#options.coins.whole(this.#options.outputs.coinOf(spent))),
    );
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
      coins: (await this.#options.coins.spendable([])).filter(({ height }) => height !== undefined),
      change:
        before.changeIndex === undefined
          ? await this.#change()
          : await this.#changeOf(tx.outputs[before.changeIndex]?.scriptPubKey),
      transactionVersion: tx.version === 3 ? 3 : 2,
    });
    return { ...this.#drafted(built), replaces: txid };
  }

  /** A child of what is not confirmed (CPFP). */
  async child(txid: string, feeRate: FeeRate): Promise<AccountDraft> {
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
    const fee = await this.#options.coins.feeOf(parent);
    const own = await this.#options.coins.ripe();
    const outputs = own.filter((coin) => displayHash(coin.txid) === txid);
    const { output } = await this.#change();
    const built = buildChild({
      ...(await this.#common()),
      feeRate,
      parents: [{ virtualSize: transactionVirtualSize(parent), fee }],
      outputs,
      coins: parent.version === 3 ? [] : await this.#options.coins.spendable(outputs),
      change: output,
      transactionVersion: parent.version === 3 ? 3 : 2,
    });
    return this.#drafted(built);
  }

  async #waiting(txid: string): Promise<SentTransaction> {
    const sent = (await this.#options.record.load()).sent.get(txid);
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

  async #change(): Promise<BuildPaymentOptions['change']> {
    const branch = this.#options.outputs.branches.length > 1 ? 1 : 0;
    const { next, unused } = await this.#options.record.load();
    // What drafts that came to nothing have taken would be a gap that a restore does not look beyond: taken once more.
    const isGap =
      branch === 1 && next[1] - unused[1] >= MOST_OPEN_CHANGES && this.#options.gapLimit > MOST_OPEN_CHANGES;
    return this.#options.outputs.changeAt(branch, isGap ? unused[1] : await this.#options.issue(branch));
  }

  async #changeOf(scriptPubKey: Uint8Array | undefined): Promise<BuildPaymentOptions['change']> {
    const place = scriptPubKey === undefined ? undefined : this.#options.outputs.placeOf(scriptPubKey);
    return place === undefined ? this.#change() : this.#options.outputs.changeAt(place.branch, place.index);
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
}
