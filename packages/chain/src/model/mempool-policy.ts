import { type FeeRate, feeRate } from '@bitcoin-enterprise/core';
import {
  consensusFlags,
  type PolicyProfile,
  type ScriptFlag,
  type SpentOutput,
  type TransactionView,
} from '@bitcoin-enterprise/script';

/** How a mempool decides where implementations and their versions differ. Data, so that a real node's is a value. */
export interface MempoolRules {
  /** Which node this is, for example `core-31`. */
  readonly name: string;
  /** Standard form of transactions; `undefined` where every form is taken (`-acceptnonstdtxn=1`). */
  readonly form: PolicyProfile | undefined;
  /** Script rules of the mempool. */
  readonly flags: readonly ScriptFlag[];
  /** Opens the reason where a script breaks a rule of blocks, and where it only breaks one of the mempool. */
  readonly scriptFailure: { readonly consensus: string; readonly policy: string };
  /** What is limited: ancestors and descendants of each transaction, or whole clusters. */
  readonly limits: 'chains' | 'clusters';
  /** Most transactions and virtual bytes of a cluster; without effect for chains. */
  readonly cluster: { readonly maxCount: number; readonly maxSizeVb: number };
  /** Whether one small child more than the limit may stand on a transaction, for channels of two parties. */
  readonly carveOut: boolean;
  /** Version 3 transactions (BIP431): its topology is enforced, or they are like any other. */
  readonly truc: 'enforce' | 'accept';
  /** Whether each transaction pays the least relay fee for itself, even where its child pays more. */
  readonly minRelayFeeInPackages: boolean;
  /** BIP125 rule 2: whether a replacement may spend no output that waits, unless what it replaces did. */
  readonly replacesConfirmedOnly: boolean;
  /** Whose words the reasons are in; Knots also asks of its mempool what BIP110 would ask of blocks. */
  readonly dialect: 'core' | 'knots';
  /** Whether a package must hold every parent of its child that is not in a block yet. */
  readonly packagesHoldAllParents: boolean;
  /** Whether the node says which input has no standard form. */
  readonly explainsInputs: boolean;
  /** What a replacement must beat besides the fees: the rate of each direct conflict, or the fee rate diagram. */
  readonly replacementBeats: 'conflicts' | 'diagram';
}

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
  /** Most transactions that one may replace (BIP125 rule 5); with clusters, most clusters that it may touch. */
  readonly maxReplaced: number;
  /** Size of the whole pool, virtual bytes; above it the worst-paying go. */
  readonly maxPoolSizeVb: number;
  /** About how much memory the pool may use as Core counts it, bytes (`-maxmempool`); without limit when absent. */
  readonly maxPoolUsageBytes?: number;
  /** Most signature operations of a transaction, at cost. */
  readonly maxSigopsCost: number;
  /**
   * What a signature operation counts as at least, at cost, weight units: a transaction full of them counts as a larger
   * one (`-bytespersigop`); 20 when absent.
   */
  readonly bytesPerSigop?: number;
  /** Smallest transaction without witness, bytes: 64-byte ones could pose as inner nodes of a Merkle tree. */
  readonly minBaseSizeBytes: number;
  /** Where implementations differ; those of `defaultMempoolPolicy` when absent. */
  readonly rules?: MempoolRules;
  /** Further rules: Core's reason to refuse a transaction, or `undefined`. */
  readonly standardness?: (tx: TransactionView, spentOutputs: readonly SpentOutput[]) => string | undefined;
}

/** Core's `-bytespersigop` where nothing is said. */
export const DEFAULT_BYTES_PER_SIGOP = 20;

/** The rules without a name: every form is taken, scripts are judged by consensus alone. */
export const plainRules: MempoolRules = {
  name: 'plain',
  form: undefined,
  flags: consensusFlags,
  scriptFailure: {
    consensus: 'mandatory-script-verify-flag-failed',
    policy: 'mandatory-script-verify-flag-failed',
  },
  limits: 'chains',
  cluster: { maxCount: 64, maxSizeVb: 101_000 },
  carveOut: false,
  truc: 'accept',
  minRelayFeeInPackages: true,
  replacesConfirmedOnly: false,
  dialect: 'core',
  packagesHoldAllParents: false,
  explainsInputs: false,
  replacementBeats: 'conflicts',
};

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

/** The rules of a policy. */
export function rulesOf(policy: MempoolPolicy): MempoolRules {
  return policy.rules ?? plainRules;
}
