import { feeRate, type FeeRate } from '@bitcoin-enterprise/core';
import { invalidArgument } from '../errors.ts';
import type { CallOptions } from '../ports/chain-source.ts';
import type { FeeEstimator } from '../ports/fee-estimator.ts';
import { Answer } from './answers.ts';
import type { BitcoindRpc } from './rpc.ts';

/** A {@link FeeEstimator} that asks a bitcoind for its `estimatesmartfee`. */
export class BitcoindFeeEstimator implements FeeEstimator {
  readonly #rpc: BitcoindRpc;

  /** @param rpc - The node. */
  constructor(rpc: BitcoindRpc) {
    this.#rpc = rpc;
  }

  async estimateFeeRate(targetBlocks: number, options: CallOptions = {}): Promise<FeeRate | undefined> {
    if (!Number.isInteger(targetBlocks) || targetBlocks < 1 || targetBlocks > 1_008)
      throw invalidArgument('targetBlocks', 'a whole number, 1 to 1008', targetBlocks);
    const call = this.#rpc.call('estimatesmartfee', [targetBlocks], { ...options, decimalsAsText: true });
    const answer = new Answer('estimatesmartfee', await call);
    return answer.has('feerate') ? feeRate(answer.amount('feerate')) : undefined;
  }
}
