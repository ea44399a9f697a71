export { EventsError, type EventsErrors } from './errors.ts';
export { createMemoryData, type MemoryData } from './memory/memory-data.ts';
export { createMemoryStore, type MemoryStoreOptions } from './memory/memory-store.ts';
export type * from './ports/event-store.ts';
