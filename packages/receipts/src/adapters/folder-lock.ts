import { invalidArgument, ReceiptsError } from '../errors.ts';
import { fieldOf, requireCount, requireText, throwIfAborted } from '../model/checks.ts';
import type { FileStorageOptions } from '../ports/file-access.ts';
import type { CallOptions } from '../ports/signer.ts';
import type { SqliteAccess, SqliteDatabase } from '../ports/sqlite-access.ts';

const SQLITE_BUSY = 5;
const LONGEST_PAUSE_MS = 5;
const KEPT_MS = 250;

/** How work is run under a {@link FolderLock}. */
export interface LockedOptions<Value> {
  /** Name for errors. */
  readonly name: string;
  /** Ends the wait, not the work. */
  readonly call?: CallOptions | undefined;
  /**
   * Whether the lock is kept for the next run, for a moment: whoever has just lost a comparison looks again and comes
   * back, and would lose for ever to somebody who is quicker and never looks.
   */
  readonly isKept?: (value: Value) => boolean;
}

/** Runs work while no other holder of the lock, of this process or another one, runs any; one run at a time. */
export type FolderLock = <Value>(work: () => Promise<Value>, options: LockedOptions<Value>) => Promise<Value>;

/**
 * The lock of a folder, which must be there when it is taken. It is the exclusive lock of an empty SQLite database: the
 * operating system takes it back from a process that dies, so that there is no such thing as a stale one.
 */
export function folderLock({ folder, sqlite, lockWaitMs = 10_000 }: FileStorageOptions): FolderLock {
  requireText('options.folder', folder);
  requireCount('options.lockWaitMs', lockWaitMs);
  const Database = fieldOf(sqlite, 'DatabaseSync') as SqliteAccess['DatabaseSync'];
  if (typeof Database !== 'function') throw invalidArgument('options.sqlite.DatabaseSync', 'a class', Database);
  let kept: { readonly database: SqliteDatabase; readonly timer: ReturnType<typeof setTimeout> } | undefined;

  async function take(name: string, call: CallOptions | undefined): Promise<SqliteDatabase> {
    if (kept !== undefined) {
      const { database, timer } = kept;
      clearTimeout(timer);
      kept = undefined;
      return database;
    }
    const database = new Database(`${folder}/.lock`);
    try {
      await waitFor(() => isTaken(database), { name, lockWaitMs, call });
      return database;
    } catch (error) {
      database.close();
      throw error;
    }
  }

  return async (work, { name, call, isKept = () => false }) => {
    const database = await take(name, call);
    let keep = false;
    try {
      const value = await work();
      keep = isKept(value);
      return value;
    } finally {
      if (!keep) database.close();
      else {
        const letGo = (): void => {
          kept = undefined;
          database.close();
        };
        kept = { database, timer: setTimeout(letGo, KEPT_MS) };
      }
    }
  };
}

async function waitFor(
  isThere: () => boolean,
  options: { readonly name: string; readonly lockWaitMs: number; readonly call: CallOptions | undefined },
): Promise<void> {
  const { name, lockWaitMs, call } = options;
  const startMs = performance.now();
  for (let pauseMs = 1; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs + 1)) {
    throwIfAborted(name, call?.signal);
    if (isThere()) return;
    if (performance.now() - startMs >= lockWaitMs)
      throw new ReceiptsError('RECEIPTS_FOLDER_IN_USE', `expected the folder to be free within ${lockWaitMs} ms`, {
        details: { lockWaitMs },
        hint: 'another process is writing, or was stopped while it did: let it end',
        retryable: true,
      });
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

function isTaken(database: SqliteDatabase): boolean {
  try {
    // Whoever waits does so without keeping this thread from everything else.
    database.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    if (Number(fieldOf(error, 'errcode')) % 256 === SQLITE_BUSY) return false;
    throw error;
  }
}
