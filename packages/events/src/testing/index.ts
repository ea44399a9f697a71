export { type StreamBrokerHarness, streamBrokerPromises } from './broker-promises.ts';
export { checkAfterCrashes, type CrashReport, type CrashWriterOptions, finishWork, writeUntilKilled } from './crash.ts';
export type { DiskHarness, EventStoreHarness } from './harness.ts';
export { eventStoreDiskPromises } from './store/disk.ts';
export { eventStorePromises } from './store-promises.ts';
