export type { Balance, ChainAccount, PaymentStatus, SendRequest, SentPayment } from './account.ts';
export type {
  AccountCoin,
  AccountDraft,
  AccountPayment,
  BitcoinAccount,
  BitcoinAccountOptions,
} from './bitcoin-account-model.ts';
export { createBitcoinAccount } from './bitcoin-account.ts';
export type { SentTransaction, SpentCoin } from './ledger.ts';
export { type ChainAdapter, createWallet, type Wallet } from './wallet.ts';
