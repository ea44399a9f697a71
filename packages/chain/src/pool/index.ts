export { ChainPool, type PoolHealth } from './chain-pool.ts';
export type { PoolChain } from './checked-chain.ts';
export type { PoolSource, SourceHealth } from './member.ts';
export type { ChainPoolOptions } from './options.ts';
