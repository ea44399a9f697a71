import { fieldOf } from '../model/checks.ts';
import type { FileAccess } from '../ports/file-access.ts';

/** Files that are there as a whole, or not at all, whenever the process or the machine stops. */
export interface DurableFiles {
  /** `undefined` when there is none. */
  read(path: string): Promise<Uint8Array | undefined>;
  /** Replaces a file; durable when it answers. */
  replace(path: string, bytes: Uint8Array): Promise<void>;
  /** Adds to the end of a file; a crash may leave a part of it. */
  append(path: string, bytes: Uint8Array): Promise<void>;
  remove(path: string): Promise<void>;
}

const MAX_KNOWN = 1_000;

/** Durable files below a folder; paths are relative and use slashes. */
export function durableFiles(folder: string, fs: FileAccess): DurableFiles {
  const at = (path: string): string => `${folder}/${path}`;
  const above = (path: string): string => path.slice(0, path.lastIndexOf('/'));
  const parentOf = (path: string): string => above(at(path));
  // Folders that a power cut leaves where they are.
  const durable = new Set<string>();

  /** Makes the folders of a file durable: each is a name in the one above it, and lost when that was not synced. */
  async function makeFolders(path: string): Promise<void> {
    const parent = parentOf(path);
    await fs.mkdir(parent, { recursive: true });
    if (durable.has(parent)) return;
    const made: string[] = [];
    for (let one = parent; one.length > folder.length && !durable.has(one); one = above(one)) made.unshift(one);
    for (const one of made) await syncFolder(above(one));
    // A log makes a folder for each 256 entries: those of long ago are not needed again.
    if (durable.size > MAX_KNOWN) durable.clear();
    for (const one of [...made, parent]) durable.add(one);
  }

  async function write(path: string, flags: 'w' | 'a', bytes: Uint8Array): Promise<void> {
    const file = await fs.open(path, flags);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  /** A name in a folder is durable once the folder is; systems that cannot do that need not. */
  async function syncFolder(path: string): Promise<void> {
    try {
      const handle = await fs.open(path, 'r');
      await handle.sync().catch(() => undefined);
      await handle.close();
    } catch (error) {
      if (fieldOf(error, 'code') === 'ENOENT') throw error;
    }
  }

  return {
    async read(path) {
      try {
        return new Uint8Array(await fs.readFile(at(path)));
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
    },
    async replace(path, bytes) {
      await makeFolders(path);
      const temporary = `${at(path)}.tmp`;
      await write(temporary, 'w', bytes);
      await fs.rename(temporary, at(path));
      await syncFolder(parentOf(path));
    },
    async append(path, bytes) {
      await makeFolders(path);
      await write(at(path), 'a', bytes);
    },
    remove: async (path) => void (await fs.rm(at(path), { force: true })),
  };
}

/** Runs calls one after another, each once the one before has ended either way. */
export function oneAtATime(): <Value>(run: () => Promise<Value>) => Promise<Value> {
  let last: Promise<unknown> = Promise.resolve();
  return (run) => {
    const next = last.then(run, run);
    last = next.catch(() => undefined);
    return next;
  };
}

function isMissing(error: unknown): boolean {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return code === 'ENOENT' || code === 'ENOTDIR';
}
