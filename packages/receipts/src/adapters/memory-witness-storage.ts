import { equalBytes } from '@bitcoin-enterprise/core';
import { throwIfAborted } from '../model/checks.ts';
import type { WitnessedCheckpoint, WitnessStorage } from '../ports/witness.ts';

/**
 * A witness's memory that ends with its process: for tests, and for watching within one run.
 *
 * @example
 * ```ts
 * import { createMemoryWitnessStorage } from '@bitcoin-enterprise/receipts';
 *
 * await createMemoryWitnessStorage().read('example.com/log'); // => undefined
 * ```
 */
export function createMemoryWitnessStorage(): WitnessStorage {
  const held = new Map<string, WitnessedCheckpoint>();
  return {
    read: async (origin, options) => {
      throwIfAborted('read', options?.signal);
      return held.get(origin);
    },
    compareAndSet: async (origin, { expected, next }, options) => {
      throwIfAborted('compareAndSet', options?.signal);
      const current = held.get(origin);
      const same =
        current === undefined || expected === undefined
          ? current === expected
          : current.size === expected.size && equalBytes(current.root, expected.root);
      if (same) held.set(origin, { ...next, root: new Uint8Array(next.root) });
      return same;
    },
  };
}
