export { cryptoEnginePromises } from './crypto.ts';
export { createManualClock, type ManualClock } from './manual-clock.ts';
export { BrokenPromise, ensure, ensureEqual, ensureThrows, type Promised, promises } from './promised.ts';
export { clockPromises, entropyPromises, loggerPromises } from './promises.ts';
export { createSeededEntropy } from './seeded-entropy.ts';
export { timersPromises } from './timers-promises.ts';
