/**
 * The adapter against ElectrumX, a server that shares no code with ours: `pip install e-x plyvel`, then
 * `BE_ELECTRUMX=/path/to/electrumx_server`. It is not part of the usual run: it needs a database library, and a Bitcoin
 * Core 31 (`npm run functional -- --build-core`).
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ElectrumChain } from '@bitcoin-enterprise/chain/electrum';
import { chainPromises, type ChainHarness } from '@bitcoin-enterprise/chain/testing';
import { displayHash } from '@bitcoin-enterprise/core';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { freePort } from '../../../scripts/nodes/child.ts';
import { bitcoindHarness } from './support/bitcoind-harness.ts';
import { findCore, startCore } from './support/core-node.ts';

const program = process.env['BE_ELECTRUMX'];
const core = program === undefined ? undefined : findCore('core-31');

describe.skipIf(core === undefined)('ElectrumX over Bitcoin Core keeps the promises of a chain', () => {
  let harness: ChainHarness;

  beforeAll(async () => {
    const node = await startCore(core ?? '', ['-txospenderindex=1']);
    const inner = await bitcoindHarness(node);
    const folder = mkdtempSync(join(tmpdir(), 'electrumx-'));
    const [port, rpcPort] = [await freePort(), await freePort()];
    const child = spawn(program ?? '', [], {
      stdio: ['ignore', 'ignore', process.env['BE_ELECTRUMX_LOG'] === undefined ? 'ignore' : 'inherit'],
      env: {
        PATH: process.env['PATH'],
        COIN: 'Bitcoin',
        DB_ENGINE: 'leveldb',
        NET: 'regtest',
        DB_DIRECTORY: folder,
        DAEMON_URL: node.rpcUrl.replace('//', `//${node.cookie}@`),
        SERVICES: `tcp://127.0.0.1:${port},rpc://127.0.0.1:${rpcPort}`,
        PEER_DISCOVERY: 'off',
        ALLOW_ROOT: '1',
        COST_SOFT_LIMIT: '0',
        COST_HARD_LIMIT: '0',
        DAEMON_POLL_INTERVAL_BLOCKS: '50',
        DAEMON_POLL_INTERVAL_MEMPOOL: '50',
      },
    });
    const chain = new ElectrumChain({ host: '127.0.0.1', port, network: 'regtest', pollMs: 50 });
    /** The server is a poller itself: what happened on the node is asked for when the server has seen it. */
    const seen = async (): Promise<void> => {
      for (;;) {
        const [node_, server] = await Promise.all([inner.chain.tip(), chain.tip().catch(() => undefined)]);
        if (server !== undefined && displayHash(node_.hash) === displayHash(server.hash)) return;
        await new Promise((done) => setTimeout(done, 20));
      }
    };
    await seen();
    harness = {
      chain: {
        network: (options) => chain.network(options),
        tip: (options) => chain.tip(options),
        blockHash: (height, options) => chain.blockHash(height, options),
        header: (hash, options) => chain.header(hash, options),
        block: (hash, options) => chain.block(hash, options),
        transaction: (txid, options) => chain.transaction(txid, options),
        unspentOutput: (outpoint, options) => chain.unspentOutput(outpoint, options),
        unspentOutputsOf: (script, options) => chain.unspentOutputsOf(script, options),
        testAccept: (bytes, options) => chain.testAccept(bytes, options),
        broadcastPackage: (transactions, options) => chain.broadcastPackage(transactions, options),
        estimateFeeRate: (target, options) => chain.estimateFeeRate(target, options),
        blockEvents: (options) => chain.blockEvents(options),
        mempoolEvents: (options) => chain.mempoolEvents(options),
        broadcast: async (bytes, options) => {
          const txid = await chain.broadcast(bytes, options);
          await new Promise((done) => setTimeout(done, 400));
          return txid;
        },
      },
      lacks: ['block', 'testAccept', 'broadcastPackage', 'mempoolEvents'],
      mine: async (count) => {
        await inner.mine(count);
        await seen();
      },
      fund: async (script, amount) => {
        const outpoint = await inner.fund(script, amount);
        await seen();
        return outpoint;
      },
      reorg: async (depth) => {
        await inner.reorg(depth);
        await seen();
      },
      close: async () => {
        chain.close();
        child.kill();
        rmSync(folder, { recursive: true, force: true });
        await inner.close();
      },
    };
  });
  afterAll(() => harness.close());

  // ElectrumX buffers what it sends for up to a second.
  it.for(chainPromises)('$name', { timeout: 180_000 }, ({ run }) => run(() => harness));
});
