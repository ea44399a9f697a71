/** The JSON-RPC server against a real bitcoind: round trips a second, and how long a start takes until the first answer. */
import { type ChildProcess, spawn } from 'node:child_process';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { type Bitcoind, startBitcoind } from '../scripts/nodes/bitcoind.ts';
import { freePort } from '../scripts/nodes/child.ts';
import { type BenchResult, type BenchSettings, machine } from './harness.ts';

const ROUND_TRIPS = 1_000;
/** What is promised: round trips a second, and milliseconds from the start of the process to the first answer. */
const PROMISED_RATE = 1_000;
const PROMISED_READY_MS = 300;
const ENTRY = join(import.meta.dirname, '../packages/chain/dist/server/bin/chain.js');
const CREDENTIALS = 'bitcoin:bitcoin';

/** Runs both. Run `npm run build` before: what is measured is what users install. */
export async function runBench(settings: BenchSettings): Promise<readonly BenchResult[]> {
  return [...(await roundTrips(settings)), await readiness(settings)];
}

async function roundTrips({ rounds }: BenchSettings): Promise<readonly BenchResult[]> {
  const port = await freePort();
  const ours = spawn(process.execPath, [ENTRY, '--port', String(port), '--silent'], { stdio: 'ignore' });
  const node = await startBitcoind();
  try {
    await untilReady(port);
    await node.rpc('generatetodescriptor', [110, 'raw(51)']);
    const results: BenchResult[] = [];
    for (const method of ['getblockcount', 'getblockchaininfo'] as const) {
      const sides = {
        ours: () => callsTo(port, CREDENTIALS, method),
        rival: () => callsTo(Number(new URL(node.rpcUrl).port), node.cookie, method),
      };
      results.push(await compare(`${method}, one caller, keep-alive, against bitcoind`, sides, rounds));
    }
    return results;
  } finally {
    await ended(ours);
    await node.stop();
  }
}

async function compare(
  name: string,
  sides: { readonly ours: () => Promise<number>; readonly rival: () => Promise<number> },
  rounds: number,
): Promise<BenchResult> {
  const times = { ours: [] as number[], rival: [] as number[] };
  await sides.ours();
  await sides.rival();
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? (['ours', 'rival'] as const) : (['rival', 'ours'] as const);
    for (const side of order) times[side].push(await sides[side]());
  }
  const ratios = times.ours.map((time, round) => (times.rival[round] as number) / time);
  const ours = median(times.ours);
  return {
    name: `${name} (${Math.round(1e6 / ours)} a second)`,
    unit: 'µs on the wall per round trip',
    ours,
    rival: median(times.rival),
    ratio: median(ratios),
    spread: [Math.min(...ratios), Math.max(...ratios)],
    limit: 1e6 / PROMISED_RATE,
    ofLimit: 1e6 / PROMISED_RATE / ours,
    runs: rounds,
    ...machine(),
  };
}

/** Microseconds of a round trip, on one connection, one call after the other. */
async function callsTo(port: number, credentials: string, method: string): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const start = performance.now();
  for (let i = 0; i < ROUND_TRIPS; i++) await call({ port, credentials, method, agent });
  const micros = ((performance.now() - start) * 1_000) / ROUND_TRIPS;
  agent.destroy();
  return micros;
}

function call(options: {
  readonly port: number;
  readonly credentials: string;
  readonly method: string;
  readonly agent?: Agent;
}): Promise<string> {
  const { port, credentials, method, agent } = options;
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: '127.0.0.1', port, method: 'POST', auth: credentials, ...(agent && { agent }) },
      (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => {
          text += chunk.toString();
        });
        response.on('end', () => resolve(text));
      },
    );
    sent.on('error', reject);
    sent.end(JSON.stringify({ id: 1, method }));
  });
}

/** From the start of the process to its first answer, beside a bitcoind with an empty folder. */
async function readiness({ rounds }: BenchSettings): Promise<BenchResult> {
  const times = { ours: [] as number[], rival: [] as number[] };
  const runs = Math.min(rounds, 9);
  // Once without being measured, so that the compile cache is there as it is from the second start on.
  for (let round = -1; round < runs; round++) {
    const port = await freePort();
    const start = performance.now();
    const child = spawn(process.execPath, [ENTRY, '--port', String(port), '--silent'], { stdio: 'ignore' });
    await untilReady(port);
    if (round >= 0) times.ours.push(performance.now() - start);
    await ended(child);
    const rivalStart = performance.now();
    const node: Bitcoind = await startBitcoind();
    if (round >= 0) times.rival.push(performance.now() - rivalStart);
    await node.stop();
  }
  const ratios = times.ours.map((time, round) => (times.rival[round] as number) / time);
  return {
    name: `ready with ten funded keys, against an empty bitcoind (promised ${PROMISED_READY_MS} ms)`,
    unit: 'ms from start to first answer',
    ours: median(times.ours),
    rival: median(times.rival),
    ratio: median(ratios),
    spread: [Math.min(...ratios), Math.max(...ratios)],
    limit: PROMISED_READY_MS,
    ofLimit: PROMISED_READY_MS / median(times.ours),
    runs,
    ...machine(),
  };
}

async function untilReady(port: number): Promise<void> {
  for (let waited = 0; waited < 10_000; waited++) {
    try {
      if ((await call({ port, credentials: CREDENTIALS, method: 'getblockcount' })).includes('"result":110')) return;
    } catch {
      // Not listening yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  throw new Error('the server did not start');
}

async function ended(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.on('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return ((sorted[(sorted.length - 1) >> 1] as number) + (sorted[sorted.length >> 1] as number)) / 2;
}
