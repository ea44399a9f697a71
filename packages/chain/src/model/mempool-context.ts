import type { CryptoEngine } from '@bitcoin-enterprise/core';
import type { ScriptFlag } from '@bitcoin-enterprise/script';
import type { BlockNode } from './block-node.ts';
import type { MempoolPolicy } from './mempool-policy.ts';
import type { PersistentMap } from './persistent-map.ts';
import type { ScriptCache } from './scripts.ts';

/** What a transaction is measured against when it asks to wait. */
export interface AcceptContext {
  readonly tip: BlockNode;
  readonly policy: MempoolPolicy;
  readonly crypto: CryptoEngine;
  readonly cache: ScriptCache;
  /** The script rules of blocks. */
  readonly blockFlags: readonly ScriptFlag[];
  /** Scripts and outpoints whose satisfaction is not asked for. */
  readonly impersonated: ReadonlySet<string>;
  /** Whether only consensus counts: for what a reorganisation gives back, and for blocks made by hand. */
  readonly consensusOnly: boolean;
  /** Whether form and scripts count, but neither fees nor limits: what a reorganisation gives back to a real node. */
  readonly bypassLimits?: boolean;
  /** Whether the limits on chains of waiting transactions count all the same; `false` when absent. */
  readonly chainLimits?: boolean;
  /** Inputs that an earlier impersonation let pass, as a dump remembers. */
  readonly waived?: readonly number[];
  /** What is added to fees by `prioritisetransaction`, satoshis by transaction id. */
  readonly priorities?: PersistentMap<bigint>;
  /** Unix seconds; the time of the tip when absent. */
  readonly now?: number;
}
