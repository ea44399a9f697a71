/**
 * Contract executions: one is plan, one Schnorr signature, full verification under consensus and relay rules, metering,
 * and a durable append with its effect. Beside it, in the same round, the physical limit: one signature and one
 * verification on the same engine, and a grouped append of the same event. Then one worker against two on one database,
 * and the memory of many live instances.
 */
import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { currentCrypto, loadCrypto } from '@bitcoin-enterprise/core';
import type { EventStore } from '@bitcoin-enterprise/events';
import { openSqliteStore } from '@bitcoin-enterprise/events/sqlite';
import { startPostgres } from '../scripts/nodes/postgres.ts';
import { engineOver, executeAll, openInstances, SECRET_KEY } from './biscol-worker/contract.ts';
import { type BenchResult, type BenchSettings, machine } from './harness.ts';

const GROUP = 2_000;
const WORKER_COUNT = 6_000;
const LIVE = 10_000;

/** CPU time of this thread, in microseconds. */
function cpuMicros(): number {
  const { user, system } = process.threadCpuUsage?.() ?? process.cpuUsage();
  return user + system;
}

async function cost(count: number, run: () => unknown): Promise<{ readonly cpu: number; readonly wall: number }> {
  const cpu = cpuMicros();
  const wall = performance.now();
  await run();
  return { cpu: (cpuMicros() - cpu) / count, wall: ((performance.now() - wall) * 1_000) / count };
}

/** Runs all cases. */
export async function runBench({ rounds }: BenchSettings): Promise<readonly BenchResult[]> {
  await loadCrypto();
  const folder = mkdtempSync(join(tmpdir(), 'be-bench-biscol-'));
  const server = await startPostgres();
  try {
    return [
      ...(await executions(folder, rounds)),
      await workers('SQLite', 'sqlite', () => join(mkdtempSync(join(folder, 'w-')), 'w.db'), Math.min(rounds, 5)),
      await workers('PostgreSQL', 'postgres', () => server.url, Math.min(rounds, 5)),
      await memory(folder),
    ];
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function executions(folder: string, rounds: number): Promise<readonly BenchResult[]> {
  const ours: { readonly cpu: number; readonly wall: number }[] = [];
  const limits: { readonly cpu: number; readonly wall: number }[] = [];
  for (let round = -1; round < rounds; round++) {
    const store = openSqliteStore({ path: join(folder, `executions-${round}.db`) });
    const engine = engineOver(store);
    const ids = await openInstances(engine, 0, GROUP);
    const own = await cost(GROUP, async () => executeAll(engine, ids));
    const limit = await limitOf(store, ids);
    await store.close();
    // The first round is a warm-up.
    if (round < 0) continue;
    ours.push(own);
    limits.push(limit);
  }
  const common = { runs: rounds, ...machine() };
  return (['cpu', 'wall'] as const).map((clock): BenchResult => {
    const own = ours.map((one) => one[clock]);
    const limit = limits.map((one) => one[clock]);
    const ratios = limit.map((one, round) => one / (own[round] ?? Number.NaN));
    return {
      name: `executions on SQLite against the limit (${clock === 'cpu' ? 'thread CPU' : 'wall'})`,
      unit: 'µs per execution',
      ours: median(own),
      rival: median(limit),
      ratio: median(ratios),
      spread: [Math.min(...ratios), Math.max(...ratios)],
      promised: 0.8,
      ...common,
    };
  });
}

/** One signature, one verification, and the append of the same event and effect, in groups. */
async function limitOf(
  store: EventStore,
  ids: readonly string[],
): Promise<{ readonly cpu: number; readonly wall: number }> {
  const crypto = currentCrypto();
  const publicKey = (crypto.publicKey(SECRET_KEY) ?? SECRET_KEY).subarray(1);
  const message = crypto.sha256(SECRET_KEY);
  const stored = await store.readStream(`contract/${ids[0]}`);
  const data = stored.at(-1)?.data;
  const type = stored.at(-1)?.type ?? 'begun';
  return cost(ids.length, async () => {
    for (let place = 0; place < ids.length; place++) {
      const signature = crypto.schnorrSign(message, SECRET_KEY, message);
      if (signature === undefined || !crypto.schnorrVerify(signature, message, publicKey))
        throw new Error('a signature');
    }
    await Promise.all(
      ids.map(async (id) =>
        store.append({
          stream: `limit/${id}`,
          events: [{ type, data }],
          expectedVersion: 0,
          effects: [{ key: `limit/${id}/broadcast`, type: 'broadcast', data: { id: 'give' } }],
        }),
      ),
    );
  });
}

interface Ended {
  readonly ms: number;
  readonly rss: number;
}

/** Runs workers on one database at the same time; answers when each was done. */
async function runWorkers(
  kind: string,
  where: string,
  of: { readonly count: number; readonly each: number; readonly base: number },
): Promise<readonly Ended[]> {
  const children = Array.from({ length: of.count }, (_, place) =>
    fork(
      resolve(import.meta.dirname, 'biscol-worker/worker.ts'),
      [kind, where, String(of.base + place * 1_000_000), String(of.each)],
      { execArgv: ['--conditions=@bitcoin-enterprise/source', '--disable-warning=ExperimentalWarning'] },
    ),
  );
  await Promise.all(children.map(async (child) => new Promise((ready) => child.once('message', ready))));
  const ended = children.map(
    async (child) =>
      new Promise<Ended>((resolveEnd) => {
        child.once('message', (message: { readonly done: number; readonly rss: number }) =>
          resolveEnd({ ms: message.done, rss: message.rss }),
        );
      }),
  );
  for (const child of children) child.send('go');
  return Promise.all(ended);
}

async function workers(name: string, kind: string, where: () => string, rounds: number): Promise<BenchResult> {
  const ratios: number[] = [];
  const ones: number[] = [];
  const twos: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const base = round * 10_000_000;
    const [one] = await runWorkers(kind, where(), { count: 1, each: WORKER_COUNT, base });
    const two = await runWorkers(kind, where(), { count: 2, each: WORKER_COUNT, base: base + 5_000_000 });
    const alone = WORKER_COUNT / (one?.ms ?? Number.NaN);
    const together = (2 * WORKER_COUNT) / Math.max(...two.map(({ ms }) => ms));
    ones.push(1_000 / alone);
    twos.push(1_000 / together);
    ratios.push(together / alone);
  }
  return {
    name: `two workers against one on one ${name} database`,
    unit: 'µs on the wall per execution',
    ours: median(twos),
    rival: median(ones),
    ratio: median(ratios),
    spread: [Math.min(...ratios), Math.max(...ratios)],
    promised: 1.7,
    runs: rounds,
    ...machine(),
  };
}

/** Resident memory with many live instances, against what is allowed: 500 MB. */
async function memory(folder: string): Promise<BenchResult> {
  const [ended] = await runWorkers('sqlite', join(folder, 'memory.db'), { count: 1, each: LIVE, base: 0 });
  const megabytes = (ended?.rss ?? Number.NaN) / 1_000_000;
  return {
    name: `${LIVE} live instances, all executed, against 500 MB`,
    unit: 'MB resident',
    ours: megabytes,
    rival: 500,
    ratio: 500 / megabytes,
    spread: [500 / megabytes, 500 / megabytes],
    promised: 1,
    runs: 1,
    ...machine(),
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}
