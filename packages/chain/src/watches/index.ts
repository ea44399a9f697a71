export {
  type FoundSighting,
  type Match,
  initialWatchState,
  type Sighting,
  type TrackedSighting,
  type Watch,
  type WatchBlock,
  watchedTip,
  type WatchEntry,
  type WatchEvent,
  type WatchNotice,
  type WatchState,
  type WatchStep,
  type WatchTarget,
} from './model.ts';
export { stepWatches } from './step.ts';
export type { WatchedChain } from './branch.ts';
export type { DeliverNotice, DeliveryContext } from './delivery.ts';
export { WatchIndex, watchesOf } from './matching.ts';
export {
  createWatcher,
  type RunWatcherOptions,
  type Watcher,
  type WatcherOptions,
  type WatchOptions,
} from './watcher.ts';
