import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createEmbeddedChain } from '@bitcoin-enterprise/chain';
import { listenHttp } from '@bitcoin-enterprise/chain/electrum';
import { createEsploraServer } from '@bitcoin-enterprise/chain/esplora';
import type { WatchNotice } from '@bitcoin-enterprise/chain/watches';
import { satoshis, toHex } from '@bitcoin-enterprise/core';
import { openSqliteStore } from '@bitcoin-enterprise/events/sqlite';
import { expect, it } from 'vitest';
import { kitOutput } from '../src/testing/kit-scripts.ts';
import { dice } from './support/dice.ts';

const KILLS = process.env['BE_LONG'] === '1' ? Number(process.env['BE_KILLS'] ?? 200) : 5;
const child = resolve(import.meta.dirname, 'support/watch-child.ts');

it(`a watcher that is killed ${KILLS} times loses no notice and acts on none twice`, async () => {
  const roll = dice(Number(process.env['BE_SEED'] ?? 7));
  const folder = mkdtempSync(join(tmpdir(), 'watch-kill-'));
  const path = join(folder, 'events.db');
  const chain = createEmbeddedChain();
  chain.mine(101);
  const esplora = createEsploraServer(chain.ports);
  const server = await listenHttp(esplora.handle);
  const { scriptPubKey } = kitOutput('killed');
  const start = async () => {
    const args = [child, `http://127.0.0.1:${server.port}`, path, toHex(scriptPubKey)];
    const process_ = spawn(process.execPath, ['--conditions=@bitcoin-enterprise/source', ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(process_.stdout, 'data');
    return process_;
  };
  const kill = async (victim: Awaited<ReturnType<typeof start>>): Promise<void> => {
    const gone = once(victim, 'exit');
    victim.kill('SIGKILL');
    await gone;
  };
  const happen = (): void => {
    const what = roll.below(3);
    if (what === 0) chain.fund(scriptPubKey, satoshis(10_000n));
    else if (what === 1) chain.mine(1);
    else chain.reorg(1 + roll.below(4), roll.oneIn(2) ? { replacement: [] } : {});
  };

  for (let run = 0; run < KILLS; run++) {
    const victim = await start();
    for (let step = 0; step < 4; step++) {
      happen();
      await sleep(roll.below(60));
    }
    await kill(victim);
    happen();
  }
  chain.mine(3);
  const last = await start();
  const store = openSqliteStore({ path });
  const paid = chain.utxos(scriptPubKey).length;
  const settled = async (): Promise<readonly WatchNotice[]> =>
    (await store.readStream('done', { limit: 10_000 })).map(({ data }) => data as WatchNotice);
  await expect.poll(async () => finalOf(await settled()), { timeout: 30_000 + 1_000 * KILLS }).toBe(paid);
  await kill(last);

  const done = await settled();
  expect(done.map(({ sequence }) => sequence)).toEqual(done.map((_, i) => i + 1));
  await store.close();
  await server.close();
  await esplora.close();
  rmSync(folder, { recursive: true });
});

/** Outputs whose story ends with `final`. */
function finalOf(notices: readonly WatchNotice[]): number {
  const last = new Map(notices.map(({ txid, index, kind }) => [`${txid}:${index}`, kind]));
  return [...last.values()].filter((kind) => kind === 'final').length;
}
