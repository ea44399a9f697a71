import type { Instance } from './instance.ts';

/** States of machines in memory, as of the last append of this process: those used last are kept. */
export interface KeptInstances {
  get<State>(stream: string): Instance<State> | undefined;
  put(stream: string, instance: Instance<unknown>): void;
  forget(stream: string): void;
}

/** Keeps so many states; none when 0. */
export function createKept(most: number): KeptInstances {
  const kept = new Map<string, Instance<unknown>>();
  return {
    get<State>(stream: string) {
      const found = kept.get(stream);
      if (found === undefined) return undefined;
      kept.delete(stream);
      kept.set(stream, found);
      return found as Instance<State>;
    },
    put(stream, instance) {
      if (most === 0) return;
      kept.delete(stream);
      kept.set(stream, instance);
      if (kept.size > most) kept.delete(kept.keys().next().value as string);
    },
    forget(stream) {
      kept.delete(stream);
    },
  };
}
