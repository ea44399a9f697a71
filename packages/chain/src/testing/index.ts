export { packageBroadcasterPromises } from './package-promises.ts';
export { chainPromises, chainSourcePromises, subscriptionPromises, txBroadcasterPromises } from './chain-promises.ts';
export { embeddedHarness } from './embedded-harness.ts';
export type { ChainHarness, OptionalCall } from './harness.ts';
