export {
  type BuildOptions,
  buildPayment,
  type BuildPaymentOptions,
  buildSweep,
  type BuildSweepOptions,
  type BuiltTransaction,
  type PaymentOutput,
} from './build.ts';
export {
  ANCHOR_SCRIPT,
  type AnchorCoin,
  buildChild,
  type BuildChildOptions,
  buildReplacement,
  type BuildReplacementOptions,
  type WaitingParent,
} from './bump.ts';
export { coinId, type WalletCoin } from './coin.ts';
