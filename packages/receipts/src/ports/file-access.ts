/** An open file. */
export interface FileHandle {
  writeFile(data: Uint8Array): Promise<unknown>;
  /** Answers once the content would survive a power cut. */
  sync(): Promise<unknown>;
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
  mkdir(path: string, options: { readonly recursive: true }): Promise<unknown>;
  rm(path: string, options: { readonly force: true }): Promise<unknown>;
}

/** Where the files are. */
export interface FileStorageOptions {
  /** A folder of its own; made when absent. */
  readonly folder: string;
  /** The file system: pass `import * as fs from 'node:fs/promises'`. */
  readonly fs: FileAccess;
}
