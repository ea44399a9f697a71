/** A real PostgreSQL for tests and benchmarks: found or installed, started alone as an ordinary user, gone afterwards. */
import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive } from './cache.ts';
import { type Child, freePort, removeFolder, startChild, temporaryFolder } from './child.ts';
import { type Command, unpackDebianPackages } from './debian.ts';
import { type AbsentProgram, type FoundProgram, findProgram } from './find.ts';
import { linkLibraries } from './libraries.ts';
import { isReady } from './ready.ts';
import { run } from './run.ts';

/** Settings of {@link startPostgres}. */
export interface StartPostgresOptions {
  /** Settings of the server beside the default ones, for example `{ fsync: 'off' }`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** How long to wait until it answers, in milliseconds. */
  readonly timeoutMs?: number;
}

/** A running PostgreSQL. */
export interface Postgres {
  /** `postgresql://be@127.0.0.1:port/postgres`; no password is asked for. */
  readonly url: string;
  readonly port: number;
  /** The folder of its Unix socket. */
  readonly socketFolder: string;
  /** Its data folder, removed by {@link Postgres.stop}. */
  readonly datadir: string;
  readonly pid: number;
  /** `postgres (PostgreSQL) 15.18 …`. */
  readonly version: string;
  /** Where the program came from. */
  readonly source: string;
  /** Kills the server without warning and starts it again on the same data and port. */
  crash(): Promise<void>;
  /** Ends the process and removes its folder. */
  stop(): Promise<void>;
}

const says = 'ready to accept connections';
let found: Promise<FoundProgram | AbsentProgram> | undefined;

/** Finds the server: `BE_POSTGRES`, then PATH, then Debian's package in the cache. */
export function findPostgres(): Promise<FoundProgram | AbsentProgram> {
  found ??= findProgram({ binary: 'postgres', variable: 'BE_POSTGRES', install: installPostgres });
  return found;
}

async function installPostgres(): Promise<FoundProgram | AbsentProgram> {
  const unpacked = await unpackDebianPackages({ name: 'postgresql', packages: ['postgresql'] });
  if (!unpacked.ok) return unpacked;
  const versions = join(unpacked.root, 'usr/lib/postgresql');
  const version = existsSync(versions) ? readdirSync(versions)[0] : undefined;
  if (version === undefined) return { ok: false, reason: "Debian's postgresql has no server" };
  // initdb starts the server itself, so that they cannot run under another loader than the host's.
  const libraries = linkLibraries(unpacked.root);
  return {
    ok: true,
    command: {
      file: join(versions, version, 'bin/postgres'),
      args: [],
      env: { LD_LIBRARY_PATH: libraries },
    },
    source: `Debian ${
      Object.entries(unpacked.versions)
        .find(([name]) => /^postgresql-\d+$/.test(name))
        ?.join(' ') ?? ''
    }`,
  };
}

/**
 * Starts a PostgreSQL of its own: free port, a temporary data folder, `fsync` on.
 *
 * The server refuses to run as root; then it gets a user namespace in which it is somebody else.
 *
 * @throws Error when none is found or it does not answer in time; the text carries what it printed.
 *
 * @example
 * ```ts no-run
 * const server = await startPostgres();
 * await server.stop();
 * ```
 */
export async function startPostgres(options: StartPostgresOptions = {}): Promise<Postgres> {
  const { settings = {}, timeoutMs = 60_000 } = options;
  const program = await findPostgres();
  if (!program.ok) throw new Error(`PostgreSQL is absent: ${program.reason}`);
  const server = { ...program.command, file: realpathSync(program.command.file) };
  const version = (await run(server.file, ['--version'], { env: server.env })).stdout.trim();
  const folder = temporaryFolder('postgres');
  const datadir = join(folder, 'data');
  const initdb = ordinary({ ...server, file: join(dirname(server.file), 'initdb') });
  const made = await run(
    initdb.file,
    [...initdb.args, '-D', datadir, '-U', 'be', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'],
    { env: initdb.env },
  );
  if (made.code !== 0) {
    removeFolder(folder);
    throw new Error(`initdb failed:\n${made.stderr.slice(-2_000)}`);
  }
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const begin = (): Child =>
      startChild(ordinary(server), [
        '-D',
        datadir,
        '-p',
        String(port),
        '-h',
        '127.0.0.1',
        '-k',
        folder,
        ...Object.entries({
          max_connections: '60',
          shared_buffers: '64MB',
          dynamic_shared_memory_type: 'mmap',
          ...settings,
        }).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
      ]);
    let child = begin();
    const up = await isReady(child, { says, port, timeoutMs });
    if (!up) {
      const output = child.output();
      await child.kill();
      if (/could not bind|Address already in use/i.test(output) && attempt < 5) continue;
      removeFolder(folder);
      throw new Error(`PostgreSQL did not start:\n${output.slice(-2_000)}`);
    }
    let crashed: Promise<void> = Promise.resolve();
    return {
      url: `postgresql://be@127.0.0.1:${port}/postgres`,
      port,
      socketFolder: folder,
      datadir,
      get pid() {
        return child.pid;
      },
      version,
      source: program.source,
      crash() {
        // One after the other: two at once would kill each other's new server.
        crashed = crashed.then(crashNow);
        return crashed;
      },
      async stop() {
        await crashed.catch(() => undefined);
        // Asked to end first: a server that is only killed leaves its shared memory behind.
        if (isAlive(child.pid)) process.kill(child.pid, 'SIGINT');
        await Promise.race([child.ended, sleep(5_000)]);
        await child.kill();
        removeFolder(folder);
      },
    };

    async function crashNow(): Promise<void> {
      await child.kill();
      // Its children notice the death of their parent and end, and only then the folder is free.
      for (;;) {
        child = begin();
        if (await isReady(child, { says, port, timeoutMs })) return;
        const output = child.output();
        await child.kill();
        if (!/still in use|is another postmaster|pre-existing shared memory/i.test(output))
          throw new Error(`PostgreSQL did not start again:\n${output.slice(-2_000)}`);
        await sleep(50);
      }
    }
  }
}

/** The command as it must be run: root becomes somebody else, who is still allowed to read root's files. */
function ordinary(command: Command): Command {
  if (process.getuid?.() !== 0) return command;
  return {
    file: '/usr/bin/unshare',
    args: ['--user', '--map-user=65534', '--map-group=65534', 'setpriv', '--pdeathsig', 'KILL', command.file],
    env: command.env,
  };
}
