/** A real bitcoind on regtest, for tests and examples: found or installed, started alone, gone afterwards. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Child, freePort, removeFolder, startChild, temporaryFolder } from './child.ts';
import { type Command, unpackDebianPackages } from './debian.ts';
import { type AbsentProgram, type FoundProgram, findProgram } from './find.ts';
import { run } from './run.ts';

/** Settings of {@link startBitcoind}. */
export interface StartBitcoindOptions {
  /** Arguments after the default ones; the last of two equal ones wins. */
  readonly args?: readonly string[];
  /** How long to wait for the first answer, in milliseconds. */
  readonly timeoutMs?: number;
}

/** A running bitcoind. */
export interface Bitcoind {
  /** `http://127.0.0.1:port`. */
  readonly rpcUrl: string;
  /** `user:password`, as in the node's cookie file. */
  readonly cookie: string;
  readonly user: string;
  readonly password: string;
  /** Its data folder, removed by {@link Bitcoind.stop}. */
  readonly datadir: string;
  readonly pid: number;
  /** First line of `bitcoind -version`. */
  readonly version: string;
  /** Where the program came from. */
  readonly source: string;
  /**
   * One call.
   *
   * @throws {@link BitcoindRefusal} when the node answers with an error.
   */
  rpc<Result = unknown>(method: string, params?: readonly unknown[]): Promise<Result>;
  /** Ends the process and removes its folder. */
  stop(): Promise<void>;
}

/** An error that the node answered. */
export class BitcoindRefusal extends Error {
  override readonly name = 'BitcoindRefusal';
  /** The node's own number, for example -26. */
  readonly rpcCode: number;

  constructor(method: string, rpcCode: number, message: string) {
    super(`${method}: ${message} (${rpcCode})`);
    this.rpcCode = rpcCode;
  }
}

let found: Promise<FoundProgram | AbsentProgram> | undefined;

/** Finds bitcoind: `BE_BITCOIND`, then PATH, then Debian sid's `bitcoin-knots` in the cache, installed when absent. */
export function findBitcoind(): Promise<FoundProgram | AbsentProgram> {
  found ??= findProgram({ binary: 'bitcoind', variable: 'BE_BITCOIND', install: installBitcoind });
  return found;
}

async function installBitcoind(): Promise<FoundProgram | AbsentProgram> {
  const unpacked = await unpackDebianPackages({ name: 'bitcoin-knots', packages: ['bitcoin-knots'], suite: 'sid' });
  if (!unpacked.ok) return unpacked;
  return {
    ok: true,
    command: unpacked.command('bitcoind'),
    source: `Debian bitcoin-knots ${unpacked.versions['bitcoin-knots'] ?? ''}`.trimEnd(),
  };
}

/**
 * Starts a bitcoind of its own on regtest: free port, no peers, a temporary data folder, script checks on one thread.
 *
 * Debian's bitcoin-knots refuses to its mempool every tapscript with `OP_IF` or `OP_NOTIF`, pushes over 256 bytes and
 * control blocks over 257 bytes, whatever its policy options say: submit those with `generateblock` or `submitblock`.
 *
 * @throws Error when no bitcoind is found or it does not answer in time; the text carries what it printed.
 *
 * @example Mine to a fixed output
 * ```ts no-run
 * const node = await startBitcoind();
 * await node.rpc('generatetodescriptor', [101, 'raw(51)']);
 * await node.stop();
 * ```
 */
export async function startBitcoind(options: StartBitcoindOptions = {}): Promise<Bitcoind> {
  const { args = [], timeoutMs = 60_000 } = options;
  const program = await findBitcoind();
  if (!program.ok) throw new Error(`bitcoind is absent: ${program.reason}`);
  const { version, corePolicy } = await describe(program.command);
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const datadir = temporaryFolder('bitcoind');
    const child = startChild(program.command, [
      '-regtest',
      `-datadir=${datadir}`,
      '-server',
      '-listen=0',
      '-connect=0',
      '-dnsseed=0',
      `-rpcport=${port}`,
      '-rpcbind=127.0.0.1',
      '-rpcallowip=127.0.0.1',
      '-rpcworkqueue=256',
      // An idle keep-alive connection that the node closes just as a call is sent would look like a crash.
      '-rpcservertimeout=3600',
      '-fallbackfee=0.0002',
      '-txindex=1',
      '-checkmempool=0',
      '-persistmempool=0',
      '-par=1',
      '-acceptnonstdtxn=1',
      ...(corePolicy ? ['-corepolicy=1'] : []),
      ...args,
    ]);
    const rpcUrl = `http://127.0.0.1:${port}`;
    const cookie = await waitForAnswer({ child, datadir, rpcUrl, timeoutMs });
    if (cookie !== undefined) return describeNode({ child, datadir, rpcUrl, cookie, version, source: program.source });
    const output = child.output();
    await child.kill();
    removeFolder(datadir);
    // Between finding a port and listening on it another process may take it.
    if (!/bind|address already in use/i.test(output) || attempt === 5)
      throw new Error(`bitcoind did not start:\n${output.slice(-2_000)}`);
  }
}

interface Node {
  readonly child: Child;
  readonly datadir: string;
  readonly rpcUrl: string;
  readonly cookie: string;
  readonly version: string;
  readonly source: string;
}

function describeNode(node: Node): Bitcoind {
  const { child, datadir, rpcUrl, cookie, version, source } = node;
  const colon = cookie.indexOf(':');
  return {
    rpcUrl,
    cookie,
    user: cookie.slice(0, colon),
    password: cookie.slice(colon + 1),
    datadir,
    pid: child.pid,
    version,
    source,
    rpc: (method, params = []) => call({ rpcUrl, cookie, method, params }),
    stop: async () => {
      // The data is thrown away, so there is nothing to shut down in order.
      await child.kill();
      removeFolder(datadir);
    },
  };
}

const descriptions = new Map<string, Promise<{ readonly version: string; readonly corePolicy: boolean }>>();

function describe(command: Command): Promise<{ readonly version: string; readonly corePolicy: boolean }> {
  const key = [command.file, ...command.args].join(' ');
  const known = descriptions.get(key);
  if (known !== undefined) return known;
  const asked = (async () => {
    const [version, help] = await Promise.all([
      run(command.file, [...command.args, '-version'], { env: command.env }),
      run(command.file, [...command.args, '-help'], { env: command.env }),
    ]);
    if (version.code !== 0) throw new Error(`${command.file} does not run: ${version.stderr.trim()}`);
    return { version: version.stdout.split('\n')[0] ?? '', corePolicy: help.stdout.includes('-corepolicy') };
  })();
  descriptions.set(key, asked);
  return asked;
}

/** The cookie once the node answers; `undefined` when it ended or the time is over. */
async function waitForAnswer(options: {
  readonly child: Child;
  readonly datadir: string;
  readonly rpcUrl: string;
  readonly timeoutMs: number;
}): Promise<string | undefined> {
  const { child, datadir, rpcUrl, timeoutMs } = options;
  const file = join(datadir, 'regtest/.cookie');
  let ended = false;
  void child.ended.then(() => {
    ended = true;
  });
  const deadline = Date.now() + timeoutMs;
  while (!ended && Date.now() < deadline) {
    if (existsSync(file)) {
      const cookie = readFileSync(file, 'utf8');
      try {
        // A node of somebody else on the same port would refuse this cookie.
        await call({ rpcUrl, cookie, method: 'getblockcount', params: [] });
        return cookie;
      } catch {
        // Not listening yet, or still warming up (-28).
      }
    }
    await sleep(25);
  }
  return undefined;
}

async function call<Result>(options: {
  readonly rpcUrl: string;
  readonly cookie: string;
  readonly method: string;
  readonly params: readonly unknown[];
}): Promise<Result> {
  const { rpcUrl, cookie, method, params } = options;
  const response = await fetch(rpcUrl, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(cookie)}`, 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '1.0', id: 0, method, params }),
  });
  const text = await response.text();
  if (!text.startsWith('{')) throw new Error(`${method}: bitcoind answered HTTP ${response.status}`);
  const answer = JSON.parse(text) as { result: Result; error: { code: number; message: string } | null };
  if (answer.error !== null) throw new BitcoindRefusal(method, answer.error.code, answer.error.message);
  return answer.result;
}
