import { aborted, storeClosed } from '../errors.ts';
import type { EventStore } from '../ports/event-store.ts';

/** A store over a connection, whose calls may take as long as they like. */
export interface UnguardedStore extends Omit<EventStore, 'close'> {
  /** Lets go of everything; `now`: also of what calls still use. */
  end(options: { readonly now: boolean }): Promise<void>;
  /** Refuses new calls and ends waits. */
  stop(): Promise<void>;
}

/** Milliseconds that a close waits for calls under way. */
const CLOSE_MS = 5_000;

const calls = [
  'append',
  'readStream',
  'readAll',
  'version',
  'head',
  'waitForEvents',
  'saveSnapshot',
  'loadSnapshot',
  'claimEffects',
  'claimTimers',
  'nextTimer',
  'settle',
  'release',
  'bury',
  'deadEffects',
  'revive',
  'acquireLease',
  'releaseLease',
  'truncate',
  'forgetEffects',
] as const satisfies ReadonlyArray<keyof EventStore>;

/**
 * A store whose calls end with their signal, whatever the other side does, and which closes in finite time: it waits a
 * while for calls under way, and then ends them with `EVENTS_STORE_CLOSED`.
 */
export function guarded(store: UnguardedStore, name: string): EventStore {
  const running = new Set<Promise<unknown>>();
  const cuts = new Set<(error: Error) => void>();
  let closing: Promise<void> | undefined;

  function run(call: string, args: readonly unknown[], work: () => Promise<unknown>): Promise<unknown> {
    const working = work();
    running.add(working);
    const forget = (): boolean => running.delete(working);
    working.then(forget, forget);
    const signal = signalOf(args);
    let cut: (error: Error) => void = () => undefined;
    const ended = new Promise<never>((_, fail) => {
      cut = fail;
    });
    const stop = (): void => cut(aborted(call));
    cuts.add(cut);
    signal?.addEventListener('abort', stop, { once: true });
    return Promise.race([working, ended]).finally(() => {
      signal?.removeEventListener('abort', stop);
      cuts.delete(cut);
    });
  }

  async function close(): Promise<void> {
    await store.stop();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise((done) => {
      timer = setTimeout(done, CLOSE_MS);
    });
    await Promise.race([Promise.allSettled(running), late]);
    clearTimeout(timer);
    const now = running.size > 0;
    const left = [...cuts];
    for (const cut of left) cut(storeClosed(name));
    await store.end({ now });
  }

  const entries = calls.map((call) => {
    const work = store[call].bind(store) as (...args: readonly unknown[]) => Promise<unknown>;
    return [call, (...args: readonly unknown[]) => run(call, args, () => work(...args))];
  });
  return {
    ...(Object.fromEntries(entries) as Pick<EventStore, (typeof calls)[number]>),
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
