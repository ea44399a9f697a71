export { EventsError, type EventsErrors } from './errors.ts';
export {
  type Counterexample,
  type Exploration,
  explore,
  type ExploreOptions,
  replay,
  type ReplayedStep,
  shrink,
  walk,
  type WalkOptions,
} from './explorer/explore.ts';
export type { Action, Faults, Message, Model, Outcome, Performance, Situation } from './explorer/model.ts';
export { type ScriptOptions, toScript } from './explorer/script.ts';
export type { Instance } from './machine/instance.ts';
export type { Ask, Machine, Step, Typed } from './machine/machine.ts';
export type { Sent } from './machine/delivery.ts';
export {
  type PerformContext,
  type Performer,
  type Performers,
  register,
  type Registration,
} from './machine/registration.ts';
export { createRunner, type Runner, type RunnerOptions } from './machine/runner.ts';
export { createMemoryData, type MemoryData } from './memory/memory-data.ts';
export { createMemoryStore, type MemoryStoreOptions } from './memory/memory-store.ts';
export type * from './ports/event-store.ts';
export type { StreamBroker, StreamRecord } from './ports/stream-broker.ts';
export { beginningOf, cursorAt, link, parseRecord, type StreamCursor, verifyNext } from './streams/chain.ts';
export { follow, type Followed, type FollowOptions } from './streams/follow.ts';
export { createPublisher, type Publication, type Publisher, relay, type RelayOptions } from './streams/publish.ts';
export { createStoreBroker } from './streams/store-broker.ts';
