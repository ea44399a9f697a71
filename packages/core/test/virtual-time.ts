import type { Clock } from '@bitcoin-enterprise/core';
import type { Timers } from '@bitcoin-enterprise/core/resilience';
import { createManualClock } from '@bitcoin-enterprise/core/testing';

/** Time that passes only when it is told to: timers ring in their order, nothing waits for real. */
export interface VirtualTime {
  readonly clock: Clock;
  readonly timers: Timers;
  /** Timers that are set. */
  pending(): number;
  /** Lets everything run that waits for no timer. */
  settle(): Promise<void>;
  /** Lets time pass, ringing what is due. */
  pass(milliseconds: number): Promise<void>;
  /** Lets time pass until the promise settles; fails when no timer is set that could help. */
  until<T>(promise: Promise<T>): Promise<T>;
}

export function createVirtualTime(): VirtualTime {
  const clock = createManualClock();
  const set = new Map<number, { readonly atMs: number; readonly callback: () => void }>();
  let serial = 0;
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const nextDue = (): number | undefined => {
    let best: number | undefined;
    for (const [id, { atMs }] of set) if (best === undefined || atMs < (set.get(best)?.atMs ?? Infinity)) best = id;
    return best;
  };
  const ring = (id: number): void => {
    const timer = set.get(id);
    if (timer === undefined) return;
    set.delete(id);
    clock.advanceMs(Math.ceil(Math.max(0, timer.atMs - clock.monotonicMs())));
    timer.callback();
  };
  return {
    clock,
    timers: {
      after(delayMs, callback) {
        const id = serial++;
        set.set(id, { atMs: clock.monotonicMs() + delayMs, callback });
        return () => void set.delete(id);
      },
    },
    pending: () => set.size,
    settle,
    async pass(milliseconds) {
      const endMs = clock.monotonicMs() + milliseconds;
      for (;;) {
        await settle();
        const id = nextDue();
        if (id === undefined || (set.get(id)?.atMs ?? 0) > endMs) break;
        ring(id);
      }
      clock.advanceMs(Math.max(0, Math.ceil(endMs - clock.monotonicMs())));
      await settle();
    },
    async until(promise) {
      let settled = false;
      const end = (): void => void (settled = true);
      promise.then(end, end);
      for (;;) {
        await settle();
        if (settled) return promise;
        const id = nextDue();
        if (id === undefined) throw new Error('stuck: no timer is set, and the promise does not settle');
        ring(id);
      }
    },
  };
}
