import type { FeeRate } from '@bitcoin-enterprise/core';
import type { CallOptions } from './chain-source.ts';

/** Says what a timely confirmation costs. */
export interface FeeEstimator {
  /**
   * Fee rate that should confirm within a number of blocks.
   *
   * @param targetBlocks - 1 to 1,008.
   * @returns sat/kvB; `undefined` when there is not enough to go by.
   */
  estimateFeeRate(targetBlocks: number, options?: CallOptions): Promise<FeeRate | undefined>;
}
