export { ChainPool, type PoolHealth } from './chain-pool.ts';
export type { PoolChain, PoolSource, SourceHealth } from './member.ts';
export type { ChainPoolOptions } from './options.ts';
