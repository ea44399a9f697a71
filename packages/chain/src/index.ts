export { ChainError, type ChainErrors, type TransactionRejection } from './errors.ts';
export type {
  BlockReference,
  CallOptions,
  ChainHeader,
  ChainSource,
  ChainTransaction,
  Outpoint,
  UnspentOutput,
} from './ports/chain-source.ts';
export type { FeeEstimator } from './ports/fee-estimator.ts';
export type { BlockEvent, BlockSubscription, MempoolEvent, MempoolSubscription } from './ports/subscriptions.ts';
export type { TestAcceptResult, TxBroadcaster } from './ports/tx-broadcaster.ts';
