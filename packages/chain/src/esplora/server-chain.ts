import type { ChainSource } from '../ports/chain-source.ts';
import type { FeeEstimator } from '../ports/fee-estimator.ts';
import type { MempoolSubscription } from '../ports/subscriptions.ts';
import type { PackageBroadcaster } from '../ports/package-broadcaster.ts';
import type { TxBroadcaster } from '../ports/tx-broadcaster.ts';

/** What a server answers from: the `ports` of the embedded chain, a `BitcoindChain`, a pool. Packages are taken where it takes them. */
export type EsploraServerChain = ChainSource &
  TxBroadcaster &
  FeeEstimator &
  MempoolSubscription &
  Partial<PackageBroadcaster>;
