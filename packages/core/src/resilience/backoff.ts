import type { Entropy } from '../ports/entropy.ts';
import { requireCount, requireNumber, requireOptions, requirePart } from './arguments.ts';

/** What {@link fullJitterMs} needs. */
export interface FullJitterOptions {
  /** Bound of the first delay, in milliseconds. */
  readonly baseMs: number;
  /** Bound of every delay, in milliseconds. */
  readonly capMs: number;
  /** Where the draw comes from; four bytes each. */
  readonly entropy: Entropy;
}

/**
 * A delay drawn evenly from zero to an exponentially growing bound, `min(capMs, baseMs * 2^(retry - 1))`: the "full
 * jitter" that spreads callers who failed together.
 *
 * @param retry - Which retry it is for, from 1.
 * @returns Milliseconds, 0 up to the bound.
 * @throws CoreError `CORE_INVALID_ARGUMENT`, `CORE_UNIT_OUT_OF_RANGE`.
 *
 * @example
 * ```ts
 * import { webEntropy } from '@bitcoin-enterprise/core';
 * import { fullJitterMs } from '@bitcoin-enterprise/core/resilience';
 *
 * fullJitterMs(3, { baseMs: 100, capMs: 10_000, entropy: webEntropy() }) < 400; // => true
 * ```
 */
export function fullJitterMs(retry: number, options: FullJitterOptions): number {
  requireOptions('options', options);
  requireCount('retry', retry, 1);
  requireNumber('options.baseMs', options.baseMs, 0, Number.MAX_SAFE_INTEGER);
  requireNumber('options.capMs', options.capMs, 0, Number.MAX_SAFE_INTEGER);
  requirePart('options.entropy', options.entropy ?? null, ['bytes']);
  const { baseMs, capMs, entropy } = options;
  return shareOf(entropy) * Math.min(capMs, baseMs * 2 ** (retry - 1));
}

/** An even draw from 0, included, to 1, excluded. */
function shareOf(entropy: Entropy): number {
  return new DataView(new Uint8Array(entropy.bytes(4)).buffer).getUint32(0) / 2 ** 32;
}
