import { setTimeout as sleep } from 'node:timers/promises';
import type { DatabaseSync } from 'node:sqlite';
import { aborted, EventsError, storeClosed } from '../errors.ts';
import { endable } from '../model/waiting.ts';
import { failureOf, isBusy } from './failures.ts';

/** Writes that go to the disk together. */
export interface Group {
  /**
   * Runs a write inside the next transaction, together with all others that wait.
   *
   * @param write - Decides first and writes then: when it throws it must have written nothing, and only this one
   * caller gets the error.
   * @param options - `size`: how much it writes, compared with others; 1 when absent.
   * @returns What it answered, once the transaction is on the disk.
   */
  run<Result>(call: string, write: () => Result, options?: RunOptions): Promise<Result>;
  /** Refuses what comes now, and waits for what is under way. */
  close(): Promise<void>;
}

/** Settings of one write. */
export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  readonly size?: number;
}

interface Waiting {
  readonly size: number;
  readonly call: string;
  readonly write: () => unknown;
  readonly signal: AbortSignal | undefined;
  readonly done: (result: never) => void;
  readonly fail: (error: unknown) => void;
  /** Set inside the transaction; told once it is on the disk. */
  ok: boolean;
  /** The answer, or the error. */
  outcome: unknown;
}

/** Most rows in one transaction, about: the loop stands still for it, and the first must not wait for all others. */
const MAX_GROUP_SIZE = 4_000;

/** Settings of {@link createGroup}. */
export interface GroupOptions {
  /** Milliseconds to wait for the lock of another process. */
  readonly busyMs: number;
  /** Called inside the transaction, before the first write. */
  readonly onBegin: () => void;
  /** Called when the transaction is on the disk. */
  readonly onCommit: () => void;
  /** Called when the transaction was rolled back. */
  readonly onRollback: () => void;
}

/** Groups writes: those that come while the loop turns once share one transaction and one sync of the disk. */
export function createGroup(database: DatabaseSync, options: GroupOptions): Group {
  const { busyMs, onBegin, onCommit, onRollback } = options;
  const begin = database.prepare('begin immediate');
  const commit = database.prepare('commit');
  let queue: Waiting[] = [];
  let closed = false;
  let flushing: Promise<void> | undefined;

  async function flush(): Promise<void> {
    // All that was asked for in this turn of the loop comes first.
    await new Promise((done) => {
      setImmediate(done);
    });
    while (queue.length > 0) {
      let taken = 0;
      for (let size = 0; taken < queue.length; taken++) {
        size += queue[taken]?.size ?? 0;
        if (taken > 0 && size > MAX_GROUP_SIZE) break;
      }
      const group = queue.slice(0, taken);
      queue = queue.slice(taken);
      await commitGroup(group);
    }
    flushing = undefined;
  }

  async function commitGroup(group: readonly Waiting[]): Promise<void> {
    try {
      await lock();
    } catch (error) {
      for (const { fail } of group) fail(failureOf(error, 'not-done'));
      return;
    }
    let committing = false;
    try {
      onBegin();
      for (const waiting of group) attempt(waiting);
      committing = true;
      commit.run();
      onCommit();
      for (const { ok, outcome, done, fail } of group) {
        if (ok) done(outcome as never);
        else fail(outcome);
      }
    } catch (error) {
      rollback();
      onRollback();
      // A commit that reached the log but not the disk may come back after a crash, whatever was rolled back since.
      for (const { fail } of group) fail(failureOf(error, committing ? 'unknown' : 'not-done'));
    }
  }

  /** Takes the write lock without blocking the loop while another process has it. */
  async function lock(): Promise<void> {
    const end = performance.now() + busyMs;
    for (let waitMs = 1; ; waitMs = Math.min(waitMs * 2, 50)) {
      try {
        begin.run();
        return;
      } catch (error) {
        if (!isBusy(error) || performance.now() >= end) throw error;
      }
      await sleep(waitMs);
    }
  }

  function attempt(waiting: Waiting): void {
    try {
      if (waiting.signal?.aborted === true) throw aborted(waiting.call);
      waiting.outcome = waiting.write();
      waiting.ok = true;
    } catch (error) {
      // A refusal has written nothing. After anything else nobody knows what this write has done: it ends the group.
      if (!(error instanceof EventsError)) throw error;
      waiting.outcome = error;
    }
  }

  function rollback(): void {
    try {
      if (database.isTransaction) database.exec('rollback');
    } catch {
      // SQLite has rolled back by itself, or does so when the file is opened next.
    }
  }

  return {
    run(call, write, { signal, size = 1 } = {}) {
      const written = new Promise<never>((done, fail) => {
        if (closed) return fail(storeClosed('sqlite'));
        queue.push({ call, write, signal, size, done, fail, ok: false, outcome: undefined });
        flushing ??= flush();
      });
      return signal === undefined ? written : endable(written, { call, signal });
    },
    async close() {
      closed = true;
      await flushing;
    },
  };
}
