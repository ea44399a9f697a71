import type { ChangeSignal } from '../ports/change-signal.ts';
import { aborted } from './policy.ts';

/** How a follower waits for news. */
export interface Waits {
  /** Returns when there may be something new; throws `CHAIN_ABORTED` when the signal ends it. */
  wait(signal: AbortSignal): Promise<void>;
  /** Lets go of what wakes it. */
  close(): void;
}

/** Waits that end after a time, or when something wakes them; a wake between two waits ends the next one at once. */
export function createWaits(facts: {
  readonly call: string;
  readonly pollMs: number;
  readonly wake?: ChangeSignal | undefined;
}): Waits {
  const { call, pollMs, wake } = facts;
  let woken = false;
  let finish = (): void => undefined;
  const close = wake?.onChange(() => {
    woken = true;
    finish();
  });
  return {
    async wait(signal) {
      if (!woken && !signal.aborted)
        await new Promise<void>((done) => {
          const timer = setTimeout(() => finish(), pollMs);
          finish = () => {
            clearTimeout(timer);
            signal.removeEventListener('abort', finish);
            finish = () => undefined;
            done();
          };
          signal.addEventListener('abort', finish, { once: true });
        });
      woken = false;
      if (signal.aborted) throw aborted(call);
    },
    close: () => close?.(),
  };
}
