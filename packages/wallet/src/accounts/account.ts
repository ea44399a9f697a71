/** How much of an asset an account has. */
export interface Balance {
  /** `native`, or the address of a token. */
  readonly asset: string;
  /** In the smallest unit: what can be spent, and what is on its way. */
  readonly available: bigint;
  readonly pending: bigint;
}

/** What is to be paid from an account. */
export interface SendRequest {
  /**
   * Names the payment for good: the same key again sends nothing new, and is refused with another amount or receiver
   * (`WALLET_INVALID_ARGUMENT`). 1 to 200 characters.
   */
  readonly key: string;
  /** An address of the account's chain. */
  readonly to: string;
  /** In the smallest unit. */
  readonly amount: bigint;
  /** `native` when absent. */
  readonly asset?: string;
}

/** A payment that was sent. */
export interface SentPayment {
  readonly key: string;
  /** The id of the transaction, as people read it on that chain. */
  readonly id: string;
}

/** What became of a payment. */
export type PaymentStatus = 'pending' | 'confirmed' | 'failed' | 'unknown';

/** An account of any chain: what a {@link Wallet} asks of a chain. */
export interface ChainAccount {
  /** Names the account in its wallet. */
  readonly id: string;
  /** `bitcoin:main`, `bitcoin:regtest`, `eip155:1`. */
  readonly chain: string;
  /** An address to be paid at; of Bitcoin one that was never shown before. */
  receiveAddress(): Promise<string>;
  /** All assets of the account, the native one first. */
  balances(): Promise<readonly Balance[]>;
  /**
   * Pays. What is on record is durable when it resolves.
   *
   * @throws WalletError `WALLET_FUNDS_INSUFFICIENT`, `WALLET_NOT_APPROVED`, and those of the chain and its signers.
   */
  send(request: SendRequest): Promise<SentPayment>;
  /** What became of what was sent under a key. */
  status(key: string): Promise<PaymentStatus>;
  /** Sends everything again that is not confirmed: after a restart. */
  resume(): Promise<void>;
}
