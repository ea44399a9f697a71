export { WalletError, type WalletErrors } from '../errors.ts';
export { createEvmAccount, type EvmAccountOptions } from './account.ts';
export { erc20, type Erc20, type Erc20Facts, type Erc20TransferOptions, type Erc20Transferred } from './erc20.ts';
export { type EvmFees, type FeeUrgency, raiseEvmFees, suggestEvmFees } from './fees.ts';
export type { EvmAttempt, EvmOutcome, EvmSending } from './ledger.ts';
export { controlledEvmSigner, type EvmPaymentContext, paymentOfEvm } from './payment.ts';
export {
  createEvmSender,
  type EvmAccountSigner,
  type EvmPayment,
  type EvmSender,
  type EvmSenderOptions,
} from './sender.ts';
export { EvmSigner, type EvmSignerOptions } from './signer.ts';
