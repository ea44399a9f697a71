import type { Logger } from '@bitcoin-enterprise/core';
import type { ClaimedEffect } from '../ports/event-store.ts';

/** Performers that go on although their signal has come: the work is no longer theirs, but they still use things up. */
export interface Overdue {
  /** How many there are. */
  readonly count: number;
  /** Watches one whose signal came, until it ends. */
  watch(effect: ClaimedEffect, performing: Promise<unknown>): void;
  /** All of them; each resolves when it ends. */
  all(): Iterable<Promise<void>>;
}

/** Keeps count of performers that are overdue, and tells of each one that does not end at once. */
export function createOverdue(logger: Logger): Overdue {
  const running = new Set<Promise<void>>();
  return {
    get count() {
      return running.size;
    },
    watch({ key, type, attempt }, performing) {
      const sinceMs = performance.now();
      let isOver = false;
      let isTold = false;
      const over = (): void => {
        isOver = true;
        running.delete(ended);
        if (isTold)
          logger.warn('a performer that went on after its signal has ended', {
            key,
            type,
            attempt,
            lateMs: Math.round(performance.now() - sinceMs),
            overdue: running.size,
          });
      };
      const ended: Promise<void> = performing.then(over, over);
      running.add(ended);
      // One that listens is over within this turn.
      setTimeout(() => {
        if (isOver) return;
        isTold = true;
        logger.error('a performer goes on after its signal', { key, type, attempt, overdue: running.size });
      }, 0);
    },
    all: () => running,
  };
}
