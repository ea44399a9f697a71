import { ensureThrows } from '@bitcoin-enterprise/core/testing';
import type { Satoshis } from '@bitcoin-enterprise/core';
import type { ChainSource, Outpoint } from '../ports/chain-source.ts';
import type { FeeEstimator } from '../ports/fee-estimator.ts';
import type { BlockSubscription, MempoolSubscription } from '../ports/subscriptions.ts';
import type { PackageBroadcaster } from '../ports/package-broadcaster.ts';
import type { TxBroadcaster } from '../ports/tx-broadcaster.ts';

/** A call that not every protocol has words for. */
export type OptionalCall = 'block' | 'testAccept' | 'broadcastPackage' | 'mempoolEvents';

/** A regtest chain under test: the ports it offers, and the levers the kit needs to make things happen on it. */
export interface ChainHarness {
  readonly chain: ChainSource &
    TxBroadcaster &
    PackageBroadcaster &
    FeeEstimator &
    BlockSubscription &
    MempoolSubscription;
  /** Calls that must throw `CHAIN_CALL_UNSUPPORTED` instead of answering; none when absent. */
  readonly lacks?: readonly OptionalCall[];
  /** Mines blocks on the tip, with what the mempool holds. */
  mine(count: number): Promise<void>;
  /** Pays an amount to a script in a block that it mines, and names the output. */
  fund(scriptPubKey: Uint8Array, amount: Satoshis): Promise<Outpoint>;
  /** Replaces the last `depth` blocks by `depth + 1` others (bitcoind: `invalidateblock`, then mining). */
  reorg(depth: number): Promise<void>;
  /** Ends what the harness started. */
  close(): Promise<void>;
}

/** Whether the source lacks a call; one that does must say so in its code. */
export async function lacks(harness: ChainHarness, name: OptionalCall, call: () => unknown): Promise<boolean> {
  if (harness.lacks?.includes(name) !== true) return false;
  await ensureThrows(call, 'CHAIN_CALL_UNSUPPORTED');
  return true;
}
