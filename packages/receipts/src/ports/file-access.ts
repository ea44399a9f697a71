import type { SqliteAccess } from './sqlite-access.ts';

/** An open file. */
export interface FileHandle {
  /** Writes at the place where the file was opened. */
  writeFile(data: Uint8Array): Promise<unknown>;
  /** Answers once the content would survive a power cut. */
  sync(): Promise<unknown>;
  /** Lets go of it. */
  close(): Promise<unknown>;
}

/** The few calls of a file system that the file adapters need: `node:fs/promises` is one, as it stands. */
export interface FileAccess {
  /** The content of a file; rejects with `code: 'ENOENT'` when there is none. */
  readFile(path: string): Promise<Uint8Array>;
  /** Opens a file: `w` makes or empties it, `a` appends, `r` also opens folders. */
  open(path: string, flags: 'w' | 'a' | 'r'): Promise<FileHandle>;
  /** Atomically gives a file another name, replacing what has it. */
  rename(from: string, to: string): Promise<unknown>;
  /** Makes a folder and those above it; one that is there is no error. */
  mkdir(path: string, options: { readonly recursive: true }): Promise<unknown>;
  /** Removes a file; one that is not there is no error. */
  rm(path: string, options: { readonly force: true }): Promise<unknown>;
}

/** Where the files are. */
export interface FileStorageOptions {
  /** A folder of its own, on a disk of this machine (locks of network file systems are not to be trusted). */
  readonly folder: string;
  /** The file system: pass `import * as fs from 'node:fs/promises'`. */
  readonly fs: FileAccess;
  /**
   * What keeps two processes apart: pass `import * as sqlite from 'node:sqlite'`. Its lock on the file `.lock` in the
   * folder, which stays empty, is one of the operating system, gone with the process that held it; the file system
   * alone has none that a kill -9 does not leave behind.
   */
  readonly sqlite: SqliteAccess;
  /** How long a change waits for another process that is writing, in milliseconds; 10,000 when absent. */
  readonly lockWaitMs?: number;
}
