import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { currentCrypto, loadCrypto } from '@bitcoin-enterprise/core';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Bitcoind, findBitcoind, startBitcoind } from '../../../scripts/nodes/bitcoind.ts';
import { orSkip } from '../../../scripts/nodes/find.ts';
import { frame } from '../src/server/p2p/framing.ts';
import { findCore, startCore } from './support/core-node.ts';
import { serverNode } from './support/server-node.ts';

/** Anyone may spend what is paid there: a script hash of OP_TRUE, so that spending it is standard. */
const ADDRESS = 'bcrt1qft5p2uhsdcdc3l2ua4ap5qqfg4pjaqlp250x7us7a8qqhrxrxfsqseac85';

const running: Pick<Bitcoind, 'stop'>[] = [];

beforeAll(() => loadCrypto());
afterEach(async () => {
  for (const node of running.splice(0)) await node.stop();
});

function kept<Node extends Pick<Bitcoind, 'stop'>>(node: Node): Node {
  running.push(node);
  return node;
}

const bestOf = (node: Bitcoind): Promise<string> => node.rpc<string>('getbestblockhash');
const waitingAt = (node: Bitcoind): Promise<string[]> => node.rpc<string[]>('getrawmempool');

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error('expected the nodes to agree within 20 s, got no agreement');
    await sleep(25);
  }
}

const agree = (left: Bitcoind, right: Bitcoind): Promise<void> =>
  until(async () => (await bestOf(left)) === (await bestOf(right)));

/** A spend of the first coinbase, complete: its witness is the script OP_TRUE. */
async function spend(node: Bitcoind, height: number): Promise<string> {
  const hash = await node.rpc('getblockhash', [height]);
  const { tx } = await node.rpc<{ tx: string[] }>('getblock', [hash]);
  const bare = await node.rpc<string>('createrawtransaction', [[{ txid: tx[0], vout: 0 }], { [ADDRESS]: 49.999 }]);
  return `${bare.slice(0, 8)}0001${bare.slice(8, -8)}010151${bare.slice(-8)}`;
}

/** Blocks and transactions go both ways, and a longer branch wins on both sides. */
async function exchange(ours: Bitcoind & { readonly peerPort: number }, theirs: Bitcoind): Promise<void> {
  await theirs.rpc('generatetoaddress', [110, ADDRESS]);
  await theirs.rpc('addnode', [`127.0.0.1:${ours.peerPort}`, 'onetry', false]);
  await agree(ours, theirs);
  await ours.rpc('generatetoaddress', [1, ADDRESS]);
  await agree(ours, theirs);

  const txid = await theirs.rpc<string>('sendrawtransaction', [await spend(theirs, 1)]);
  await until(async () => (await waitingAt(ours)).includes(txid));
  const other = await ours.rpc<string>('sendrawtransaction', [await spend(ours, 2)]);
  await until(async () => (await waitingAt(theirs)).includes(other));

  await theirs.rpc('invalidateblock', [await bestOf(theirs)]);
  await theirs.rpc('generatetoaddress', [3, ADDRESS]);
  await agree(ours, theirs);
  expect(await ours.rpc('getblockcount')).toBe(113);
  expect(await waitingAt(ours)).toEqual([]);
  expect((await ours.rpc<unknown[]>('getpeerinfo')).length).toBe(1);
}

describe('the server among peers', () => {
  it('shares blocks and transactions with another one of its kind', async () => {
    await exchange(kept(await serverNode({ peerPort: 0 })), kept(await serverNode({ peerPort: 0 })));
  });

  it('survives whatever a peer sends', async () => {
    const server = kept(await serverNode({ peerPort: 0 }));
    const crypto = currentCrypto();
    for (const type of ['version', 'headers', 'inv', 'getdata', 'getheaders', 'block', 'tx', 'ping', 'nonsense'])
      for (const length of [0, 1, 36, 80, 81, 500]) {
        const socket = await dial(server.peerPort);
        socket.write(frame({ type: 'verack', payload: new Uint8Array(0) }, crypto));
        socket.write(frame({ type, payload: new Uint8Array(randomBytes(length)) }, crypto));
        socket.write(frame({ type, payload: new Uint8Array(length).fill(0xff) }, crypto));
        socket.end();
      }
    const noise = await dial(server.peerPort);
    noise.write(randomBytes(100_000));
    await new Promise((resolve) => noise.once('close', resolve));

    expect(await server.rpc('getblockcount')).toBe(0);
    await until(async () => (await server.rpc('getconnectioncount')) === 0);
  });
});

const program = orSkip('bitcoind', await findBitcoind());

describe.skipIf(program === undefined)('the server beside a bitcoind of Debian', () => {
  it('shares blocks and transactions', async () => {
    const theirs = await startBitcoind({ args: ['-acceptnonstdtxn=0'] });
    await exchange(kept(await serverNode({ peerPort: 0, policy: 'knots-29' })), kept(theirs));
  });
});

const core = findCore('core-31');

describe.skipIf(core === undefined)('the server beside a Bitcoin Core 31', () => {
  it('shares blocks and transactions', async () => {
    const theirs = await startCore(core as string, ['-acceptnonstdtxn=0']);
    await exchange(kept(await serverNode({ peerPort: 0 })), kept(theirs));
  });
});

function dial(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port }, () => resolve(socket));
    socket.on('error', reject);
    socket.resume();
  });
}
