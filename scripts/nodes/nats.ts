/** A real NATS server with JetStream for tests: found or installed, started alone, gone afterwards. */
import { join } from 'node:path';
import { type Child, freePort, removeFolder, startChild, temporaryFolder } from './child.ts';
import { unpackDebianPackages } from './debian.ts';
import { type AbsentProgram, type FoundProgram, findProgram } from './find.ts';
import { isReady } from './ready.ts';
import { run } from './run.ts';

/** Settings of {@link startNats}. */
export interface StartNatsOptions {
  /** Arguments after the default ones. */
  readonly args?: readonly string[];
  /** How long to wait until it answers, in milliseconds. */
  readonly timeoutMs?: number;
}

/** A running NATS server. */
export interface Nats {
  /** `nats://127.0.0.1:port`. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** `nats-server: v2.10.1`. */
  readonly version: string;
  /** Where the program came from. */
  readonly source: string;
  /** Kills the server without warning and starts it again on the same data and port. */
  crash(): Promise<void>;
  /** Ends the process and removes its folder. */
  stop(): Promise<void>;
}

const says = 'Server is ready';
let found: Promise<FoundProgram | AbsentProgram> | undefined;

/** Finds the server: `BE_NATS`, then PATH, then Debian sid's `nats-server` in the cache. */
export function findNats(): Promise<FoundProgram | AbsentProgram> {
  found ??= findProgram({ binary: 'nats-server', variable: 'BE_NATS', install: installNats });
  return found;
}

async function installNats(): Promise<FoundProgram | AbsentProgram> {
  const unpacked = await unpackDebianPackages({ name: 'nats-server', packages: ['nats-server'], suite: 'sid' });
  if (!unpacked.ok) return unpacked;
  return {
    ok: true,
    command: unpacked.command('usr/sbin/nats-server'),
    source: `Debian nats-server ${unpacked.versions['nats-server'] ?? ''}`.trimEnd(),
  };
}

/**
 * Starts a NATS server of its own with JetStream: free port, a temporary folder for its streams.
 *
 * @throws Error when none is found or it does not answer in time; the text carries what it printed.
 */
export async function startNats(options: StartNatsOptions = {}): Promise<Nats> {
  const { args = [], timeoutMs = 30_000 } = options;
  const program = await findNats();
  if (!program.ok) throw new Error(`NATS is absent: ${program.reason}`);
  const { command, source } = program;
  const told = await run(command.file, [...command.args, '--version'], { env: command.env });
  const folder = temporaryFolder('nats');
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const begin = (): Child =>
      startChild(command, ['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', join(folder, 'js'), ...args]);
    let child = begin();
    if (!(await isReady(child, { says, port, timeoutMs }))) {
      const output = child.output();
      await child.kill();
      if (/address already in use/i.test(output) && attempt < 5) continue;
      removeFolder(folder);
      throw new Error(`NATS did not start:\n${output.slice(-2_000)}`);
    }
    return {
      url: `nats://127.0.0.1:${port}`,
      port,
      get pid() {
        return child.pid;
      },
      version: `${told.stdout}${told.stderr}`.trim(),
      source,
      async crash() {
        await child.kill();
        child = begin();
        if (!(await isReady(child, { says, port, timeoutMs })))
          throw new Error(`NATS did not start again:\n${child.output().slice(-2_000)}`);
      },
      async stop() {
        await child.kill();
        removeFolder(folder);
      },
    };
  }
}
