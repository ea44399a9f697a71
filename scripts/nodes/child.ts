/** Child processes that never outlive the process that started them, and folders that go with them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAlive } from './cache.ts';
import type { Command } from './debian.ts';

/** A running child. */
export interface Child {
  readonly pid: number;
  /** What it printed so far, both streams, at most the last 64 kB. */
  output(): string;
  /** Settles when it ended, with its exit code or `null` when a signal ended it. */
  readonly ended: Promise<number | null>;
  /** Ends it at once and waits until it is gone. */
  kill(): Promise<void>;
}

const running = new Set<ChildProcess>();
const folders = new Set<string>();
let hooked = false;

/**
 * Starts a program that dies with this process: at its exit, and where `setpriv` exists (Linux) even when this process
 * is itself killed.
 */
export function startChild(command: Command, args: readonly string[]): Child {
  hookExit();
  const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find((file) => existsSync(file));
  const guard = setpriv === undefined ? [] : [setpriv, '--pdeathsig', 'KILL', '--'];
  const [file = command.file, ...rest] = [...guard, command.file, ...command.args, ...args];
  const child = spawn(file, rest, { env: { ...process.env, ...command.env }, stdio: ['ignore', 'pipe', 'pipe'] });
  // A forgotten child must not keep its parent alive: it ends with it instead.
  child.unref();
  (child.stdout as Socket).unref();
  (child.stderr as Socket).unref();
  let output = '';
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-65_536);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  running.add(child);
  const ended = new Promise<number | null>((done) => {
    child.on('error', (error) => {
      running.delete(child);
      keep(Buffer.from(error.message));
      done(127);
    });
    child.on('exit', (code) => {
      running.delete(child);
      done(code);
    });
  });
  return {
    pid: child.pid ?? 0,
    output: () => output,
    ended,
    kill: async () => {
      child.ref();
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** An empty folder that is removed at the latest when this process ends. */
export function temporaryFolder(name: string): string {
  hookExit();
  removeOrphans(name);
  const folder = mkdtempSync(join(tmpdir(), `be-${name}-${process.pid}-`));
  folders.add(folder);
  return folder;
}

/** Removes a folder of {@link temporaryFolder} now. */
export function removeFolder(folder: string): void {
  folders.delete(folder);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
}

/** A TCP port of the loopback address that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done, fail) => {
    server.once('error', fail);
    server.listen(0, '127.0.0.1', done);
  });
  const address = server.address();
  await new Promise<void>((done) => {
    server.close(() => done());
  });
  if (address === null || typeof address === 'string') throw new Error('the system gave no TCP port');
  return address.port;
}

/** A process that was killed leaves its folder behind; its name carries the process id. */
function removeOrphans(name: string): void {
  const pattern = new RegExp(`^be-${name}-(\\d+)-`);
  for (const entry of readdirSync(tmpdir())) {
    const owner = pattern.exec(entry)?.[1];
    if (owner !== undefined && !isAlive(Number(owner))) rmSync(join(tmpdir(), entry), { recursive: true, force: true });
  }
}

function hookExit(): void {
  if (hooked) return;
  hooked = true;
  process.on('exit', () => {
    for (const child of running) child.kill('SIGKILL');
    for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  });
}
