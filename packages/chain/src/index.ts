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
export type { ChangeSignal } from './ports/change-signal.ts';
export type { FeeEstimator } from './ports/fee-estimator.ts';
export type { BlockEvent, BlockSubscription, MempoolEvent, MempoolSubscription } from './ports/subscriptions.ts';
export type { PackageBroadcaster } from './ports/package-broadcaster.ts';
export type { TestAcceptResult, TxBroadcaster } from './ports/tx-broadcaster.ts';
export { createEmbeddedChain, EmbeddedChain } from './embedded/embedded-chain.ts';
export type { ChainEvent } from './embedded/event-hub.ts';
export { FUNDER_SCRIPT } from './embedded/funder.ts';
export type {
  Cheat,
  EmbeddedChainOptions,
  EmbeddedTip,
  FundedOutput,
  MineOptions,
  ReorgOptions,
  SubmittedBlock,
  SubmittedPackage,
} from './embedded/options.ts';
export type { EmbeddedPorts } from './embedded/ports.ts';
export type { Deployment } from './model/deployments.ts';
export { defaultMempoolPolicy, type MempoolPolicy, type MempoolRules } from './model/mempool-policy.ts';
export { mempoolProfile, type MempoolProfileName } from './model/mempool-profiles.ts';
