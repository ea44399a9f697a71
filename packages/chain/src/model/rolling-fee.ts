import type { Mempool } from './mempool.ts';
import type { MempoolPolicy } from './mempool-policy.ts';

/** Seconds in which the rate falls to half: Core's `ROLLING_FEE_HALFLIFE`. */
const HALF_LIFE_SECONDS = 43_200;

/** The least fee rate that the pool takes after it had to drop transactions, sat/kvB; 0 where it had not. */
export function rollingMinimum(pool: Mempool, policy: MempoolPolicy, now: number): bigint {
  const { rolling } = fallen(pool, policy, now);
  if (!rolling.falls || rolling.rate === 0) return BigInt(Math.round(rolling.rate));
  const rate = BigInt(Math.round(rolling.rate));
  return rate > policy.incrementalRelayFeeRate ? rate : policy.incrementalRelayFeeRate;
}

/** The pool with its rate fallen to what it is now. */
export function fallen(pool: Mempool, policy: MempoolPolicy, now: number): Mempool {
  const { rate, since, falls } = pool.rolling;
  if (!falls || rate === 0 || now <= since + 10) return pool;
  const limit = policy.maxPoolUsageBytes ?? Infinity;
  const halfLife = HALF_LIFE_SECONDS / (pool.usage < limit / 4 ? 4 : pool.usage < limit / 2 ? 2 : 1);
  const next = rate / 2 ** ((now - since) / halfLife);
  const isOver = next < Number(policy.incrementalRelayFeeRate) / 2;
  return { ...pool, rolling: { rate: isOver ? 0 : next, since: now, falls } };
}

/** The pool once transactions of a rate had to go; sat/kvB. */
export function raised(pool: Mempool, rate: number): Mempool {
  return rate > pool.rolling.rate ? { ...pool, rolling: { ...pool.rolling, rate, falls: false } } : pool;
}

/** The pool once a block has come. */
export function afterBlock(pool: Mempool, now: number): Mempool {
  return pool.rolling.rate === 0 ? pool : { ...pool, rolling: { ...pool.rolling, since: now, falls: true } };
}
