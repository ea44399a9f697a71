/** The cache folder where the scripts keep what they install, and the lock that two processes share. */
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** The folder of this project below the user's cache folder; made when absent. */
export function cacheFolder(): string {
  const base = process.env['XDG_CACHE_HOME'];
  const folder = join(base === undefined || base === '' ? join(homedir(), '.cache') : base, 'bitcoin-enterprise');
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** One line of progress for the person who waits. Standard error, so that output stays usable in a pipe. */
export function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}

/**
 * Runs `work` while this process alone holds the lock at `path`; other processes wait, and a lock whose process
 * died is taken over.
 */
export async function withLock<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  mkdirSync(dirname(path), { recursive: true });
  for (let waited = 0; !takeLock(path); waited += 1) {
    if (waited === 20) progress(`waiting for another process that holds ${path}`);
    await sleep(100);
  }
  try {
    return await work();
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}

function takeLock(path: string): boolean {
  try {
    // Making a folder is atomic on every file system, a check followed by a write is not.
    mkdirSync(path);
  } catch {
    if (isAbandoned(path)) rmSync(path, { recursive: true, force: true });
    return false;
  }
  writeFileSync(join(path, 'pid'), String(process.pid));
  return true;
}

function isAbandoned(path: string): boolean {
  try {
    const owner = Number(readFileSync(join(path, 'pid'), 'utf8'));
    if (owner > 0) return !isAlive(owner);
    return false;
  } catch {
    // Between making the folder and writing the pid there is an instant; a folder without one for longer is a crash.
    try {
      return Date.now() - statSync(path).mtimeMs > 5_000;
    } catch {
      return false;
    }
  }
}

/** Whether a process of that id exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
