import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { concatBytes, currentCrypto, encodeCompactSize, loadCrypto, toHex } from '@bitcoin-enterprise/core';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { mempoolProfile } from '../src/model/mempool-profiles.ts';
import { RegtestNode } from '../src/server/node.ts';
import { frame, FrameReader, type Message } from '../src/server/p2p/framing.ts';
import { PeerNetwork, type PeerTimeouts } from '../src/server/p2p/network.ts';
import { Inventory, writeGetHeaders, writeInventory, writeVersion } from '../src/server/p2p/payloads.ts';

/** More than a socket and both its ends hold, and far less than what is asked for. */
const BOUND_BYTES = 30_000_000;
const EMPTY = new Uint8Array(0);

const ends: (() => void)[] = [];
beforeAll(() => loadCrypto());
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

interface Scene {
  readonly node: RegtestNode;
  readonly network: PeerNetwork;
  readonly port: number;
}

async function scene(timeouts: PeerTimeouts = {}): Promise<Scene> {
  const node = new RegtestNode({ policy: mempoolProfile('core-31') });
  // An output of 10 kB, so that a block is worth asking for.
  node.generate(1, new Uint8Array(10_000).fill(0x6a));
  const network = new PeerNetwork(node, timeouts);
  ends.push(() => network.close());
  return { node, network, port: await network.listen({ host: '127.0.0.1', port: 0 }) };
}

async function dial(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port });
  ends.push(() => socket.destroy());
  socket.on('error', () => {});
  await new Promise<void>((resolve) => {
    socket.once('connect', resolve);
  });
  return socket;
}

/** A connection that has introduced itself. */
async function guest(port: number): Promise<Socket> {
  const socket = await dial(port);
  const facts = { subversion: '/guest/', height: 0, nonce: 1n, time: 0 };
  send(socket, { type: 'version', payload: writeVersion(facts) }, { type: 'verack', payload: EMPTY });
  return socket;
}

function send(socket: Socket, ...messages: readonly Message[]): void {
  for (const message of messages) socket.write(frame(message, currentCrypto()));
}

async function until(holds: () => boolean): Promise<void> {
  for (const deadline = performance.now() + 20_000; !holds(); await sleep(10))
    if (performance.now() > deadline) throw new Error('expected it to come true within 20 s, got nothing');
}

describe('a peer that means no good', () => {
  it('asks for half a gigabyte, reads none of it, fills no memory and is left', async () => {
    const { node, network, port } = await scene({ stalledMs: 400 });
    const socket = await guest(port);
    socket.pause();
    await until(() => network.peers[0]?.isReady === true);
    const [peer] = network.peers;
    const item = { type: Inventory.BLOCK, hash: node.tip.hash };
    send(socket, { type: 'getdata', payload: writeInventory(Array.from({ length: 50_000 }, () => item)) });
    await until(() => network.peers.length === 0);

    expect(peer?.sent.get('block')).toBeGreaterThan(10_000);
    expect(peer?.sent.get('block')).toBeLessThan(BOUND_BYTES);
  });

  it('goes on asking while it reads nothing, and is not listened to', async () => {
    const { network, port } = await scene({ stalledMs: 400 });
    const socket = await guest(port);
    socket.pause();
    await until(() => network.peers[0]?.isReady === true);
    const [peer] = network.peers;
    const ping = frame({ type: 'ping', payload: new Uint8Array(1_000_000) }, currentCrypto());
    for (let i = 0; i < 200; i++) socket.write(ping);
    await until(() => network.peers.length === 0);

    expect(peer?.sent.get('pong')).toBeGreaterThan(1_000_000);
    expect(peer?.sent.get('pong')).toBeLessThan(BOUND_BYTES);
    expect(peer?.received.get('ping')).toBeLessThan(2 * BOUND_BYTES);
  });

  it('does not read what it is told of, and is left once too much waits for it', async () => {
    const { network, port } = await scene();
    const socket = await guest(port);
    socket.pause();
    await until(() => network.peers[0]?.isReady === true);
    const [peer] = network.peers;
    for (let i = 0; i < 100; i++) peer?.send('inv', new Uint8Array(1_000_000));
    await until(() => network.peers.length === 0);

    expect(peer?.sent.get('inv')).toBeLessThan(BOUND_BYTES);
  });

  it('never says who it is, and is left', async () => {
    const { network, port } = await scene({ handshakeMs: 100 });
    const socket = await dial(port);
    socket.resume();
    await new Promise((resolve) => {
      socket.once('close', resolve);
    });
    await until(() => network.peers.length === 0);
  });

  it.each([
    [
      'a locator that claims more blocks than it holds',
      'getheaders',
      concatBytes(new Uint8Array(4), encodeCompactSize(0x200_0000)),
    ],
    [
      'a locator of more blocks than anybody needs',
      'getheaders',
      writeGetHeaders(Array.from({ length: 102 }, () => new Uint8Array(32))),
    ],
    ['more headers at once than may be', 'headers', concatBytes(encodeCompactSize(2_001), new Uint8Array(2_001 * 81))],
    [
      'more inventory at once than may be',
      'inv',
      writeInventory(Array.from({ length: 50_001 }, () => ({ type: 1, hash: new Uint8Array(32) }))),
    ],
  ])('sends %s, and is left', async (_name, type, payload) => {
    const { network, port } = await scene();
    const socket = await guest(port);
    await until(() => network.peers[0]?.isReady === true);
    send(socket, { type, payload });
    await until(() => network.peers.length === 0);
  });

  it('names thousands of unknown blocks, and is asked for headers once', async () => {
    const { network, port } = await scene();
    const socket = await guest(port);
    socket.resume();
    await until(() => network.peers[0]?.isReady === true);
    const [peer] = network.peers;
    const before = peer?.sent.get('getheaders') ?? 0;
    const items = Array.from({ length: 5_000 }, (_, i) => ({
      type: Inventory.BLOCK,
      hash: new Uint8Array(32).fill(i),
    }));
    send(socket, { type: 'inv', payload: writeInventory(items) });
    await until(() => (peer?.sent.get('getheaders') ?? 0) > before);

    expect(peer?.sent.get('getheaders')).toBeLessThanOrEqual(2 * before);
  });
});

it('a peer that reads slowly gets all that it asked for, in its order', async () => {
  const { node, port } = await scene();
  const socket = await guest(port);
  const reader = new FrameReader(currentCrypto());
  const got: Message[] = [];
  socket.on('data', (bytes: Buffer) => {
    got.push(...(reader.push(new Uint8Array(bytes)) ?? []));
    socket.pause();
    setTimeout(() => socket.resume(), 1);
  });
  const item = { type: Inventory.BLOCK, hash: node.tip.hash };
  const unknown = { type: Inventory.WITNESS_TX, hash: new Uint8Array(32) };
  send(
    socket,
    { type: 'getdata', payload: writeInventory([...Array.from({ length: 1_000 }, () => item), unknown]) },
    { type: 'ping', payload: new Uint8Array(8).fill(9) },
  );
  await until(() => got.at(-1)?.type === 'pong');

  const blocks = got.filter(({ type }) => type === 'block');
  expect(blocks.length).toBe(1_000);
  expect(toHex(blocks[999]?.payload ?? EMPTY)).toBe(toHex(node.tip.view.bytes));
  expect(got.slice(-2).map(({ type }) => type)).toEqual(['notfound', 'pong']);
});
