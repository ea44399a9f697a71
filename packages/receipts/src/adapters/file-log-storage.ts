import { concatBytes, parseHex, toHex } from '@bitcoin-enterprise/core';
import { requireMethods, requireObject, requireText, throwIfAborted } from '../model/checks.ts';
import { decodeUtf8 } from '../model/statement.ts';
import { damaged } from '../model/tiles.ts';
import type { FileStorageOptions } from '../ports/file-access.ts';
import type { LogChange, LogHead, LogStorage } from '../ports/log-storage.ts';
import { durableFiles, oneAtATime } from './durable-files.ts';
import { folderLock } from './folder-lock.ts';
import { sameHead } from './memory-log-storage.ts';

// Names with a dot: no path of the log has one at its start, and file servers hide them by habit.
const HEAD = '.head.json';
const JOURNAL = '.journal';
const KEYS = '.keys';

/** The plain part of a change in the journal; the bytes of the writes follow it. */
interface JournalHead {
  readonly size: number;
  readonly root: string;
  readonly published: number;
  readonly deletes: readonly string[];
  readonly keys: ReadonlyArray<readonly [string, number]>;
  /** Path and length of each write, in the order of their bytes. */
  readonly writes: ReadonlyArray<readonly [string, number]>;
}

/**
 * A log storage in a folder: its files are the log, and any file server that serves the folder serves it.
 *
 * A change is written to a journal first, in one durable step, and then put in place; after a crash the next call puts
 * it in place again. Several processes may use one folder: each change is compared and set under a lock of the operating
 * system, which a process that dies leaves to the others.
 *
 * @throws {@link ReceiptsError} `RECEIPTS_LOG_DAMAGED` from its calls when head, journal or keys cannot be read;
 * `RECEIPTS_FOLDER_IN_USE` when another process has been writing for longer than `lockWaitMs`.
 *
 * @example
 * ```ts no-run
 * import * as fs from 'node:fs/promises';
 * import * as sqlite from 'node:sqlite';
 * import { createFileLogStorage, createLog } from '@bitcoin-enterprise/receipts';
 *
 * const log = createLog({ storage: createFileLogStorage({ folder: '/var/lib/receipts', fs, sqlite }) });
 * ```
 */
export function createFileLogStorage(options: FileStorageOptions): LogStorage {
  requireObject('options', options);
  const { folder, fs } = options;
  requireText('options.folder', folder);
  requireMethods('options.fs', fs, ['readFile', 'open', 'rename', 'mkdir', 'rm']);
  const files = durableFiles(folder, fs);
  const alone = oneAtATime();
  const locked = folderLock(options);
  let state: { head: LogHead | undefined; readonly keys: Map<string, number> } | undefined;

  /** Finishes what a crash has left, and reads head and keys once. */
  async function ready(): Promise<{ head: LogHead | undefined; readonly keys: Map<string, number> }> {
    if (state !== undefined) return state;
    // It may as well be there because another process is at it.
    if ((await files.read(JOURNAL)) !== undefined) await locked(recover, { name: 'ready' });
    state = { head: await readHead(), keys: await readKeys() };
    return state;
  }

  /** Puts in place what a process has left that died over it; under the lock, for it may be alive. */
  async function recover(): Promise<void> {
    const journal = await files.read(JOURNAL);
    if (journal === undefined) return;
    state = undefined;
    await putInPlace(journal);
  }

  /** Looks whether another process has written meanwhile: a log that went on from an old head would be two logs. */
  async function looked(): Promise<{ head: LogHead | undefined; readonly keys: Map<string, number> }> {
    const known = await ready();
    const head = await readHead();
    return sameHead(known.head, head) ? known : (state = { head, keys: await readKeys() });
  }

  async function readHead(): Promise<LogHead | undefined> {
    const bytes = await files.read(HEAD);
    if (bytes === undefined) return undefined;
    const { size, root, published } = parsed(HEAD, bytes) as LogHead & { readonly root: unknown };
    if (!isCount(size) || !isCount(published) || typeof root !== 'string') throw damaged(HEAD, 'format');
    return { size, published, root: parseHex(root) };
  }

  async function readKeys(): Promise<Map<string, number>> {
    const keys = new Map<string, number>();
    const text = new TextDecoder().decode((await files.read(KEYS)) ?? new Uint8Array(0));
    for (const line of text.split('\n')) {
      // A line that a crash has cut off is written again from the journal.
      const [, key, index] = /^(\S+) (\d+);$/.exec(line) ?? [];
      if (key !== undefined) keys.set(key, Number(index));
    }
    return keys;
  }

  async function putInPlace(journal: Uint8Array): Promise<void> {
    const split = journal.indexOf(10);
    const { size, root, published, deletes, keys, writes } = parsed(JOURNAL, journal.subarray(0, split)) as JournalHead;
    let at = split + 1;
    const parts = writes.map(([path, length]) => {
      const bytes = journal.subarray(at, (at += length));
      return { path, bytes };
    });
    if (at !== journal.length) throw damaged(JOURNAL, 'length');
    await Promise.all(parts.map(({ path, bytes }) => files.replace(path, bytes)));
    if (keys.length > 0) await files.append(KEYS, utf8(`\n${keys.map(([key, i]) => `${key} ${i};\n`).join('')}`));
    await files.replace(HEAD, utf8(JSON.stringify({ size, root, published })));
    await Promise.all(deletes.map((path) => files.remove(path)));
    await files.remove(JOURNAL);
  }

  async function commitLocked(change: LogChange): Promise<boolean> {
    await recover();
    const current = await looked();
    if (!sameHead(current.head, change.expected)) return false;
    const journal = journalOf(change);
    // Until it is known what became of this, the next call reads everything again.
    state = undefined;
    await files.replace(JOURNAL, journal);
    await putInPlace(journal);
    for (const [key, index] of change.keys) current.keys.set(key, index);
    current.head = { ...change.head, root: new Uint8Array(change.head.root) };
    state = current;
    return true;
  }

  return {
    head: async (call) => {
      throwIfAborted('head', call?.signal);
      return (await alone(looked)).head;
    },
    async read(path, call) {
      throwIfAborted('read', call?.signal);
      requireText('path', path);
      if (!isSafe(path)) return undefined;
      await alone(ready);
      return files.read(path);
    },
    indexOfKey: async (key, call) => {
      throwIfAborted('indexOfKey', call?.signal);
      return (await alone(looked)).keys.get(key);
    },
    commit: (change, call) =>
      alone(async () => {
        throwIfAborted('commit', call?.signal);
        await fs.mkdir(folder, { recursive: true });
        return locked(() => commitLocked(change), { name: 'commit', call, isKept: (applied) => !applied });
      }),
  };
}

function journalOf({ head, writes, deletes, keys }: LogChange): Uint8Array {
  const plain: JournalHead = {
    size: head.size,
    root: toHex(head.root),
    published: head.published,
    deletes: deletes.filter(isSafe),
    keys: [...keys],
    writes: Array.from(writes, ([path, bytes]) => [path, bytes.length] as const),
  };
  for (const path of writes.keys()) if (!isSafe(path)) throw damaged(path, 'format');
  return concatBytes(utf8(`${JSON.stringify(plain)}\n`), ...writes.values());
}

/** Whether a path stays in the folder and apart from the storage's own files. */
function isSafe(path: string): boolean {
  return /^[A-Za-z0-9]+(?:[/.][A-Za-z0-9]+|\.p\/\d+)*$/.test(path) && !path.endsWith('.tmp');
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function parsed(path: string, bytes: Uint8Array): object {
  try {
    const value: unknown = JSON.parse(decodeUtf8(bytes) ?? '');
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // Falls through: what is no JSON is damaged.
  }
  throw damaged(path, 'format');
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
