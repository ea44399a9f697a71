import type { ChainSource, FeeEstimator, MempoolSubscription, TxBroadcaster } from '@bitcoin-enterprise/chain';

/** What the engine asks of a chain; every chain of the suite is one. */
export type EngineChain = ChainSource & TxBroadcaster & Partial<FeeEstimator> & Partial<MempoolSubscription>;

/** What parties send each other about an execution: JSON, by any transport, in any order, more than once. */
export interface PartyMessage {
  readonly type: 'biscol/execution';
  readonly version: 1;
  /** Id of the instance. */
  readonly instance: string;
  /** Id of the execution. */
  readonly execution: string;
  readonly transition: string;
  /** `txid:index` of what is spent. */
  readonly cells: readonly string[];
  /** Arguments without secrets. */
  readonly args: Readonly<Record<string, unknown>>;
  /** sat/kvB. */
  readonly feeRate: string;
  readonly signers?: readonly string[];
  /** How often MuSig2 was begun again. */
  readonly attempt: number;
  /** The transaction with all signatures, nonces and partial signatures so far: a PSBT in base64. */
  readonly psbt: string;
}

/** Carries messages to the other parties of an instance. */
export interface PartyTransport {
  /** Hands a message to all others. A message may come twice or never: what matters is sent again. */
  send(message: PartyMessage, options?: { readonly signal?: AbortSignal }): Promise<void>;
}

/** What somebody has to approve before it is signed. */
export interface ApprovalRequest {
  readonly contract: string;
  readonly instance: string;
  readonly execution: string;
  readonly transition: string;
  /** Satoshis that leave to others than the contract itself. */
  readonly payouts: readonly { readonly party?: string; readonly value: string; readonly scriptPubKey: string }[];
  /** Satoshis. */
  readonly fee: string;
}

/** Who has to approve an execution; nobody when `undefined`. Pure: asked again after a restart, it says the same. */
export type ApprovalRule = (
  request: ApprovalRequest,
) => { readonly of: readonly string[]; readonly count: number } | undefined;

/** Decides about executions that other parties propose. */
export type ConsentRule = (proposal: ApprovalRequest) => 'sign' | 'ask' | 'refuse' | Promise<'sign' | 'ask' | 'refuse'>;

/** Most that an execution may weigh and cost; beyond it nothing is signed. */
export interface GasLimits {
  /** Weight units. */
  readonly maxWeight?: number;
  /** Satoshis. */
  readonly maxFee?: bigint;
  /** sat/kvB. */
  readonly maxFeeRate?: bigint;
}
