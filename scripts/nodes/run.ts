/** Running a program to its end. */
import { spawn } from 'node:child_process';

/** How a program ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Settings of {@link run}. */
export interface RunOptions {
  /** Variables added to this process's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** Folder to run in. */
  readonly cwd?: string;
  /** Milliseconds after which it is killed. */
  readonly timeoutMs?: number;
}

/** Runs a program without a shell and without input; never throws, a program that cannot start ends with code 127. */
export async function run(file: string, args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const { env = {}, cwd, timeoutMs } = options;
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  const child = spawn(file, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(timeoutMs === undefined ? {} : { timeout: timeoutMs, killSignal: 'SIGKILL' as const }),
  });
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  const code = await new Promise<number>((done) => {
    child.on('error', (error) => {
      err.push(Buffer.from(error.message));
      done(127);
    });
    child.on('close', (status) => done(status ?? 1));
  });
  return { code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() };
}
