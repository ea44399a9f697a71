import type { Entropy, FeeRate, NetworkName } from '@bitcoin-enterprise/core';
import type { ChainSource, FeeEstimator, TxBroadcaster } from '@bitcoin-enterprise/chain';
import type { DerivedKey, Descriptor } from '@bitcoin-enterprise/descriptors';
import type { EventStore } from '@bitcoin-enterprise/events';
import type { BuildPaymentOptions, BuiltTransaction, PaymentOutput } from '../building/build.ts';
import type { WalletCoin } from '../building/coin.ts';
import type { ScriptUsage } from '../keys/script-usage.ts';
import type { FinalizeOptions } from '../psbt/finalize.ts';
import type { Psbt } from '../psbt/model.ts';
import type { Signer } from '../signers/ports.ts';
import type { ChainAccount, SentPayment } from './account.ts';
import type { SentTransaction } from './ledger.ts';

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
