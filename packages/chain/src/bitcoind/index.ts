export { BitcoindChain, type BitcoindChainOptions } from './bitcoind-chain.ts';
export { BitcoindChainSource, type BitcoindChainSourceOptions } from './chain-source.ts';
export { BitcoindFeeEstimator } from './fee-estimator.ts';
export {
  type BitcoindAuth,
  BitcoindRpc,
  type BitcoindRpcOptions,
  type RpcAnswer,
  type RpcCall,
  type RpcCallOptions,
  type RpcQuestion,
} from './rpc.ts';
export type { SourcePolicyOptions } from '../adapters/policy.ts';
export { BitcoindSubscriptions, type BitcoindSubscriptionsOptions } from './subscriptions.ts';
export { BitcoindTxBroadcaster } from './tx-broadcaster.ts';
