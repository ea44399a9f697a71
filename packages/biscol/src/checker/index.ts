export { checkContract } from './check.ts';
export type { CheckBounds, CheckedSide, CheckOptions, Counterexample, HeldBefore } from './model.ts';
export { counterexampleScript, type NodeRpc, replayCounterexample, type Replayed } from './replay.ts';
