import { aborted, storeClosed } from '../errors.ts';
import type { EventStore } from '../ports/event-store.ts';
import { storeCalls } from './store-calls.ts';

/** A store over a connection, whose calls may take as long as they like. */
export interface UnguardedStore extends Omit<EventStore, 'close'> {
  /** Lets go of everything; `now`: also of what calls still use. */
  end(options: { readonly now: boolean }): Promise<void>;
  /** Refuses new calls and ends waits. */
  stop(): Promise<void>;
}

interface Running {
  readonly fail: (error: unknown) => void;
}

/** Milliseconds that a close waits for calls under way. */
export const CLOSE_MS = 5_000;

const calls = ['waitForEvents', ...storeCalls] as const;

/**
 * A store whose calls end with their signal, whatever the other side does, and which closes in finite time: it waits a
 * while for calls under way, and then ends them with `EVENTS_STORE_CLOSED`.
 */
export function guarded(store: UnguardedStore, name: string): EventStore {
  const running = new Set<Running>();
  let closing: Promise<void> | undefined;

  function run(call: string, args: readonly unknown[], work: () => Promise<unknown>): Promise<unknown> {
    const signal = signalOf(args);
    return new Promise((done, fail) => {
      const entry: Running = { fail };
      running.add(entry);
      const stop = (): void => fail(aborted(call));
      signal?.addEventListener('abort', stop, { once: true });
      void finish();

      async function finish(): Promise<void> {
        try {
          done(await work());
        } catch (error) {
          fail(error);
        } finally {
          running.delete(entry);
          signal?.removeEventListener('abort', stop);
          if (running.size === 0) idle?.();
        }
      }
    });
  }

  let idle: (() => void) | undefined;

  async function close(): Promise<void> {
    await store.stop();
    if (running.size > 0)
      await new Promise<void>((done) => {
        const timer = setTimeout(done, CLOSE_MS);
        idle = () => {
          clearTimeout(timer);
          done();
        };
      });
    const now = running.size > 0;
    for (const { fail } of running) fail(storeClosed(name));
    await store.end({ now });
  }

  const entries = calls.map((call) => {
    const work = store[call].bind(store) as (...args: readonly unknown[]) => Promise<unknown>;
    return [call, (...args: readonly unknown[]) => run(call, args, () => work(...args))];
  });
  return {
    ...(Object.fromEntries(entries) as Pick<EventStore, (typeof calls)[number]>),
    // It looks after itself: a promise more for each append would be felt.
    append: (append, options) => store.append(append, options),
    close() {
      closing ??= close();
      return closing;
    },
  };
}

/** The signal among the options, which come last; the call itself checks that it is one. */
function signalOf(args: readonly unknown[]): AbortSignal | undefined {
  try {
    const { signal } = (args.at(-1) ?? {}) as { readonly signal?: unknown };
    return signal instanceof AbortSignal ? signal : undefined;
  } catch {
    return undefined;
  }
}
