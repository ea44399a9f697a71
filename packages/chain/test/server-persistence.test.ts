import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseDisplayHash, toHex } from '@bitcoin-enterprise/core';
import { serializeTransaction, transactionId } from '@bitcoin-enterprise/script';
import { afterEach, describe, expect, it } from 'vitest';
import { freePort, removeFolder, temporaryFolder } from '../../../scripts/nodes/child.ts';
import { Random } from '../../../scripts/testing/random.ts';
import { rpcTo } from './support/core-node.ts';

const isLong = process.env['BE_LONG'] === '1';
const rounds = isLong ? 200 : 5;
const seed = Number(process.env['BE_SEED'] ?? 20_261_127);
const ENTRY = join(import.meta.dirname, '../src/server/bin/bitcoind.ts');
const ANYONE = '00204ae81572f06e1b88fd5ced7a1a000945432e83e1551e6f721ee9c00b8cc33260';

interface Running {
  readonly child: ChildProcess;
  readonly rpc: ReturnType<typeof rpcTo>;
  readonly ended: Promise<void>;
}

const started = new Set<ChildProcess>();
afterEach(() => {
  for (const child of started) child.kill('SIGKILL');
});

async function start(datadir: string, port: number): Promise<Running> {
  const args = ['--conditions=@bitcoin-enterprise/source', ENTRY, `-datadir=${datadir}`, `-rpcport=${port}`];
  const child = spawn(process.execPath, args, { stdio: 'ignore' });
  started.add(child);
  const ended = new Promise<void>((resolve) => {
    child.on('exit', () => {
      started.delete(child);
      resolve();
    });
  });
  const cookieFile = join(datadir, 'regtest/.cookie');
  for (let waited = 0; waited < 1_500; waited++) {
    await sleep(20);
    if (!existsSync(cookieFile)) continue;
    const rpc = rpcTo(`http://127.0.0.1:${port}`, readFileSync(cookieFile, 'utf8'));
    try {
      await rpc('getblockcount');
      return { child, rpc, ended };
    } catch {
      // The cookie of the one that was killed is still there.
    }
  }
  throw new Error('the server did not start');
}

/** What the server has answered for: it must still hold it after whatever happens. */
interface Answered {
  readonly blocks: string[];
  readonly txids: string[];
}

describe(`a server that is killed (seed ${seed})`, () => {
  it(`still has every block and transaction that it answered for, ${rounds} times`, { timeout: 900_000 }, async () => {
    const random = new Random(seed);
    const datadir = temporaryFolder('persistence');
    const port = await freePort();
    const answered: Answered = { blocks: [], txids: [] };
    const coins: { readonly txid: string; readonly index: number; readonly value: bigint }[] = [];
    for (let round = 0; round < rounds; round++) {
      const node = await start(datadir, port);
      await expectAll(node, answered);
      if (round === 0) {
        const mined = await node.rpc<string[]>('generatetodescriptor', [120, `raw(${ANYONE})`]);
        answered.blocks.push(...mined);
        for (const hash of mined.slice(0, 15)) {
          const { tx } = await node.rpc<{ tx: string[] }>('getblock', [hash]);
          coins.push({ txid: tx[0] as string, index: 0, value: 5_000_000_000n });
        }
      }
      const timer = setTimeout(() => node.child.kill('SIGKILL'), 20 + random.below(400));
      try {
        for (;;) await work(node, { random, answered, coins });
      } catch {
        // Killed in mid-call: what was not answered may be there or not.
      }
      await node.ended;
      clearTimeout(timer);
    }
    const last = await start(datadir, port);
    await expectAll(last, answered);
    await last.rpc('stop');
    await last.ended;
    removeFolder(datadir);

    expect(answered.txids.length).toBeGreaterThan(rounds);
    expect(answered.blocks.length).toBeGreaterThan(120);
  });
});

async function work(
  node: Running,
  state: {
    readonly random: Random;
    readonly answered: Answered;
    readonly coins: { readonly txid: string; readonly index: number; readonly value: bigint }[];
  },
): Promise<void> {
  const { random, answered, coins } = state;
  if (random.chance(0.15)) {
    answered.blocks.push(
      ...(await node.rpc<string[]>('generatetodescriptor', [1 + random.below(3), `raw(${ANYONE})`])),
    );
    return;
  }
  const at = random.below(coins.length);
  const coin = coins[at] as (typeof coins)[number];
  const value = coin.value - 1_000n;
  const input = {
    previousTxid: parseDisplayHash(coin.txid),
    previousIndex: coin.index,
    scriptSig: new Uint8Array(),
    sequence: 0xffff_fffd,
    witness: [Uint8Array.of(0x51)],
  };
  const tx = {
    version: 2,
    inputs: [input],
    outputs: [{ value, scriptPubKey: Uint8Array.from(Buffer.from(ANYONE, 'hex')) }],
    lockTime: 0,
  };
  // Whether it is answered or not, the coin is spent as far as this test goes on.
  coins.splice(at, 1);
  const name = toHex(transactionId(tx).toReversed());
  coins.push({ txid: name, index: 0, value });
  try {
    answered.txids.push(await node.rpc<string>('sendrawtransaction', [toHex(serializeTransaction(tx))]));
  } catch (error) {
    // A chain of waiting ones may be too long, or stand on one that was never answered.
    if (!(error instanceof Error && /too-large-cluster|missingorspent/.test(error.message))) throw error;
    coins.pop();
    if (/too-large-cluster/.test(error.message)) coins.push(coin);
    if (coins.length === 0) throw error;
  }
}

async function expectAll(node: Running, { blocks, txids }: Answered): Promise<void> {
  for (const hash of blocks.slice(-30))
    expect((await node.rpc<{ confirmations: number }>('getblockheader', [hash])).confirmations).toBeGreaterThan(0);
  const waiting = new Set(await node.rpc<string[]>('getrawmempool'));
  const confirmed = new Set<string>();
  const height = await node.rpc<number>('getblockcount');
  for (let at = 120; at <= height; at++) {
    const { tx } = await node.rpc<{ tx: string[] }>('getblock', [await node.rpc<string>('getblockhash', [at])]);
    for (const txid of tx) confirmed.add(txid);
  }
  expect(txids.filter((txid) => !waiting.has(txid) && !confirmed.has(txid))).toEqual([]);
}

it('a data folder and its bitcoin.conf are read as bitcoind reads them', async () => {
  const datadir = temporaryFolder('conf');
  const port = await freePort();
  mkdirSync(join(datadir, 'regtest'), { recursive: true });
  writeFileSync(
    join(datadir, 'bitcoin.conf'),
    `regtest=1\nrpcuser=main\n[test]\nrpcport=1\n[regtest]\nrpcport=${port}\nrpcuser=user\nrpcpassword=secret # here\nminrelaytxfee=0.0005\nnewthing=7\n`,
  );
  const args = ['--conditions=@bitcoin-enterprise/source', ENTRY, `-datadir=${datadir}`, '-uacomment=x', '-nolisten'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  started.add(child);
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const rpc = rpcTo(`http://127.0.0.1:${port}`, 'user:secret');
  let info: unknown;
  for (let waited = 0; waited < 500 && info === undefined; waited++) {
    await sleep(20);
    info = await rpc('getnetworkinfo').catch(() => undefined);
  }

  expect(info).toMatchObject({ subversion: '/BitcoinEnterprise:31.0.0(x)/', relayfee: 0.0005 });
  expect(existsSync(join(datadir, 'regtest/.cookie'))).toBe(false);
  expect(Number(readFileSync(join(datadir, 'regtest/bitcoind.pid'), 'utf8'))).toBe(child.pid);
  const ended = new Promise((resolve) => child.on('exit', resolve));
  await rpc('stop');
  expect(await ended).toBe(0);
  expect(said).toBe('');
  expect(existsSync(join(datadir, 'regtest/bitcoind.pid'))).toBe(false);
  removeFolder(datadir);
});

it('a folder is one process’s: a second one ends with an error and leaves the first its cookie', async () => {
  const datadir = temporaryFolder('in-use');
  try {
    const first = await start(datadir, await freePort());
    await first.rpc('generatetodescriptor', [2, `raw(${ANYONE})`]);
    const args = ['--conditions=@bitcoin-enterprise/source', ENTRY, `-datadir=${datadir}`];
    const second = spawn(process.execPath, [...args, `-rpcport=${await freePort()}`], { stdio: 'ignore' });
    const code = await new Promise((done) => {
      second.on('exit', done);
    });

    expect(code).toBe(1);
    expect(existsSync(join(datadir, 'regtest/.cookie'))).toBe(true);
    expect(await first.rpc('getblockcount')).toBe(2);
  } finally {
    for (const child of started) child.kill('SIGKILL');
    removeFolder(datadir);
  }
});
