import { type FeeRate, feeRate } from '@bitcoin-enterprise/core';
import type { SpentOutput, TransactionView } from '@bitcoin-enterprise/script';

/** What a mempool takes beyond consensus. Data, so that a profile of a real node is a value. */
export interface MempoolPolicy {
  /** Least fee rate, sat/kvB. */
  readonly minRelayFeeRate: FeeRate;
  /** What a replacement pays for its own relay on top of all it replaces (BIP125 rule 4), sat/kvB. */
  readonly incrementalRelayFeeRate: FeeRate;
  /** Most transactions in a chain of unconfirmed ancestors, the newest included. */
  readonly maxAncestors: number;
  /** Their size together, virtual bytes. */
  readonly maxAncestorSizeVb: number;
  /** Most transactions on top of one, itself included. */
  readonly maxDescendants: number;
  /** Their size together, virtual bytes. */
  readonly maxDescendantSizeVb: number;
  /** Most transactions that one may replace (BIP125 rule 5). */
  readonly maxReplaced: number;
  /** Size of the whole pool, virtual bytes; above it the worst-paying go. */
  readonly maxPoolSizeVb: number;
  /** Most signature operations of a transaction, at cost. */
  readonly maxSigopsCost: number;
  /** Smallest transaction without witness, bytes: 64-byte ones could pose as inner nodes of a Merkle tree. */
  readonly minBaseSizeBytes: number;
  /** Further rules: Core's reason to refuse a transaction, or `undefined`. */
  readonly standardness?: (tx: TransactionView, spentOutputs: readonly SpentOutput[]) => string | undefined;
}

/** Bitcoin Core's limits of fee, size and ancestry, without its rules of standard form. */
export const defaultMempoolPolicy: MempoolPolicy = {
  minRelayFeeRate: /* @__PURE__ */ feeRate(100n),
  incrementalRelayFeeRate: /* @__PURE__ */ feeRate(100n),
  maxAncestors: 25,
  maxAncestorSizeVb: 101_000,
  maxDescendants: 25,
  maxDescendantSizeVb: 101_000,
  maxReplaced: 100,
  maxPoolSizeVb: 75_000_000,
  maxSigopsCost: 16_000,
  minBaseSizeBytes: 65,
};
