import { describeValue, SuiteError } from '@bitcoin-enterprise/core';

/** The errors of this package: code → the facts that come with it. This comment becomes docs/errors.md. */
export interface ChainErrors {
  /** An argument of the wrong type or shape: a bug of the caller. `got` describes the value without repeating it. */
  readonly CHAIN_INVALID_ARGUMENT: { readonly argument: string; readonly expected: string; readonly got: string };
  /** Bytes that are no transaction; the lower error says where they stop being one. */
  readonly CHAIN_TX_MALFORMED: { readonly length: number };
  /** Bytes that are no block; the lower error says where they stop being one. */
  readonly CHAIN_BLOCK_MALFORMED: { readonly length: number };
  /** A transaction that the chain or its mempool refuses. */
  readonly CHAIN_TX_REJECTED: TransactionRejection;
  /** A package of which not every transaction waits now. */
  readonly CHAIN_PACKAGE_REJECTED: {
    /** Core's word for the whole, for example `transaction failed`, `package-not-child-with-parents`. */
    readonly reason: string;
    /** All of them in their order; without a rejection one waits, although the others were refused. */
    readonly transactions: ReadonlyArray<{ readonly txid: string; readonly rejection?: TransactionRejection }>;
  };
  /** A block that breaks a consensus rule. */
  readonly CHAIN_BLOCK_REJECTED: {
    /** Core's reject reason, for example `bad-cb-amount`; what `submitblock` answers. */
    readonly reason: string;
    /** Display form of the block hash. */
    readonly blockHash: string;
    /** Core's name of the script error, when a script failed. */
    readonly scriptError?: string;
    /** Display form of the id of the transaction at fault, when it is one. */
    readonly txid?: string;
    /** Its input at fault, when it is one. */
    readonly inputIndex?: number;
  };
  /** A block that the chain does not know, or not on its best branch where one is needed. */
  readonly CHAIN_BLOCK_UNKNOWN: { readonly block: string };
  /** A transaction that the chain and its mempool do not know. */
  readonly CHAIN_TX_UNKNOWN: { readonly txid: string };
  /** An output that does not exist or is spent. */
  readonly CHAIN_OUTPUT_UNKNOWN: { readonly outpoint: string };
  /** A snapshot that was never taken, or dropped by reverting to an older one. */
  readonly CHAIN_SNAPSHOT_UNKNOWN: { readonly snapshot: number };
  /** A reorganisation deeper than the chain is high. */
  readonly CHAIN_REORG_TOO_DEEP: { readonly depth: number; readonly height: number };
  /** A block time that the time rules refuse, or a clock that would run backwards. */
  readonly CHAIN_TIME_OUT_OF_RANGE: {
    readonly time: number;
    readonly minimum: number;
    readonly maximum: number;
  };
  /** The chain's own coins do not suffice to fund an amount. */
  readonly CHAIN_FUNDS_INSUFFICIENT: { readonly wanted: bigint; readonly available: bigint };
  /** A dump that cannot be loaded: another format, another version, damaged, or blocks that break a rule. */
  readonly CHAIN_DUMP_INVALID: { readonly reason: string };
  /** The file of a server that is damaged, in use by another process, of another version, or not a chain at all. */
  readonly CHAIN_FILE_INVALID: { readonly reason: string };
  /** No nonce of 32 bits gives a block its proof of work; only possible off regtest's difficulty. */
  readonly CHAIN_MINING_FAILED: { readonly bits: number };
  /** A lever pulled from inside another one, by a rule of the policy or by the clock: `call` while `during` computes. */
  readonly CHAIN_REENTERED: { readonly call: string; readonly during: string };
  /** The call was ended by its AbortSignal. */
  readonly CHAIN_ABORTED: { readonly call: string };
  /** A node that could not be reached or did not answer in time. */
  readonly CHAIN_NODE_UNREACHABLE: { readonly method: string; readonly reason: string };
  /** A node that does not accept the credentials (HTTP 401) or the address (403) of the caller. */
  readonly CHAIN_NODE_UNAUTHORIZED: { readonly method: string; readonly status: number };
  /** A node that answered with an error of its own. */
  readonly CHAIN_NODE_REFUSED: { readonly method: string; readonly rpcCode: number; readonly rpcMessage: string };
  /** A node whose answer is not what its interface promises, or does not prove what it claims. */
  readonly CHAIN_NODE_ANSWER_INVALID: { readonly method: string; readonly expected: string };
  /** A node whose best branch has less work than one that it, or another one at its address, has proven before. */
  readonly CHAIN_NODE_STALE: { readonly method: string; readonly height: number; readonly knownHeight: number };
  /** A node that asks to be left alone for a while (HTTP 429 or 503). `retryAfterMs` is 0 when it does not say how long. */
  readonly CHAIN_NODE_BUSY: { readonly method: string; readonly status: number; readonly retryAfterMs: number };
  /** A block whose transactions the node has deleted to save space: only its header is left. */
  readonly CHAIN_BLOCK_PRUNED: { readonly block: string };
  /** A question that the protocol of this source has no words for; another kind of source has to be asked. */
  readonly CHAIN_CALL_UNSUPPORTED: { readonly call: string; readonly source: string };
  /** A source that serves another chain than the one expected: another genesis block, or another block at a checkpoint. */
  readonly CHAIN_WRONG_NETWORK: { readonly source: string; readonly expected: string; readonly got: string };
  /** Sources that contradict each other, so that none may be believed; who said what, in `camps`. */
  readonly CHAIN_SOURCES_DISAGREE: {
    readonly call: string;
    readonly needed: number;
    readonly camps: ReadonlyArray<{ readonly answer: string; readonly sources: readonly string[] }>;
  };
  /** Too few sources that could answer; why each could not, in `failures`. */
  readonly CHAIN_QUORUM_MISSING: {
    readonly call: string;
    readonly needed: number;
    readonly answered: number;
    readonly failures: ReadonlyArray<{ readonly source: string; readonly error: string }>;
  };
  /** A record of watches that is damaged, or of another version. */
  readonly CHAIN_WATCH_STATE_INVALID: { readonly reason: string };
  /** A source that lacks blocks that are on record, or changes its branch all the time, while the past is searched. */
  readonly CHAIN_SOURCE_UNSETTLED: { readonly watch: string; readonly attempts: number };
  /** A reorganisation deeper than the blocks that watches remember. */
  readonly CHAIN_WATCH_HISTORY_LOST: { readonly height: number; readonly kept: number };
}

/** Why a transaction was refused. */
export interface TransactionRejection {
  /** Core's reject reason, for example `bad-txns-inputs-missingorspent`. */
  readonly reason: string;
  /** Display form of the transaction id. */
  readonly txid: string;
  /** Core's name of the script error, when a script failed: `EVAL_FALSE`, `SIG_DER`, … */
  readonly scriptError?: string;
  /** The input at fault, when it is one. */
  readonly inputIndex?: number;
}

/** An error of this package. */
export class ChainError<Code extends keyof ChainErrors = keyof ChainErrors> extends SuiteError<
  Code,
  ChainErrors[Code]
> {
  override readonly name: string = 'ChainError';
}

/** Makes the error for an argument of the wrong type; the value is described, never repeated. */
export function invalidArgument(
  argument: string,
  expected: string,
  value: unknown,
): ChainError<'CHAIN_INVALID_ARGUMENT'> {
  const got = describeValue(value);
  return new ChainError('CHAIN_INVALID_ARGUMENT', `expected ${argument} to be ${expected}, got ${got}`, {
    details: { argument, expected, got },
  });
}

declare module '@bitcoin-enterprise/core' {
  // oxlint-disable-next-line typescript/no-empty-object-type
  interface ErrorDetails extends ChainErrors {}
}
