import type { BlockHeight, NetworkName, Satoshis, UnixSeconds } from '@bitcoin-enterprise/core';
import type { BlockHeader } from '@bitcoin-enterprise/script';

/** What every call of a port takes last. */
export interface CallOptions {
  /** Ends the call: it then throws `CHAIN_ABORTED`. */
  readonly signal?: AbortSignal;
}

/** Names one output. */
export interface Outpoint {
  /** Transaction id, 32 bytes in internal order. */
  readonly txid: Uint8Array;
  readonly index: number;
}

/** Names one block. */
export interface BlockReference {
  /** 32 bytes in internal order. */
  readonly hash: Uint8Array;
  readonly height: BlockHeight;
}

/** A block's header and its place in the chain. */
export interface ChainHeader extends BlockReference {
  readonly header: BlockHeader;
  /** Median of the times of this block and the ten before it: the past that BIP113 measures lock times by. */
  readonly medianTime: UnixSeconds;
  /** 1 for the tip, 0 for a block that is not on the best branch. */
  readonly confirmations: number;
}

/** A transaction and where it is. */
export interface ChainTransaction {
  /** The transaction as serialised, with its witness. */
  readonly bytes: Uint8Array;
  /** Its block on the best branch; absent while it waits in the mempool. */
  readonly block?: BlockReference;
  /** 0 in the mempool, 1 in the tip. */
  readonly confirmations: number;
}

/** An output that nobody has spent. */
export interface UnspentOutput extends Outpoint {
  readonly value: Satoshis;
  readonly scriptPubKey: Uint8Array;
  /** Height of its block; absent while it waits in the mempool. */
  readonly height?: BlockHeight;
  /** Whether it is a block reward, which matures after 100 further blocks. */
  readonly coinbase: boolean;
}

/**
 * Where the suite reads a chain from. What is not there is `undefined`; what cannot be asked throws.
 *
 * All answers are of the best branch of the moment; two calls may see two moments.
 */
export interface ChainSource {
  /** Which network this is. */
  network(options?: CallOptions): Promise<NetworkName>;
  /** The best block. */
  tip(options?: CallOptions): Promise<ChainHeader>;
  /** Hash of the block at a height of the best branch, internal order; `undefined` above the tip. */
  blockHash(height: BlockHeight, options?: CallOptions): Promise<Uint8Array | undefined>;
  /** A header by its hash, on any branch. */
  header(hash: Uint8Array, options?: CallOptions): Promise<ChainHeader | undefined>;
  /** A block as serialised, by its hash, on any branch. */
  block(hash: Uint8Array, options?: CallOptions): Promise<Uint8Array | undefined>;
  /** A transaction of the best branch or the mempool. A bitcoind without `-txindex` finds mempool ones only. */
  transaction(txid: Uint8Array, options?: CallOptions): Promise<ChainTransaction | undefined>;
  /** An output, if it is unspent. */
  unspentOutput(
    outpoint: Outpoint,
    options?: CallOptions & {
      /** Whether the mempool counts: its outputs exist, and what it spends is spent. `false` when absent. */
      readonly includeMempool?: boolean;
    },
  ): Promise<UnspentOutput | undefined>;
  /** All confirmed unspent outputs that pay to a script, in no order. */
  unspentOutputsOf(scriptPubKey: Uint8Array, options?: CallOptions): Promise<readonly UnspentOutput[]>;
}
