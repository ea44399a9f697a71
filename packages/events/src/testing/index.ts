export { type StreamBrokerHarness, streamBrokerPromises } from './broker-promises.ts';
export { checkAfterCrashes, type CrashReport, type CrashWriterOptions, finishWork, writeUntilKilled } from './crash.ts';
export type { EventStoreHarness } from './harness.ts';
export { eventStorePromises } from './store-promises.ts';
