import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { createEmbeddedChain, type EmbeddedChain } from '@bitcoin-enterprise/chain';
import { createElectrumServer, ElectrumChain } from '@bitcoin-enterprise/chain/electrum';
import { ChainPool } from '@bitcoin-enterprise/chain/pool';
import { blockHeight, parseHex, toHex } from '@bitcoin-enterprise/core';
import { createManualClock } from '@bitcoin-enterprise/core/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { readJsonVectors } from '../../../scripts/testing/vectors.ts';
import { EASIEST, mineHeader } from './support/header-miner.ts';
import { HEADERS_554390 } from './support/main-headers.ts';

const closers: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** One address behind which servers of several chains answer, one at a time. */
async function switchable(chains: readonly EmbeddedChain[]) {
  const servers = await Promise.all(chains.map(async (chain) => createElectrumServer(chain.ports)));
  const sockets = new Set<Socket>();
  let current = 0;
  const proxy = createServer((socket) => {
    const inner = connect(servers[current]?.port ?? 0, '127.0.0.1');
    for (const one of [socket, inner]) one.on('error', () => undefined);
    sockets.add(socket);
    socket.pipe(inner).pipe(socket);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  closers.push(async () => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
    for (const server of servers) await server.close();
  });
  return {
    port: (proxy.address() as AddressInfo).port,
    async switchTo(index: number): Promise<void> {
      current = index;
      const gone = [...sockets].filter((socket) => !socket.destroyed).map(async (socket) => once(socket, 'close'));
      for (const socket of sockets) socket.destroy();
      await Promise.all(gone);
    },
  };
}

function clientOf(port: number, more: Partial<ConstructorParameters<typeof ElectrumChain>[0]> = {}): ElectrumChain {
  const client = new ElectrumChain({ host: '127.0.0.1', port, network: 'regtest', ...more });
  closers.push(() => client.close());
  return client;
}

function copyOf(chain: EmbeddedChain): EmbeddedChain {
  const copy = createEmbeddedChain();
  copy.load(chain.dump());
  return copy;
}

const stale = (height: number, knownHeight: number) => ({
  code: 'CHAIN_NODE_STALE',
  retryable: true,
  details: { height, knownHeight },
});

describe('an Electrum server that answers in the place of another', () => {
  it('is stale when it is behind on the same branch, until it has caught up; no block is said to be gone', async () => {
    const ahead = createEmbeddedChain();
    ahead.mine(30);
    const late = copyOf(ahead);
    ahead.mine(3);
    const { port, switchTo } = await switchable([ahead, late]);
    const client = clientOf(port);
    const { hash } = await client.tip();
    await switchTo(1);

    await expect(client.tip()).rejects.toMatchObject(stale(30, 33));
    await expect(client.header(hash)).rejects.toMatchObject(stale(30, 33));
    late.mine(5, { scriptPubKey: parseHex('52') });
    expect((await client.tip()).height).toBe(35);
    // The late one found blocks of its own: now those of the first one are gone.
    expect((await client.header(hash))?.confirmations).toBe(0);
  });

  it('is stale when its branch has less work', async () => {
    const ours = createEmbeddedChain();
    ours.mine(30);
    const theirs = createEmbeddedChain();
    theirs.mine(5, { scriptPubKey: parseHex('52') });
    const { port, switchTo } = await switchable([ours, theirs]);
    const client = clientOf(port);
    const { hash } = await client.tip();
    await switchTo(1);

    await expect(client.tip()).rejects.toMatchObject(stale(5, 30));
    await switchTo(0);
    expect(await client.header(hash)).toMatchObject({ height: 30, confirmations: 1 });
  });

  it('is stale below the checkpoint, too', async () => {
    const chain = createEmbeddedChain();
    chain.mine(30);
    const checkpoint = { hash: (await chain.ports.tip()).hash, height: blockHeight(30) };
    const early = createEmbeddedChain();
    early.mine(3);
    const { port } = await switchable([early]);

    await expect(clientOf(port, { checkpoint }).tip()).rejects.toMatchObject(stale(3, 30));
  });

  it('is stale to a pool, which goes on with the others', async () => {
    const ahead = createEmbeddedChain();
    ahead.mine(30);
    const late = copyOf(ahead);
    ahead.mine(1);
    const { port, switchTo } = await switchable([ahead, late]);
    const pool = new ChainPool({
      network: 'regtest',
      inspectEveryMs: 0,
      sources: [
        { name: 'electrum', chain: clientOf(port) },
        { name: 'a', chain: ahead.ports },
        { name: 'b', chain: ahead.ports },
      ],
    });
    expect((await pool.health()).sources[0]?.state).toBe('ok');
    await switchTo(1);

    expect((await pool.health()).sources[0]).toMatchObject({ state: 'stale', lastError: 'CHAIN_NODE_STALE' });
    expect((await pool.tip()).height).toBe(31);
    late.load(ahead.dump());
    await expect.poll(async () => (await pool.health()).sources[0]?.state, { timeout: 10_000 }).toBe('ok');
  });
});

/** A server of headers by height, and of nothing else. */
async function headerServer(headers: (height: number) => string | undefined, tip: () => number): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString();
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) {
        const { id, method, params } = JSON.parse(line) as { id: number; method: string; params: [number, number] };
        const answer = (): unknown => {
          if (method === 'server.version') return ['x', '1.4'];
          if (method === 'blockchain.headers.subscribe') return { height: tip(), hex: headers(tip()) };
          if (method === 'blockchain.block.header') return headers(params[0]);
          const some = Array.from({ length: params[1] }, (_, i) => headers(params[0] + i)).filter(Boolean);
          return { count: some.length, hex: some.join(''), max: 2_016 };
        };
        socket.write(`${JSON.stringify({ id, result: answer() })}\n`);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const MAIN_GENESIS =
  '0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c';

describe('an Electrum server of made-up headers', () => {
  const hashOf = (hex: string | undefined): Uint8Array => parseHex(hex ?? '').subarray(4, 36);
  // Named by the block after it.
  const checkpoint = { hash: new Uint8Array(hashOf(HEADERS_554390[14])), height: blockHeight(554_403) };
  const real = (height: number): string | undefined => (height === 0 ? MAIN_GENESIS : HEADERS_554390[height - 554_390]);

  it('is believed on the main network as long as they are not, off a change of difficulty as upon one', async () => {
    const client = clientOf(await headerServer(real, () => 554_408), { network: 'main', checkpoint });

    expect(await client.tip()).toMatchObject({ height: 554_408, medianTime: 1_545_176_517 });
  });

  it('cannot go on from a checkpoint of the main network with blocks that cost nothing', async () => {
    const cheap = mineHeader({
      previous: new Uint8Array(hashOf(HEADERS_554390[14])),
      time: 1_545_176_600,
      bits: EASIEST,
    });
    const made = (height: number): string | undefined => (height === 554_404 ? toHex(cheap.bytes) : real(height));
    const client = clientOf(await headerServer(made, () => 554_404), { network: 'main', checkpoint });

    await expect(client.tip()).rejects.toMatchObject({ code: 'CHAIN_NODE_ANSWER_INVALID' });
  });

  const bip54 = readJsonVectors<{ readonly block_headers: readonly string[] }>('bips/bip-0054/timestamps.json');

  it.skipIf(bip54 === undefined)(
    'cannot show a chain of its own that is as easy as the first blocks were',
    async () => {
      const headers = bip54?.block_headers ?? [];
      const port = await headerServer(
        (height) => headers[height],
        () => headers.length - 1,
      );

      await expect(clientOf(port, { network: 'main' }).tip()).rejects.toMatchObject({
        code: 'CHAIN_NODE_ANSWER_INVALID',
        details: { expected: 'of a branch with the work that the network is known to have' },
      });
      // With a checkpoint it is the caller who vouches for what is below.
      const hash = new Uint8Array(hashOf(headers[31]));
      const checkpoint = { hash, height: blockHeight(30) };
      expect((await clientOf(port, { network: 'main', checkpoint }).tip()).height).toBe(40);
    },
  );

  it('cannot make a client read on and on', async () => {
    let asked = 0;
    const flood = (height: number): string | undefined => {
      asked += 1;
      return height === 0 || height === 2 ** 31 - 1 ? MAIN_GENESIS : '00'.repeat(80);
    };
    const port = await headerServer(flood, () => 2 ** 31 - 1);

    await expect(clientOf(port, { network: 'main', attempts: 1 }).tip()).rejects.toMatchObject({
      code: 'CHAIN_NODE_ANSWER_INVALID',
    });
    expect(asked).toBeLessThan(20_000);
  });

  it('is refused when its network is none that the suite knows', async () => {
    const first = mineHeader({ previous: new Uint8Array(32), time: 1_500_000_000 });
    const client = new ElectrumChain({
      host: '127.0.0.1',
      port: await headerServer(
        () => toHex(first.bytes),
        () => 0,
      ),
    });
    closers.push(() => client.close());

    await expect(client.tip()).rejects.toMatchObject({ code: 'CHAIN_NODE_ANSWER_INVALID' });
  });

  it('is held against the clock that the caller gives', async () => {
    const options = { network: 'main', checkpoint } as const;
    const port = await headerServer(real, () => 554_408);
    const last = 1_545_179_344;
    const at = async (now: number): Promise<unknown> =>
      clientOf(port, { ...options, clock: createManualClock(now * 1_000) })
        .tip()
        .then(
          ({ height }) => height,
          (error: { readonly code?: string }) => error.code,
        );

    expect(await at(last - 7_200)).toBe(554_408);
    expect(await at(last - 7_201)).toBe('CHAIN_NODE_ANSWER_INVALID');
    expect(() => clientOf(port, { clock: 5 as never })).toThrow(
      expect.objectContaining({ code: 'CHAIN_INVALID_ARGUMENT' }) as Error,
    );
  });
});
