import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startChainServer } from '@bitcoin-enterprise/chain/server';
import { BitcoindChain } from '@bitcoin-enterprise/chain/bitcoind';
import { displayHash, loadCrypto } from '@bitcoin-enterprise/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { allScenarios } from '../contracts/scenarios/all.ts';
import { beginningOf } from '../support/engine-scenario.ts';
import type { KillOrder } from '../support/kill-child.ts';
import { COVENANTS } from '../support/scenarios.ts';
import { nodeTestChain } from '../support/test-chains.ts';

/** The long run walks every scenario and kills every few steps. */
const isLong = process.env['BE_LONG'] === '1';
const SEED = Number(process.env['BE_SEED'] ?? 20_261_128);
/** Persisted steps of a process before it dies, at most. */
const MOST_STEPS = isLong ? 12 : 60;
/** What a process puts on record before it does anything new: leases, and what was left behind. */
const FIRST_STEPS = 6;
const MOST_DEATHS = 300;
const CHILD = fileURLToPath(new URL('../support/kill-child.ts', import.meta.url));
const ANYONE = 'raw(51)';

beforeAll(async () => {
  await loadCrypto();
});

const rows = allScenarios()
  .flatMap(({ contract, scenarios }, at) =>
    scenarios.map(({ title }, place) => ({ name: `${contract.name}: ${title}`, scenario: [at, place] as const })),
  )
  .filter(({ scenario: [at, place] }) => isLong || (place === 0 && at % 4 === 0));

interface Ended {
  readonly signal: string | undefined;
  readonly text: string;
  readonly errors: string;
}

async function runChild(order: KillOrder): Promise<Ended> {
  const args = ['--conditions=@bitcoin-enterprise/source', '--disable-warning=ExperimentalWarning', CHILD];
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [...args, JSON.stringify(order)],
      { timeout: 120_000, killSignal: 'SIGTERM' },
      (error, text, errors) => resolve({ signal: error?.signal ?? undefined, text, errors }),
    );
  });
}

/** A run of its own: chain, files, and what is paid into the contract. */
async function withRun<T>(
  scenario: readonly [number, number],
  body: (order: Omit<KillOrder, 'dieAt' | 'when'>) => Promise<T>,
): Promise<T> {
  const server = await startChainServer();
  const folder = mkdtempSync(path.join(tmpdir(), 'biscol-kill-'));
  try {
    const { url, user, password } = server;
    const { rpc } = new BitcoindChain({ url, auth: { user, password } });
    const call = async (method: string, parameters: readonly unknown[] = []): Promise<unknown> =>
      rpc.call(method, [...parameters]);
    const chain = await nodeTestChain({ rpc: call as never });
    const { descriptor } = (await call('getdescriptorinfo', [ANYONE])) as { readonly descriptor: string };
    const [contract, place] = scenario;
    const made = allScenarios()[contract]?.scenarios[place];
    const height = await chain.height();
    const instance = made?.instance(height, COVENANTS[0] as (typeof COVENANTS)[number]);
    const outpoints: string[] = [];
    for (const { scriptPubKey, value } of beginningOf(instance as NonNullable<typeof instance>)) {
      const { txid, index } = await chain.fund(scriptPubKey, value);
      outpoints.push(`${displayHash(txid)}:${index}`);
    }
    return await body({
      url,
      user,
      password,
      file: path.join(folder, 'events.db'),
      nonces: path.join(folder, 'nonces'),
      scenario,
      height,
      outpoints,
      descriptor,
    });
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What a process that came to the end said. */
function endOf({ text, errors }: Ended): { readonly outcome: unknown } {
  if (text === '') throw new Error(`the process said nothing: ${errors}`);
  return JSON.parse(text) as { readonly outcome: unknown };
}

function checkNonces(file: string): void {
  if (!existsSync(file)) return;
  const signed = new Map<string, Set<string>>();
  for (const line of readFileSync(file, 'utf8').trim().split('\n')) {
    const [nonce = '', ...message] = line.split(' ');
    signed.set(nonce, (signed.get(nonce) ?? new Set()).add(message.join(' ')));
  }
  for (const messages of signed.values()) expect(messages.size).toBe(1);
}

/** Seeded: 1 to `most`. */
function* draws(seed: number, most: number): Generator<number, never> {
  for (let state = seed | 1; ;) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    yield 1 + ((state >>> 0) % most);
  }
}

describe('processes that are killed (SIGKILL) one after the other, each at one of its persisted steps', () => {
  it.for(rows)('$name', { timeout: isLong ? 900_000 : 180_000 }, async ({ scenario }) => {
    const expected = await withRun(scenario, async (order) => {
      const clean = endOf(await runChild({ ...order, when: 'after' }));
      checkNonces(order.nonces);
      return clean.outcome;
    });
    const lives = draws(SEED + scenario[0] * 100 + scenario[1], MOST_STEPS);
    await withRun(scenario, async (order) => {
      let deaths = 0;
      for (;;) {
        // A process that does nothing before it dies would not come any further: some live longer.
        const ended = await runChild({
          ...order,
          dieAt: lives.next().value + (deaths % 2 === 0 ? 0 : FIRST_STEPS),
          when: deaths % 3 === 0 ? 'before' : 'after',
        });
        checkNonces(order.nonces);
        if (ended.signal === 'SIGKILL') {
          deaths += 1;
          expect(deaths).toBeLessThan(MOST_DEATHS);
          continue;
        }
        expect(endOf(ended).outcome, `after ${deaths} kills, seed ${SEED}`).toEqual(expected);
        expect(deaths).toBeGreaterThan(0);
        console.info(`${deaths} kills`);
        return;
      }
    });
  });
});
