import type { EventStore } from '@bitcoin-enterprise/events';

/** Calls that put something on record. */
const PERSISTING: ReadonlySet<string> = new Set([
  'append',
  'settle',
  'release',
  'bury',
  'saveSnapshot',
  'acquireLease',
]);

/** A store of a process that dies at one of its persisted steps: from then on no call of it ever answers. */
export interface CrashingStore {
  readonly store: EventStore;
  /** Resolves when the process has died. */
  readonly died: Promise<void>;
  /** Persisted steps so far. */
  readonly steps: () => number;
}

/**
 * @param dieAt - Number of the persisted step, from 1; never when `undefined`.
 * @param when - Whether the step itself is still on record.
 */
export function crashingStore(
  inner: EventStore,
  options: { readonly dieAt: number | undefined; readonly when: 'before' | 'after'; readonly die?: () => void },
): CrashingStore {
  const { dieAt, when, die } = options;
  let steps = 0;
  let isDead = false;
  let tell: () => void = () => undefined;
  const died = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const end = async (): Promise<never> => {
    isDead = true;
    die?.();
    tell();
    return new Promise(() => undefined);
  };
  const store = new Proxy(inner, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return async (...parameters: unknown[]): Promise<unknown> => {
        if (isDead) return end();
        const call = async (): Promise<unknown> => Reflect.apply(value, target, parameters) as Promise<unknown>;
        if (!PERSISTING.has(String(name))) {
          const answer = await call();
          return isDead ? end() : answer;
        }
        steps += 1;
        const isLast = steps === dieAt;
        if (isLast && when === 'before') return end();
        const answer = await call();
        return isLast || isDead ? end() : answer;
      };
    },
  });
  return { store, died, steps: () => steps };
}
