export type { EventStoreHarness } from './harness.ts';
export { eventStorePromises } from './store-promises.ts';
