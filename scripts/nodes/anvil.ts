/** A real anvil (Ethereum development node) for tests and examples: found, started alone, gone afterwards. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startChild } from './child.ts';
import { type AbsentProgram, type FoundProgram, findProgram } from './find.ts';

/** Settings of {@link startAnvil}. */
export interface StartAnvilOptions {
  /** Arguments after the default ones. */
  readonly args?: readonly string[];
  /** How long to wait until it listens, in milliseconds. */
  readonly timeoutMs?: number;
}

/** A running anvil. */
export interface Anvil {
  /** `http://127.0.0.1:port`. */
  readonly rpcUrl: string;
  readonly pid: number;
  /** Its `web3_clientVersion`. */
  readonly version: string;
  /** Where the program came from. */
  readonly source: string;
  /** One call; throws an Error with the node's text when it answers with one. */
  rpc<Result = unknown>(method: string, params?: readonly unknown[]): Promise<Result>;
  /** Ends the process. */
  stop(): Promise<void>;
}

const packages: Readonly<Record<string, string>> = { 'linux-x64': '@foundry-rs/anvil-linux-amd64' };

/** Finds anvil: `BE_ANVIL`, then PATH, then the optional npm dependency of this repository. */
export function findAnvil(): Promise<FoundProgram | AbsentProgram> {
  return findProgram({
    binary: 'anvil',
    variable: 'BE_ANVIL',
    install: async () => {
      const name = packages[`${process.platform}-${process.arch}`];
      if (name === undefined) return { ok: false, reason: `npm has no anvil for ${process.platform}-${process.arch}` };
      const file = resolve(import.meta.dirname, '../../node_modules', name, 'bin/anvil');
      if (!existsSync(file)) return { ok: false, reason: `${name} is not installed; run npm ci` };
      return { ok: true, command: { file, args: [], env: {} }, source: `npm ${name}` };
    },
  });
}

/**
 * Starts an anvil of its own on a port that the system chooses.
 *
 * @throws Error when none is found or it does not listen in time; the text carries what it printed.
 */
export async function startAnvil(options: StartAnvilOptions = {}): Promise<Anvil> {
  const { args = [], timeoutMs = 30_000 } = options;
  const program = await findAnvil();
  if (!program.ok) throw new Error(`anvil is absent: ${program.reason}`);
  const child = startChild(program.command, ['--host', '127.0.0.1', '--port', '0', ...args]);
  let ended = false;
  void child.ended.then(() => {
    ended = true;
  });
  const deadline = Date.now() + timeoutMs;
  while (!ended && Date.now() < deadline) {
    const address = /Listening on (127\.0\.0\.1:\d+)/.exec(child.output())?.[1];
    if (address !== undefined) {
      const rpcUrl = `http://${address}`;
      const rpc = <Result>(method: string, params: readonly unknown[] = []): Promise<Result> =>
        call<Result>({ rpcUrl, method, params });
      const version = await rpc<string>('web3_clientVersion');
      return { rpcUrl, pid: child.pid, version, source: program.source, rpc, stop: () => child.kill() };
    }
    await sleep(20);
  }
  await child.kill();
  throw new Error(`anvil did not start:\n${child.output().slice(-2_000)}`);
}

async function call<Result>(options: {
  readonly rpcUrl: string;
  readonly method: string;
  readonly params: readonly unknown[];
}): Promise<Result> {
  const { rpcUrl, method, params } = options;
  const response = await fetch(rpcUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  });
  const answer = (await response.json()) as { result: Result; error?: { code: number; message: string } };
  if (answer.error !== undefined) throw new Error(`${method}: ${answer.error.message} (${answer.error.code})`);
  return answer.result;
}
