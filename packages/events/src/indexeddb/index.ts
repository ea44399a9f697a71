export { type IndexedDbStoreOptions, openIndexedDbStore } from './indexeddb-store.ts';
