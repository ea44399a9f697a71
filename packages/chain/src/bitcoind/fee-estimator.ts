import { feeRate, type FeeRate } from '@bitcoin-enterprise/core';
import type { CallOptions } from '../ports/chain-source.ts';
import type { FeeEstimator } from '../ports/fee-estimator.ts';
import { Answer } from '../adapters/answer.ts';
import { requireTarget } from '../adapters/arguments.ts';
import type { BitcoindRpc } from './rpc.ts';

/** A {@link FeeEstimator} that asks a bitcoind for its `estimatesmartfee`. */
export class BitcoindFeeEstimator implements FeeEstimator {
  readonly #rpc: BitcoindRpc;

  /** @param rpc - The node. */
  constructor(rpc: BitcoindRpc) {
    this.#rpc = rpc;
  }

  async estimateFeeRate(targetBlocks: number, options: CallOptions = {}): Promise<FeeRate | undefined> {
    requireTarget(targetBlocks);
    const method = 'estimatesmartfee';
    const read = (value: unknown): FeeRate | undefined => {
      const answer = new Answer(method, value);
      return answer.has('feerate') ? feeRate(answer.amount('feerate')) : undefined;
    };
    return this.#rpc.askOneTwice({ method, params: [targetBlocks], read, decimalsAsText: true }, options);
  }
}
