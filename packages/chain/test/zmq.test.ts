import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { BitcoindChain } from '@bitcoin-enterprise/chain/bitcoind';
import { cookieFile, type ZmqNotification, zmqNotifications } from '@bitcoin-enterprise/chain/zmq';
import { concatBytes, displayHash, satoshis, toHex } from '@bitcoin-enterprise/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bitcoind, findBitcoind, startBitcoind } from '../../../scripts/nodes/bitcoind.ts';
import { freePort } from '../../../scripts/nodes/child.ts';
import { orSkip } from '../../../scripts/nodes/find.ts';
import { kitOutput } from '../src/testing/kit-scripts.ts';
import { encodeFrame, FrameReader, greeting } from '../src/zmq/zmtp.ts';
import { bitcoindHarness } from './support/bitcoind-harness.ts';
import { dice } from './support/dice.ts';

const present = orSkip('bitcoind', await findBitcoind());

describe.skipIf(present === undefined)('a real bitcoind that publishes', () => {
  let node: Bitcoind;
  let address: string;

  beforeAll(async () => {
    address = `tcp://127.0.0.1:${await freePort()}`;
    const topics = ['hashblock', 'hashtx', 'rawblock', 'rawtx', 'sequence'];
    node = await startBitcoind({ args: topics.map((topic) => `-zmqpub${topic}=${address}`) });
  });
  afterAll(() => node.stop());

  it('is heard on all topics', async () => {
    const harness = await bitcoindHarness(node);
    const topics = ['hashblock', 'hashtx', 'rawblock', 'rawtx', 'sequence'] as const;
    const zmq = zmqNotifications({ addresses: [address], topics });
    const stop = new AbortController();
    const heard: ZmqNotification[] = [];
    const listening = (async () => {
      for await (const notification of zmq.notifications({ signal: stop.signal })) heard.push(notification);
    })();
    await expect.poll(() => heard.length).toBeGreaterThan(0);
    // A subscription is a message of its own, that the node may read a moment after it said that it was ready.
    await expect
      .poll(async () => {
        await harness.mine(1);
        return heard.some(({ type }) => type === 'rawblock');
      })
      .toBe(true);
    heard.length = 0;
    const outpoint = await harness.fund(kitOutput('zmq').scriptPubKey, satoshis(10_000n));
    const tip = await harness.chain.tip();
    const block = toHex((await harness.chain.block(tip.hash)) as Uint8Array);
    const factOf = (one: ZmqNotification): string => {
      if (one.type === 'sequence') return `${one.change} ${displayHash(one.hash)}`;
      if (one.type === 'rawblock') return `rawblock ${toHex(one.bytes) === block ? 'of the tip' : 'of another'}`;
      return 'hash' in one ? `${one.type} ${displayHash(one.hash)}` : one.type;
    };
    // Blocks from before may still be on their way: those that count are known by their hashes and bytes.
    for (const fact of [
      'rawtx',
      'rawblock of the tip',
      `hashblock ${displayHash(tip.hash)}`,
      `block-connected ${displayHash(tip.hash)}`,
      `hashtx ${displayHash(outpoint.txid)}`,
    ])
      await expect.poll(() => heard.map(factOf)).toContain(fact);
    stop.abort();
    await listening;

    expect(heard.filter(({ type }) => type === 'gap')).toEqual([]);
  });

  it('wakes a follower long before its next look', async () => {
    const wake = zmqNotifications({ addresses: [address] });
    const chain = new BitcoindChain({ url: node.rpcUrl, auth: { cookie: node.cookie }, wake, pollMs: 1_000_000 });
    const { height, hash } = await chain.tip();
    const events = chain.blockEvents({ after: hash })[Symbol.asyncIterator]();
    for (const more of [1, 2, 3]) {
      const next = events.next();
      await node.rpc('generatetodescriptor', [1, 'raw(51)']);
      expect((await next).value).toMatchObject({ type: 'connected', height: height + more });
    }
    await events.return?.();
  });
});

describe.skipIf(present === undefined)('a follower whose notifications are all lost', () => {
  it('is told of every block at its next look', async () => {
    const node = await startBitcoind();
    const deaf = { onChange: () => () => undefined };
    const chain = new BitcoindChain({ url: node.rpcUrl, auth: { cookie: node.cookie }, wake: deaf, pollMs: 20 });
    const { hash } = await chain.tip();
    const heights: number[] = [];
    await node.rpc('generatetodescriptor', [3, 'raw(51)']);
    for await (const { height } of chain.blockEvents({ after: hash })) {
      heights.push(height);
      if (height === 3) await node.rpc('generatetodescriptor', [3, 'raw(51)']);
      if (height === 6) break;
    }

    expect(heights).toEqual([1, 2, 3, 4, 5, 6]);
    await node.stop();
  });
});

describe.skipIf(present === undefined)('the cookie file', () => {
  it('is read again when the node has a new one', async () => {
    const node = await startBitcoind();
    const path = join(node.datadir, 'regtest/.cookie');
    const chain = new BitcoindChain({ url: node.rpcUrl, auth: cookieFile(path) });
    writeFileSync(path, '__cookie__:of-the-time-before');
    await expect(chain.tip()).rejects.toMatchObject({ code: 'CHAIN_NODE_UNAUTHORIZED' });
    writeFileSync(path, node.cookie);

    expect((await chain.tip()).height).toBe(0);
    await node.stop();
  });

  it('that is not there yet is a reason to wait', async () => {
    const chain = new BitcoindChain({ url: 'http://127.0.0.1:1', auth: cookieFile('/nowhere/.cookie'), attempts: 1 });
    await expect(chain.tip()).rejects.toMatchObject({
      code: 'CHAIN_NODE_UNREACHABLE',
      retryable: true,
      details: { reason: 'the cookie cannot be read: ENOENT' },
    });
  });
});

/** A publisher that says what the test wants. */
async function publisher() {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    socket.write(greeting());
    socket.write(
      encodeFrame({
        more: false,
        command: true,
        body: concatBytes(Uint8Array.of(5), new TextEncoder().encode('READY')),
      }),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const message = (topic: string, body: Uint8Array, sequence: number): Uint8Array => {
    const count = new Uint8Array(4);
    new DataView(count.buffer).setUint32(0, sequence, true);
    return concatBytes(
      encodeFrame({ more: true, command: false, body: new TextEncoder().encode(topic) }),
      encodeFrame({ more: true, command: false, body }),
      encodeFrame({ more: false, command: false, body: count }),
    );
  };
  const send = (bytes: Uint8Array): void => {
    for (const socket of sockets) socket.write(bytes);
  };
  return {
    address: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    send,
    publish: (topic: string, sequence: number) => send(message(topic, new Uint8Array(32).fill(sequence), sequence)),
    drop: () => {
      for (const socket of sockets) socket.destroy();
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

describe('a subscriber', () => {
  it('notices gaps, a node that counts anew, and a lost connection; and connects again', async () => {
    const node = await publisher();
    const zmq = zmqNotifications({ addresses: [node.address], reconnectMs: 1 });
    const stop = new AbortController();
    const heard: string[] = [];
    let woken = 0;
    const leave = zmq.onChange(() => {
      woken += 1;
    });
    const listening = (async () => {
      for await (const one of zmq.notifications({ signal: stop.signal }))
        heard.push(
          'sequence' in one ? `${one.type} ${one.sequence}` : one.type === 'gap' ? `gap ${one.missed}` : one.type,
        );
    })();
    await expect.poll(() => woken).toBe(1);
    for (const sequence of [4, 5, 9, 0]) node.publish('hashblock', sequence);
    await expect.poll(() => heard.at(-1)).toBe('hashblock 0');
    node.drop();
    await expect.poll(() => heard.at(-1)).toBe('connected');
    node.publish('hashblock', 7);
    await expect.poll(() => heard.at(-1)).toBe('hashblock 7');
    stop.abort();
    leave();
    await listening;
    node.close();

    expect(heard).toEqual([
      'connected',
      'hashblock 4',
      'hashblock 5',
      'gap 3',
      'hashblock 9',
      'gap undefined',
      'hashblock 0',
      'disconnected',
      'connected',
      'hashblock 7',
    ]);
    expect(woken).toBeGreaterThanOrEqual(9);
  });

  it('survives nonsense, in pieces of any size, and goes on when sense comes', async () => {
    const node = await publisher();
    const roll = dice(5);
    const zmq = zmqNotifications({ addresses: [node.address], reconnectMs: 1, maxFrameLength: 10_000 });
    const stop = new AbortController();
    const heard: string[] = [];
    const listening = (async () => {
      for await (const one of zmq.notifications({ signal: stop.signal })) heard.push(one.type);
    })();
    for (let round = 0; round < 50; round++) {
      await expect.poll(() => heard.at(-1), { interval: 2 }).toBe('connected');
      heard.length = 0;
      node.send(Uint8Array.from({ length: 1 + roll.below(60) }, () => roll.below(256)));
      if (roll.oneIn(3)) node.drop();
      // Bytes that are the beginning of a long frame wait for the rest of it.
      else node.send(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff));
      await new Promise((done) => setTimeout(done, 2));
      node.drop();
    }
    stop.abort();
    await listening;
    node.close();
  });

  it('takes the stream apart wherever it is cut', () => {
    const frames = [
      { more: true, command: false, body: new Uint8Array(3).fill(1) },
      { more: false, command: true, body: new Uint8Array(300).fill(2) },
      { more: false, command: false, body: new Uint8Array(0) },
    ];
    const stream = concatBytes(greeting(), ...frames.map(encodeFrame));
    const roll = dice(9);
    for (let round = 0; round < 200; round++) {
      const reader = new FrameReader(1_000);
      const read = [];
      for (let at = 0; at < stream.length;) {
        const end = at + 1 + roll.below(80);
        read.push(...reader.push(stream.subarray(at, end)));
        at = end;
      }
      expect(read).toEqual(frames);
    }
  });

  it.for([[], 'x', [5], ['http://x:1'], ['tcp://x:0'], ['tcp://x']])('refuses the addresses %o', (addresses) => {
    expect(() => zmqNotifications({ addresses: addresses as never })).toThrow(
      expect.objectContaining({ code: 'CHAIN_INVALID_ARGUMENT' }) as Error,
    );
  });
});
