export { BitcoindChain, type BitcoindChainOptions } from './bitcoind-chain.ts';
export { BitcoindChainSource } from './chain-source.ts';
export { BitcoindFeeEstimator } from './fee-estimator.ts';
export { BitcoindRpc, type BitcoindRpcOptions, type RpcAnswer, type RpcCall, type RpcCallOptions } from './rpc.ts';
export { BitcoindSubscriptions, type BitcoindSubscriptionsOptions } from './subscriptions.ts';
export { BitcoindTxBroadcaster } from './tx-broadcaster.ts';
