import { equalBytes } from '@bitcoin-enterprise/core';
import { throwIfAborted } from '../model/checks.ts';
import type { LogHead, LogStorage } from '../ports/log-storage.ts';

/** A log storage in memory, for tests and for logs that end with their process. */
export interface MemoryLogStorage extends LogStorage {
  /** All resources by path: what a file server would serve. */
  files(): ReadonlyMap<string, Uint8Array>;
}

/**
 * Makes a log storage in memory.
 *
 * @example
 * ```ts
 * import { createMemoryLogStorage } from '@bitcoin-enterprise/receipts';
 *
 * await createMemoryLogStorage().head(); // => undefined
 * ```
 */
export function createMemoryLogStorage(): MemoryLogStorage {
  const resources = new Map<string, Uint8Array>();
  const indices = new Map<string, number>();
  let current: LogHead | undefined;
  return {
    head: async (options) => {
      throwIfAborted('head', options?.signal);
      return current;
    },
    read: async (path, options) => {
      throwIfAborted('read', options?.signal);
      const bytes = resources.get(path);
      return bytes === undefined ? undefined : new Uint8Array(bytes);
    },
    indexOfKey: async (key, options) => {
      throwIfAborted('indexOfKey', options?.signal);
      return indices.get(key);
    },
    commit: async (change, options) => {
      throwIfAborted('commit', options?.signal);
      if (!sameHead(current, change.expected)) return false;
      for (const path of change.deletes) resources.delete(path);
      for (const [path, bytes] of change.writes) resources.set(path, new Uint8Array(bytes));
      for (const [key, index] of change.keys) indices.set(key, index);
      current = { ...change.head, root: new Uint8Array(change.head.root) };
      return true;
    },
    files: () => new Map(Array.from(resources, ([path, bytes]) => [path, new Uint8Array(bytes)])),
  };
}

/** Whether two heads are the same; what {@link LogStorage.commit} compares. */
export function sameHead(a: LogHead | undefined, b: LogHead | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.size === b.size && a.published === b.published && equalBytes(a.root, b.root);
}
