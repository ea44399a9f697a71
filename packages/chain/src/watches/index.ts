export {
  type Match,
  initialWatchState,
  type Sighting,
  stepWatches,
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
export { WatchIndex, watchesOf } from './matching.ts';
export {
  createWatcher,
  type RunWatcherOptions,
  type WatchedChain,
  type Watcher,
  type WatcherOptions,
  type WatchOptions,
} from './watcher.ts';
