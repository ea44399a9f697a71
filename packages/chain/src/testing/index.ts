export type { ChainHarness } from './harness.ts';
