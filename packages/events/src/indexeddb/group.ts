import { aborted, EventsError, storeClosed } from '../errors.ts';
import { begin, completed, failureOf } from './database.ts';

/** A write inside a transaction: it decides first and writes then. */
export type Write<Result> = (transaction: IDBTransaction) => Promise<Result>;

/** Writes that share a transaction. */
export interface Group {
  /** Runs a write in the next transaction; answers once that is on the disk. */
  run<Result>(call: string, write: Write<Result>, signal?: AbortSignal): Promise<Result>;
  /** Refuses what comes now, and waits for what is under way. */
  close(): Promise<void>;
}

interface Waiting {
  readonly call: string;
  readonly write: Write<unknown>;
  readonly signal: AbortSignal | undefined;
  readonly done: (result: never) => void;
  readonly fail: (error: unknown) => void;
}

const MAX_GROUP = 500;

/** Groups writes: those that come while a transaction is under way share the next one. */
export function createGroup(database: IDBDatabase): Group {
  let queue: Waiting[] = [];
  let closed = false;
  let running: Promise<void> | undefined;

  async function flush(): Promise<void> {
    await Promise.resolve();
    while (queue.length > 0) {
      const group = queue.slice(0, MAX_GROUP);
      queue = queue.slice(MAX_GROUP);
      await runGroup(group);
    }
    running = undefined;
  }

  async function runGroup(group: readonly Waiting[]): Promise<void> {
    const settle: Array<() => void> = [];
    let transaction: IDBTransaction | undefined;
    try {
      transaction = begin(database, 'readwrite');
      const complete = completed(transaction);
      // Failing it is not enough: somebody must hear of it while the writes are still under way.
      complete.catch(() => undefined);
      for (const { call, write, signal, done, fail } of group)
        try {
          if (signal?.aborted === true) throw aborted(call);
          const result = await write(transaction);
          settle.push(() => done(result as never));
        } catch (error) {
          // A refusal has written nothing; anything else ends the transaction.
          if (!(error instanceof EventsError)) throw error;
          settle.push(() => fail(error));
        }
      await complete;
      for (const tell of settle) tell();
    } catch (error) {
      abort(transaction);
      for (const { fail } of group) fail(failureOf(error, 'not-done'));
    }
  }

  return {
    run: (call, write, signal) =>
      new Promise((done, fail) => {
        if (closed) return fail(storeClosed('indexeddb'));
        queue.push({ call, write, signal, done, fail });
        running ??= flush();
      }),
    async close() {
      closed = true;
      await running;
    },
  };
}

function abort(transaction: IDBTransaction | undefined): void {
  try {
    transaction?.abort();
  } catch {
    // It has ended already.
  }
}
