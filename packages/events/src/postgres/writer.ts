import { aborted, storeClosed } from '../errors.ts';
import type { PreparedAppend } from '../model/checks.ts';
import type { Appended } from '../ports/event-store.ts';
import { appendGroup, type WriterCache } from './append-group.ts';
import type { Database } from './database.ts';

/** Appends that go to the server together. */
export interface Writer {
  /** Writes in the next transaction, together with all others that wait. */
  append(append: PreparedAppend, signal?: AbortSignal): Promise<Appended>;
  /** Refuses what comes now, and waits for what is under way. */
  close(): Promise<void>;
}

interface Waiting {
  readonly append: PreparedAppend;
  readonly signal: AbortSignal | undefined;
  readonly done: (appended: Appended) => void;
  readonly fail: (error: unknown) => void;
}

/** Most events in one transaction, and most characters of their data. */
const MAX_EVENTS = 2_000;
const MAX_LENGTH = 16_777_216;

/** Groups appends: those that come while a transaction is under way share the next one. */
export function createWriter(database: Database, options: { readonly schema: string }): Writer {
  const { schema } = options;
  const cache: WriterCache = { head: -1, client: undefined, streams: new Map() };
  let queue: Waiting[] = [];
  let closed = false;
  let writing: Promise<void> | undefined;

  async function write(): Promise<void> {
    // All that was asked for in this turn of the loop comes first.
    await new Promise((done) => {
      setImmediate(done);
    });
    while (queue.length > 0) {
      const count = groupSize(queue);
      const taken = queue.slice(0, count);
      queue = queue.slice(count);
      const group = taken.filter(({ signal, fail }) => {
        if (signal?.aborted === true) fail(aborted('append'));
        return signal?.aborted !== true;
      });
      if (group.length > 0) await writeGroup(group);
    }
    writing = undefined;
  }

  async function writeGroup(group: readonly Waiting[]): Promise<void> {
    const appends = group.map(({ append }) => append);
    try {
      const outcomes = await database.transaction((client, commit) =>
        appendGroup(client, appends, { cache, schema, commit }),
      );
      for (const [index, { done, fail }] of group.entries()) {
        const outcome = outcomes[index];
        if (outcome?.ok === true) done(outcome.appended);
        else fail(outcome?.error);
      }
    } catch (error) {
      for (const { fail } of group) fail(error);
    }
  }

  return {
    append: (append, signal) =>
      new Promise((done, fail) => {
        if (closed) return fail(storeClosed('postgres'));
        queue.push({ append, signal, done, fail });
        writing ??= write();
      }),
    async close() {
      closed = true;
      await writing;
    },
  };
}

/** How many of the first appends make a group; always one at least. */
function groupSize(queue: readonly Waiting[]): number {
  let events = 0;
  let length = 0;
  for (const [count, { append }] of queue.entries()) {
    events += append.events.length;
    length += append.length;
    if (count > 0 && (events > MAX_EVENTS || length > MAX_LENGTH)) return count;
  }
  return queue.length;
}
