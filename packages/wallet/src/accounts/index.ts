export type { Balance, ChainAccount, PaymentStatus, SendRequest, SentPayment } from './account.ts';
export {
  type AccountCoin,
  type AccountDraft,
  type AccountPayment,
  type BitcoinAccount,
  type BitcoinAccountOptions,
  createBitcoinAccount,
} from './bitcoin-account.ts';
export type { SentTransaction, SpentCoin } from './ledger.ts';
export { type ChainAdapter, createWallet, type Wallet } from './wallet.ts';
