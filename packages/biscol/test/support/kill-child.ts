/** A process of one run of a scenario, on SQLite and a chain of another process; it kills itself where it is told to. */
import { appendFileSync, writeSync } from 'node:fs';
import { BitcoindChain } from '@bitcoin-enterprise/chain/bitcoind';
import { loadCrypto } from '@bitcoin-enterprise/core';
import { openSqliteStore } from '@bitcoin-enterprise/events/sqlite';
import { allScenarios } from '../contracts/scenarios/all.ts';
import { crashingStore } from './crashing-store.ts';
import { outcomeOf, runScenario } from './engine-scenario.ts';
import { COVENANTS } from './scenarios.ts';

/** What the process is told, as JSON in its argument. */
export interface KillOrder {
  readonly url: string;
  readonly user: string;
  readonly password: string;
  /** File of the store. */
  readonly file: string;
  /** File that says which nonce signed what. */
  readonly nonces: string;
  /** Which scenario of which contract. */
  readonly scenario: readonly [number, number];
  /** Height at which the instance was made. */
  readonly height: number;
  readonly outpoints: readonly string[];
  readonly descriptor: string;
  /** Number of the persisted step that is the last; none when absent. */
  readonly dieAt?: number;
  readonly when: 'before' | 'after';
}

await loadCrypto();
const order = JSON.parse(process.argv[2] ?? '') as KillOrder;
const { url, user, password, file, nonces, height, outpoints, descriptor, dieAt, when } = order;
const [contract, place] = order.scenario;
const scenario = allScenarios()[contract]?.scenarios[place];
if (scenario === undefined) throw new Error('no such scenario');
const chain = new BitcoindChain({ url, auth: { user, password }, pollMs: 5 });
const inner = openSqliteStore({ path: file });
const { store } = crashingStore(inner, {
  dieAt,
  when,
  die: () => process.kill(process.pid, 'SIGKILL'),
});
const end = await runScenario({
  store,
  scenario,
  outpoints,
  instance: scenario.instance(height, COVENANTS[0] as (typeof COVENANTS)[number]),
  chain: {
    ports: chain,
    mine: async (count) => {
      await chain.rpc.call('generatetodescriptor', [count, descriptor]);
    },
  },
  onNonce: (nonce, message) => appendFileSync(nonces, `${nonce} ${message}\n`),
});
await inner.close();
writeSync(1, JSON.stringify({ outcome: outcomeOf(end) }));
process.exit(0);
