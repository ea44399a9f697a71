export { keyStorePromises } from './key-store.ts';
export { logStoragePromises } from './log-storage.ts';
export { witnessStoragePromises } from './witness-storage.ts';
