import { aborted, storeClosed } from '../errors.ts';
import type { PreparedAppend } from '../model/checks.ts';
import type { Appended } from '../ports/event-store.ts';
import { appendGroup, type WriterCache } from './append-group.ts';
import type { Database } from './database.ts';

/** Appends that go to the server together. */
export interface Writer {
  /** Writes in the next transaction, together with all others that wait. */
  append(append: PreparedAppend, signal?: AbortSignal): Promise<Appended>;
  /** Refuses what comes now, and waits so long for what is under way; answers whether that has ended. */
  close(options: { readonly waitMs: number }): Promise<boolean>;
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
export function createWriter(
  database: Database,
  options: { readonly schema: string; readonly onWritten: () => void },
): Writer {
  const { schema, onWritten } = options;
  const cache: WriterCache = { head: -1, client: undefined, streams: new Map() };
  let queue: Waiting[] = [];
  let underWay: readonly Waiting[] = [];
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
    underWay = group;
    try {
      const outcomes = await database.transaction((client, commit) =>
        appendGroup(client, appends, { cache, schema, commit }),
      );
      for (let i = 0; i < group.length; i++) {
        const outcome = outcomes[i];
        if (outcome?.ok === true) group[i]?.done(outcome.appended);
        else group[i]?.fail(outcome?.error);
      }
      onWritten();
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
    async close({ waitMs }) {
      closed = true;
      if (writing === undefined) return true;
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<boolean>((done) => {
        timer = setTimeout(() => done(false), waitMs);
      });
      const isDone = await Promise.race([writing.then(() => true), late]);
      clearTimeout(timer);
      if (!isDone) for (const { fail } of [...underWay, ...queue]) fail(storeClosed('postgres'));
      return isDone;
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
