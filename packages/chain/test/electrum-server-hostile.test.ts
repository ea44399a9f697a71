import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createEmbeddedChain } from '@bitcoin-enterprise/chain';
import { createElectrumServer, type ElectrumServerOptions } from '@bitcoin-enterprise/chain/electrum';
import { loadCrypto } from '@bitcoin-enterprise/core';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';

/** More than a socket and both its ends hold, and far less than what is asked for. */
const BOUND_BYTES = 30_000_000;

const ends: (() => unknown)[] = [];
beforeAll(() => loadCrypto());
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A server of 200 blocks, a client of it, and the server's end of the connection. */
async function scene(options: ElectrumServerOptions = {}) {
  const chain = createEmbeddedChain();
  chain.mine(200);
  let estimates = 0;
  const ports = {
    ...chain.ports,
    estimateFeeRate: async () => {
      estimates++;
      await sleep(1);
      return undefined;
    },
  };
  const server = await createElectrumServer(ports, options);
  ends.push(() => server.close());
  const sockets: Socket[] = [];
  const onSocket = (message: unknown): void => {
    const { socket } = message as { readonly socket: Socket };
    if (socket.localPort === server.port) sockets.push(socket);
  };
  subscribe('net.server.socket', onSocket);
  ends.push(() => unsubscribe('net.server.socket', onSocket));
  const client = connect({ host: server.host, port: server.port });
  client.on('error', () => {});
  ends.push(() => client.destroy());
  await until(() => sockets.length > 0);
  return { client, served: sockets[0] as Socket, estimates: () => estimates };
}

function ask(id: number, method: string, params: readonly unknown[]): string {
  return `${JSON.stringify({ id, method, params })}\n`;
}

async function until(holds: () => boolean): Promise<void> {
  for (const deadline = performance.now() + 20_000; !holds(); await sleep(10))
    if (performance.now() > deadline) throw new Error('expected it to come true within 20 s, got nothing');
}

describe('an Electrum client that means no good', () => {
  it('asks for half a gigabyte, reads none of it, fills no memory and is left', async () => {
    const { client, served } = await scene({ stalledMs: 400 });
    client.pause();
    client.write(ask(1, 'blockchain.block.headers', [0, 201]).repeat(16_000));
    await until(() => served.destroyed);

    expect(served.bytesWritten).toBeGreaterThan(100_000);
    expect(served.bytesWritten).toBeLessThan(BOUND_BYTES);
  });

  it('sends calls without end while they wait, and is not listened to', async () => {
    const { client, served } = await scene();
    client.resume();
    const line = `${JSON.stringify({ id: 1, method: 'blockchain.estimatefee', params: [1], filler: 'x'.repeat(100_000) })}\n`;
    for (let i = 0; i < 1_000; i++) client.write(line);
    await until(() => served.bytesWritten > 1_000);

    expect(served.bytesRead).toBeLessThan(BOUND_BYTES);
  });

  it('names its call by what cannot be written, and is left alone', async () => {
    const { client, served } = await scene();
    const port = served.localPort ?? 0;
    client.resume();
    client.write(`{"method":"server.ping","id":${'['.repeat(200_000)}${']'.repeat(200_000)}}\n`);
    await until(() => served.destroyed);

    const other = connect({ host: '127.0.0.1', port });
    ends.push(() => other.destroy());
    let text = '';
    other.on('data', (bytes: Buffer) => (text += bytes.toString()));
    other.write(ask(1, 'server.ping', []));
    await until(() => text.endsWith('\n'));
    expect(JSON.parse(text)).toEqual({ jsonrpc: '2.0', id: 1, result: null });
  });

  it('leaves, and nothing more is worked out for it', async () => {
    const { client, served, estimates } = await scene();
    client.resume();
    client.write(ask(1, 'blockchain.estimatefee', [1]).repeat(2_000));
    await until(() => estimates() > 3);
    client.destroy();
    await until(() => served.destroyed);
    const before = estimates();
    await sleep(50);

    expect(estimates()).toBeLessThanOrEqual(before + 1);
  });

  it('subscribes to more scripts than a wallet has, and is refused', async () => {
    const { client } = await scene();
    let last = '';
    client.on('data', (bytes: Buffer) => {
      last = (last + bytes.toString()).slice(-1_000);
    });
    for (let i = 0; i <= 10_000; i++)
      client.write(ask(i, 'blockchain.scripthash.subscribe', [i.toString(16).padStart(64, '0')]));
    await until(() => last.includes('"id":10000'));

    expect(last).toContain('{"jsonrpc":"2.0","id":9999,"result":null}');
    expect(last).toMatch(/"id":10000,"error":\{"code":1,"message":"expected at most 10000 subscriptions/);
  });
});

it('a server whose patience is no time is not made', async () => {
  const { ports } = createEmbeddedChain();
  for (const stalledMs of [0, -1, 0.5, Infinity, '1' as never])
    await expect(createElectrumServer(ports, { stalledMs })).rejects.toMatchObject({
      code: 'CHAIN_INVALID_ARGUMENT',
      details: { argument: 'stalledMs' },
    });
});

it('an Electrum client that reads slowly gets all that it asked for, in its order', async () => {
  const { client } = await scene();
  let text = '';
  client.on('data', (bytes: Buffer) => {
    text += bytes.toString();
    client.pause();
    setTimeout(() => client.resume(), 1);
  });
  for (let i = 0; i < 500; i++) client.write(ask(i, 'blockchain.block.headers', [0, 201]));
  await until(() => text.split('\n').length > 500);

  const ids = text
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { readonly id: number }).id);
  expect(ids).toEqual(Array.from({ length: 500 }, (_, i) => i));
});
