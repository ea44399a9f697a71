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

/** Most appends in one transaction. */
const MAX_GROUP = 1_000;

/** Groups appends: those that come while a transaction is under way share the next one. */
export function createWriter(database: Database, options: { readonly schema: string }): Writer {
  const { schema } = options;
  const cache: WriterCache = { head: -1, streams: new Map() };
  let queue: Waiting[] = [];
  let closed = false;
  let writing: Promise<void> | undefined;

  async function write(): Promise<void> {
    // All that was asked for in this turn of the loop comes first.
    await new Promise((done) => {
      setImmediate(done);
    });
    while (queue.length > 0) {
      const taken = queue.slice(0, MAX_GROUP);
      queue = queue.slice(MAX_GROUP);
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
